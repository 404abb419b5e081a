/* Parsing and printing by jansson: see json_own.c for the other build. */
#include "base/limits.h"
#include "codec/json.h"

#include <stdlib.h>
#include <threads.h>

/* jansson recurses, and so does the printer; and it takes dozens of bytes for a value of two. So depth and values (no
 * more than one behind each of "{[,:") are counted on the bytes, before anything is parsed. */
static bool bounds_check(struct bytes text, struct err *err)
{
    size_t depth = 0, values = 1;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];

        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
            continue;
        }
        if (c == 0) { /* jansson overlooks one behind a number or a word */
            return FAIL(err, REASON_JSON_FORM, i, "a byte 0");
        }
        values += c == '{' || c == '[' || c == ',' || c == ':';
        if (values > LIMIT_JSON_VALUES) {
            return FAIL(err, REASON_ARENA_FULL, i, "more than %d values", LIMIT_JSON_VALUES);
        }
        if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH) {
                return FAIL(err, REASON_JSON_DEPTH, i, "more than %d levels", LIMIT_JSON_DEPTH);
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* jansson 2.14 takes some failed allocations for malformed text, and drops the bytes of others: it would then give a
 * value that was never sent. So its allocations are watched. */
static _Thread_local bool refused;
static once_flag memory_once = ONCE_FLAG_INIT;

static void *watched_malloc(size_t n)
{
    void *p = malloc(n);

    refused = refused || p == NULL;
    return p;
}

static void memory_watch(void)
{
    json_set_alloc_funcs(watched_malloc, free);
}

bool json_parse(struct bytes text, json_t **out, struct err *err)
{
    json_error_t e;
    json_t *v;

    if (text.len == 0) {
        return FAIL(err, REASON_JSON_FORM, 0, "no text at all");
    }
    if (!bounds_check(text, err)) {
        return false;
    }
    call_once(&memory_once, memory_watch);
    refused = false;
    v = json_loadb(text.len > 0 ? (const char *)text.p : "", text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
    if (refused) {
        json_decref(v);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "JSON of %zu bytes", text.len);
    }
    if (v == NULL) {
        /* "... near 'TEXT'": what was wrong, without the text itself, which may be a prompt. */
        const char *near = strstr(e.text, " near ");

        return FAIL(err, REASON_JSON_FORM, e.position > 0 ? (size_t)e.position : 0, "%.*s",
                    (int)(near != NULL ? near - e.text : (ptrdiff_t)strlen(e.text)), e.text);
    }
    *out = v;
    return true;
}

bool json_parse_span(struct bytes text, const char *member, json_t **out, struct bytes *span, struct err *err)
{
    struct err absent = {0};

    if (!json_parse(text, out, err)) {
        return false;
    }
    if (!json_span(text, member, span, &absent)) {
        *span = bytes_of(NULL, 0);
    }
    return true;
}

struct dump {
    struct buf *out;
    struct err *err;
};

static int dump_to_buf(const char *bytes, size_t n, void *arg)
{
    struct dump *d = arg;

    return buf_add(d->out, bytes, n, d->err) ? 0 : -1;
}

bool json_print(const json_t *value, struct buf *out, struct err *err)
{
    struct err why = {.reason = REASON_NO_MEMORY, .offset = ERR_NOWHERE}; /* what jansson itself fails for */
    struct dump d = {.out = out, .err = &why};
    size_t len = out->len;

    if (json_dump_callback(value, dump_to_buf, &d, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        out->len = len;
        *err = why;
        return false;
    }
    return true;
}
