/* The changes of the tables in cases/ that need more than a word: each is named for what it does. */
#ifndef SOTTO_TESTS_VERIFY_ATTACK_DO_H
#define SOTTO_TESTS_VERIFY_ATTACK_DO_H

#include "attack.h"

#include "codec/x509.h"

static void add(struct buf *b, const void *p, size_t n)
{
    struct err err = {0};

    world_must(buf_add(b, p, n, &err), &err);
}

/* ---- quotes ---- */

/* A version 4 quote's body in a version 5 quote: type 2, 584 bytes. */
static void quote_td10_in_5(struct world *w)
{
    static const uint8_t descriptor[] = {2, 0, 0x48, 2, 0, 0};
    struct buf q = BUF(LIMIT_QUOTE);
    const size_t data = 54 + TD_BODY_SIZE;
    uint8_t rs[64];
    struct err err = {0};

    add(&q, w->quote.p, 48);
    add(&q, descriptor, sizeof descriptor);
    add(&q, w->quote.p + 48, w->quote.len - 48);
    q.p[0] = 5;
    world_must(key_sign(w->platform.pki.attestation, bytes_of(q.p, data), rs, &err), &err);
    memcpy(q.p + data + 4, rs, sizeof rs);
    buf_done(&w->quote);
    w->quote = q;
}

/* An enclave's quote: version 5, body type 1, its ATTRIBUTES. */
static void quote_enclave_of(struct world *w, uint8_t attributes)
{
    static const uint8_t descriptor[] = {1, 0, 0x80, 1, 0, 0};
    struct buf q = BUF(LIMIT_QUOTE);
    const size_t data = 54 + SGX_BODY_SIZE;
    uint8_t rs[64];
    struct err err = {0};

    add(&q, w->quote.p, 48);
    add(&q, descriptor, sizeof descriptor);
    world_must(buf_zero(&q, SGX_BODY_SIZE, &err), &err);
    add(&q, w->quote.p + quote_place(w, DATA), w->quote.len - quote_place(w, DATA));
    q.p[4] = 0; /* the TEE type */
    q.p[54 + SGX_BODY_ATTRIBUTES] = attributes;
    world_must(key_sign(w->platform.pki.attestation, bytes_of(q.p, data), rs, &err), &err);
    memcpy(q.p + data + 4, rs, sizeof rs);
    buf_done(&w->quote);
    w->quote = q;
}

static void quote_enclave(struct world *w)
{
    quote_enclave_of(w, 0x05);
}

static void quote_enclave_debug(struct world *w)
{
    quote_enclave_of(w, 0x07);
}

static void quote_cut(struct world *w)
{
    w->quote.len--;
}

static void quote_empty(struct world *w)
{
    w->quote.len = 0;
}

static void quote_huge(struct world *w)
{
    struct err err = {0};

    w->quote.max = LIMIT_QUOTE + 1;
    world_must(buf_zero(&w->quote, LIMIT_QUOTE + 1 - w->quote.len, &err), &err);
}

static void quote_flip_r(struct world *w)
{
    w->quote.p[quote_place(w, DATA) + 20] ^= 4;
}

/* The TCB signer's key plays another attestation key: its quote is signed, and the QE has never reported it. */
static void quote_other_key(struct world *w)
{
    const struct key *other = w->platform.pki.keys[PKI_SIGNER];
    const size_t data = quote_place(w, DATA);
    uint8_t rs[64];
    struct err err = {0};

    key_public(other, w->quote.p + data + 68);
    world_must(key_sign(other, bytes_of(w->quote.p, data), rs, &err), &err);
    memcpy(w->quote.p + data + 4, rs, sizeof rs);
}

static void quote_other_key_bound(struct world *w)
{
    const size_t data = quote_place(w, DATA), qe = quote_place(w, QE);
    struct hash h;

    quote_other_key(w);
    hash_init(&h, HASH_SHA256);
    hash_add(&h, bytes_of(w->quote.p + data + 68, 64));
    hash_add(&h, bytes_of(w->quote.p + qe + 450, 32));
    hash_end(&h, w->quote.p + qe + SGX_BODY_REPORT_DATA);
}

