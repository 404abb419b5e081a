#include "verify/collateral.h"

#include "base/hex.h"
#include "verify/judge.h"

#include <strings.h>

/* Names in the order in which they are looked for; "%s" stands for the FMSPC in either case of letters. The early sets
 * of Intel's updates decide only where there is no standard one. */
#define NAMES_MAX 6
static const char *const names[][NAMES_MAX] = {
    [COLLATERAL_TCB_INFO] = {"tcb_info_%t_%s.json", "tcb_info_%s.json", "tcb_info.json", "tcb_info_%t_%s_early.json",
                             "tcb_info_%s_early.json", "tcb_info_early.json"},
    [COLLATERAL_TCB_CHAIN] = {"tcb_info_issuer_chain.pem"},
    [COLLATERAL_QE_IDENTITY] = {"%t_qe_identity.json", "qe_identity.json", "%t_qe_identity_early.json",
                                "qe_identity_early.json"},
    [COLLATERAL_QE_CHAIN] = {"qe_identity_issuer_chain.pem"},
    [COLLATERAL_PCK_CRL] = {"pck_crl_platform", "pck_crl_processor", "pck_crl"},
    [COLLATERAL_ROOT_CRL] = {"root_ca_crl"},
    [COLLATERAL_PCK_CERT] = {"pck_cert.pem", "pck_cert_chain.pem"},
    [COLLATERAL_PCK_CHAIN] = {"pck_cert_issuer_chain.pem", "pck_crl_issuer_chain.pem"},
    [COLLATERAL_EARLY_TCB_INFO] = {"tcb_info_%t_%s_early.json", "tcb_info_%s_early.json", "tcb_info_early.json"},
    [COLLATERAL_EARLY_QE_IDENTITY] = {"%t_qe_identity_early.json", "qe_identity_early.json", "%t_qe_identity.json",
                                      "qe_identity.json"},
};

/* The name of a row, filled in. */
static void name_form(const struct judge *j, const char *row, char out[80])
{
    char fmspc[13] = "";
    size_t n = 0;

    if (j->has_pck) {
        hex_encode(bytes_of(j->pck.fmspc, sizeof j->pck.fmspc), fmspc);
    }
    for (const char *p = row; *p != '\0' && n < 60; p++) {
        const char *part = NULL;

        if (p[0] == '%') {
            part = p[1] == 's' ? fmspc : quote_is_tdx(&j->q) ? "tdx" : "sgx";
            p++;
        }
        if (part != NULL) {
            memcpy(out + n, part, strlen(part));
            n += strlen(part);
        } else {
            out[n++] = *p;
        }
    }
    out[n] = '\0';
}

/* A list may be DER or PEM: the name without its ending counts. */
static bool name_matches(const char *file, const char *want, bool list)
{
    const size_t n = strlen(want);

    if (list) {
        return strncmp(file, want, n) == 0 && (strcmp(file + n, ".der") == 0 || strcmp(file + n, ".pem") == 0);
    }
    return strcasecmp(file, want) == 0;
}

/* What the caller gave comes first; the document's own files serve only where the caller has none of the kind. */
struct walk {
    const struct judge *j;
    enum collateral_kind kind;
    bool own, any;
    size_t row, next;
};

static const struct document_file *walk_next(struct walk *w)
{
    const bool list = w->kind == COLLATERAL_PCK_CRL || w->kind == COLLATERAL_ROOT_CRL;

    for (;;) {
        const struct document_file *files = w->own ? w->j->own_files : w->j->in->files;
        const size_t count = w->own ? w->j->own_file_count : w->j->in->file_count;
        char want[80];

        for (; w->row < NAMES_MAX && names[w->kind][w->row] != NULL; w->row++, w->next = 0) {
            name_form(w->j, names[w->kind][w->row], want);
            while (w->next < count) {
                const struct document_file *f = &files[w->next++];

                if (name_matches(f->name, want, list)) {
                    w->any = true;
                    return f;
                }
            }
        }
        if (w->own || w->any) {
            return NULL;
        }
        w->own = true;
        w->row = w->next = 0;
    }
}

const struct document_file *collateral_find(const struct judge *j, enum collateral_kind kind)
{
    struct walk w = {.j = j, .kind = kind};

    return walk_next(&w);
}

bool collateral_has_both(const struct judge *j)
{
    const struct document_file *standard = collateral_find(j, COLLATERAL_TCB_INFO);

    return standard != NULL && strcasestr(standard->name, "_early.json") == NULL &&
           collateral_find(j, COLLATERAL_EARLY_TCB_INFO) != NULL;
}

/* The first file of a kind that is the wanted one, else the first that can be read; *out NULL: there is no file. False:
 * none can be read. */
static bool piece_find(const struct judge *j, enum collateral_kind files, enum piece_kind kind,
                       bool (*wanted)(const struct judge *j, const struct piece *p, struct bytes issuer),
                       struct bytes issuer, const char **name, struct piece **out, struct err *err)
{
    struct walk w = {.j = j, .kind = files};
    const struct document_file *f;
    struct err e = {.reason = REASON_OK};
    struct piece *p;

    *out = NULL;
    while ((f = walk_next(&w)) != NULL) {
        if (!cache_get(j->cache, kind, f->content, &p, &e)) {
            err_prefix(&e, f->name);
            continue;
        }
        if (*out == NULL || wanted(j, p, issuer)) {
            *name = f->name;
            *out = p;
        }
        if (wanted(j, p, issuer)) {
            return true;
        }
    }
    if (*out == NULL && e.reason != REASON_OK) {
        *err = e;
        return false;
    }
    return true;
}

static bool crl_wanted(const struct judge *j, const struct piece *p, struct bytes issuer)
{
    (void)j;
    return bytes_equal(((const struct x509_crl *)(const void *)p->parsed)->issuer, issuer);
}

bool collateral_crl_find(const struct judge *j, enum collateral_kind kind, struct bytes issuer, const char **name,
                         struct piece **out, struct err *err)
{
    return piece_find(j, kind, PIECE_CRL, crl_wanted, issuer, name, out, err) &&
           (*out != NULL ||
            FAIL(err, REASON_CRL_ABSENT, ERR_NOWHERE, "%s", names[kind][kind == COLLATERAL_PCK_CRL ? 2 : 0]));
}

static bool document_wanted(const struct judge *j, const struct piece *p, struct bytes issuer)
{
    const struct tcb_info *t = (const void *)p->parsed;
    const struct qe_identity *q = (const void *)p->parsed;

    (void)issuer;
    if (p->kind == PIECE_QE_IDENTITY) {
        return q->id == (quote_is_tdx(&j->q) ? QE_ID_TD_QE : QE_ID_QE);
    }
    return t->tdx == quote_is_tdx(&j->q) && j->has_pck && memcmp(t->fmspc, j->pck.fmspc, sizeof t->fmspc) == 0;
}

bool collateral_document_find(const struct judge *j, enum piece_kind kind, const char **name, struct piece **out,
                              struct err *err)
{
    const enum collateral_kind files = kind == PIECE_TCB_INFO
                                           ? (j->early ? COLLATERAL_EARLY_TCB_INFO : COLLATERAL_TCB_INFO)
                                       : j->early ? COLLATERAL_EARLY_QE_IDENTITY
                                                  : COLLATERAL_QE_IDENTITY;

    return piece_find(j, files, kind, document_wanted, bytes_of(NULL, 0), name, out, err);
}
