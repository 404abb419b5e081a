#include "collateral/pcs.h"

#include "base/hex.h"
#include "codec/pem.h"
#include "codec/x509.h"
#include "net/client.h"
#include "tdx/pck.h"
#include "tdx/quote.h"

#include <stdio.h>

#define INTEL_HOSTS ".trustedservices.intel.com"
#define INTEL_ROOT_CRL "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der"
#define INTEL_ROOT_CRL_ENCODED "https%3A%2F%2Fcertificates.trustedservices.intel.com%2FIntelSGXRootCA.der"

static const struct route {
    const char *tail;
    enum pcs_document document;
    bool sgx, tdx;
    const char *header[2]; /* of version 3, and from 4 on */
} routes[] = {
    {"pckcrl", PCS_PCK_CRL, true, false, {"SGX-PCK-CRL-Issuer-Chain", "SGX-PCK-CRL-Issuer-Chain"}},
    {"rootcacrl", PCS_ROOT_CRL, true, false, {NULL, NULL}},
    {"tcb", PCS_TCB_INFO, true, true, {"SGX-TCB-Info-Issuer-Chain", "TCB-Info-Issuer-Chain"}},
    {"qe/identity",
     PCS_QE_IDENTITY,
     true,
     true,
     {"SGX-Enclave-Identity-Issuer-Chain", "SGX-Enclave-Identity-Issuer-Chain"}},
    {"qve/identity",
     PCS_QVE_IDENTITY,
     true,
     false,
     {"SGX-Enclave-Identity-Issuer-Chain", "SGX-Enclave-Identity-Issuer-Chain"}},
    {"crl", PCS_CRL_URI, true, false, {NULL, NULL}},
};
#define ROUTES (sizeof routes / sizeof *routes)

static const struct route *route_of(enum pcs_document d)
{
    size_t i = 0;

    while (routes[i].document != d) {
        i++;
    }
    return &routes[i];
}

bool pcs_is_path(const char *path)
{
    return strncmp(path, "/sgx/certification/", 19) == 0 || strncmp(path, "/tdx/certification/", 19) == 0;
}

bool pcs_route_find(const char *path, enum pcs_document *d, bool *tdx, unsigned *version)
{
    unsigned v;
    bool is_tdx;

    if (!pcs_is_path(path)) {
        return false;
    }
    is_tdx = path[1] == 't';
    path += 19;
    v = strncmp(path, "v3/", 3) == 0 ? 3 : strncmp(path, "v4/", 3) == 0 ? 4 : 0;
    for (size_t i = 0; i < ROUTES; i++) {
        if (v != 0 && strcmp(path + 3, routes[i].tail) == 0 && (is_tdx ? routes[i].tdx && v == 4 : routes[i].sgx)) {
            *d = routes[i].document;
            *tdx = is_tdx;
            *version = v;
            return true;
        }
    }
    return false;
}

const char *pcs_chain_header(enum pcs_document d, bool tdx, unsigned version)
{
    return route_of(d)->header[tdx || version > 3];
}

/* ---- which platform ---- */

static bool chain_wanted(struct bytes chain, struct pcs_wanted *w, struct err *err)
{
    struct x509 leaf;
    struct pck pck;
    struct pem pem;
    bool ok;

    if (!pem_parse(chain, "CERTIFICATE", &pem, err)) {
        return false;
    }
    ok = x509_parse(pem.blocks[0], &leaf, err) && pck_parse(&leaf, &pck, err);
    if (ok) {
        memcpy(w->fmspc, pck.fmspc, sizeof w->fmspc);
        w->processor = memmem(leaf.issuer.p, leaf.issuer.len, "Processor", 9) != NULL;
    }
    pem_done(&pem);
    return ok;
}

bool pcs_wanted_of_quote(struct bytes quote, struct bytes pck, struct pcs_wanted *out, struct err *err)
{
    struct pcs_wanted w = {.early = out->early};
    struct quote q;

    if (!quote_parse(quote, &q, err)) {
        return false;
    }
    if (q.certification_type == QUOTE_CERTIFICATION_PCK_CHAIN || q.certification_type == QUOTE_CERTIFICATION_PCK_LEAF) {
        pck = q.certification;
    } else if (pck.p == NULL) {
        return FAIL(err, REASON_QUOTE_CERTIFICATION, ERR_NOWHERE,
                    "type %u has no PCK certificate, which says the platform: give it with --pck",
                    q.certification_type);
    }
    w.tdx = quote_is_tdx(&q);
    if (!chain_wanted(pck, &w, err)) {
        return false;
    }
    *out = w;
    return true;
}

/* ---- addresses ---- */

static bool ends(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);

    return n >= t && strcmp(s + n - t, tail) == 0;
}

