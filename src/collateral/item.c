#include "collateral/item.h"

#include "base/civil.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "codec/pem.h"
#include "codec/x509.h"
#include "crypto/sig.h"

#include <stdio.h>

static const char *const ids[] = {
    [ITEM_ID_QE] = "QE",
    [ITEM_ID_TD_QE] = "TD_QE",
    [ITEM_ID_QVE] = "QVE",
    [ITEM_ID_QAE] = "QAE",
};

/* ---- JSON ---- */

static bool window_get(const json_t *o, struct item *out, struct err *err)
{
    const char *from, *to;

    return json_get_str(o, "issueDate", &from, err) && json_get_str(o, "nextUpdate", &to, err) &&
           civil_parse_iso8601(bytes_of_str(from), &out->issued, err) &&
           civil_parse_iso8601(bytes_of_str(to), &out->next_update, err) &&
           json_get_u64(o, "tcbEvaluationDataNumber", UINT32_MAX, &out->evaluation, err) &&
           json_get_u64(o, "version", 100, &out->version, err);
}

static bool tcb_info_get(const json_t *o, struct item *out, struct err *err)
{
    const char *id = "SGX";

    if (!window_get(o, out, err) || !json_get_hex(o, "fmspc", out->fmspc, sizeof out->fmspc, err) ||
        (out->version > 2 && !json_get_str(o, "id", &id, err))) {
        return false;
    }
    out->kind = ITEM_TCB_INFO;
    out->tdx = strcmp(id, "TDX") == 0;
    return out->tdx || strcmp(id, "SGX") == 0 ||
           FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "TCB info of \"%.20s\"", id);
}

static bool identity_get(const json_t *o, struct item *out, struct err *err)
{
    const char *id;

    if (!window_get(o, out, err) || !json_get_str(o, "id", &id, err)) {
        return false;
    }
    out->kind = ITEM_IDENTITY;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (strcmp(id, ids[i]) == 0) {
            out->id = (enum item_id)i;
            out->tdx = out->id == ITEM_ID_TD_QE;
            return true;
        }
    }
    return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "identity of \"%.20s\"", id);
}

static bool json_read(struct bytes content, struct item *out, struct buf *plain, struct err *err)
{
    json_t *whole = NULL, *part;
    bool ok = json_parse(content, &whole, err);

    if (ok && (part = json_object_get(whole, "tcbInfo")) != NULL) {
        ok = tcb_info_get(part, out, err);
    } else if (ok && (part = json_object_get(whole, "enclaveIdentity")) != NULL) {
        ok = identity_get(part, out, err);
    } else if (ok) {
        ok = FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "JSON that is neither TCB info nor an identity");
    }
    ok = ok && buf_add(plain, content.p, content.len, err);
    json_decref(whole);
    return ok;
}

/* ---- lists and chains ---- */

static bool text_in(struct bytes b, const char *text)
{
    return memmem(b.p, b.len, text, strlen(text)) != NULL;
}

/* By its name alone: this decides where a file is put, and nothing else. */
static bool ca_of(struct bytes name, enum item_ca *out, struct err *err)
{
    static const char *const names[] = {
        [ITEM_CA_ROOT] = "SGX Root CA",
        [ITEM_CA_PLATFORM] = "SGX PCK Platform CA",
        [ITEM_CA_PROCESSOR] = "SGX PCK Processor CA",
        [ITEM_CA_SIGNER] = "SGX TCB Signing",
        [ITEM_CA_PCK] = "SGX PCK Certificate",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (text_in(name, names[i])) {
            *out = (enum item_ca)i;
            return true;
        }
    }
    return FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "an issuer that is none of Intel's SGX names");
}

static bool der_read(struct bytes der, struct item *out, struct buf *plain, struct err *err)
{
    struct x509_crl crl;

    if (!x509_crl_parse(der, &crl, err) || !ca_of(crl.issuer, &out->ca, err) || !buf_add(plain, der.p, der.len, err)) {
        return false;
    }
    out->kind = ITEM_CRL;
    out->issued = crl.this_update;
    out->next_update = crl.next_update;
    return true;
}

static bool pem_crl_read(struct bytes content, struct item *out, struct buf *plain, struct err *err)
{
    struct pem pem;
    bool ok;

    if (!pem_parse(content, "X509 CRL", &pem, err)) {
        return false;
    }
    ok = (pem.count == 1 || FAIL(err, REASON_CRL_FORM, ERR_NOWHERE, "%zu lists in one file", pem.count)) &&
         der_read(pem.blocks[0], out, plain, err);
    pem_done(&pem);
    return ok;
}

