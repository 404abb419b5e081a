/* TLS 1.3 and nothing older, over a socket of the caller's, without blocking. HTTP/1.1 where the client names its
 * protocols (ALPN), which must be among them. No tickets, no early data, no renegotiation. No certificate is ever
 * checked against a web PKI: who the peer is follows from the verdict over its
 * evidence, which names the SHA-256 of the connection's SubjectPublicKeyInfo. */
#ifndef SOTTO_NET_TLS_H
#define SOTTO_NET_TLS_H

#include "base/bytes.h"
#include "base/err.h"
#include "crypto/key.h"

struct tls_context; /* what connections share */

/* The certificate's DER and its key, which must outlive the context. CRYPTO_FAILED. */
MUST_USE bool tls_server_new(struct bytes certificate, const struct key *k, struct tls_context **out, struct err *err);
MUST_USE bool tls_client_new(struct tls_context **out, struct err *err);
void tls_context_free(struct tls_context *c); /* connections that are open keep what they need */

struct tls;

/* server_name: sent as SNI where it is a host name; NULL for servers. The socket stays the caller's. */
MUST_USE bool tls_new(struct tls_context *c, int fd, const char *server_name, struct tls **out, struct err *err);
void tls_free(struct tls *t);

enum tls_result {
    TLS_DONE,
    TLS_WANT_READ,  /* call again when the socket can be read */
    TLS_WANT_WRITE, /* call again when the socket can be written */
    TLS_CLOSED,     /* the peer ended the connection in order */
    TLS_BROKEN,     /* anything else; err says TLS_FAILED */
};

enum tls_result tls_handshake(struct tls *t, struct err *err);
enum tls_result tls_read(struct tls *t, void *out, size_t n, size_t *got, struct err *err);
/* May take less than all. After a WANT the same bytes must be offered again (they may have moved). */
enum tls_result tls_write(struct tls *t, struct bytes b, size_t *taken, struct err *err);
bool tls_pending(const struct tls *t); /* bytes that a read would give without the socket */
void tls_close_notify(struct tls *t);  /* as good as the socket takes it now */

/* SHA-256 over the peer's SubjectPublicKeyInfo, of a client's connection after the handshake. */
MUST_USE bool tls_peer_spki(const struct tls *t, uint8_t out[32], struct err *err);

#endif
