#include "test.h"

#include "engine/stream.h"
#include "model/tokenizer.h"
#include "vocabulary_make.h"

struct row {
    const char *name;
    const char *stops[3];
    const char *pieces[6]; /* NULL ends them */
    const char *out[7];    /* what comes after each piece, then at the end */
    bool stopped;
};

static const struct row rows[] = {
    {"plain text comes at once", {NULL}, {"Hello", " world"}, {"Hello", " world", ""}, false},
    {"a sequence over two tokens", {NULL}, {"caf\xc3", "\xa9!"}, {"caf", "\xc3\xa9!", ""}, false},
    {"four bytes one by one", {NULL}, {"\xf0", "\x9f", "\x98", "\x80"}, {"", "", "", "\xf0\x9f\x98\x80", ""}, false},
    {"a sequence that is never finished", {NULL}, {"a\xe2\x82"}, {"a", "\xef\xbf\xbd"}, false},
    {"a byte that can begin nothing", {NULL}, {"a\xff\x80z"}, {"a\xef\xbf\xbd\xef\xbf\xbdz", ""}, false},
    {"a cut sequence, then a letter", {NULL}, {"\xe2\x82", "x"}, {"", "\xef\xbf\xbdx", ""}, false},
    {"an overlong form", {NULL}, {"\xc0\xaf"}, {"\xef\xbf\xbd\xef\xbf\xbd", ""}, false},
    {"a surrogate", {NULL}, {"\xed\xa0\x80"}, {"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", ""}, false},
    {"a stop text in one token", {"STOP"}, {"abSTOPcd"}, {"ab", ""}, true},
    {"a stop text over tokens", {"STOP"}, {"abS", "TO", "Pcd"}, {"ab", "", "", ""}, true},
    {"only its beginning", {"STOP"}, {"abST", "x"}, {"ab", "STx", ""}, false},
    {"its beginning at the end", {"STOP"}, {"abSTO"}, {"ab", "STO"}, false},
    {"a beginning within a beginning", {"aab"}, {"aa", "ab!"}, {"", "a", ""}, true},
    {"the one that is whole first", {"abcd", "bc"}, {"xab", "c", "d"}, {"x", "a", "", ""}, true},
    {"the longer of two that end together", {"bc", "abc"}, {"xabc"}, {"x", ""}, true},
    {"behind a cut sequence", {"\n\n"}, {"a\xc3", "\n", "\n"}, {"a", "\xef\xbf\xbd", "", ""}, true},
    {"a stop text of several bytes a letter",
     {"\xe3\x80\x82"},
     {"\xe4\xbd\xa0\xe3", "\x80", "\x82x"},
     {"\xe4\xbd\xa0", "", "", ""},
     true},
    {"the letter begins as the stop text does",
     {"\xe3\x80\x82"},
     {"\xe3\x80", "\x81"},
     {"", "\xe3\x80\x81", ""},
     false},
};

static size_t stops_of(const struct row *r, struct bytes out[3])
{
    size_t n = 0;

    while (n < 3 && r->stops[n] != NULL) {
        out[n] = bytes_of_str(r->stops[n]);
        n++;
    }
    return n;
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct bytes stops[3];
        struct stream s;
        struct buf out = BUF(1000);
        struct err err = {0};
        size_t p = 0, n;

        n = stops_of(r, stops);
        stream_init(&s, stops, n);
        for (; r->pieces[p] != NULL; p++) {
            size_t before = out.len;

            assert_ok(stream_add(&s, bytes_of_str(r->pieces[p]), &out, &err), err);
            if (!bytes_equal(bytes_of(out.p + before, out.len - before), bytes_of_str(r->out[p]))) {
                fail_msg("%s: piece %zu", r->name, p);
            }
        }
        size_t before = out.len;

        assert_ok(stream_end(&s, &out, &err), err);
        if (!bytes_equal(bytes_of(out.p + before, out.len - before), bytes_of_str(r->out[p])) ||
            s.stopped != r->stopped) {
            fail_msg("%s: the end", r->name);
        }
        stream_done(&s);
        buf_done(&out);
    }
}

