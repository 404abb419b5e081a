#include "collateral/pccs.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/http1.h"
#include "codec/pem.h"
#include "collateral/pcs.h"
#include "collateral/percent.h"

#include <stdlib.h>
#include <strings.h>

struct ask {
    enum pcs_document document;
    unsigned version;
    struct pcs_wanted wanted;
    bool by_number; /* the evaluation number counts instead of early */
    uint64_t evaluation;
    enum { LIST_HEX, LIST_PEM, LIST_DER } encoding;
};

/* ---- the request ---- */

/* One of two words in any case of letters; absent: the first. */
static bool word_get(struct bytes query, const char *name, const char *first, const char *second, bool *is_second)
{
    char value[16];

    *is_second = false;
    if (!http_query_has(query, name)) {
        return true;
    }
    if (!http_query_get(query, name, value, sizeof value)) {
        return false;
    }
    *is_second = strcasecmp(value, second) == 0;
    return *is_second || strcasecmp(value, first) == 0;
}

static bool fmspc_get(struct bytes query, uint8_t out[6])
{
    char digits[16];
    struct err ignored;

    return http_query_get(query, "fmspc", digits, sizeof digits) && hex_decode(bytes_of_str(digits), out, 6, &ignored);
}

static bool update_get(struct bytes query, struct ask *a)
{
    char digits[12], *end;

    if (!word_get(query, "update", "standard", "early", &a->wanted.early)) {
        return false;
    }
    a->by_number = http_query_has(query, "tcbEvaluationDataNumber");
    if (!a->by_number) {
        return true;
    }
    if (http_query_has(query, "update") || !http_query_get(query, "tcbEvaluationDataNumber", digits, sizeof digits) ||
        digits[0] < '0' || digits[0] > '9') {
        return false;
    }
    a->evaluation = strtoull(digits, &end, 10);
    return *end == '\0';
}

static bool encoding_get(const struct pccs *p, struct bytes query, struct ask *a)
{
    char value[8];

    a->encoding = a->document == PCS_CRL_URI ? LIST_DER : p->as_pcs && a->document == PCS_PCK_CRL ? LIST_PEM : LIST_HEX;
    if (a->document != PCS_PCK_CRL || !http_query_has(query, "encoding")) {
        return true;
    }
    if (!http_query_get(query, "encoding", value, sizeof value)) {
        return false;
    }
    a->encoding = strcasecmp(value, "der") == 0 ? LIST_DER : strcasecmp(value, "pem") == 0 ? LIST_PEM : LIST_HEX;
    return a->encoding != LIST_HEX || strcasecmp(value, "hex") == 0;
}

/* Only the address that Intel's certificates give for the root's list: nothing is fetched from here. */
static bool uri_get(struct bytes query, bool *known)
{
    char uri[128];
    static const char *const roots[] = {"https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
                                        "https://certificates.trustedservices.intel.com/IntelSGXRootCA.crl"};

    *known = false;
    if (!http_query_get(query, "uri", uri, sizeof uri)) {
        return false;
    }
    *known = strcmp(uri, roots[0]) == 0 || strcmp(uri, roots[1]) == 0;
    return true;
}

static bool query_read(const struct pccs *p, struct bytes query, struct ask *a, bool *known)
{
    *known = true;
    switch (a->document) {
    case PCS_PCK_CRL:
        return http_query_has(query, "ca") && word_get(query, "ca", "platform", "processor", &a->wanted.processor) &&
               encoding_get(p, query, a);
    case PCS_TCB_INFO:
        return fmspc_get(query, a->wanted.fmspc) && update_get(query, a);
    case PCS_QE_IDENTITY:
    case PCS_QVE_IDENTITY:
        return update_get(query, a);
    case PCS_CRL_URI:
        return uri_get(query, known) && encoding_get(p, query, a);
    case PCS_ROOT_CRL:
        return encoding_get(p, query, a);
    }
    return false;
}

/* ---- the files ---- */

static bool is_early(const struct document_file *f)
{
    return strstr(f->name, "_early") != NULL;
}

static bool chain_fits(const struct pccs *p, const struct item *chain, const struct item *of)
{
    if (chain->kind != ITEM_CHAIN) {
        return false;
    }
    if (of->kind == ITEM_CRL) {
        return chain->ca == of->ca || (p->one_ca && chain->ca < ITEM_CA_SIGNER);
    }
    return chain->ca == ITEM_CA_SIGNER;
}

