/* Revocation: a list counts only if its issuer's key signed it and it is the list of the CA in question. */
#include "verify/judge.h"

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

static bool serial_check(const struct x509_crl *crl, const struct x509 *x, struct err *err)
{
    return !x509_crl_lists(crl, x->serial) || FAIL(err, REASON_CERT_REVOKED, ERR_NOWHERE, "\"%s\"", x->common_name);
}

/* Everything that a root's list could name: the platform's CA and the signers of both documents. */
static bool root_crl_check(struct judge *j, struct piece *list, struct err *err)
{
    const struct x509_crl *crl = (void *)list->parsed;

    if (!crl_check(list, chain_root(j->pck_chain), err) || !serial_check(crl, &j->pck_chain->certs[1], err)) {
        return false;
    }
    return (j->tcb_chain == NULL || serial_check(crl, &j->tcb_chain->certs[0], err)) &&
           (j->qe_chain == NULL || serial_check(crl, &j->qe_chain->certs[0], err));
}

static bool pck_crl_check(struct judge *j, struct piece *list, struct err *err)
{
    return crl_check(list, &j->pck_chain->certs[1], err) &&
           serial_check((void *)list->parsed, &j->pck_chain->certs[0], err);
}

static void list_judge(struct judge *j, enum fact_id id, enum collateral_kind kind, const struct x509 *issuer,
                       bool (*check)(struct judge *j, struct piece *list, struct err *err))
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
    if (check(j, list, &err)) {
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
    if (j->pck_chain == NULL) {
        return;
    }
    list_judge(j, FACT_root_crl, COLLATERAL_ROOT_CRL, chain_root(j->pck_chain), root_crl_check);
    list_judge(j, FACT_pck_crl, COLLATERAL_PCK_CRL, &j->pck_chain->certs[1], pck_crl_check);
}
