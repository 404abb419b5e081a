/* The printers, and what is canonical. */
#include "codec/json_tree.h"

#include <stdlib.h>

#define INTEGER_MAX 9007199254740991 /* 2^53 - 1: what every reader of JSON agrees on */

bool json_print_str(struct bytes s, struct buf *out, struct err *err)
{
    static const char letters[] = "btnfr\"\\", characters[] = "\b\t\n\f\r\"\\";
    bool ok = buf_u8(out, '"', err);

    for (size_t i = 0, run = 0, n; ok && i < s.len; run = i) {
        const char *known;

        while (i < s.len && (n = json_plain_length(s, i)) > 0) {
            i += n;
        }
        ok = buf_add(out, s.p + run, i - run, err);
        if (!ok || i == s.len) {
            break;
        }
        known = s.p[i] != 0 ? strchr(characters, s.p[i]) : NULL;
        ok = known != NULL   ? buf_printf(out, err, "\\%c", letters[known - characters])
             : s.p[i] < 0x20 ? buf_printf(out, err, "\\u%04x", s.p[i])
                             : buf_str(out, "\xef\xbf\xbd", err);
        i++;
    }
    return ok && buf_u8(out, '"', err);
}

/* The order of UTF-16 code units (RFC 8785, section 3.2.3), which differs from that of UTF-8 bytes where one of two
 * characters is beyond U+FFFF (a surrogate, 0xD800.., in UTF-16) and the other within U+E000..U+FFFF: lead bytes F0..
 * against EE, EF. */
static int canonical_compare(const void *a, const void *b)
{
    const uint8_t *x = (const uint8_t *)(*(const struct json_member *const *)a)->name;
    const uint8_t *y = (const uint8_t *)(*(const struct json_member *const *)b)->name;

    while (*x != 0 && *x == *y) {
        x++;
        y++;
    }
    if ((*x >= 0xf0 && (*y == 0xee || *y == 0xef)) || (*y >= 0xf0 && (*x == 0xee || *x == 0xef))) {
        return *x >= 0xf0 ? -1 : 1;
    }
    return *x < *y ? -1 : *x > *y;
}

static bool value_print(const json_t *v, bool canonical, struct buf *out, struct err *err);

static bool container_print(const json_t *v, bool canonical, struct buf *out, struct err *err)
{
    const bool object = v->type == JSON_OBJECT;
    const struct json_member **order = calloc(v->count + 1, sizeof *order);
    bool ok = order != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu members", v->count);

    for (size_t i = 0; ok && i < v->count; i++) {
        order[i] = &v->members[i];
    }
    if (ok && object && canonical) {
        qsort(order, v->count, sizeof *order, canonical_compare);
    }
    ok = ok && buf_u8(out, object ? '{' : '[', err);
    for (size_t i = 0; ok && i < v->count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) &&
             (!object || (json_print_str(bytes_of_str(order[i]->name), out, err) && buf_u8(out, ':', err))) &&
             value_print(order[i]->value, canonical, out, err);
    }
    free(order);
    return ok && buf_u8(out, object ? '}' : ']', err);
}

static bool value_print(const json_t *v, bool canonical, struct buf *out, struct err *err)
{
    switch (v->type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return container_print(v, canonical, out, err);
    case JSON_STRING:
        return json_print_str(bytes_of(v->text, v->len), out, err);
    case JSON_INTEGER:
        if (canonical && (v->integer < -INTEGER_MAX || v->integer > INTEGER_MAX)) {
            return FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "%lld is beyond 2^53", (long long)v->integer);
        }
        return buf_printf(out, err, "%lld", (long long)v->integer);
    case JSON_REAL:
        return canonical ? FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "a fraction: it must be a string")
                         : buf_str(out, v->text, err);
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return buf_str(out, json_words[v->type - JSON_TRUE], err);
}

bool json_print_canonical(const json_t *value, struct buf *out, struct err *err)
{
    return value_print(value, true, out, err);
}

bool json_print(const json_t *value, struct buf *out, struct err *err)
{
    const size_t len = out->len;

    if (!value_print(value, false, out, err)) {
        out->len = len;
        return false;
    }
    return true;
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
