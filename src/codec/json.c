#include "codec/json.h"

#include "base/base64.h"
#include "base/hex.h"
#include "codec/utf8.h"

#include <stdlib.h>

#define INTEGER_MAX 9007199254740991 /* 2^53 - 1: what every reader of JSON agrees on */

/* ---- raw spans: a walk over text that json_parse() has accepted ---- */

static size_t space_skip(struct bytes t, size_t i)
{
    while (i < t.len && (t.p[i] == ' ' || t.p[i] == '\t' || t.p[i] == '\n' || t.p[i] == '\r')) {
        i++;
    }
    return i;
}

/* Behind the string that begins at i. */
static size_t string_skip(struct bytes t, size_t i)
{
    for (i++; i < t.len && t.p[i] != '"'; i++) {
        i += t.p[i] == '\\';
    }
    return i + 1;
}

/* Behind the object or array that begins at i. */
static size_t container_skip(struct bytes t, size_t i)
{
    static const int8_t steps[256] = {['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1, ['"'] = 2};
    size_t depth = 0;

    for (; i < t.len; i++) {
        const int step = steps[t.p[i]];

        if (step == 2) {
            i = string_skip(t, i) - 1;
        } else if (step == -1 && --depth == 0) {
            return i + 1;
        } else if (step == 1) {
            depth++;
        }
    }
    return t.len;
}

/* Behind the value that begins at i. */
static size_t value_skip(struct bytes t, size_t i)
{
    if (i < t.len && t.p[i] == '"') {
        return string_skip(t, i);
    }
    if (i < t.len && (t.p[i] == '{' || t.p[i] == '[')) {
        return container_skip(t, i);
    }
    while (i < t.len && memchr(",]} \t\r\n", t.p[i], 7) == NULL) { /* a number or a word */
        i++;
    }
    return i < t.len ? i : t.len;
}

bool json_span(struct bytes text, const char *member, struct bytes *out, struct err *err)
{
    size_t i = space_skip(text, 0);
    size_t want = strlen(member);

    if (i < text.len && text.p[i] == '{') {
        i = space_skip(text, i + 1);
        while (i < text.len && text.p[i] == '"') {
            size_t name = i + 1, name_end = string_skip(text, i), value, end;

            i = space_skip(text, name_end);
            value = space_skip(text, i + 1); /* over the colon */
            end = value_skip(text, value);
            if (end > text.len || value >= end) {
                break;
            }
            /* A name that is spelled with escapes is not taken for the same: its bytes are others. */
            if (name_end - 1 - name == want && memcmp(text.p + name, member, want) == 0) {
                *out = bytes_of(text.p + value, end - value);
                return true;
            }
            i = space_skip(text, end);
            i = i < text.len && text.p[i] == ',' ? space_skip(text, i + 1) : text.len;
        }
    }
    return FAIL(err, REASON_JSON_MEMBER, 0, "no member \"%s\"", member);
}

/* ---- getters ---- */

static const char *type_name(json_type t)
{
    static const char *const names[] = {"an object", "an array", "a string", "an integer",
                                        "a number",  "true",     "false",    "null"};

    return names[t];
}

bool json_get(const json_t *object, const char *member, json_type type, json_t **out, struct err *err)
{
    json_t *v = json_object_get(object, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (json_typeof(v) != type) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is %s, not %s", member, type_name(json_typeof(v)),
                    type_name(type));
    }
    *out = v;
    return true;
}

bool json_get_str(const json_t *object, const char *member, const char **out, struct err *err)
{
    json_t *v;

    if (!json_get(object, member, JSON_STRING, &v, err)) {
        return false;
    }
    *out = json_string_value(v);
    return true;
}

bool json_get_u64(const json_t *object, const char *member, uint64_t max, uint64_t *out, struct err *err)
{
    json_t *v;
    json_int_t n;

    if (!json_get(object, member, JSON_INTEGER, &v, err)) {
        return false;
    }
    n = json_integer_value(v);
    if (n < 0 || (uint64_t)n > max) {
        return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "\"%s\" is %lld, not within 0..%llu", member, (long long)n,
                    (unsigned long long)max);
    }
    *out = (uint64_t)n;
    return true;
}

bool json_get_bool(const json_t *object, const char *member, bool *out, struct err *err)
{
    const json_t *v = json_object_get(object, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (!json_is_boolean(v)) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%s\" is %s, not true or false", member,
                    type_name(json_typeof(v)));
    }
    *out = json_is_true(v);
    return true;
}

bool json_get_hex(const json_t *object, const char *member, void *out, size_t len, struct err *err)
{
    const char *s;

    if (!json_get_str(object, member, &s, err)) {
        return false;
    }
    if (!hex_decode(bytes_of_str(s), out, len, err)) {
        err->offset = ERR_NOWHERE; /* it counted within the member */
        err_prefix(err, member);
        return false;
    }
    return true;
}

bool json_get_base64(const json_t *object, const char *member, struct buf *out, struct err *err)
{
    const char *s;

    if (!json_get_str(object, member, &s, err)) {
        return false;
    }
    if (!base64_decode(bytes_of_str(s), BASE64_STANDARD, out, err)) {
        err->offset = ERR_NOWHERE;
        err_prefix(err, member);
        return false;
    }
    return true;
}