/* However the same bytes are cut, the same text comes out. */
static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *r = &rows[i];
        struct buf all = BUF(1000), whole = BUF(1000), single = BUF(1000);
        struct err err = {0};
        struct bytes stops[3];
        size_t n = stops_of(r, stops);
        struct stream a, b;

        for (size_t p = 0; r->pieces[p] != NULL; p++) {
            assert_ok(buf_str(&all, r->pieces[p], &err), err);
        }
        stream_init(&a, stops, n);
        stream_init(&b, stops, n);
        assert_ok(stream_add(&a, buf_bytes(&all), &whole, &err) && stream_end(&a, &whole, &err), err);
        for (size_t at = 0; at < all.len; at++) {
            assert_ok(stream_add(&b, bytes_of(all.p + at, 1), &single, &err), err);
        }
        assert_ok(stream_end(&b, &single, &err), err);
        assert_true(bytes_equal(buf_bytes(&whole), buf_bytes(&single)));
        assert_int_equal(a.stopped, b.stopped);
        stream_done(&a);
        stream_done(&b);
        buf_done(&all);
        buf_done(&whole);
        buf_done(&single);
    }
}

/* ---- Random texts of few letters, so that stops begin, overlap and end everywhere, against a search of the whole.
 * ---- */

static uint64_t random_state = 1;

static size_t random_below(size_t n)
{
    random_state = random_state * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(random_state >> 33) % n;
}

static void letters(struct buf *out, size_t count)
{
    static const char *const some[] = {"a", "b", "\xc3\xa4", "\xe3\x80\x82", "\xe3\x80\x81", "\xf0\x9f\x98\x80"};
    const size_t kinds = 2 + random_below(5);
    struct err err;

    while (count-- > 0) {
        assert_true(buf_str(out, some[random_below(kinds)], &err));
    }
}

/* What stays of a text: up to the stop that is whole first, the longest of those that end there. */
static size_t stays(struct bytes text, const struct bytes *stops, size_t count, bool *stopped)
{
    for (size_t end = 1; end <= text.len; end++) {
        size_t most = 0;

        for (size_t i = 0; i < count; i++) {
            const size_t n = stops[i].len;

            if (n <= end && n > most && memcmp(text.p + end - n, stops[i].p, n) == 0) {
                most = n;
            }
        }
        if (most > 0) {
            *stopped = true;
            return end - most;
        }
    }
    *stopped = false;
    return text.len;
}

/* Could the text that came end in a stop that is not whole yet? Then that much at least must not be out. */
static size_t open_end(struct bytes text, const struct bytes *stops, size_t count)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        for (size_t n = stops[i].len - 1; n > most; n--) {
            if (n <= text.len && memcmp(text.p + text.len - n, stops[i].p, n) == 0) {
                most = n;
            }
        }
    }
    return most;
}

static void random_case(void)
{
    struct buf text = BUF(1000), out = BUF(1000), texts[3] = {BUF(100), BUF(100), BUF(100)};
    const size_t count = 1 + random_below(3);
    struct bytes stops[3];
    struct stream s;
    bool stopped;
    size_t keep;
    struct err err = {0};

    letters(&text, random_below(60));
    for (size_t i = 0; i < count; i++) {
        letters(&texts[i], 1 + random_below(5));
        stops[i] = buf_bytes(&texts[i]);
    }
    keep = stays(buf_bytes(&text), stops, count, &stopped);
    stream_init(&s, stops, count);
    for (size_t at = 0, n; at < text.len; at += n) {
        n = 1 + random_below(9);
        n = n < text.len - at ? n : text.len - at;
        assert_ok(stream_add(&s, bytes_of(text.p + at, n), &out, &err), err);
        assert_true(out.len <= keep && (out.len == 0 || memcmp(out.p, text.p, out.len) == 0));
        assert_true(s.stopped || out.len + open_end(bytes_of(text.p, at + n), stops, count) <= at + n);
        if (!s.stopped && at + n < text.len) { /* no more is held than a stop and a letter need */
            assert_true(out.len + open_end(bytes_of(text.p, at + n), stops, count) + 3 >= at + n);
        }
    }
    assert_ok(stream_end(&s, &out, &err), err);
    assert_int_equal(s.stopped, stopped);
    assert_int_equal(out.len, keep);
    assert_true(keep == 0 || memcmp(out.p, text.p, keep) == 0);
    stream_done(&s);
    for (size_t i = 0; i < 3; i++) {
        buf_done(&texts[i]);
    }
    buf_done(&text);
    buf_done(&out);
}

