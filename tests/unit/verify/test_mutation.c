/* Every byte of a quote of each version, and of what stands beside it, is changed: nothing is accepted, and the reason
 * is the one of the place. The places without a signature over them are named here, and there are no others. */
#include "test.h"
#include "world.h"

/* A run of bytes of the quote, and the reasons that a change in it may first be refused for. */
struct region {
    const char *name;
    size_t from, to;
    bool every_bit; /* else two of each byte */
    const char *reasons;
};

#define REGIONS 19
#define CERTIFICATE_REASONS \
    "PEM_FORM BYTES_SHORT BYTES_LEFT DER_TAG DER_LENGTH DER_VALUE X509_FORM X509_ALGORITHM X509_EXTENSION " \
    "PCK_EXTENSION CHAIN_BROKEN CERT_ROLE QE_SIGNATURE"

static void regions_make(const struct world *w, struct region out[REGIONS])
{
    const size_t body = w->version == 4 ? 48 : 54;
    const size_t data = body + (w->version == 4 ? TD_BODY_SIZE : TD_BODY_15_SIZE), qe = data + 138;
    const size_t pem = qe + SGX_BODY_SIZE + 64 + 2 + 32 + 6;
    const struct region regions[REGIONS] = {
        {"version", 0, 2, true, "QUOTE_VERSION QUOTE_BODY_TYPE QUOTE_TEE_TYPE BYTES_SHORT"},
        {"key type", 2, 4, true, "QUOTE_KEY_TYPE"},
        {"TEE type", 4, 8, true, "QUOTE_TEE_TYPE"},
        {"reserved", 8, 12, true, "QUOTE_SIGNATURE"},
        {"vendor", 12, 28, true, "QE_IDENTITY"},
        {"user data", 28, 48, true, "QUOTE_SIGNATURE"},
        {"body type and size", 48, body, true, "QUOTE_BODY_TYPE QUOTE_TEE_TYPE"},
        {"body", body, data, false, "QUOTE_SIGNATURE"},
        {"size of the signature data", data, data + 4, true, "BYTES_SHORT BYTES_LEFT"},
        {"signature", data + 4, data + 68, false, "QUOTE_SIGNATURE"},
        {"attestation key", data + 68, data + 132, false, "QUOTE_SIGNATURE"},
        {"outer certification type", data + 132, data + 134, true, "QUOTE_CERTIFICATION"},
        {"size of the certification data", data + 134, qe, true, "BYTES_SHORT BYTES_LEFT"},
        {"QE report", qe, qe + SGX_BODY_REPORT_DATA, false, "QE_SIGNATURE"},
        {"QE report's data", qe + SGX_BODY_REPORT_DATA, qe + SGX_BODY_SIZE, false, "QE_BINDING"},
        {"QE report's signature", qe + SGX_BODY_SIZE, qe + SGX_BODY_SIZE + 64, false, "QE_SIGNATURE"},
        {"authentication data", qe + SGX_BODY_SIZE + 64, pem - 6, true,
         "QE_BINDING QUOTE_CERTIFICATION BYTES_SHORT BYTES_LEFT"},
        /* Another type says that the chain is elsewhere: then it is looked for, and nothing is affirmed without. */
        {"inner certification type and size", pem - 6, pem, true,
         "QUOTE_CERTIFICATION COLLATERAL_ABSENT CHAIN_BROKEN PEM_FORM BYTES_SHORT BYTES_LEFT"},
        {"PEM chain", pem, w->quote.len, false, CERTIFICATE_REASONS},
    };

    memcpy(out, regions, sizeof regions);
}

static bool listed(const char *list, const char *word)
{
    const char *at = strstr(list, word);
    const size_t n = strlen(word);

    while (at != NULL && ((at > list && at[-1] != ' ') || (at[n] != ' ' && at[n] != '\0'))) {
        at = strstr(at + 1, word);
    }
    return at != NULL;
}