static void quote_qe_by_other(struct world *w)
{
    uint8_t *qe = w->quote.p + quote_place(w, QE);
    struct err err = {0};

    world_must(key_sign(w->platform.pki.keys[PKI_SIGNER], bytes_of(qe, SGX_BODY_SIZE), qe + SGX_BODY_SIZE, &err), &err);
}

/* ---- the PCK certificate and its chain ---- */

static void pck_by_root(struct world *w)
{
    struct err err = {0};

    world_must(pki_sign_again(&w->platform.pki, PKI_ROOT, &w->platform.pki.certs[PKI_PCK], &err), &err);
    attack_again(w);
}

/* Where the BIT STRING of a certificate's signature begins: behind the second algorithm. */
static size_t signature_bits(const struct buf *der)
{
    static const uint8_t algorithm[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x03};
    size_t bits = 0;

    for (size_t i = 0; i + sizeof algorithm < der->len; i++) {
        bits = memcmp(der->p + i, algorithm, sizeof algorithm) == 0 ? i + sizeof algorithm - 1 : bits;
    }
    return bits;
}

static void pck_outer_sha384(struct world *w)
{
    struct buf *der = &w->platform.pki.certs[PKI_PCK];

    der->p[signature_bits(der) - 1] = 3;
    attack_again(w);
}

static void pck_unused_bit(struct world *w)
{
    struct buf *der = &w->platform.pki.certs[PKI_PCK];

    der->p[signature_bits(der) + 2] = 1;
    attack_again(w);
}

/* INTEGER r with one zero byte more in front; the lengths around it grow by one. */
static void pck_r_padded(struct world *w)
{
    struct buf *der = &w->platform.pki.certs[PKI_PCK], next = BUF(LIMIT_CERT);
    const size_t bits = signature_bits(der);

    add(&next, der->p, bits + 7); /* 03 LL 00 30 LL 02 LL */
    add(&next, "\0", 1);
    add(&next, der->p + bits + 7, der->len - bits - 7);
    next.p[3]++;
    next.p[bits + 1]++;
    next.p[bits + 4]++;
    next.p[bits + 6]++;
    buf_done(der);
    *der = next;
    attack_again(w);
}

/* A certificate or list with n - s for the s of its signature. */
static void signed_twin(struct buf *der, struct bytes tbs, uint8_t rs[64])
{
    struct buf next = BUF(LIMIT_CRL), sig = BUF(80);
    struct err err = {0};
    size_t seq;

    s_twin(rs + 32);
    world_must(der_out_ecdsa(&sig, bytes_of(rs, 64), &err) && der_out_begin(&next, DER_SEQUENCE, &seq, &err) &&
                   buf_add(&next, tbs.p, tbs.len + 12, &err) && /* and the algorithm behind it */
                   der_out_bits(&next, buf_bytes(&sig), 0, &err) && der_out_end(&next, seq, &err),
               &err);
    buf_done(&sig);
    buf_done(der);
    *der = next;
}

static void pck_twin(struct world *w)
{
    struct buf *der = &w->platform.pki.certs[PKI_PCK];
    struct x509 x;
    struct err err = {0};

    world_must(x509_parse(buf_bytes(der), &x, &err), &err);
    signed_twin(der, x.tbs, x.signature);
    attack_again(w);
}

static void pck_byte_behind(struct world *w)
{
    add(&w->platform.pki.certs[PKI_PCK], "", 1);
    attack_again(w);
}

/* The quote with another text as its certification data. */
static void quote_pem(struct world *w, struct bytes pem)
{
    const size_t at = quote_place(w, INNER) + 6;
    const size_t grow = pem.len - (w->quote.len - at); /* may wrap, and so does the sum */

    w->quote.len = at;
    add(&w->quote, pem.p, pem.len);
    length_add(w->quote.p + quote_place(w, DATA), grow);
    length_add(w->quote.p + quote_place(w, DATA) + 134, grow);
    length_add(w->quote.p + at - 4, grow);
}

static void quote_chain(struct world *w, const enum pki_role *roles, size_t count)
{
    struct buf pem = BUF(LIMIT_CHAIN);
    struct err err = {0};

    for (size_t i = 0; i < count; i++) {
        world_must(pem_add(&pem, "CERTIFICATE", buf_bytes(&w->platform.pki.certs[roles[i]]), &err), &err);
    }
    quote_pem(w, buf_bytes(&pem));
    buf_done(&pem);
}

