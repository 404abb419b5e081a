#include "verify/collateral.h"

#include "base/hex.h"
#include "verify/judge.h"

#include <stdio.h>
#include <stdlib.h>
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

static bool crl_read(const struct document_file *f, struct collateral_crl *out, struct err *err)
{
    struct collateral_crl c = {.name = f->name};
    bool ok;

    if (f->content.len > 0 && f->content.p[0] == 0x30) {
        ok = x509_crl_parse(f->content, &c.crl, err);
    } else {
        ok = pem_parse(f->content, "X509 CRL", &c.pem, err) &&
             (c.pem.count == 1 || FAIL(err, REASON_CRL_FORM, ERR_NOWHERE, "%zu lists in one file", c.pem.count)) &&
             x509_crl_parse(c.pem.blocks[0], &c.crl, err);
    }
    if (!ok) {
        pem_done(&c.pem);
        err_prefix(err, f->name);
        return false;
    }
    *out = c;
    return true;
}

bool collateral_crl_find(const struct judge *j, enum collateral_kind kind, struct bytes issuer,
                         struct collateral_crl *out, struct err *err)
{
    struct walk w = {.j = j, .kind = kind};
    const struct document_file *f;
    struct collateral_crl first = {.name = NULL}, c;
    struct err e = {.reason = REASON_CRL_ABSENT, .offset = ERR_NOWHERE};

    (void)snprintf(e.detail, sizeof e.detail, "%s", names[kind][kind == COLLATERAL_PCK_CRL ? 2 : 0]);
    while ((f = walk_next(&w)) != NULL) {
        if (!crl_read(f, &c, &e)) {
            continue;
        }
        if (bytes_equal(c.crl.issuer, issuer)) {
            collateral_crl_done(&first);
            *out = c;
            return true;
        }
        if (first.name == NULL) {
            first = c;
        } else {
            collateral_crl_done(&c);
        }
    }
    if (first.name != NULL) {
        *out = first;
        return true;
    }
    *err = e;
    return false;
}

void collateral_crl_done(struct collateral_crl *c)
{
    pem_done(&c->pem);
}

bool collateral_tcb_info(const struct judge *j, const char **name, struct tcb_info **out, struct err *err)
{
    struct walk w = {.j = j, .kind = j->early ? COLLATERAL_EARLY_TCB_INFO : COLLATERAL_TCB_INFO};
    const struct document_file *f;
    struct tcb_info *first = NULL, *t;
    struct err e = {.reason = REASON_OK};

    while ((f = walk_next(&w)) != NULL) {
        if (!tcb_info_parse(f->content, &t, &e)) {
            err_prefix(&e, f->name);
            continue;
        }
        if (t->tdx == quote_is_tdx(&j->q) && j->has_pck && memcmp(t->fmspc, j->pck.fmspc, sizeof t->fmspc) == 0) {
            tcb_info_free(first);
            *name = f->name;
            *out = t;
            return true;
        }
        if (first == NULL) {
            first = t;
            *name = f->name;
        } else {
            tcb_info_free(t);
        }
    }
    if (first == NULL && e.reason != REASON_OK) {
        *err = e;
        return false;
    }
    *out = first;
    return true;
}

bool collateral_qe_identity(const struct judge *j, const char **name, struct qe_identity **out, struct err *err)
{
    const enum qe_id want = quote_is_tdx(&j->q) ? QE_ID_TD_QE : QE_ID_QE;
    struct walk w = {.j = j, .kind = j->early ? COLLATERAL_EARLY_QE_IDENTITY : COLLATERAL_QE_IDENTITY};
    const struct document_file *f;
    struct qe_identity *first = NULL, *q;
    struct err e = {.reason = REASON_OK};

    while ((f = walk_next(&w)) != NULL) {
        if (!qe_identity_parse(f->content, &q, &e)) {
            err_prefix(&e, f->name);
            continue;
        }
        if (q->id == want) {
            qe_identity_free(first);
            *name = f->name;
            *out = q;
            return true;
        }
        if (first == NULL) {
            first = q;
            *name = f->name;
        } else {
            qe_identity_free(q);
        }
    }
    if (first == NULL && e.reason != REASON_OK) {
        *err = e;
        return false;
    }
    *out = first;
    return true;
}
