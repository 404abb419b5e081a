#include "sim/pcs.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/pem.h"
#include "os/clock.h"

#include <ctype.h>
#include <strings.h>

/* ---- how each file is sent ---- */

static bool plain(struct bytes file, const struct request *r, struct buf *out, struct err *err)
{
    (void)r;
    return buf_add(out, file.p, file.len, err);
}

static bool hexadecimal(struct bytes file, const struct request *r, struct buf *out, struct err *err)
{
    (void)r;
    return hex_add(out, file, err);
}

static bool der_or_pem(struct bytes file, const struct request *r, struct buf *out, struct err *err)
{
    char encoding[8];

    if (http_query_get(r->query, "encoding", encoding, sizeof encoding) && strcasecmp(encoding, "der") == 0) {
        return buf_add(out, file.p, file.len, err);
    }
    return pem_add(out, "X509 CRL", file, err);
}

/* ---- which platform is asked for ---- */

static bool any(const struct pcs *s, const struct request *r)
{
    (void)s;
    (void)r;
    return true;
}

/* There is one CA here. A client that does not read the PCK's issuer asks for the processor CA's list, and the verifier
 * that checks it finds whose it is. */
static bool one_ca(const struct pcs *s, const struct request *r)
{
    char ca[16];

    (void)s;
    return http_query_get(r->query, "ca", ca, sizeof ca) &&
           (strcmp(ca, "platform") == 0 || strcmp(ca, "processor") == 0);
}

static bool own_fmspc(const struct pcs *s, const struct request *r)
{
    char digits[16];
    uint8_t fmspc[6];
    struct err ignored;

    return http_query_get(r->query, "fmspc", digits, sizeof digits) &&
           hex_decode(bytes_of_str(digits), fmspc, sizeof fmspc, &ignored) &&
           memcmp(fmspc, s->platform->setup.tcb_fmspc, sizeof fmspc) == 0;
}

static const struct route {
    const char *path, *type, *header; /* header NULL: none */
    enum collateral_file file, chain;
    bool (*wanted)(const struct pcs *s, const struct request *r);
    bool (*print)(struct bytes file, const struct request *r, struct buf *out, struct err *err);
} routes[] = {
    {"/sgx/certification/v4/pckcrl", "application/pkix-crl", "SGX-PCK-CRL-Issuer-Chain", COLLATERAL_CA_CRL,
     COLLATERAL_CA_CRL_CHAIN, one_ca, der_or_pem},
    {"/sgx/certification/v4/rootcacrl", "text/plain", NULL, COLLATERAL_ROOT_CRL, COLLATERAL_ROOT_CRL, any, hexadecimal},
    {"/tdx/certification/v4/tcb", "application/json", "TCB-Info-Issuer-Chain", COLLATERAL_TCB_INFO,
     COLLATERAL_TCB_CHAIN, own_fmspc, plain},
    {"/tdx/certification/v4/qe/identity", "application/json", "SGX-Enclave-Identity-Issuer-Chain",
     COLLATERAL_QE_IDENTITY, COLLATERAL_QE_CHAIN, any, plain},
};

/* RFC 3986, section 2.1: everything but unreserved characters. */
static bool percent_add(struct buf *out, struct bytes text, struct err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        bool bare = c < 0x80 && (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~');

        if (!(bare ? buf_u8(out, c, err) : buf_printf(out, err, "%%%02X", c))) {
            return false;
        }
    }
    return true;
}

/* Nothing that is sent is older than a day. */
static bool refresh(struct pcs *s, struct err *err)
{
    int64_t now = clock_unix();
    struct collateral fresh;
    struct setup setup;

    if (s->issued != 0 && now >= s->issued && now - s->issued < SETUP_DAY) {
        return true;
    }
    setup_default(now, &setup);
    if (!collateral_new(&s->platform->pki, &setup, &fresh, err)) {
        return false;
    }
    collateral_done(&s->collateral);
    s->collateral = fresh;
    s->issued = now;
    return true;
}

static bool send_file(struct pcs *s, const struct route *route, const struct request *r, struct reply *p,
                      struct err *err)
{
    struct buf body = BUF(LIMIT_COLLATERAL), chain = BUF(LIMIT_HTTP_HEAD);
    bool ok = refresh(s, err) && route->print(s->collateral.list[route->file].content, r, &body, err) &&
              (route->header == NULL ||
               (percent_add(&chain, s->collateral.list[route->chain].content, err) && buf_u8(&chain, 0, err)));

    if (ok) {
        if (route->header != NULL) {
            reply_header(p, route->header, (const char *)chain.p);
        }
        reply_send(p, 200, route->type, buf_bytes(&body));
    }
    buf_done(&chain);
    buf_done(&body);
    return ok;
}

void pcs_handle(void *arg, const struct request *r, struct reply *p)
{
    struct pcs *s = arg;
    const struct route *route = NULL;
    struct err err = {0};

    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (strcmp(r->path, routes[i].path) == 0) {
            route = &routes[i];
        }
    }
    if (route == NULL) {
        err_set(&err, REASON_ROUTE_ABSENT, ERR_NOWHERE, "%s", r->path);
    } else if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        err_set(&err, REASON_ROUTE_METHOD, ERR_NOWHERE, "%s", http_method_name(r->method));
    } else if (!route->wanted(s, r)) {
        reply_send_str(p, 404, "text/plain", "this service knows one platform only (COLLATERAL_ABSENT)\n");
        return;
    } else if (send_file(s, route, r, p, &err)) {
        return;
    }
    reply_send_error(p, &err);
}

void pcs_done(struct pcs *p)
{
    collateral_done(&p->collateral);
}
