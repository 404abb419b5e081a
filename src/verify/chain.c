#include "verify/judge.h"

#include "base/limits.h"
#include "crypto/sig.h"

/* The public key of Intel's SGX root CA (serial 22650CD65A9D3489F383B49552BF501B392706AC; SHA-256 of the certificate
 * 44A0196B2B99F889B8E149E95B807A350E7424964399E885A7CBB8CCFAB674D3). */
static const uint8_t intel_root_key[64] = {0x0b, 0xa9, 0xc4, 0xc0, 0xc0, 0xc8, 0x61, 0x93, 0xa3, 0xfe, 0x23, 0xd6, 0xb0,
                                           0x2c, 0xda, 0x10, 0xa8, 0xbb, 0xd4, 0xe8, 0x8e, 0x48, 0xb4, 0x45, 0x85, 0x61,
                                           0xa3, 0x6e, 0x70, 0x55, 0x25, 0xf5, 0x67, 0x91, 0x8e, 0x2e, 0xdc, 0x88, 0xe4,
                                           0x0d, 0x86, 0x0b, 0xd0, 0xcc, 0x4e, 0xe2, 0x6a, 0xac, 0xc9, 0x88, 0xe5, 0x05,
                                           0xa9, 0x53, 0x55, 0x8c, 0x45, 0x3f, 0x6b, 0x09, 0x04, 0xae, 0x73, 0x94};

/* The root of Intel's parts before production (the same name; SHA-256 of the certificate
 * E3F49E858865D54DDE1D2F778817A355C470133165DDCE1E488BEC66F8F9ECF3): its keys are in many hands. */
static const uint8_t preproduction_root_key[64] = {
    0x4f, 0xfa, 0x0f, 0xfd, 0x56, 0x1c, 0xda, 0xd6, 0xc0, 0xf9, 0x8d, 0x30, 0x8c, 0x81, 0x28, 0xc5,
    0xb9, 0x27, 0xa2, 0x73, 0x32, 0xc8, 0xe8, 0xeb, 0x13, 0xf6, 0xbe, 0x42, 0xb5, 0x71, 0xd6, 0x46,
    0x6f, 0x53, 0xc6, 0x44, 0xff, 0xc2, 0xff, 0xc1, 0x02, 0x82, 0x20, 0xe4, 0x9a, 0x49, 0x66, 0xcf,
    0x02, 0xf3, 0x2e, 0x2f, 0xb4, 0xd3, 0x49, 0xbb, 0x2c, 0xba, 0xed, 0x28, 0x90, 0x37, 0xa0, 0x2d};
static const uint8_t intel_root_sha256[SHA256_SIZE] = {0x44, 0xa0, 0x19, 0x6b, 0x2b, 0x99, 0xf8, 0x89, 0xb8, 0xe1, 0x49,
                                                       0xe9, 0x5b, 0x80, 0x7a, 0x35, 0x0e, 0x74, 0x24, 0x96, 0x43, 0x99,
                                                       0xe8, 0x85, 0xa7, 0xcb, 0xb8, 0xcc, 0xfa, 0xb6, 0x74, 0xd3};

/* What each place of a chain must be. Names only have to contain these words: Intel's own checks do the same. */
struct place {
    const char *words;
    bool ca;
};

static const struct {
    size_t count;
    struct place places[CHAIN_MAX];
} roles[] = {
    [CHAIN_PCK] = {3, {{"SGX PCK Certificate", false}, {"CA", true}, {"SGX Root CA", true}}},
    [CHAIN_SIGNER] = {2, {{"SGX TCB Signing", false}, {"SGX Root CA", true}}},
};

static bool limit_check(struct bytes text, struct err *err)
{
    return text.len <= LIMIT_CHAIN || FAIL(err, REASON_PEM_FORM, ERR_NOWHERE, "a chain of %zu bytes", text.len);
}

