/* The language of the tables in cases/: one row an attack on a signed world that verifies, in the words of what is
 * changed, and the one fact that must notice it.
 *
 *     {"name", {changes}, "policy", NOTICED("fact", REASON)}             the only required fact that is refuted
 *     {"name", {changes}, "policy", NOTICED_WITH("fact", REASON, "a b")} facts a and b are refuted too
 *     {"name", {changes}, "policy", NOTICED_AS("fact", REASON, "seen")}  it says that it saw this (a TCB status)
 *     {"name", {changes}, "policy", OPEN("fact", REASON)}                unknown, and nothing is refuted
 *     {"name", {changes}, "policy", HOLDS("fact")}                       the twin that must be accepted
 *
 * Changes are made in the order in which a world comes to be (the setup, the certificates, then files and quote),
 * whatever their order in the row. All but those called RAW are signed again with the right key, so that a signature
 * never does another check's work. policy: members put into the policy that accepts the world; into its `td` where they
 * begin with a comma. */
#ifndef SOTTO_TESTS_VERIFY_ATTACK_H
#define SOTTO_TESTS_VERIFY_ATTACK_H

#include "row.h"

#include "codec/der_out.h"
#include "codec/pem.h"

enum change_kind {
    CHANGE_NONE,
    SETUP_FLAG,
    SETUP_TEXT,
    SETUP_ADD8,
    SETUP_ADD16,
    SETUP_TIME,
    WORLD_VERSION,
    CERT_BYTES,
    CERT_BYTES_RAW,
    CERT_BEHIND,
    FILE_TEXT,
    FILE_TEXT_RAW,
    FILE_BYTES,
    FILE_BYTES_RAW,
    FILE_FROM,
    FILE_DROP,
    QUOTE_BYTES,
    QUOTE_GROW,
    QUOTE_SIGN,
    QUOTE_SIGN_QE,
    QUOTE_TWIN,
    CALL,
};

enum place { /* in a quote */
             HEADER,
             BODY,  /* the body itself; a version 5 quote has the six bytes of its descriptor before it */
             DATA,  /* the signature data's length; +4 the signature, +68 the key, +132 certification type and size */
             QE,    /* the QE report; +384 its signature, +448 the authentication data's length, +450 the data */
             INNER, /* the inner certification type; +2 its size, +6 the PEM */
             END,
};

struct change {
    enum change_kind kind;
    size_t at; /* offset in the setup, role, file, or place */
    int64_t number;
    const char *from, *to;
    void (*call)(struct world *w);
};

/* clang-format off */
#define NOTHING {CHANGE_NONE, 0, 0, NULL, NULL, NULL}
#define FLAG(member) {SETUP_FLAG, offsetof(struct setup, member), 0, NULL, NULL, NULL}
#define TEXT(member, value) {SETUP_TEXT, offsetof(struct setup, member), 0, NULL, value, NULL}
#define ADD8(member, n) {SETUP_ADD8, offsetof(struct setup, member), n, NULL, NULL, NULL}
#define ADD16(member, n) {SETUP_ADD16, offsetof(struct setup, member), n, NULL, NULL, NULL}
#define TIME(member, seconds) {SETUP_TIME, offsetof(struct setup, member), seconds, NULL, NULL, NULL} /* from the judgement on */
#define VERSION(n) {WORLD_VERSION, 0, n, NULL, NULL, NULL}
#define CERT(role, from, to) {CERT_BYTES, PKI_##role, 0, from, to, NULL} /* hexadecimal; lengths around it follow */
#define CERT_RAW(role, from, to) {CERT_BYTES_RAW, PKI_##role, 0, from, to, NULL}
#define CERT_LEFT(role, element, more) {CERT_BEHIND, PKI_##role, 0, element, more, NULL} /* bytes behind an element, which begins so */
#define INFO(from, to) {FILE_TEXT, COLLATERAL_TCB_INFO, 0, from, to, NULL} /* the first place where the text stands */
#define INFO_RAW(from, to) {FILE_TEXT_RAW, COLLATERAL_TCB_INFO, 0, from, to, NULL}
#define IDENTITY(from, to) {FILE_TEXT, COLLATERAL_QE_IDENTITY, 0, from, to, NULL}
#define IDENTITY_RAW(from, to) {FILE_TEXT_RAW, COLLATERAL_QE_IDENTITY, 0, from, to, NULL}
#define PEM_RAW(file, from, to) {FILE_TEXT_RAW, COLLATERAL_##file, 0, from, to, NULL}
#define CRL(file, from, to) {FILE_BYTES, COLLATERAL_##file, 0, from, to, NULL} /* as CERT */
#define CRL_RAW(file, from, to) {FILE_BYTES_RAW, COLLATERAL_##file, 0, from, to, NULL}
#define INSTEAD(file, other) {FILE_FROM, COLLATERAL_##file, COLLATERAL_##other, NULL, NULL, NULL}
#define WITHOUT(file) {FILE_DROP, COLLATERAL_##file, 0, NULL, NULL, NULL}
#define QUOTE_RAW(place, offset, to) {QUOTE_BYTES, place, offset, NULL, to, NULL} /* hexadecimal */
#define GROWN(lengths, to) {QUOTE_GROW, lengths, 0, NULL, to, NULL} /* bytes at the end, and which lengths count them */
#define SIGNED {QUOTE_SIGN, 0, 0, NULL, NULL, NULL} /* by the attestation key */
#define QE_SIGNED {QUOTE_SIGN_QE, 0, 0, NULL, NULL, NULL} /* by the PCK key */
#define TWIN(place, offset) {QUOTE_TWIN, place, offset, NULL, NULL, NULL} /* s becomes n - s */
#define DO(function) {CALL, 0, 0, NULL, NULL, function}

