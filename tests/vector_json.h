/* The JSON among other programs' vectors. */
#ifndef SOTTO_TESTS_VECTOR_JSON_H
#define SOTTO_TESTS_VECTOR_JSON_H

#include "codec/json.h"
#include "test.h"

/* The file of vector_path(name), whole; free() it. */
static inline uint8_t *vector_read(const char *name, size_t *len)
{
    FILE *f = fopen(vector_path(name), "rb");
    const size_t room = 4 << 20;
    uint8_t *bytes = malloc(room);

    assert_non_null(f);
    assert_non_null(bytes);
    *len = fread(bytes, 1, room, f);
    assert_true(*len < room);
    (void)fclose(f);
    return bytes;
}

static inline json_t *vector_json(const char *name)
{
    struct err err = {0};
    json_t *v = NULL;
    size_t len;
    uint8_t *bytes = vector_read(name, &len);

    assert_ok(json_parse(bytes_of(bytes, len), &v, &err), err);
    free(bytes);
    return v;
}

#endif