static bool document_fits(const struct pccs *p, const struct ask *a, const struct document_file *f,
                          const struct item *item)
{
    struct pcs_wanted w = a->wanted;
    struct err ignored;

    if (p->one_ca && item->kind == ITEM_CRL && a->document == PCS_PCK_CRL) {
        w.processor = item->ca == ITEM_CA_PROCESSOR;
    }
    if (!pcs_answers(item, a->document, &w, &ignored)) {
        return false;
    }
    if (item->kind == ITEM_CRL) {
        return true;
    }
    /* what API version 3 gives is no answer in version 4, where nobody would read it */
    return (a->by_number ? item->evaluation == a->evaluation : is_early(f) == a->wanted.early) &&
           (item->kind != ITEM_TCB_INFO || a->version == 3 || item->version >= 3);
}

static bool is_better(const struct ask *a, const struct item *item, const struct item *than)
{
    if (a->version == 3 && item->kind == ITEM_TCB_INFO && (item->version == 2) != (than->version == 2)) {
        return item->version == 2;
    }
    return item->issued > than->issued;
}

/* The newest that fits, in its plain form. false: none. */
static bool find(const struct pccs *p, const struct ask *a, const struct item *of, struct item *out, struct buf *plain)
{
    bool found = false;

    for (size_t i = 0; i < p->count; i++) {
        struct buf one = BUF(LIMIT_COLLATERAL);
        struct err ignored;
        struct item item;

        if (!item_read(p->files[i].content, &item, &one, &ignored) ||
            !(of != NULL ? chain_fits(p, &item, of) : document_fits(p, a, &p->files[i], &item)) ||
            (found && !is_better(a, &item, out))) {
            buf_done(&one);
            continue;
        }
        buf_done(plain);
        *plain = one;
        *out = item;
        found = true;
    }
    return found;
}

/* ---- the answer ---- */

static bool list_print(struct bytes der, const struct ask *a, struct pccs_reply *out, struct err *err)
{
    switch (a->encoding) {
    case LIST_DER:
        out->type = "application/pkix-crl";
        return buf_add(&out->body, der.p, der.len, err);
    case LIST_PEM:
        out->type = "application/x-pem-file";
        return pem_add(&out->body, "X509 CRL", der, err);
    case LIST_HEX:
        out->type = "application/x-pem-file"; /* PCCS's own word for it */
        return hex_add(&out->body, der, err);
    }
    return false;
}

static bool print(const struct ask *a, const struct item *item, struct bytes plain, struct bytes chain,
                  struct pccs_reply *out, struct err *err)
{
    out->header = pcs_chain_header(a->document, a->wanted.tdx, a->version);
    out->type = "application/json";
    return (out->header == NULL || (percent_add(&out->chain, chain, err) && buf_u8(&out->chain, 0, err))) &&
           (item->kind == ITEM_CRL ? list_print(plain, a, out, err) : buf_add(&out->body, plain.p, plain.len, err));
}

static void refuse(struct pccs_reply *out, int status, enum reason why, const char *text)
{
    struct err ignored;

    out->status = status;
    out->type = "text/plain";
    out->header = NULL;
    out->why = why;
    out->body.len = 0;
    if (!buf_printf(&out->body, &ignored, "%s (%s)\n", text, reason_name(why))) {
        out->body.len = 0;
    }
}

void pccs_answer(const struct pccs *p, const char *path, struct bytes query, struct pccs_reply *out)
{
    struct buf plain = BUF(LIMIT_COLLATERAL), chain = BUF(LIMIT_CHAIN);
    struct item item, chain_item;
    struct ask a = {.version = 0};
    struct err err;
    bool known;

    *out = (struct pccs_reply){.status = 200, .body = BUF(2 * LIMIT_COLLATERAL), .chain = BUF(4 * LIMIT_CHAIN)};
    if (!pcs_route_find(path, &a.document, &a.wanted.tdx, &a.version)) {
        refuse(out, 404, REASON_ROUTE_ABSENT, "There is no such route.");
    } else if (!query_read(p, query, &a, &known)) {
        refuse(out, 400, REASON_REQUEST_FORM, "Invalid request parameters.");
    } else if (!known || !find(p, &a, NULL, &item, &plain) ||
               (pcs_chain_header(a.document, a.wanted.tdx, a.version) != NULL &&
                !find(p, &a, &item, &chain_item, &chain))) {
        refuse(out, 404, REASON_COLLATERAL_ABSENT, "No cache data for this platform.");
    } else if (!print(&a, &item, buf_bytes(&plain), buf_bytes(&chain), out, &err)) {
        refuse(out, 500, err.reason, "Unexpected error occurred.");
    }
    buf_done(&plain);
    buf_done(&chain);
}

void pccs_reply_done(struct pccs_reply *r)
{
    buf_done(&r->chain);
    buf_done(&r->body);
}