#define NOTICED(fact, reason) REFUTES(fact, reason), NULL, NULL
#define NOTICED_AS(fact, reason, seen) REFUTES(fact, reason), NULL, seen
#define NOTICED_WITH(fact, reason, also) REFUTES(fact, reason), also, NULL
#define OPEN(fact, reason) LEAVES(fact, reason), NULL, NULL
#define HOLDS(fact) AFFIRMS(fact), NULL, NULL
#define HOLDS_AS(fact, seen) AFFIRMS(fact), NULL, seen
/* clang-format on */

#define GROW_DATA 1
#define GROW_CERTIFICATION 2
#define GROW_PEM 4

struct attack {
    const char *name;
    struct change changes[5];
    const char *policy;
    const char *fact;
    enum fact_state state;
    enum reason reason;
    enum verdict_result result;
    const char *also; /* NULL: nothing */
    const char *seen; /* what the fact says that it saw; NULL: not looked at */
};

static size_t attack_hex(const char *digits, uint8_t out[256])
{
    struct err err = {0};
    size_t n = strlen(digits) / 2;

    world_must(n <= 256 && hex_decode(bytes_of_str(digits), out, n, &err), &err);
    return n;
}

/* An element's first bytes: its tag, and the length of its content. */
static size_t der_head(struct bytes in, size_t *len)
{
    const size_t more = in.len > 1 && in.p[1] >= 0x80 ? in.p[1] & 0x7fU : 0;

    *len = in.len > 1 && more == 0 ? in.p[1] : 0;
    for (size_t i = 0; i < more && 2 + i < in.len; i++) {
        *len = *len << 8 | in.p[2 + i];
    }
    return 2 + more;
}

/* n bytes of DER become others, and so do the lengths of the elements that they are within: what is left of that is
 * wrong is what the new bytes say. */
static void der_splice(struct bytes in, size_t at, size_t n, struct bytes to, struct buf *out)
{
    struct buf content = BUF(LIMIT_CRL);
    struct err err = {0};
    size_t mark, len, head, i = 0;

    while (i < in.len && (head = der_head(bytes_of(in.p + i, in.len - i), &len)) + len <= at - i) {
        i += head + len;
    }
    /* Within a constructed element, or a string that holds DER. */
    if (i < in.len && at >= i + head && at + n <= i + head + len && i + head + len <= in.len &&
        ((in.p[i] & 0x20) != 0 || in.p[i] == DER_OCTET_STRING)) {
        der_splice(bytes_of(in.p + i + head, len), at - i - head, n, to, &content);
        world_must(buf_add(out, in.p, i, &err) && der_out_begin(out, in.p[i], &mark, &err) &&
                       buf_add(out, content.p, content.len, &err) && der_out_end(out, mark, &err) &&
                       buf_add(out, in.p + i + head + len, in.len - i - head - len, &err),
                   &err);
    } else {
        world_must(buf_add(out, in.p, at, &err) && buf_add(out, to.p, to.len, &err) &&
                       buf_add(out, in.p + at + n, in.len - at - n, &err),
                   &err);
    }
    buf_done(&content);
}