static void pem_two(struct world *w)
{
    quote_chain(w, (const enum pki_role[]){PKI_PCK, PKI_CA}, 2);
}

static void pem_four(struct world *w)
{
    quote_chain(w, (const enum pki_role[]){PKI_PCK, PKI_CA, PKI_ROOT, PKI_ROOT}, 4);
}

static void pem_backwards(struct world *w)
{
    quote_chain(w, (const enum pki_role[]){PKI_ROOT, PKI_CA, PKI_PCK}, 3);
}

static void pem_leaf_twice(struct world *w)
{
    quote_chain(w, (const enum pki_role[]){PKI_PCK, PKI_PCK, PKI_ROOT}, 3);
}

static void pem_plain(struct world *w)
{
    quote_chain(w, (const enum pki_role[]){PKI_PCK, PKI_CA, PKI_ROOT}, 3);
}

static void pem_text_behind(struct world *w)
{
    pem_plain(w);
    quote_grow(w, GROW_DATA | GROW_CERTIFICATION | GROW_PEM, "78");
}

/* The leaf alone, and more empty lines than a chain may have bytes. */
static void pem_leaf_lines(struct world *w)
{
    const size_t type = quote_place(w, INNER);
    struct buf pem = BUF(LIMIT_QUOTE);
    struct err err = {0};

    world_must(pem_add(&pem, "CERTIFICATE", buf_bytes(&w->platform.pki.certs[PKI_PCK]), &err), &err);
    while (pem.len <= LIMIT_CHAIN) {
        add(&pem, "\n", 1);
    }
    quote_pem(w, buf_bytes(&pem));
    w->quote.p[type] = QUOTE_CERTIFICATION_PCK_LEAF;
    buf_done(&pem);
}

static void pem_none(struct world *w)
{
    quote_pem(w, bytes_of_str("no PEM\n"));
}

/* ---- collateral: whole files ---- */

static struct buf *file_begin(struct world *w, enum collateral_file f)
{
    w->collateral.files[f].len = 0;
    return &w->collateral.files[f];
}

static void file_end(struct world *w, enum collateral_file f)
{
    w->files[f].content = buf_bytes(&w->collateral.files[f]);
}

static void signer_alone(struct world *w)
{
    struct err err = {0};

    world_must(pem_add(file_begin(w, COLLATERAL_TCB_CHAIN), "CERTIFICATE",
                       buf_bytes(&w->platform.pki.certs[PKI_SIGNER]), &err),
               &err);
    file_end(w, COLLATERAL_TCB_CHAIN);
}

/* The signer below a root of the same key that calls itself otherwise. */
static void signer_root_renamed(struct world *w)
{
    static const char from[] = "6e6f207365637572697479", to[] = "6e6f205365637572697479"; /* "no security" */
    struct buf root = BUF(LIMIT_CERT), signer = BUF(LIMIT_CERT), *file;
    struct err err = {0};

    add(&root, w->platform.pki.certs[PKI_ROOT].p, w->platform.pki.certs[PKI_ROOT].len);
    add(&signer, w->platform.pki.certs[PKI_SIGNER].p, w->platform.pki.certs[PKI_SIGNER].len);
    attack_replace(&root, from, to); /* issuer */
    attack_replace(&root, from, to); /* subject */
    attack_replace(&signer, from, to);
    world_must(pki_sign_again(&w->platform.pki, PKI_ROOT, &root, &err) &&
                   pki_sign_again(&w->platform.pki, PKI_ROOT, &signer, &err),
               &err);
    file = file_begin(w, COLLATERAL_TCB_CHAIN);
    world_must(pem_add(file, "CERTIFICATE", buf_bytes(&signer), &err) &&
                   pem_add(file, "CERTIFICATE", buf_bytes(&root), &err),
               &err);
    file_end(w, COLLATERAL_TCB_CHAIN);
    buf_done(&root);
    buf_done(&signer);
}

static void signer_text_behind(struct world *w)
{
    add(&w->collateral.files[COLLATERAL_TCB_CHAIN], "x\n", 2);
    file_end(w, COLLATERAL_TCB_CHAIN);
}