bool chain_parse(struct bytes text, enum chain_role role, struct pem *pem, struct chain *out, struct err *err)
{
    if (!pem_parse(text, "CERTIFICATE", pem, err)) {
        return false;
    }
    if (pem->count != roles[role].count) {
        return FAIL(err, REASON_CHAIN_BROKEN, ERR_NOWHERE, "%zu certificates, not %zu", pem->count, roles[role].count);
    }
    memset(out, 0, sizeof *out);
    for (; out->count < pem->count; out->count++) {
        if (!x509_parse(pem->blocks[out->count], &out->certs[out->count], err)) {
            return false;
        }
    }
    hash_bytes(HASH_SHA256, chain_root(out)->whole, out->root_sha256);
    return true;
}

static bool place_check(const struct x509 *x, const struct place *p, size_t below, struct err *err)
{
    const unsigned usage = p->ca ? X509_KEY_CERT_SIGN : X509_DIGITAL_SIGNATURE;

    if (!x->has_basic_constraints || x->ca != p->ca) {
        return FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" is %s", x->common_name,
                    x->ca ? "a CA certificate" : "no CA certificate");
    }
    /* Below a CA: the certificates between it and the first one. */
    if (p->ca && x->path_len >= 0 && (size_t)x->path_len + 1 < below) {
        return FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" allows %d CAs below it", x->common_name, x->path_len);
    }
    if ((x->key_usage & usage) != usage) {
        return FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" has key usage 0x%02x", x->common_name, x->key_usage);
    }
    return strstr(x->common_name, p->words) != NULL ||
           FAIL(err, REASON_CERT_ROLE, ERR_NOWHERE, "\"%s\" is no \"%s\"", x->common_name, p->words);
}

static bool link_check(const struct judge *j, struct chain *c, size_t i, struct err *err)
{
    const struct x509 *x = &c->certs[i], *issuer = chain_issuer(c, i);
    struct err e = {0};

    if (!bytes_equal(x->issuer, issuer->subject)) {
        return FAIL(err, REASON_CHAIN_BROKEN, ERR_NOWHERE, "the issuer of \"%s\" is not \"%s\"", x->common_name,
                    issuer->common_name);
    }
    if (x->authority_key_id.len == 0 || !bytes_equal(x->authority_key_id, issuer->subject_key_id)) {
        return FAIL(err, REASON_CHAIN_BROKEN, ERR_NOWHERE, "\"%s\" names another key of its issuer", x->common_name);
    }
    /* A root of which every byte is known beforehand: that it signed itself says nothing more. */
    if (c->checked[i] || cache_has_cert(j->cache, x, issuer) || (x == issuer && bytes_equal(x->whole, j->known_root))) {
        return true;
    }
    if (!sig_check(SIG_P256, bytes_of(issuer->key_xy, 64), x->tbs, bytes_of(x->signature, 64), &e)) {
        if (reason_kind(e.reason) == REASON_KIND_SYSTEM) {
            *err = e;
            return false;
        }
        return FAIL(err, REASON_CHAIN_BROKEN, ERR_NOWHERE, "\"%s\" is not signed by \"%s\"", x->common_name,
                    issuer->common_name);
    }
    c->checked[i] = true;
    return true;
}

/* Signatures, names, key identifiers, constraints, usages, common names: CHAIN_BROKEN, CERT_ROLE. Validity in time,
 * revocation and trust in the root are judged elsewhere. */
static bool chain_check(const struct judge *j, struct chain *c, enum chain_role role, struct err *err)
{
    for (size_t i = 0; i < c->count; i++) {
        if (!place_check(&c->certs[i], &roles[role].places[i], i, err) || !link_check(j, c, i, err)) {
            return false;
        }
    }
    return true;
}

static void chain_times_check(struct judge *j, const struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        time_check(j, c->certs[i].common_name, c->certs[i].not_before, c->certs[i].not_after, REASON_CERT_NOT_YET,
                   REASON_CERT_EXPIRED);
    }
}

/* "SIMUL" in a place where only the simulator writes it. */
static bool is_simulated(const void *p)
{
    return memcmp(p, "SIMUL", 5) == 0;
}

static const char *simulated_identity(const struct judge *j)
{
    if (strstr(chain_root(j->pck_chain)->common_name, "SIMUL") != NULL) {
        return "the root's name";
    }
    if (is_simulated(j->q.user_data)) {
        return "the quote's user data";
    }
    if (quote_is_tdx(&j->q) && is_simulated(j->q.td.mrseam)) {
        return "MRSEAM";
    }
    if (j->has_pck && (is_simulated(j->pck.fmspc) || is_simulated(j->pck.ppid))) {
        return "the platform's FMSPC or PPID";
    }
    return NULL;
}

