/* Revocation: a list counts only if its issuer's key signed it and it is the list of the CA in question. */
#include "crypto/sig.h"
#include "verify/judge.h"

static bool crl_check(const struct x509_crl *crl, const struct x509 *issuer, struct err *err)
{
    if (!bytes_equal(crl->issuer, issuer->subject) || crl->authority_key_id.len == 0 ||
        !bytes_equal(crl->authority_key_id, issuer->subject_key_id)) {
        return FAIL(err, REASON_CRL_ISSUER, ERR_NOWHERE, "it is not of \"%s\"", issuer->common_name);
    }
    if ((issuer->key_usage & X509_CRL_SIGN) == 0) { /* RFC 5280, section 4.2.1.3 */
        return FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" may not sign lists", issuer->common_name);
    }
    return sig_check(SIG_P256, bytes_of(issuer->key_xy, 64), crl->tbs, bytes_of(crl->signature, 64), err);
}

static bool serial_check(const struct x509_crl *crl, const struct x509 *x, struct err *err)
{
    return !x509_crl_lists(crl, x->serial) || FAIL(err, REASON_CERT_REVOKED, ERR_NOWHERE, "\"%s\"", x->common_name);
}

/* Everything that a root's list could name: the platform's CA and the signers of both documents. */
static bool root_crl_check(struct judge *j, const struct x509_crl *crl, struct err *err)
{
    if (!crl_check(crl, chain_root(&j->pck_chain), err) || !serial_check(crl, &j->pck_chain.certs[1], err)) {
        return false;
    }
    return (j->tcb_chain.count == 0 || serial_check(crl, &j->tcb_chain.certs[0], err)) &&
           (j->qe_chain.count == 0 || serial_check(crl, &j->qe_chain.certs[0], err));
}

static bool pck_crl_check(struct judge *j, const struct x509_crl *crl, struct err *err)
{
    return crl_check(crl, &j->pck_chain.certs[1], err) && serial_check(crl, &j->pck_chain.certs[0], err);
}

static void list_judge(struct judge *j, enum fact_id id, enum collateral_kind kind, struct bytes issuer,
                       bool (*check)(struct judge *j, const struct x509_crl *crl, struct err *err))
{
    struct collateral_crl list;
    struct err err = {0};

    if (!collateral_crl_find(j, kind, issuer, &list, &err)) {
        fact_fail(j, id, &err);
        return;
    }
    if (check(j, &list.crl, &err)) {
        fact_affirm(j, id);
    } else {
        err_prefix(&err, list.name);
        fact_fail(j, id, &err);
    }
    time_check(j, list.name, list.crl.this_update, list.crl.next_update, REASON_CRL_NOT_YET, REASON_CRL_EXPIRED);
    collateral_crl_done(&list);
}

void crl_judge(struct judge *j)
{
    if (!j->has_chain) {
        return;
    }
    list_judge(j, FACT_root_crl, COLLATERAL_ROOT_CRL, chain_root(&j->pck_chain)->subject, root_crl_check);
    list_judge(j, FACT_pck_crl, COLLATERAL_PCK_CRL, j->pck_chain.certs[1].subject, pck_crl_check);
}