static void signer_lines(struct world *w)
{
    struct buf *file = &w->collateral.files[COLLATERAL_TCB_CHAIN];

    while (file->len <= LIMIT_CHAIN) {
        add(file, "\n", 1);
    }
    file_end(w, COLLATERAL_TCB_CHAIN);
}

/* The signer in a certificate of another serial number. */
static void signer_anew(struct world *w, enum collateral_file f)
{
    struct buf signer = BUF(LIMIT_CERT), *file = file_begin(w, f);
    struct err err = {0};

    add(&signer, w->platform.pki.certs[PKI_SIGNER].p, w->platform.pki.certs[PKI_SIGNER].len);
    attack_replace(&signer, "02105cdf", "02105cde");
    world_must(pki_sign_again(&w->platform.pki, PKI_ROOT, &signer, &err) &&
                   pem_add(file, "CERTIFICATE", buf_bytes(&signer), &err) &&
                   pem_add(file, "CERTIFICATE", buf_bytes(&w->platform.pki.certs[PKI_ROOT]), &err),
               &err);
    file_end(w, f);
    buf_done(&signer);
}

static void info_signer_anew(struct world *w)
{
    signer_anew(w, COLLATERAL_TCB_CHAIN);
}

static void identity_signer_anew(struct world *w)
{
    signer_anew(w, COLLATERAL_QE_CHAIN);
}

static void crl_twin(struct world *w)
{
    struct buf *der = &w->collateral.files[COLLATERAL_CA_CRL];
    struct x509_crl crl;
    struct err err = {0};

    world_must(x509_crl_parse(buf_bytes(der), &crl, &err), &err);
    signed_twin(der, crl.tbs, crl.signature);
    file_end(w, COLLATERAL_CA_CRL);
}

/* Of the processor CA, or of the platform CA where that is not the platform's. */
static void crl_of_other_ca(struct world *w)
{
    struct setup s = w->setup;
    struct err err = {0};

    s.processor = !s.processor;
    world_must(pki_crl(&w->platform.pki, PKI_CA, &s, file_begin(w, COLLATERAL_CA_CRL), &err), &err);
    file_end(w, COLLATERAL_CA_CRL);
}

static void crl_by_root(struct world *w)
{
    struct err err = {0};

    world_must(pki_sign_again(&w->platform.pki, PKI_ROOT, &w->collateral.files[COLLATERAL_CA_CRL], &err), &err);
    file_end(w, COLLATERAL_CA_CRL);
}

static void crl_byte_behind(struct world *w)
{
    add(&w->collateral.files[COLLATERAL_CA_CRL], "", 1);
    file_end(w, COLLATERAL_CA_CRL);
}

static void crl_empty(struct world *w)
{
    (void)file_begin(w, COLLATERAL_CA_CRL);
    file_end(w, COLLATERAL_CA_CRL);
}

static void crl_as_pem(struct world *w, unsigned times)
{
    struct buf der = BUF(LIMIT_CRL), *file = &w->collateral.files[COLLATERAL_CA_CRL];
    struct err err = {0};

    add(&der, file->p, file->len);
    file->len = 0;
    for (unsigned i = 0; i < times; i++) {
        world_must(pem_add(file, "X509 CRL", buf_bytes(&der), &err), &err);
    }
    buf_done(&der);
    w->files[COLLATERAL_CA_CRL].name = "pck_crl.pem";
    file_end(w, COLLATERAL_CA_CRL);
}

static void crl_pem(struct world *w)
{
    crl_as_pem(w, 1);
}

static void crl_pem_twice(struct world *w)
{
    crl_as_pem(w, 2);
}

static void no_files(struct world *w)
{
    w->file_count = 0;
}

/* ---- another installation ---- */

static struct platform other_platform;
static struct collateral other_files;

static void other_make(struct world *w)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {9};
    struct err err = {0};

    if (other_files.files[0].p == NULL) {
        world_must(platform_new(seed, &w->setup, &other_platform, &err), &err);
        world_must(collateral_new(&other_platform.pki, &w->setup, &other_files, &err), &err);
    }
}

static void other_done(void)
{
    collateral_done(&other_files);
    platform_done(&other_platform);
}

