#include "sim/collateral.h"

#include "base/civil.h"
#include "base/hex.h"
#include "base/limits.h"

static const char *const names[COLLATERAL_FILES] = {
    [COLLATERAL_TCB_INFO] = "tcb_info.json",       [COLLATERAL_TCB_CHAIN] = "tcb_info_issuer_chain.pem",
    [COLLATERAL_QE_IDENTITY] = "qe_identity.json", [COLLATERAL_QE_CHAIN] = "qe_identity_issuer_chain.pem",
    [COLLATERAL_CA_CRL] = "pck_crl.der",           [COLLATERAL_CA_CRL_CHAIN] = "pck_crl_issuer_chain.pem",
    [COLLATERAL_ROOT_CRL] = "root_ca_crl.der",
};

#define TCB_DATE "2026-01-01T00:00:00Z"
#define TCB_DATE_OLD "2025-01-01T00:00:00Z"

const char *collateral_name(enum collateral_file f)
{
    return names[f];
}

/* Hexadecimal in capitals, as Intel writes it. */
static bool hex_member(struct buf *b, const char *name, const void *p, size_t len, struct err *err)
{
    const uint8_t *bytes = p;

    if (!buf_printf(b, err, "\"%s\":\"", name)) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!buf_printf(b, err, "%02X", bytes[i])) {
            return false;
        }
    }
    return buf_str(b, "\",", err);
}

