/* Revocation: a list counts only if its issuer's key signed it and it is the list of the CA in question. */
#include "verify/judge.h"

#define NAMED 3 /* certificates that one list could have, at most */

static bool crl_check(struct piece *list, const struct x509 *issuer, struct err *err)
{
    const struct x509_crl *crl = (void *)list->parsed;

    if (!bytes_equal(crl->issuer, issuer->subject) || crl->authority_key_id.len == 0 ||
        !bytes_equal(crl->authority_key_id, issuer->subject_key_id)) {
        return FAIL(err, REASON_CRL_ISSUER, ERR_NOWHERE, "it is not of \"%s\"", issuer->common_name);
    }
    if ((issuer->key_usage & X509_CRL_SIGN) == 0) { /* RFC 5280, section 4.2.1.3 */
        return FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" may not sign lists", issuer->common_name);
    }
    return piece_check(list, issuer->key_xy, crl->tbs, crl->signature, err);
}

/* The list is genuine, and has none of these certificates; NULL: one that is not there. */
static bool list_check(struct piece *list, const struct x509 *issuer, const struct x509 *const named[NAMED],
                       struct err *err)
{
    if (!crl_check(list, issuer, err)) {
        return false;
    }
    for (size_t i = 0; i < NAMED; i++) {
        if (named[i] != NULL && x509_crl_lists((void *)list->parsed, named[i]->serial)) {
            return FAIL(err, REASON_CERT_REVOKED, ERR_NOWHERE, "\"%s\"", named[i]->common_name);
        }
    }
    return true;
}

static void list_judge(struct judge *j, enum fact_id id, enum collateral_kind kind, const struct x509 *issuer,
                       const struct x509 *const named[NAMED])
{
    const struct x509_crl *crl;
    struct piece *list;
    const char *name;
    struct err err = {0};

    if (!collateral_crl_find(j, kind, issuer->subject, &name, &list, &err)) {
        fact_fail(j, id, &err);
        return;
    }
    crl = (void *)list->parsed;
    if (list_check(list, issuer, named, &err)) {
        fact_affirm(j, id);
    } else {
        err_prefix(&err, name);
        fact_fail(j, id, &err);
        if (err.reason == REASON_CRL_ISSUER) {
            fact_hex(j, id, issuer->subject_key_id, crl->authority_key_id);
        } else if (err.reason == REASON_SIGNATURE_WRONG || err.reason == REASON_SIGNATURE_FORM) {
            fact_unsigned(j, id, issuer->key_xy);
        }
    }
    time_check(j, name, crl->this_update, crl->next_update, REASON_CRL_NOT_YET, REASON_CRL_EXPIRED);
}

void crl_judge(struct judge *j)
{
    const struct chain *c = j->pck_chain;

    if (c == NULL) {
        return;
    }
    /* Everything that a root's list could name: the platform's CA and the signers of both documents. */
    list_judge(j, FACT_root_crl, COLLATERAL_ROOT_CRL, chain_root(c),
               (const struct x509 *[NAMED]){&c->certs[1], j->tcb_chain != NULL ? &j->tcb_chain->certs[0] : NULL,
                                            j->qe_chain != NULL ? &j->qe_chain->certs[0] : NULL});
    list_judge(j, FACT_pck_crl, COLLATERAL_PCK_CRL, &c->certs[1], (const struct x509 *[NAMED]){&c->certs[0]});
}