/* Bytes for others, at the first place where they stand. */
static void attack_replace(struct buf *der, const char *from, const char *to)
{
    uint8_t have[256], want[256];
    const size_t n = attack_hex(from, have), m = attack_hex(to, want);
    const uint8_t *at = memmem(der->p, der->len, have, n);
    struct buf next = BUF(LIMIT_CRL);

    if (at == NULL) {
        fail_msg("%s is not there", from);
        abort();
    }
    if (n == m) {
        memcpy(der->p + (at - der->p), want, n);
        return;
    }
    der_splice(buf_bytes(der), (size_t)(at - der->p), n, bytes_of(want, m), &next);
    buf_done(der);
    *der = next;
}

/* The element that begins with these bytes, and more behind it. */
static void attack_behind(struct buf *der, const char *element, const char *more)
{
    uint8_t have[256], added[256];
    const size_t n = attack_hex(element, have), m = attack_hex(more, added);
    const uint8_t *at = memmem(der->p, der->len, have, n);
    struct buf both = BUF(LIMIT_CRL), next = BUF(LIMIT_CRL);
    struct err err = {0};
    size_t head, len;

    if (at == NULL) {
        fail_msg("%s is not there", element);
        abort();
    }
    head = der_head(bytes_of(at, (size_t)(der->p + der->len - at)), &len);
    world_must(buf_add(&both, at, head + len, &err) && buf_add(&both, added, m, &err), &err);
    der_splice(buf_bytes(der), (size_t)(at - der->p), head + len, buf_bytes(&both), &next);
    buf_done(&both);
    buf_done(der);
    *der = next;
}

static void attack_text(struct buf *b, size_t begin, const char *from, const char *to)
{
    uint8_t *at = memmem(b->p + begin, b->len - begin, from, strlen(from));
    struct buf next = BUF(b->max);
    struct err err = {0};

    if (at == NULL) {
        fail_msg("\"%s\" is not there", from);
        abort();
    }
    world_must(buf_add(&next, b->p, (size_t)(at - b->p), &err) && buf_str(&next, to, &err) &&
                   buf_add(&next, at + strlen(from), b->len - (size_t)(at - b->p) - strlen(from), &err),
               &err);
    buf_done(b);
    *b = next;
}

/* The signed body of one of the two documents, for a change of it. */
static void document_body(const struct buf *file, struct buf *body)
{
    const uint8_t *begin = memchr(file->p, ':', file->len), *end = memmem(file->p, file->len, ",\"signature\"", 12);
    struct err err = {0};

    world_must(begin != NULL && end != NULL && buf_add(body, begin + 1, (size_t)(end - begin - 1), &err), &err);
}

static void document_sign(struct world *w, size_t file, struct bytes body)
{
    struct buf *b = &w->collateral.files[file];
    struct err err = {0};

    b->len = 0;
    world_must(
        collateral_sign(&w->platform.pki, file == COLLATERAL_TCB_INFO ? "tcbInfo" : "enclaveIdentity", body, b, &err),
        &err);
}

static size_t quote_place(const struct world *w, size_t place)
{
    const size_t data = w->version == 4 ? 48 + TD_BODY_SIZE : 54 + TD_BODY_15_SIZE;
    const size_t places[] = {0, w->version == 4 ? 48 : 54, data, data + 138, data + 138 + 482, w->quote.len};

    return places[place];
}

static void quote_sign(struct world *w)
{
    const size_t data = quote_place(w, DATA);
    uint8_t rs[64];
    struct err err = {0};

    world_must(key_sign(w->platform.pki.attestation, bytes_of(w->quote.p, data), rs, &err), &err);
    memcpy(w->quote.p + data + 4, rs, sizeof rs);
}

static void quote_sign_qe(struct world *w)
{
    uint8_t *qe = w->quote.p + quote_place(w, QE), rs[64];
    struct err err = {0};

    world_must(key_sign(w->platform.pki.keys[PKI_PCK], bytes_of(qe, SGX_BODY_SIZE), rs, &err), &err);
    memcpy(qe + SGX_BODY_SIZE, rs, sizeof rs);
}

/* n - s, which is a signature of the same bytes (FIPS 186-4). */
static void s_twin(uint8_t s[32])
{
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                      0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    int borrow = 0;

    for (size_t i = 32; i-- > 0;) {
        const int d = order[i] - s[i] - borrow;

        borrow = d < 0;
        s[i] = (uint8_t)d;
    }
}