/* Its chain around our attestation key and QE report. */
static void other_chain(struct world *w)
{
    struct buf pem = BUF(LIMIT_CHAIN);
    struct err err = {0};

    other_make(w);
    world_must(pki_chain(&other_platform.pki, PKI_PCK, &pem, &err), &err);
    quote_pem(w, buf_bytes(&pem));
    buf_done(&pem);
}

static void other_collateral(struct world *w)
{
    other_make(w);
    memcpy(w->files, other_files.list, sizeof other_files.list);
}

static void other_info(struct world *w)
{
    other_make(w);
    w->files[COLLATERAL_TCB_INFO] = other_files.list[COLLATERAL_TCB_INFO];
    w->files[COLLATERAL_TCB_CHAIN] = other_files.list[COLLATERAL_TCB_CHAIN];
}

static void other_identity(struct world *w)
{
    other_make(w);
    w->files[COLLATERAL_QE_IDENTITY] = other_files.list[COLLATERAL_QE_IDENTITY];
    w->files[COLLATERAL_QE_CHAIN] = other_files.list[COLLATERAL_QE_CHAIN];
}

/* The same key and name in a certificate that was signed a second time: policies name one by its digest. */
static void root_anew(struct world *w)
{
    struct buf kept = BUF(LIMIT_CERT), *root = &w->platform.pki.certs[PKI_ROOT];
    struct err err = {0};

    add(&kept, root->p, root->len);
    world_must(pki_sign_again(&w->platform.pki, PKI_ROOT, root, &err), &err);
    attack_again(w);
    buf_done(root);
    *root = kept; /* what the policy will name */
}

/* ---- the two documents ---- */

static void signatures_swapped(struct world *w)
{
    uint8_t *a = w->collateral.files[COLLATERAL_TCB_INFO].p + w->collateral.files[COLLATERAL_TCB_INFO].len - 130;
    uint8_t *b = w->collateral.files[COLLATERAL_QE_IDENTITY].p + w->collateral.files[COLLATERAL_QE_IDENTITY].len - 130;
    uint8_t kept[128];

    memcpy(kept, a, sizeof kept);
    memcpy(a, b, sizeof kept);
    memcpy(b, kept, sizeof kept);
}

/* The last 130 bytes of the file: 128 digits, a quotation mark and a brace. */
static uint8_t *signature_digits(struct world *w)
{
    return w->collateral.files[COLLATERAL_TCB_INFO].p + w->collateral.files[COLLATERAL_TCB_INFO].len - 130;
}

static void signature_twin(struct world *w)
{
    uint8_t rs[64], *digits = signature_digits(w);
    char text[129];
    struct err err = {0};

    world_must(hex_decode(bytes_of(digits, 128), rs, sizeof rs, &err), &err);
    s_twin(rs + 32);
    hex_encode(bytes_of(rs, sizeof rs), text);
    memcpy(digits, text, 128);
}

static void signature_zero(struct world *w)
{
    memset(signature_digits(w), '0', 128);
}

static void signature_capitals(struct world *w)
{
    uint8_t *digits = signature_digits(w);

    for (size_t i = 0; i < 128; i++) {
        digits[i] = digits[i] >= 'a' ? (uint8_t)(digits[i] - 'a' + 'A') : digits[i];
    }
}

static void signature_cut(struct world *w, size_t digits)
{
    w->collateral.files[COLLATERAL_TCB_INFO].len -= 2 + digits;
    add(&w->collateral.files[COLLATERAL_TCB_INFO], "\"}", 2);
    file_end(w, COLLATERAL_TCB_INFO);
}

static void signature_odd(struct world *w)
{
    signature_cut(w, 1);
}

static void signature_short(struct world *w)
{
    signature_cut(w, 2);
}

static void info_by_pck(struct world *w)
{
    struct pki other = w->platform.pki;
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    document_body(&w->collateral.files[COLLATERAL_TCB_INFO], &body);
    other.keys[PKI_SIGNER] = other.keys[PKI_PCK];
    world_must(collateral_sign(&other, "tcbInfo", buf_bytes(&body), file_begin(w, COLLATERAL_TCB_INFO), &err), &err);
    file_end(w, COLLATERAL_TCB_INFO);
    buf_done(&body);
}

static void body_set(struct world *w, enum collateral_file f, struct buf *body)
{
    document_sign(w, f, buf_bytes(body));
    file_end(w, f);
    buf_done(body);
}