static bool hex_crl_read(struct bytes content, struct item *out, struct buf *plain, struct err *err)
{
    struct buf der = BUF(LIMIT_CRL);
    bool ok;

    while (content.len > 0 && (content.p[content.len - 1] == '\n' || content.p[content.len - 1] == '\r')) {
        content.len--;
    }
    ok = hex_decode_all(content, &der, err) && der_read(buf_bytes(&der), out, plain, err);
    buf_done(&der);
    return ok;
}

static bool certificates_read(const struct bytes *der, size_t count, struct item *out, struct buf *plain,
                              struct err *err)
{
    struct x509 x;

    out->kind = ITEM_CHAIN;
    for (size_t i = 0; i < count; i++) {
        if (!x509_parse(der[i], &x, err) || (i == 0 && !ca_of(x.subject, &out->ca, err)) ||
            !pem_add(plain, "CERTIFICATE", der[i], err)) {
            return false;
        }
        out->issued = i == 0 || x.not_before > out->issued ? x.not_before : out->issued;
        out->next_update = i == 0 || x.not_after < out->next_update ? x.not_after : out->next_update;
    }
    return true;
}

static bool chain_read(struct bytes content, struct item *out, struct buf *plain, struct err *err)
{
    struct pem pem;
    bool ok;

    if (!pem_parse(content, "CERTIFICATE", &pem, err)) {
        return false;
    }
    ok = certificates_read(pem.blocks, pem.count, out, plain, err);
    pem_done(&pem);
    return ok;
}

static bool is_certificate(struct bytes der)
{
    struct x509 x;
    struct err ignored;

    return x509_parse(der, &x, &ignored);
}

static bool begins(struct bytes b, const char *text)
{
    return b.len >= strlen(text) && memcmp(b.p, text, strlen(text)) == 0;
}

bool item_read(struct bytes content, struct item *out, struct buf *plain, struct err *err)
{
    struct item item = {.kind = ITEM_CRL};
    const size_t before = plain->len;
    size_t space = 0;
    bool ok;

    while (space < content.len && strchr(" \t\r\n", content.p[space]) != NULL && content.p[space] != '\0') {
        space++;
    }
    if (content.len == 0) {
        return FAIL(err, REASON_COLLATERAL_FORM, 0, "nothing");
    }
    if (space < content.len && content.p[space] == '{') {
        ok = json_read(content, &item, plain, err);
    } else if (begins(content, "-----BEGIN X509 CRL-----")) {
        ok = pem_crl_read(content, &item, plain, err);
    } else if (begins(content, "-----BEGIN CERTIFICATE-----")) {
        ok = chain_read(content, &item, plain, err);
    } else if (begins(content, "30")) {
        ok = hex_crl_read(content, &item, plain, err);
    } else if (content.p[0] == 0x30 && is_certificate(content)) {
        ok = certificates_read(&content, 1, &item, plain, err);
    } else if (content.p[0] == 0x30) {
        ok = der_read(content, &item, plain, err);
    } else {
        ok = FAIL(err, REASON_COLLATERAL_FORM, 0, "neither JSON nor a revocation list nor a certificate chain");
    }
    if (!ok) {
        plain->len = before;
        return false;
    }
    *out = item;
    return true;
}

/* ---- signatures ---- */

static bool signed_by(const struct x509 *x, struct bytes part, const uint8_t rs[64], struct err *err)
{
    struct err why = {.reason = REASON_OK};

    if (sig_check(SIG_P256, bytes_of(x->key_xy, sizeof x->key_xy), part, bytes_of(rs, 64), &why)) {
        return true;
    }
    return FAIL(err, why.reason == REASON_CRYPTO_FAILED ? why.reason : REASON_COLLATERAL_SIGNATURE, ERR_NOWHERE,
                "not signed by \"%s\"", x->common_name);
}

static bool json_check(const struct item *item, struct bytes text, const struct x509 *signer, struct err *err)
{
    const char *member = item->kind == ITEM_TCB_INFO ? "tcbInfo" : "enclaveIdentity";
    struct bytes part;
    uint8_t rs[64];
    json_t *whole;
    bool ok;

    if (!json_parse_span(text, member, &whole, &part, err)) {
        return false;
    }
    ok = json_get_hex(whole, "signature", rs, sizeof rs, err) &&
         (part.p != NULL || FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member)) &&
         signed_by(signer, part, rs, err);
    json_decref(whole);
    return ok;
}

static bool crl_check(struct bytes der, const struct x509 *signer, struct err *err)
{
    struct x509_crl crl;

    return x509_crl_parse(der, &crl, err) && signed_by(signer, crl.tbs, crl.signature, err);
}