static void length_add(uint8_t *p, size_t n)
{
    const uint32_t v = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) + (uint32_t)n;

    for (unsigned i = 0; i < 4; i++) {
        p[i] = (uint8_t)(v >> (8 * i));
    }
}

static void quote_grow(struct world *w, size_t lengths, const char *digits)
{
    uint8_t more[256];
    size_t n = attack_hex(digits, more), data = quote_place(w, DATA), inner = quote_place(w, INNER);
    struct err err = {0};

    world_must(buf_add(&w->quote, more, n, &err), &err);
    if ((lengths & GROW_DATA) != 0) {
        length_add(w->quote.p + data, n);
    }
    if ((lengths & GROW_CERTIFICATION) != 0) {
        length_add(w->quote.p + data + 134, n);
    }
    if ((lengths & GROW_PEM) != 0) {
        length_add(w->quote.p + inner + 2, n);
    }
}

static void attack_setup(struct world *w, const struct change *c)
{
    uint8_t *member = (uint8_t *)&w->setup + c->at;
    uint16_t v;

    switch ((int)c->kind) {
    case SETUP_FLAG:
        *(bool *)member = true;
        break;
    case SETUP_TEXT:
        memcpy(member, &c->to, sizeof c->to);
        break;
    case SETUP_ADD8:
        *member = (uint8_t)(*member + c->number);
        break;
    case SETUP_ADD16:
        memcpy(&v, member, sizeof v);
        v = (uint16_t)(v + c->number);
        memcpy(member, &v, sizeof v);
        break;
    case SETUP_TIME: {
        const int64_t when = w->time + c->number;

        memcpy(member, &when, sizeof when);
        break;
    }
    case WORLD_VERSION:
        w->version = (unsigned)c->number;
        break;
    default:
        break;
    }
}

/* Quote and collateral of certificates that have changed. */
static void attack_again(struct world *w)
{
    uint8_t report_data[64];
    struct err err = {0};

    collateral_done(&w->collateral);
    world_must(collateral_new(&w->platform.pki, &w->setup, &w->collateral, &err), &err);
    memcpy(w->files, w->collateral.list, sizeof w->collateral.list);
    report_data_form(&w->parts, report_data);
    w->quote.len = 0;
    world_must(platform_quote(&w->platform, w->version, report_data, &w->quote, &err), &err);
}

static bool attack_cert(struct world *w, const struct change *c)
{
    static const enum pki_role issuers[] = {PKI_ROOT, PKI_ROOT, PKI_CA, PKI_ROOT};
    struct err err = {0};
    struct buf *der;

    if (c->kind < CERT_BYTES || c->kind > CERT_BEHIND) {
        return false;
    }
    der = &w->platform.pki.certs[c->at];
    if (c->kind == CERT_BEHIND) {
        attack_behind(der, c->from, c->to);
    } else {
        attack_replace(der, c->from, c->to);
    }
    if (c->kind != CERT_BYTES_RAW) {
        world_must(pki_sign_again(&w->platform.pki, issuers[c->at], der, &err), &err);
    }
    return true;
}

static void attack_file(struct world *w, const struct change *c)
{
    struct buf *file = &w->collateral.files[c->at], body = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    switch ((int)c->kind) {
    case FILE_TEXT:
        document_body(file, &body);
        attack_text(&body, 0, c->from, c->to);
        document_sign(w, c->at, buf_bytes(&body));
        break;
    case FILE_TEXT_RAW:
        attack_text(file, 0, c->from, c->to);
        break;
    case FILE_BYTES:
    case FILE_BYTES_RAW:
        attack_replace(file, c->from, c->to);
        if (c->kind == FILE_BYTES) {
            world_must(pki_sign_again(&w->platform.pki, c->at == COLLATERAL_ROOT_CRL ? PKI_ROOT : PKI_CA, file, &err),
                       &err);
        }
        break;
    case FILE_FROM:
        file->len = 0;
        world_must(buf_add(file, w->collateral.files[c->number].p, w->collateral.files[c->number].len, &err), &err);
        break;
    case FILE_DROP:
        w->files[c->at].name = "nothing";
        break;
    default:
        break;
    }
    buf_done(&body);
    w->files[c->at].content = buf_bytes(file);
}