static void document_deep(struct world *w, enum collateral_file f, const char *open, const char *close)
{
    struct buf body = BUF(LIMIT_COLLATERAL);

    add(&body, "{\"x\":", 5);
    for (int i = 0; i < 10000; i++) {
        add(&body, open, strlen(open));
    }
    add(&body, "1", 1);
    for (int i = 0; i < 10000; i++) {
        add(&body, close, 1);
    }
    add(&body, "}", 1);
    body_set(w, f, &body);
}

static void info_deep(struct world *w)
{
    document_deep(w, COLLATERAL_TCB_INFO, "[", "]");
}

static void identity_deep(struct world *w)
{
    document_deep(w, COLLATERAL_QE_IDENTITY, "{\"x\":", "}");
}

static void info_behind(struct world *w)
{
    add(&w->collateral.files[COLLATERAL_TCB_INFO], "{}", 2);
    file_end(w, COLLATERAL_TCB_INFO);
}

static void info_empty(struct world *w)
{
    (void)file_begin(w, COLLATERAL_TCB_INFO);
    file_end(w, COLLATERAL_TCB_INFO);
}

static void info_list(struct world *w)
{
    add(file_begin(w, COLLATERAL_TCB_INFO), "[]", 2);
    file_end(w, COLLATERAL_TCB_INFO);
}

/* The TCB info's body, in three parts: up to its platform levels, the levels, and the end. */
static void levels_part(struct world *w, struct buf *body, struct bytes parts[4])
{
    static const char levels[] = "\"tcbLevels\":[{\"tcb\":{\"sgx", second[] = ",{\"tcb\":{\"sgx";
    const uint8_t *first, *next;

    document_body(&w->collateral.files[COLLATERAL_TCB_INFO], body);
    first = memmem(body->p, body->len, levels, sizeof levels - 1);
    assert_non_null(first);
    first += 13; /* behind the bracket */
    next = memmem(first, (size_t)(body->p + body->len - first), second, sizeof second - 1);
    assert_non_null(next);
    parts[0] = bytes_of(body->p, (size_t)(first - body->p));
    parts[1] = bytes_of(first, (size_t)(next - first));
    parts[2] = bytes_of(next + 1, (size_t)(body->p + body->len - next - 3));
    parts[3] = bytes_of(body->p + body->len - 2, 2);
}

static void levels_set(struct world *w, const struct bytes *parts, const int *order, size_t count)
{
    struct buf out = BUF(LIMIT_COLLATERAL);

    add(&out, parts[0].p, parts[0].len);
    for (size_t i = 0; i < count; i++) {
        add(&out, ",", i > 0);
        add(&out, parts[order[i]].p, parts[order[i]].len);
    }
    add(&out, parts[3].p, parts[3].len);
    body_set(w, COLLATERAL_TCB_INFO, &out);
}

static void info_no_levels(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct bytes parts[4];

    levels_part(w, &body, parts);
    levels_set(w, parts, NULL, 0);
    buf_done(&body);
}

static void info_level_twice(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct bytes parts[4];

    levels_part(w, &body, parts);
    levels_set(w, parts, (const int[]){1, 2, 1}, 3);
    buf_done(&body);
}

static void info_levels_turned(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct bytes parts[4];

    levels_part(w, &body, parts);
    levels_set(w, parts, (const int[]){2, 1}, 2);
    buf_done(&body);
}

static void info_65_levels(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct bytes parts[4];
    int order[65];

    for (size_t i = 0; i < 65; i++) {
        order[i] = i == 0 ? 1 : 2;
    }
    levels_part(w, &body, parts);
    levels_set(w, parts, order, 65);
    buf_done(&body);
}

/* The list of module identities, doubled. */
static void info_module_twice(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL), out = BUF(LIMIT_COLLATERAL);
    const uint8_t *from, *to;

    document_body(&w->collateral.files[COLLATERAL_TCB_INFO], &body);
    from = memmem(body.p, body.len, "{\"id\":\"TDX_01\"", 14);
    assert_non_null(from);
    to = memmem(from, (size_t)(body.p + body.len - from), "}]}],", 5);
    assert_non_null(to);
    to += 3;
    add(&out, body.p, (size_t)(to - body.p));
    add(&out, ",", 1);
    add(&out, from, (size_t)(body.p + body.len - from));
    buf_done(&body);
    body_set(w, COLLATERAL_TCB_INFO, &out);
}

