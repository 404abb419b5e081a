#include "evidence/member.h"

#include "base/base64.h"
#include "base/limits.h"

#include <stdlib.h>

struct arena *member_memory_new(struct err *err)
{
    struct arena *a = malloc(sizeof *a);

    if (a == NULL) {
        err_set(err, REASON_NO_MEMORY, ERR_NOWHERE, "a document");
    } else {
        *a = ARENA(LIMIT_EVIDENCE);
    }
    return a;
}

void member_memory_free(void *memory)
{
    if (memory != NULL) {
        arena_done(memory);
        free(memory);
    }
}

static bool bytes_get(struct arena *a, const char *member, const json_t *v, size_t max, struct bytes *out,
                      struct err *err)
{
    struct buf b = BUF(max);
    uint8_t *copy;
    bool ok = json_is_string(v) || FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "\"%.60s\" is no string", member);

    ok = ok && base64_decode(bytes_of(json_string_value(v), json_string_length(v)), BASE64_STANDARD, &b, err) &&
         arena_copy(a, buf_bytes(&b), &copy, err);
    if (ok) {
        *out = bytes_of(copy, b.len);
    } else {
        err->offset = ERR_NOWHERE; /* it counted within the member */
        err_prefix(err, member);
    }
    buf_done(&b);
    return ok;
}

bool member_bytes(struct arena *a, const json_t *root, const char *member, size_t max, bool may_be_null,
                  struct bytes *out, struct err *err)
{
    const json_t *v = json_object_get(root, member);

    if (v == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"%s\"", member);
    }
    if (json_is_null(v) && may_be_null) {
        *out = bytes_of(NULL, 0);
        return true;
    }
    return bytes_get(a, member, v, max, out, err);
}

bool member_list(struct arena *a, const json_t *root, const char *member, size_t max, size_t count_max,
                 const struct bytes **out, size_t *count, struct err *err)
{
    const json_t *list = json_object_get(root, member);
    const size_t n = json_array_size(list);
    struct bytes *all;
    void *memory;

    if (list == NULL) {
        *count = 0;
        return true;
    }
    if (!json_is_array(list) || n > count_max) {
        return FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "%s is no list of at most %zu", member, count_max);
    }
    if (!arena_alloc(a, n + 1, sizeof *all, &memory, err)) {
        return false;
    }
    all = memory;
    for (size_t i = 0; i < n; i++) {
        if (!bytes_get(a, member, json_array_get(list, i), max, &all[i], err)) {
            return false;
        }
    }
    *out = all;
    *count = n;
    return true;
}

bool member_files(struct arena *a, const json_t *root, const struct document_file **out, size_t *count, struct err *err)
{
    json_t *object = json_object_get(root, "collateral"), *v;
    struct document_file *files;
    const char *name;
    uint8_t *copy;
    void *memory;
    size_t n = 0;

    if (object == NULL) {
        return FAIL(err, REASON_JSON_MEMBER, ERR_NOWHERE, "no member \"collateral\"");
    }
    if (json_is_null(object)) {
        *out = NULL;
        *count = 0;
        return true;
    }
    if (!json_is_object(object) || json_object_size(object) > LIMIT_COLLATERAL_FILES) {
        return FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "collateral is no object of at most %d files",
                    LIMIT_COLLATERAL_FILES);
    }
    if (!arena_alloc(a, json_object_size(object), sizeof *files, &memory, err)) {
        return false;
    }
    files = memory;
    json_object_foreach(object, name, v)
    {
        if (!bytes_get(a, name, v, LIMIT_COLLATERAL, &files[n].content, err) ||
            !arena_copy(a, bytes_of_str(name), &copy, err)) {
            return false;
        }
        files[n++].name = (const char *)copy;
    }
    *out = files;
    *count = n;
    return true;
}

bool member_bytes_print(struct buf *out, const char *before, struct bytes b, struct err *err)
{
    if (b.p == NULL) {
        return buf_str(out, before, err) && buf_str(out, "null", err);
    }
    return buf_str(out, before, err) && buf_u8(out, '"', err) && base64_add(out, BASE64_STANDARD, b, err) &&
           buf_u8(out, '"', err);
}

bool member_files_print(const struct document_file *files, size_t count, struct buf *out, struct err *err)
{
    bool ok;

    if (files == NULL) {
        return buf_str(out, "null", err);
    }
    ok = buf_u8(out, '{', err);
    for (size_t i = 0; ok && i < count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && json_print_str(bytes_of_str(files[i].name), out, err) &&
             member_bytes_print(
                 out, ":",
                 bytes_of(files[i].content.len > 0 ? files[i].content.p : (const uint8_t *)"", files[i].content.len),
                 err);
    }
    return ok && buf_u8(out, '}', err);
}