static void attack_quote(struct world *w, const struct change *c)
{
    uint8_t bytes[256];

    switch ((int)c->kind) {
    case QUOTE_BYTES:
        memcpy(w->quote.p + quote_place(w, c->at) + c->number, bytes, attack_hex(c->to, bytes));
        break;
    case QUOTE_GROW:
        quote_grow(w, c->at, c->to);
        break;
    case QUOTE_SIGN:
        quote_sign(w);
        break;
    case QUOTE_SIGN_QE:
        quote_sign_qe(w);
        break;
    case QUOTE_TWIN:
        s_twin(w->quote.p + quote_place(w, c->at) + c->number + 32);
        break;
    default:
        break;
    }
}

static void attack_make(struct world *w, const struct attack *a)
{
    const size_t count = sizeof a->changes / sizeof a->changes[0];
    bool again = false;

    world_init(w);
    for (size_t i = 0; i < count; i++) {
        attack_setup(w, &a->changes[i]);
    }
    world_make(w);
    for (size_t i = 0; i < count; i++) {
        again = attack_cert(w, &a->changes[i]) || again;
    }
    if (again) {
        attack_again(w);
    }
    for (size_t i = 0; i < count; i++) {
        const struct change *c = &a->changes[i];

        if (c->kind >= FILE_TEXT && c->kind <= FILE_DROP) {
            attack_file(w, c);
        } else if (c->kind >= QUOTE_BYTES && c->kind <= QUOTE_TWIN) {
            attack_quote(w, c);
        } else if (c->kind == CALL) {
            c->call(w);
        }
    }
}

/* Whether a word is one of those of a list. */
static bool attack_listed(const char *list, const char *word)
{
    const size_t n = strlen(word);

    for (const char *p = list; p != NULL && (p = strstr(p, word)) != NULL; p += n) {
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) {
            return true;
        }
    }
    return false;
}

/* NULL: as the row says. */
static const char *attack_differs(const struct attack *a, const struct verdict *v)
{
    static char line[700];
    const struct fact *f = verdict_find(v, a->fact);

    if (f == NULL || f->state != a->state || f->reason != a->reason || v->result != a->result || !world_consistent(v)) {
        (void)snprintf(line, sizeof line, "%s is %s (%s: %s), expected %s (%s) and %s, not %s", a->fact,
                       f == NULL ? "not there" : fact_state_name(f->state), f == NULL ? "" : reason_name(f->reason),
                       f == NULL ? "" : f->text, fact_state_name(a->state), reason_name(a->reason),
                       verdict_result_name(a->result), verdict_result_name(v->result));
        return line;
    }
    if (a->seen != NULL && strcmp(f->seen, a->seen) != 0) {
        (void)snprintf(line, sizeof line, "%s saw %s, not %s", a->fact, f->seen, a->seen);
        return line;
    }
    for (size_t i = 0; i < v->count; i++) {
        const bool expected = &v->facts[i] == f || attack_listed(a->also, v->facts[i].name);

        if (v->facts[i].required && (v->facts[i].state == FACT_REFUTED) != (expected && a->state == FACT_REFUTED) &&
            &v->facts[i] != f) {
            (void)snprintf(line, sizeof line, "%s is %s too: %s", v->facts[i].name, fact_state_name(v->facts[i].state),
                           v->facts[i].text);
            return line;
        }
    }
    return NULL;
}

static void attack_policy(struct world *w, const struct attack *a)
{
    world_quote_policy_with(w, a->policy[0] == ',' ? a->policy : "", a->policy[0] == ',' ? "" : a->policy);
}

/* Judged as a bare quote by the policy that accepts the world. */
static bool attack_run(const struct attack *a)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = {0};
    const char *differs;

    assert_non_null(w);
    attack_make(w, a);
    attack_policy(w, a);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    differs = attack_differs(a, &w->verdict);
    if (differs != NULL) {
        print_error("%s: %s\n", a->name, differs);
    }
    world_done(w);
    free(w);
    return differs == NULL;
}

static inline void attacks_run(const struct attack *rows, size_t count)
{
    size_t failed = 0;

    for (size_t i = 0; i < count; i++) {
        failed += !attack_run(&rows[i]);
    }
    assert_int_equal(failed, 0);
}
#define ATTACKS_RUN(rows) attacks_run(rows, sizeof(rows) / sizeof *(rows))

#endif