static void test_random(void **state)
{
    (void)state;
    for (int i = 0; i < 20000; i++) {
        random_case();
    }
}

/* Behind a control token nothing goes on that was begun; and it may be named as a stop. */
static void test_control(void **state)
{
    const struct bytes stops[] = {bytes_of_str("ab"), bytes_of_str("<|user|>")};
    struct buf out = BUF(100);
    struct stream s;
    struct err err = {0};

    (void)state;
    stream_init(&s, stops, 2);
    assert_ok(stream_add(&s, bytes_of_str("xa"), &out, &err) && stream_control(&s, bytes_of_str("<|b|>"), &out, &err),
              err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("xa")) && !s.stopped);
    assert_ok(stream_add(&s, bytes_of_str("b<|user"), &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("xab")) && !s.stopped);
    assert_ok(stream_control(&s, bytes_of_str("<|user|>"), &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("xab<|user")) && s.stopped);
    assert_ok(stream_add(&s, bytes_of_str("y"), &out, &err) && stream_end(&s, &out, &err), err);
    assert_int_equal(out.len, 9);
    stream_done(&s);
    buf_done(&out);
}

static void test_full(void **state)
{
    struct buf out = BUF(3);
    struct err err = {0};
    struct stream s;

    (void)state;
    stream_init(&s, NULL, 0);
    assert_fails(stream_add(&s, bytes_of_str("four"), &out, &err), err, REASON_BUF_FULL, err.offset);
    stream_done(&s);
    buf_done(&out);
}

/* SentencePiece spells what no token has in bytes: each character comes out whole, when its last byte is there. */
static void test_bytes(void **state)
{
    static const char text[] = "hello \xc3\xa4\xf0\x9f\x98\x80 hello";
    struct tokenizer_ids ids = TOKENIZER_IDS(100);
    struct buf file = BUF(MIB(1)), out = BUF(1000);
    struct tokenizer *t;
    struct stream s;
    struct gguf g;
    struct err err;

    (void)state;
    vocabulary_make_spm(&file, false);
    assert_ok(gguf_parse(buf_bytes(&file), &g, &err) && tokenizer_new(&g, &t, &err), err);
    assert_ok(tokenizer_encode(t, bytes_of_str(text), TOKENIZER_ALLOW_USER, &ids, &err), err);
    assert_int_equal(ids.count, 9); /* hello, the space, 2 and 4 bytes, " hello" */
    stream_init(&s, NULL, 0);
    for (size_t i = 0; i < ids.count; i++) {
        size_t before = out.len;
        struct bytes piece;

        assert_ok(tokenizer_piece(t, ids.p[i], &piece, &err) && stream_add(&s, piece, &out, &err), err);
        assert_true((out.len == before) == (i == 2 || (i >= 4 && i <= 6)));
    }
    assert_ok(stream_end(&s, &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&out), bytes_of_str(text)));
    stream_done(&s);
    tokenizer_ids_done(&ids);
    tokenizer_free(t);
    gguf_done(&g);
    buf_done(&file);
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),   cmocka_unit_test(test_cuts),
                                       cmocka_unit_test(test_random), cmocka_unit_test(test_control),
                                       cmocka_unit_test(test_full),   cmocka_unit_test(test_bytes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