bool json_only(const json_t *object, const char *const *names, struct err *err)
{
    const char *key;
    json_t *v;

    if (!json_is_object(object)) {
        return FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "not an object");
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, v)
    {
        size_t i = 0;

        while (names[i] != NULL && strcmp(names[i], key) != 0) {
            i++;
        }
        if (names[i] == NULL) {
            return FAIL(err, REASON_JSON_UNKNOWN, ERR_NOWHERE, "member \"%.100s\"", key);
        }
    }
    return true;
}

/* ---- RFC 8785 ---- */

bool json_print_str(struct bytes s, struct buf *out, struct err *err)
{
    static const char short_escapes[] = "\b\t\n\f\r\"\\";
    static const char short_letters[] = "btnfr\"\\";
    bool ok = buf_u8(out, '"', err);

    for (size_t i = 0; ok && i < s.len;) {
        size_t n = utf8_length(s, i);
        const char *at = s.p[i] != 0 && s.p[i] < 0x80 ? strchr(short_escapes, s.p[i]) : NULL;

        if (n == 0) {
            ok = buf_str(out, "\xef\xbf\xbd", err);
            n = 1;
        } else if (at != NULL) {
            ok = buf_u8(out, '\\', err) && buf_u8(out, (uint8_t)short_letters[at - short_escapes], err);
        } else if (s.p[i] < 0x20) {
            ok = buf_printf(out, err, "\\u%04x", s.p[i]);
        } else {
            ok = buf_add(out, s.p + i, n, err);
        }
        i += n;
    }
    return ok && buf_u8(out, '"', err);
}

/* The order of UTF-16 code units (RFC 8785, section 3.2.3), which differs from that of UTF-8 bytes where one of two
 * characters is beyond U+FFFF (a surrogate, 0xD800.., in UTF-16) and the other within U+E000..U+FFFF: lead bytes F0..
 * against EE, EF. */
static int key_compare(const void *a, const void *b)
{
    const uint8_t *x = *(const uint8_t *const *)a, *y = *(const uint8_t *const *)b;

    while (*x != 0 && *x == *y) {
        x++;
        y++;
    }
    if ((*x >= 0xf0 && (*y == 0xee || *y == 0xef)) || (*y >= 0xf0 && (*x == 0xee || *x == 0xef))) {
        return *x >= 0xf0 ? -1 : 1;
    }
    return *x < *y ? -1 : *x > *y;
}

static bool canonical_object(const json_t *value, struct buf *out, struct err *err)
{
    size_t count = json_object_size(value), n = 0;
    const char **keys = calloc(count + 1, sizeof *keys);
    const char *key;
    json_t *v;
    bool ok;

    if (keys == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu members", count);
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, v)
    {
        keys[n++] = key;
    }
    qsort(keys, count, sizeof *keys, key_compare);
    ok = buf_u8(out, '{', err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && json_print_str(bytes_of_str(keys[i]), out, err) &&
             buf_u8(out, ':', err) && json_print_canonical(json_object_get(value, keys[i]), out, err);
    }
    free(keys);
    return ok && buf_u8(out, '}', err);
}

static bool canonical_array(const json_t *value, struct buf *out, struct err *err)
{
    bool ok = buf_u8(out, '[', err);

    for (size_t i = 0; ok && i < json_array_size(value); i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && json_print_canonical(json_array_get(value, i), out, err);
    }
    return ok && buf_u8(out, ']', err);
}

bool json_print_canonical(const json_t *value, struct buf *out, struct err *err)
{
    json_int_t n;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return canonical_object(value, out, err);
    case JSON_ARRAY:
        return canonical_array(value, out, err);
    case JSON_STRING:
        return json_print_str(bytes_of(json_string_value(value), json_string_length(value)), out, err);
    case JSON_INTEGER:
        n = json_integer_value(value);
        if (n < -INTEGER_MAX || n > INTEGER_MAX) {
            return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "%lld is beyond 2^53", (long long)n);
        }
        return buf_printf(out, err, "%lld", (long long)n);
    case JSON_REAL:
        return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "a fraction: it must be a string");
    case JSON_TRUE:
        return buf_str(out, "true", err);
    case JSON_FALSE:
        return buf_str(out, "false", err);
    case JSON_NULL:
        return buf_str(out, "null", err);
    }
    return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a JSON type that does not exist");
}

bool json_parse_canonical(struct bytes text, json_t **out, struct err *err)
{
    struct buf again = BUF(text.len + 1);
    json_t *v = NULL;
    bool ok = json_parse(text, &v, err);

    if (ok) {
        struct err print = {0};

        ok = json_print_canonical(v, &again, &print);
        if (print.reason == REASON_NO_MEMORY) {
            *err = print;
        } else if (!ok || !bytes_equal(buf_bytes(&again), text)) {
            bool said = print.reason != REASON_OK && print.reason != REASON_BUF_FULL;

            ok = FAIL(err, REASON_JSON_CANONICAL, 0, "%s", said ? print.detail : "another spelling");
        }
    }
    buf_done(&again);
    if (!ok) {
        json_decref(v);
        return false;
    }
    *out = v;
    return true;
}