static void root_judge(struct judge *j)
{
    const struct x509 *root = chain_root(j->pck_chain);
    const uint8_t *digest = j->pck_chain->root_sha256;
    const bool is_intel = memcmp(root->key_xy, intel_root_key, sizeof intel_root_key) == 0;
    const char *mark;

    if (memcmp(root->key_xy, preproduction_root_key, sizeof preproduction_root_key) == 0) {
        /* Whatever the policy names. */
        fact_refute(j, FACT_root, REASON_ROOT_UNTRUSTED, "Intel's root of parts before production never counts");
    } else if (is_intel && j->policy->intel) {
        mark = simulated_identity(j);
        if (mark != NULL) {
            fact_refute(j, FACT_root, REASON_SIMULATED_IDENTITY, "%s", mark);
        } else {
            j->anchor = ANCHOR_INTEL;
            fact_affirm(j, FACT_root);
        }
    } else if (!is_intel && policy_list_has(&j->policy->simulated, digest)) {
        j->anchor = ANCHOR_SIMULATED;
        fact_affirm(j, FACT_root);
    } else if (j->policy->builtin && j->subject != SUBJECT_QUOTE) {
        /* The built-in policy is for bare quotes: here nobody has said which roots count. */
        fact_unknown(j, FACT_root, REASON_NOT_DEMANDED, "no policy was given that could name \"%s\"",
                     root->common_name);
    } else {
        fact_refute(j, FACT_root, REASON_ROOT_UNTRUSTED, "\"%s\"", root->common_name);
    }
    if (!fact_is(j, FACT_root, FACT_AFFIRMED) && j->policy->intel) {
        fact_hex(j, FACT_root, bytes_of(intel_root_sha256, SHA256_SIZE), bytes_of(NULL, 0));
    } else if (!fact_is(j, FACT_root, FACT_AFFIRMED)) {
        fact_seen_unlisted(j, FACT_root, &j->policy->simulated, digest);
    }
    fact_seen_hex(j, FACT_root, bytes_of(digest, SHA256_SIZE));
}

static bool blocks_add(struct bytes text, struct buf *out, size_t *count, struct err *err)
{
    struct pem pem;
    bool ok = true;

    if (!limit_check(text, err) || !pem_parse(text, "CERTIFICATE", &pem, err)) {
        return false;
    }
    for (size_t i = 0; ok && i < pem.count; i++) {
        ok = pem_add(out, "CERTIFICATE", pem.blocks[i], err);
    }
    *count = pem.count;
    pem_done(&pem);
    return ok;
}

/* Of a leaf and its issuers, each PEM of its own; a leaf's text with more than one certificate has its issuers already,
 * but that of a quote of type 4 is the leaf alone. */
static bool chain_join(struct judge *j, struct bytes leaf, struct bytes issuers, bool alone, struct err *err)
{
    struct buf text = BUF(2 * LIMIT_CHAIN);
    struct piece *p;
    size_t count, more;
    bool ok = blocks_add(leaf, &text, &count, err) &&
              (!alone || count == 1 ||
               FAIL(err, REASON_CHAIN_BROKEN, ERR_NOWHERE, "%zu certificates where the PCK certificate stands alone",
                    count)) &&
              (count > 1 || blocks_add(issuers, &text, &more, err)) &&
              cache_get(j->cache, PIECE_PCK_CHAIN, buf_bytes(&text), &p, err);

    buf_done(&text);
    j->pck_chain = ok ? (void *)p->parsed : NULL;
    return ok;
}

/* The PCK certificate and its issuers: of the quote, or, where it only says which platform it is of, of the collateral.
 */