static bool dates(struct buf *b, const struct setup_window *w, struct err *err)
{
    char from[CIVIL_ISO8601_SIZE], to[CIVIL_ISO8601_SIZE];

    civil_print_iso8601(w->from, from);
    civil_print_iso8601(w->to, to);
    return buf_printf(b, err, "\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",", from, to);
}

static unsigned lower(unsigned v, unsigned less)
{
    return v > less ? v - less : 0;
}

static bool components(struct buf *b, const char *name, const uint8_t svn[16], unsigned less, struct err *err)
{
    if (!buf_printf(b, err, "\"%s\":[", name)) {
        return false;
    }
    for (size_t i = 0; i < 16; i++) {
        unsigned v = lower(svn[i], less);

        if (!buf_printf(b, err, "%s{\"svn\":%u}", i == 0 ? "" : ",", v)) {
            return false;
        }
    }
    return buf_str(b, "],", err);
}

/* One level; less: how far its numbers are below the setup's. */
static bool level(struct buf *b, const struct setup *s, const char *status, unsigned less, struct err *err)
{
    const char *date = less == 0 ? TCB_DATE : TCB_DATE_OLD;
    const char *advisory = less == 0 ? s->advisory : "SIMULATED-SA-00001";

    return buf_str(b, "{\"tcb\":{", err) && components(b, "sgxtcbcomponents", s->level_svn, less, err) &&
           buf_printf(b, err, "\"pcesvn\":%u,", lower(s->level_pcesvn, less)) &&
           components(b, "tdxtcbcomponents", s->level_tdx_svn, less, err) &&
           (b->len--, true) && /* the comma behind the last member */
           buf_printf(b, err, "},\"tcbDate\":\"%s\",\"tcbStatus\":\"%s\"", date, status) &&
           (advisory == NULL || buf_printf(b, err, ",\"advisoryIDs\":[\"%s\"]", advisory)) && buf_str(b, "}", err);
}

static bool modules(struct buf *b, const struct setup *s, struct err *err)
{
    static const uint8_t attributes[8] = {0};
    static const uint8_t mask[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

    for (unsigned i = 0; i < 2; i++) { /* the module of version 0, and TDX_01, which TEE_TCB_SVN[1] = 1 selects */
        if (!buf_str(b, i == 0 ? "\"tdxModule\":{" : "\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",", err) ||
            !hex_member(b, "mrsigner", s->module_mrsigner, sizeof s->module_mrsigner, err) ||
            !hex_member(b, "attributes", attributes, sizeof attributes, err) ||
            !hex_member(b, "attributesMask", mask, sizeof mask, err)) {
            return false;
        }
        if (i == 0) {
            b->len--;
            if (!buf_str(b, "},", err)) {
                return false;
            }
        }
    }
    return buf_printf(b, err,
                      "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":\"" TCB_DATE "\",\"tcbStatus\":\"%s\"}]}],",
                      s->module_isvsvn, s->module_status);
}

static bool tcb_info(const struct setup *s, struct buf *b, struct err *err)
{
    return buf_printf(b, err, "{\"id\":\"%s\",\"version\":3,", s->tcb_info_id) && dates(b, &s->tcb_info, err) &&
           hex_member(b, "fmspc", s->tcb_fmspc, sizeof s->tcb_fmspc, err) &&
           hex_member(b, "pceId", s->tcb_pceid, sizeof s->tcb_pceid, err) &&
           buf_printf(b, err, "\"tcbType\":0,\"tcbEvaluationDataNumber\":%u,", s->evaluation) && modules(b, s, err) &&
           buf_str(b, "\"tcbLevels\":[", err) && level(b, s, s->tcb_status, 0, err) && buf_str(b, ",", err) &&
           level(b, s, "OutOfDate", 1, err) && buf_str(b, "]}", err);
}

static bool qe_identity(const struct setup *s, struct buf *b, struct err *err)
{
    return buf_printf(b, err, "{\"id\":\"%s\",\"version\":2,", s->qe_id) && dates(b, &s->qe_identity, err) &&
           buf_printf(b, err,
                      "\"tcbEvaluationDataNumber\":%u,\"miscselect\":\"00000000\",\"miscselectMask\":\"FFFFFFFF\","
                      "\"attributes\":\"11000000000000000000000000000000\","
                      "\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\",",
                      s->evaluation) &&
           hex_member(b, "mrsigner", s->identity_mrsigner, sizeof s->identity_mrsigner, err) &&
           buf_printf(b, err,
                      "\"isvprodid\":%u,\"tcbLevels\":[{\"tcb\":{\"isvsvn\":%u},\"tcbDate\":\"" TCB_DATE
                      "\",\"tcbStatus\":\"%s\"}]}",
                      s->identity_isvprodid, s->identity_isvsvn, s->qe_status);
}

bool collateral_sign(const struct pki *p, const char *name, struct bytes body, struct buf *out, struct err *err)
{
    uint8_t rs[64];

    return key_sign(p->keys[PKI_SIGNER], body, rs, err) && buf_printf(out, err, "{\"%s\":", name) &&
           buf_add(out, body.p, body.len, err) && buf_str(out, ",\"signature\":\"", err) &&
           hex_add(out, bytes_of(rs, sizeof rs), err) && buf_str(out, "\"}", err);
}

static bool documents(const struct pki *p, const struct setup *s, struct collateral *c, struct err *err)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    bool ok =
        tcb_info(s, &body, err) && collateral_sign(p, "tcbInfo", buf_bytes(&body), &c->files[COLLATERAL_TCB_INFO], err);

    body.len = 0;
    ok = ok && qe_identity(s, &body, err) &&
         collateral_sign(p, "enclaveIdentity", buf_bytes(&body), &c->files[COLLATERAL_QE_IDENTITY], err);
    buf_done(&body);
    return ok;
}

bool collateral_new(const struct pki *p, const struct setup *s, struct collateral *out, struct err *err)
{
    struct collateral c = {0};
    bool ok;

    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        c.files[i] = BUF(LIMIT_COLLATERAL);
    }
    ok = documents(p, s, &c, err) && pki_chain(p, PKI_SIGNER, &c.files[COLLATERAL_TCB_CHAIN], err) &&
         pki_chain(p, PKI_SIGNER, &c.files[COLLATERAL_QE_CHAIN], err) &&
         pki_chain(p, PKI_CA, &c.files[COLLATERAL_CA_CRL_CHAIN], err) &&
         pki_crl(p, PKI_CA, s, &c.files[COLLATERAL_CA_CRL], err) &&
         pki_crl(p, PKI_ROOT, s, &c.files[COLLATERAL_ROOT_CRL], err);
    if (!ok) {
        collateral_done(&c);
        return false;
    }
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        c.list[i] = (struct document_file){.name = names[i], .content = buf_bytes(&c.files[i])};
    }
    *out = c;
    return true;
}

void collateral_done(struct collateral *c)
{
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        buf_done(&c->files[i]);
    }
}