/* In the place of a text: before, a number and behind, for each of count numbers. */
static void text_repeat(struct world *w, enum collateral_file f, const char *from, const char *before, size_t number,
                        size_t count, const char *behind)
{
    struct buf body = BUF(LIMIT_COLLATERAL), many = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    for (size_t i = 0; i < count; i++) {
        world_must(buf_printf(&many, &err, "%s%s%zu%s", i == 0 ? "" : ",", before, number + i, behind), &err);
    }
    world_must(buf_u8(&many, 0, &err), &err);
    document_body(&w->collateral.files[f], &body);
    attack_text(&body, 0, from, (const char *)many.p);
    body_set(w, f, &body);
    buf_done(&many);
}

#define ADVISORY "\"SIMULATED-SA-00001\""
static void info_64_advisories(struct world *w)
{
    text_repeat(w, COLLATERAL_TCB_INFO, ADVISORY, "\"SIMULATED-SA-", 0, 64, "\"");
}

static void info_65_advisories(struct world *w)
{
    text_repeat(w, COLLATERAL_TCB_INFO, ADVISORY, "\"SIMULATED-SA-", 0, 65, "\"");
}

#define SVN_LEVEL_REST "},\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}"
static void module_32_levels(struct world *w)
{
    text_repeat(w, COLLATERAL_TCB_INFO, "{\"tcb\":{\"isvsvn\":5" SVN_LEVEL_REST, "{\"tcb\":{\"isvsvn\":", 0, 32,
                SVN_LEVEL_REST);
}

static void module_33_levels(struct world *w)
{
    text_repeat(w, COLLATERAL_TCB_INFO, "{\"tcb\":{\"isvsvn\":5" SVN_LEVEL_REST, "{\"tcb\":{\"isvsvn\":", 0, 33,
                SVN_LEVEL_REST);
}

static void identity_33_levels(struct world *w)
{
    text_repeat(w, COLLATERAL_QE_IDENTITY, "{\"tcb\":{\"isvsvn\":4" SVN_LEVEL_REST, "{\"tcb\":{\"isvsvn\":", 0, 33,
                SVN_LEVEL_REST);
}

/* TDX_10 and so on, and behind them TDX_01 as it was. */
static void info_modules(struct world *w, size_t count)
{
    struct buf rest = BUF(LIMIT_COLLATERAL);
    const uint8_t *from, *to;
    struct buf body = BUF(LIMIT_COLLATERAL), out = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    document_body(&w->collateral.files[COLLATERAL_TCB_INFO], &body);
    from = memmem(body.p, body.len, "{\"id\":\"TDX_01\"", 14);
    assert_non_null(from);
    to = memmem(from, (size_t)(body.p + body.len - from), "}]}],", 5);
    assert_non_null(to);
    add(&rest, from + 13, (size_t)(to + 3 - from - 13)); /* behind its number */
    add(&out, body.p, (size_t)(from - body.p));
    for (size_t i = 1; i < count; i++) {
        world_must(buf_printf(&out, &err, "{\"id\":\"TDX_%zu%.*s,", 9 + i, (int)rest.len, (const char *)rest.p), &err);
    }
    add(&out, from, (size_t)(body.p + body.len - from));
    buf_done(&rest);
    buf_done(&body);
    body_set(w, COLLATERAL_TCB_INFO, &out);
}

static void info_16_modules(struct world *w)
{
    info_modules(w, 16);
}

static void info_17_modules(struct world *w)
{
    info_modules(w, 17);
}

static void info_issued_number(struct world *w)
{
    struct buf body = BUF(LIMIT_COLLATERAL);
    uint8_t *date;

    document_body(&w->collateral.files[COLLATERAL_TCB_INFO], &body);
    date = memmem(body.p, body.len, "\"issueDate\":", 12);
    assert_non_null(date);
    memset(date + 12, '1', 1);
    memset(date + 13, ' ', 21);
    body_set(w, COLLATERAL_TCB_INFO, &body);
}

#endif