bool item_check(const struct item *item, struct bytes plain, struct bytes chain, struct err *err)
{
    const bool by_root = item->kind == ITEM_CRL && item->ca == ITEM_CA_ROOT;
    struct x509 first, root;
    struct pem pem;
    bool ok;

    if (!pem_parse(chain, "CERTIFICATE", &pem, err)) {
        return false;
    }
    ok = (pem.count == 2 ||
          FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "a chain of %zu certificates; two are wanted", pem.count)) &&
         x509_parse(pem.blocks[0], &first, err) && x509_parse(pem.blocks[1], &root, err) &&
         signed_by(&root, root.tbs, root.signature, err) && signed_by(&root, first.tbs, first.signature, err);
    if (ok && item->kind == ITEM_CRL) {
        ok = crl_check(plain, by_root ? &root : &first, err);
    } else if (ok && item->kind != ITEM_CHAIN) {
        ok = json_check(item, plain, &first, err);
    }
    pem_done(&pem);
    return ok;
}

bool item_root(struct bytes chain, struct buf *out, struct err *err)
{
    struct pem pem;
    bool ok;

    if (!pem_parse(chain, "CERTIFICATE", &pem, err)) {
        return false;
    }
    ok = buf_add(out, pem.blocks[pem.count - 1].p, pem.blocks[pem.count - 1].len, err);
    pem_done(&pem);
    return ok;
}

/* ---- names ---- */

static const char *tcb_info_name(const struct item *item, bool early, char out[ITEM_NAME_SIZE])
{
    char digits[13];

    hex_encode(bytes_of(item->fmspc, sizeof item->fmspc), digits);
    for (char *p = digits; *p != '\0'; p++) {
        *p = *p >= 'a' ? (char)(*p - 'a' + 'A') : *p; /* as Intel writes them */
    }
    (void)snprintf(out, ITEM_NAME_SIZE, "tcb_info_%s_%s%s%s.json", item->tdx ? "tdx" : "sgx", digits,
                   early ? "_early" : "", item->version < 3 ? "_v2" : "");
    return out;
}

static const char *chain_name(enum item_ca ca, unsigned nth)
{
    static const char *const names[][2] = {
        [ITEM_CA_ROOT] = {NULL, NULL},
        /* the second is ours: one directory may have the chains of both CAs, for the server */
        [ITEM_CA_PLATFORM] = {"pck_crl_issuer_chain.pem", "pck_crl_platform_issuer_chain.pem"},
        [ITEM_CA_PROCESSOR] = {"pck_crl_issuer_chain.pem", "pck_crl_processor_issuer_chain.pem"},
        [ITEM_CA_SIGNER] = {"tcb_info_issuer_chain.pem", "qe_identity_issuer_chain.pem"},
        [ITEM_CA_PCK] = {"pck_cert.pem", NULL},
    };

    return nth < 2 ? names[ca][nth] : NULL;
}

const char *item_name(const struct item *item, bool early, unsigned nth, char out[ITEM_NAME_SIZE])
{
    static const char *const lists[] = {
        [ITEM_CA_ROOT] = "root_ca_crl.der",
        [ITEM_CA_PLATFORM] = "pck_crl_platform.der",
        [ITEM_CA_PROCESSOR] = "pck_crl_processor.der",
        [ITEM_CA_SIGNER] = NULL,
        [ITEM_CA_PCK] = NULL,
    };
    static const char *const identities[] = {
        [ITEM_ID_QE] = "sgx_qe_identity",
        [ITEM_ID_TD_QE] = "tdx_qe_identity",
        [ITEM_ID_QVE] = "qve_identity",
        [ITEM_ID_QAE] = "qae_identity",
    };

    if (item->kind == ITEM_CHAIN) {
        return chain_name(item->ca, nth);
    }
    if (nth > 0) {
        return NULL;
    }
    switch (item->kind) {
    case ITEM_TCB_INFO:
        return tcb_info_name(item, early, out);
    case ITEM_IDENTITY:
        (void)snprintf(out, ITEM_NAME_SIZE, "%s%s.json", identities[item->id], early ? "_early" : "");
        return out;
    case ITEM_CRL:
    case ITEM_CHAIN:
        break;
    }
    return lists[item->ca];
}

const char *item_kind_name(const struct item *item)
{
    static const char *const lists[] = {"root CRL", "PCK platform CRL", "PCK processor CRL", "CRL of the TCB signer",
                                        "CRL of a PCK certificate"};
    static const char *const chains[] = {"root", "PCK platform CA chain", "PCK processor CA chain", "TCB signing chain",
                                         "PCK certificate"};
    static const char *const identities[] = {"QE identity", "TD QE identity", "QvE identity", "QAE identity"};

    switch (item->kind) {
    case ITEM_TCB_INFO:
        return item->tdx ? "TDX TCB info" : "SGX TCB info";
    case ITEM_IDENTITY:
        return identities[item->id];
    case ITEM_CRL:
        return lists[item->ca];
    case ITEM_CHAIN:
        return chains[item->ca];
    }
    return "";
}
