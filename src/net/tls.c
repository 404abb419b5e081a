#include "net/tls.h"

#include "base/limits.h"
#include "crypto/hash.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *native;
    bool server;
};

struct tls {
    SSL *native;
};

/* OpenSSL's last word, and an empty queue for the next call. */
static bool fail(struct err *err, enum reason reason, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

    err_set(err, reason, ERR_NOWHERE, "%s%s%s", what, text != NULL ? ": " : "", text != NULL ? text : "");
    ERR_clear_error();
    return false;
}

static bool context_new(bool server, struct tls_context **out, struct err *err)
{
    struct tls_context *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a TLS context");
    }
    c->server = server;
    c->native = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    if (c->native == NULL || SSL_CTX_set_min_proto_version(c->native, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_num_tickets(c->native, 0) != 1) {
        tls_context_free(c);
        return fail(err, REASON_CRYPTO_FAILED, "a TLS context");
    }
    SSL_CTX_set_verify(c->native, SSL_VERIFY_NONE, NULL);
    (void)SSL_CTX_set_session_cache_mode(c->native, SSL_SESS_CACHE_OFF);
    (void)SSL_CTX_set_max_early_data(c->native, 0);
    (void)SSL_CTX_set_mode(c->native, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                          SSL_MODE_RELEASE_BUFFERS);
    *out = c;
    return true;
}

/* RFC 7301: a client that names protocols and HTTP/1.1 is not among them would take our answers for something else. */
static int protocol_choose(SSL *s, const unsigned char **out, unsigned char *len, const unsigned char *in,
                           unsigned int in_len, void *arg)
{
    static const char http1[] = "http/1.1";
    const unsigned n = sizeof http1 - 1;

    (void)s;
    (void)arg;
    for (unsigned at = 0; at < in_len; at += 1U + in[at]) {
        if (in[at] == n && in_len - at > n && memcmp(in + at + 1, http1, n) == 0) {
            *out = in + at + 1;
            *len = in[at];
            return SSL_TLSEXT_ERR_OK;
        }
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

bool tls_server_new(struct bytes certificate, const struct key *k, struct tls_context **out, struct err *err)
{
    struct tls_context *c = NULL;

    if (!context_new(true, &c, err)) {
        return false;
    }
    if (certificate.len > LIMIT_CERT ||
        SSL_CTX_use_certificate_ASN1(c->native, (int)certificate.len, certificate.p) != 1 ||
        SSL_CTX_use_PrivateKey(c->native, key_native(k)) != 1 || SSL_CTX_check_private_key(c->native) != 1) {
        tls_context_free(c);
        return fail(err, REASON_CRYPTO_FAILED, "the TLS certificate and its key");
    }
    SSL_CTX_set_alpn_select_cb(c->native, protocol_choose, NULL);
    *out = c;
    return true;
}

bool tls_client_new(struct tls_context **out, struct err *err)
{
    return context_new(false, out, err);
}

void tls_context_free(struct tls_context *c)
{
    if (c != NULL) {
        SSL_CTX_free(c->native);
        free(c);
    }
}

/* SNI carries host names only (RFC 6066, 3). */
static bool is_host_name(const char *name)
{
    return strchr(name, ':') == NULL && strspn(name, "0123456789.") != strlen(name);
}

/* What the library's macro does, whose cast drops the const; the name is copied. */
static bool server_name_set(SSL *s, const char *name)
{
    union {
        const char *in;
        void *out;
    } u = {.in = name};

    return SSL_ctrl(s, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, u.out) == 1;
}

bool tls_new(struct tls_context *c, int fd, const char *server_name, struct tls **out, struct err *err)
{
    struct tls *t = calloc(1, sizeof *t);

    if (t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a TLS connection");
    }
    t->native = SSL_new(c->native);
    if (t->native == NULL || SSL_set_fd(t->native, fd) != 1 ||
        (server_name != NULL && is_host_name(server_name) && !server_name_set(t->native, server_name))) {
        tls_free(t);
        return fail(err, REASON_CRYPTO_FAILED, "a TLS connection");
    }
    if (c->server) {
        SSL_set_accept_state(t->native);
    } else {
        SSL_set_connect_state(t->native);
    }
    *out = t;
    return true;
}

void tls_free(struct tls *t)
{
    if (t != NULL) {
        SSL_free(t->native);
        free(t);
    }
}

static enum tls_result result(struct tls *t, int code, const char *what, struct err *err)
{
    switch (SSL_get_error(t->native, code)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        (void)fail(err, REASON_TLS_FAILED, what);
        return TLS_BROKEN;
    }
}

enum tls_result tls_handshake(struct tls *t, struct err *err)
{
    int code;

    ERR_clear_error();
    code = SSL_do_handshake(t->native);
    return code == 1 ? TLS_DONE : result(t, code, "handshake", err);
}

enum tls_result tls_read(struct tls *t, void *out, size_t n, size_t *got, struct err *err)
{
    int code;

    ERR_clear_error();
    code = SSL_read_ex(t->native, out, n, got);
    return code == 1 ? TLS_DONE : result(t, code, "read", err);
}

enum tls_result tls_write(struct tls *t, struct bytes b, size_t *taken, struct err *err)
{
    int code;

    ERR_clear_error();
    code = SSL_write_ex(t->native, b.p, b.len, taken);
    return code == 1 ? TLS_DONE : result(t, code, "write", err);
}

bool tls_pending(const struct tls *t)
{
    return SSL_pending(t->native) > 0;
}

void tls_close_notify(struct tls *t)
{
    ERR_clear_error();
    (void)SSL_shutdown(t->native);
    ERR_clear_error();
}

bool tls_peer_spki(const struct tls *t, uint8_t out[32], struct err *err)
{
    X509 *certificate = SSL_get1_peer_certificate(t->native);
    unsigned char *der = NULL;
    int len = certificate == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);

    X509_free(certificate);
    if (len <= 0) {
        return fail(err, REASON_TLS_FAILED, "the peer has no certificate");
    }
    hash_bytes(HASH_SHA256, bytes_of(der, (size_t)len), out);
    OPENSSL_free(der);
    return true;
}