static bool pck_chain_find(struct judge *j, struct err *err)
{
    const bool alone = j->q.certification_type == QUOTE_CERTIFICATION_PCK_LEAF;
    const struct document_file *leaf, *issuers;
    struct bytes text;
    struct piece *p;

    if (j->q.certification_type == QUOTE_CERTIFICATION_PCK_CHAIN) {
        if (!limit_check(j->q.certification, err) ||
            !cache_get(j->cache, PIECE_PCK_CHAIN, j->q.certification, &p, err)) {
            return false;
        }
        j->pck_chain = (void *)p->parsed;
        return true;
    }
    if (alone) {
        text = j->q.certification;
    } else if (j->q.certification_type < QUOTE_CERTIFICATION_PCK_LEAF &&
               (leaf = collateral_find(j, COLLATERAL_PCK_CERT)) != NULL) {
        text = leaf->content;
    } else {
        return FAIL(err, REASON_COLLATERAL_ABSENT, ERR_NOWHERE,
                    "the quote carries certification data of type %u, and pck_cert.pem was not given",
                    j->q.certification_type);
    }
    issuers = collateral_find(j, COLLATERAL_PCK_CHAIN);
    return chain_join(j, text, issuers == NULL ? bytes_of(NULL, 0) : issuers->content, alone, err);
}

/* What the quote says of its platform, if it does, is what the certificate says. */
static bool platform_check(struct judge *j, struct bytes quoted, struct bytes certified, const char *what,
                           struct err *err)
{
    if (quoted.len == 0 || bytes_equal(quoted, certified)) {
        return true;
    }
    fact_hex(j, FACT_pck_chain, quoted, certified);
    return FAIL(err, REASON_PCK_MISMATCH, ERR_NOWHERE, "%s", what);
}

/* Whether a certificate that was supplied is of the platform that the quote names. */
static bool pck_check(struct judge *j, struct err *err)
{
    return platform_check(j, j->q.pceid, bytes_of(j->pck.pceid, sizeof j->pck.pceid), "PCEID", err) &&
           platform_check(j, j->q.ppid, bytes_of(j->pck.ppid, sizeof j->pck.ppid), "PPID", err);
}

void chain_judge(struct judge *j)
{
    struct err err = {0};

    if (!pck_chain_find(j, &err)) {
        fact_fail(j, FACT_pck_chain, &err);
        return;
    }
    if (memcmp(j->pck_chain->root_sha256, intel_root_sha256, SHA256_SIZE) == 0 ||
        policy_list_has(&j->policy->simulated, j->pck_chain->root_sha256)) {
        j->known_root = chain_root(j->pck_chain)->whole;
    }
    j->has_pck = pck_parse(&j->pck_chain->certs[0], &j->pck, &err);
    if (j->has_pck && pck_check(j, &err) && chain_check(j, j->pck_chain, CHAIN_PCK, &err)) {
        fact_affirm(j, FACT_pck_chain);
    } else {
        fact_fail(j, FACT_pck_chain, &err);
    }
    chain_times_check(j, j->pck_chain);
    root_judge(j);
}

bool chain_signer_judge(struct judge *j, enum fact_id id, const struct document_file *file, const char *what,
                        struct chain **out)
{
    const struct x509 *root, *ours;
    struct piece *p;
    struct err err = {0};

    if (file == NULL) {
        fact_unknown(j, id, REASON_COLLATERAL_ABSENT, "%s", what);
        return false;
    }
    *out = NULL;
    if (limit_check(file->content, &err) && cache_get(j->cache, PIECE_SIGNER_CHAIN, file->content, &p, &err)) {
        *out = (void *)p->parsed;
    }
    if (*out == NULL || !chain_check(j, *out, CHAIN_SIGNER, &err)) {
        err_prefix(&err, file->name);
        fact_fail(j, id, &err);
        return false;
    }
    chain_times_check(j, *out);
    if (j->pck_chain == NULL) {
        fact_unknown(j, id, REASON_FACT_UNKNOWN, "the quote's own chain is not there to compare with");
        return false;
    }
    root = chain_root(*out);
    ours = chain_root(j->pck_chain);
    if (memcmp(root->key_xy, ours->key_xy, sizeof root->key_xy) != 0 || !bytes_equal(root->subject, ours->subject)) {
        fact_refute(j, id, REASON_ROOT_UNTRUSTED, "%s ends in another root than the quote's chain", file->name);
        fact_hex(j, id, bytes_of(j->pck_chain->root_sha256, SHA256_SIZE), bytes_of((*out)->root_sha256, SHA256_SIZE));
        return false;
    }
    return true;
}