bool pcs_source_parse(const char *text, struct pcs_source *out, struct err *err)
{
    static const char *const tails[] = {"/sgx/certification/v3", "/sgx/certification/v4", "/tdx/certification/v4"};
    struct pcs_source s = {.version = 4};
    struct client_url url;
    struct err why = {0};
    size_t n = strlen(text);

    if (!client_url_parse(text, &url, &why) || strpbrk(text, "?#${}<> \"\\^`|") != NULL || n >= sizeof s.base) {
        return FAIL(err, REASON_COLLATERAL_URL, ERR_NOWHERE, "%s", text);
    }
    memcpy(s.base, text, n + 1);
    while (n > 0 && s.base[n - 1] == '/') {
        s.base[--n] = '\0';
    }
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        if (ends(s.base, tails[i])) {
            s.version = i == 0 ? 3 : 4;
            n -= strlen(tails[i]);
            s.base[n] = '\0';
            break;
        }
    }
    if (strstr(s.base, "/certification") != NULL) {
        return FAIL(err, REASON_COLLATERAL_URL, ERR_NOWHERE, "%s: the path must end in /sgx/certification/v3 or v4",
                    text);
    }
    s.intel = ends(url.host, INTEL_HOSTS);
    *out = s;
    return true;
}

static bool query_add(enum pcs_document d, const struct pcs_wanted *w, unsigned version, struct buf *out,
                      struct err *err)
{
    char fmspc[13];

    switch (d) {
    case PCS_PCK_CRL:
        return buf_printf(out, err, "?ca=%s&encoding=der", w->processor ? "processor" : "platform");
    case PCS_TCB_INFO:
        hex_encode(bytes_of(w->fmspc, sizeof w->fmspc), fmspc);
        for (char *p = fmspc; *p != '\0'; p++) {
            *p = *p >= 'a' ? (char)(*p - 'a' + 'A') : *p;
        }
        return buf_printf(out, err, "?fmspc=%s%s", fmspc, w->early && version > 3 ? "&update=early" : "");
    case PCS_QE_IDENTITY:
    case PCS_QVE_IDENTITY:
        return !w->early || version < 4 || buf_str(out, "?update=early", err);
    case PCS_CRL_URI:
        return buf_str(out, "?uri=" INTEL_ROOT_CRL_ENCODED, err);
    case PCS_ROOT_CRL:
        return true;
    }
    return false;
}

bool pcs_url(const struct pcs_source *s, enum pcs_document d, const struct pcs_wanted *w, unsigned attempt,
             struct buf *out, bool *more, struct err *err)
{
    const struct route *r = route_of(d);
    const bool tdx = w->tdx && r->tdx;
    const unsigned version = tdx ? 4 : s->version;

    *more = d == PCS_ROOT_CRL && !s->intel && attempt == 0;
    if (d == PCS_ROOT_CRL && s->intel) {
        return buf_str(out, INTEL_ROOT_CRL, err) && buf_u8(out, 0, err);
    }
    if (d == PCS_ROOT_CRL && attempt > 0) {
        d = PCS_CRL_URI;
        r = route_of(d);
    }
    return buf_printf(out, err, "%s/%s/certification/v%u/%s", s->base, tdx ? "tdx" : "sgx", version, r->tail) &&
           query_add(d, w, version, out, err) && buf_u8(out, 0, err);
}

/* ---- answers ---- */

static bool matches(const struct item *i, enum pcs_document d, const struct pcs_wanted *w)
{
    switch (d) {
    case PCS_PCK_CRL:
        return i->kind == ITEM_CRL && i->ca == (w->processor ? ITEM_CA_PROCESSOR : ITEM_CA_PLATFORM);
    case PCS_ROOT_CRL:
    case PCS_CRL_URI:
        return i->kind == ITEM_CRL && i->ca == ITEM_CA_ROOT;
    case PCS_TCB_INFO:
        return i->kind == ITEM_TCB_INFO && i->tdx == w->tdx && memcmp(i->fmspc, w->fmspc, sizeof w->fmspc) == 0;
    case PCS_QE_IDENTITY:
        return i->kind == ITEM_IDENTITY && i->id == (w->tdx ? ITEM_ID_TD_QE : ITEM_ID_QE);
    case PCS_QVE_IDENTITY:
        return i->kind == ITEM_IDENTITY && i->id == ITEM_ID_QVE;
    }
    return false;
}

bool pcs_answers(const struct item *item, enum pcs_document d, const struct pcs_wanted *w, struct err *err)
{
    char fmspc[13] = "";

    if (matches(item, d, w)) {
        return true;
    }
    if (item->kind == ITEM_TCB_INFO) {
        hex_encode(bytes_of(item->fmspc, sizeof item->fmspc), fmspc);
    }
    return FAIL(err, REASON_COLLATERAL_OTHER, ERR_NOWHERE, "%s %s came", item_kind_name(item), fmspc);
}
