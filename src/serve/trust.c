/* What a client verifies by: the evidence document, the quote route of the replaced system, health. */
#include "serve/routes_parts.h"

#include "base/civil.h"
#include "base/hex.h"
#include "evidence/document.h"
#include "explain/quote_print.h"
#include "os/clock.h"
#include "os/random.h"

#include <stdio.h>

static void no_store(struct reply *p)
{
    reply_header(p, "Cache-Control", "no-cache, no-store, must-revalidate");
    reply_header(p, "Pragma", "no-cache");
    reply_header(p, "Expires", "0");
}

/* 64 hexadecimal digits of the query; NONCE_FORM. */
static bool nonce_get(const struct request *r, uint8_t nonce[NONCE_SIZE], struct err *err)
{
    char text[2 * NONCE_SIZE + 2];
    struct err ignored;

    return (http_query_get(r->query, "nonce", text, sizeof text) &&
            hex_decode(bytes_of_str(text), nonce, NONCE_SIZE, &ignored)) ||
           FAIL(err, REASON_NONCE_FORM, ERR_NOWHERE, "?nonce=");
}

static void on_document(void *arg, struct bytes document, const struct err *err)
{
    struct reply *p = arg;

    no_store(p);
    if (err != NULL) {
        reply_send_error(p, err);
    } else {
        reply_send(p, 200, "application/json", document);
    }
}

void trust_evidence(struct routes *rs, const struct request *r, struct reply *p)
{
    uint8_t nonce[NONCE_SIZE];
    struct err err;

    if (nonce_get(r, nonce, &err)) {
        backend_evidence(rs->backend, nonce, on_document, p);
    } else {
        reply_send_error(p, &err);
    }
}

/* RFC 9562, version 4. */
static bool uuid_print(char out[37], struct err *err)
{
    uint8_t b[16];
    char hex[33];

    if (!random_bytes(b, sizeof b, err)) {
        return false;
    }
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(bytes_of(b, sizeof b), hex);
    (void)snprintf(out, 37, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}

/* {"quote","quote_parse","timestamp","id","status","nonce"}: the replaced system's keys. */
static bool quote_object(const struct document *d, struct buf *out, struct err *err)
{
    char id[37], time[CIVIL_ISO8601_SIZE];
    struct quote q;
    json_t *claims = json_object();
    bool ok;

    civil_print_iso8601(clock_unix(), time);
    ok = claims != NULL && quote_parse(d->quote, &q, err) && quote_claims(&q, claims, err) && uuid_print(id, err) &&
         buf_str(out, "{\"quote\":\"", err) && hex_add(out, d->quote, err) &&
         buf_str(out, "\",\"quote_parse\":", err) && json_print(claims, out, err) &&
         buf_printf(out, err, ",\"timestamp\":\"%.19s\",\"id\":\"%s\",\"status\":true,\"nonce\":\"", time, id) &&
         hex_add(out, bytes_of(d->nonce, sizeof d->nonce), err) && buf_str(out, "\"}", err);
    json_decref(claims);
    return ok;
}

static void on_quote(void *arg, struct bytes text, const struct err *err)
{
    struct reply *p = arg;
    struct buf body = BUF(4 * LIMIT_QUOTE);
    struct document d = {0};
    struct err failed;

    no_store(p);
    if (err != NULL) {
        reply_send_error(p, err);
    } else if (document_parse(text, &d, &failed) && quote_object(&d, &body, &failed)) {
        reply_send(p, 200, "application/json", buf_bytes(&body));
    } else {
        reply_send_error(p, &failed);
    }
    document_done(&d);
    buf_done(&body);
}

void trust_quote(struct routes *rs, const struct request *r, struct reply *p)
{
    uint8_t nonce[NONCE_SIZE];
    struct err err;
    bool ok = http_query_has(r->query, "nonce") ? nonce_get(r, nonce, &err) : random_bytes(nonce, sizeof nonce, &err);

    if (ok) {
        backend_evidence(rs->backend, nonce, on_quote, p);
    } else {
        reply_send_error(p, &err);
    }
}

void trust_health(struct routes *rs, const struct request *r, struct reply *p)
{
    (void)rs;
    (void)r;
    routes_send_json(p, 200, json_object_of({"status", json_string("ok")}));
}

void trust_ready(struct routes *rs, const struct request *r, struct reply *p)
{
    struct buf body = BUF(KIB(64));
    struct err err;

    (void)r;
    reply_header(p, "Cache-Control", "no-store");
    if (backend_ready_print(rs->backend, &body, &err)) {
        reply_send(p, backend_is_ready(rs->backend) ? 200 : 503, "application/json", buf_bytes(&body));
    } else {
        reply_send_error(p, &err);
    }
    buf_done(&body);
}