static void byte_change(struct world *w, const struct region *r, size_t at, uint8_t bits)
{
    const struct fact *f;
    struct err err = {0};

    w->quote.p[at] ^= bits;
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    f = verdict_first_failure(&w->verdict);
    if (w->verdict.result == VERDICT_UNDECIDED) {
        f = verdict_find(&w->verdict, "pck_chain"); /* what the others wait for */
    }
    if (f == NULL || w->verdict.result == VERDICT_VERIFIED || w->verdict.result == VERDICT_SIMULATED ||
        !listed(r->reasons, reason_name(f->reason)) || !world_consistent(&w->verdict)) {
        fail_msg("%s, byte %zu ^ %02x: %s, %s (%s)", r->name, at, bits, verdict_result_name(w->verdict.result),
                 f == NULL ? "nothing" : f->name, f == NULL ? "" : reason_name(f->reason));
    }
    verdict_done(&w->verdict);
    w->quote.p[at] ^= bits;
}

static void every_byte(unsigned version)
{
    struct world *w = calloc(1, sizeof *w);
    struct region regions[REGIONS];
    struct err err = {0};
    size_t next = 0;

    assert_non_null(w);
    world_init(w);
    w->version = version;
    world_make(w);
    world_quote_policy(w);
    regions_make(w, regions);
    for (size_t i = 0; i < REGIONS; i++) {
        const struct region *r = &regions[i];

        assert_int_equal(r->from, next); /* no byte is left out */
        next = r->to;
        for (size_t at = r->from; at < r->to; at++) {
            for (size_t bit = 0; bit < 8; bit++) {
                if (r->every_bit || bit == at % 8 || (i + 1 < REGIONS && bit == (at + 4) % 8)) {
                    byte_change(w, r, at, (uint8_t)(1u << bit));
                }
            }
        }
    }
    assert_int_equal(next, w->quote.len);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    world_done(w);
    free(w);
}

static void version_4(void **state)
{
    (void)state;
    every_byte(4);
}

static void version_5(void **state)
{
    (void)state;
    every_byte(5);
}

/* What follows the signature data is covered by nothing: zeros are let through, anything else is refused for itself. */
static void trailing(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct region r = {"trailing bytes", 0, 0, true, "QUOTE_TRAILING"};
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_quote_policy(w);
    world_must(buf_zero(&w->quote, 64, &err), &err);
    for (size_t at = w->quote.len - 64; at < w->quote.len; at++) {
        byte_change(w, &r, at, (uint8_t)(1u << (at % 8)));
    }
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    world_done(w);
    free(w);
}

/* Every length that is shorter than the quote. */
static void every_length(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_quote_policy(w);
    for (size_t len = 0; len < w->quote.len; len++) {
        const struct fact *f;

        assert_ok(verify_quote(bytes_of(w->quote.p, len), &w->input, &w->verdict, &err), err);
        f = verdict_first_failure(&w->verdict);
        assert_int_equal(w->verdict.result, VERDICT_REFUSED);
        assert_string_equal(f->name, "form");
        assert_string_equal(reason_name(f->reason), "BYTES_SHORT");
        verdict_done(&w->verdict);
    }
    world_done(w);
    free(w);
}

static enum verdict_result document_result(struct world *w)
{
    enum verdict_result r;

    w->document.len = 0;
    world_document(w);
    world_judge(w);
    r = w->verdict.result;
    verdict_done(&w->verdict);
    return r;
}

/* Every byte of the log and of the key set of a document. In the log's first record, which nothing covers, four bytes
 * may differ a little. */
static void every_byte_beside(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    for (size_t n = 0; n < 2; n++) {
        struct buf *b = n == 0 ? &w->log : &w->keys;

        for (size_t i = 0; i < b->len; i++) {
            const uint8_t bit = (uint8_t)(1u << (i % 8));
            const bool choice = n == 0 && (i == 0 || i == 48 || i == 54);
            enum verdict_result r;

            b->p[i] ^= bit;
            r = document_result(w);
            if (r != (choice ? VERDICT_SIMULATED : VERDICT_REFUSED)) {
                fail_msg("byte %zu of %s: %s", i, n == 0 ? "the log" : "the key set", verdict_result_name(r));
            }
            b->p[i] ^= bit;
        }
    }
    assert_int_equal(document_result(w), VERDICT_SIMULATED);
    world_done(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_4), cmocka_unit_test(version_5),
                                       cmocka_unit_test(trailing), cmocka_unit_test(every_length),
                                       cmocka_unit_test(every_byte_beside)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
