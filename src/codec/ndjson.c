#include "codec/ndjson.h"

bool ndjson_print(struct buf *out, const json_t *value, struct err *err)
{
    size_t was = out->len;

    if (json_print(value, out, err) && buf_str(out, "\n", err)) {
        return true;
    }
    out->len = was;
    return false;
}

bool ndjson_line_get(struct bytes in, size_t *next, struct bytes *line)
{
    const uint8_t *end = *next < in.len ? memchr(&in.p[*next], '\n', in.len - *next) : NULL;

    if (end == NULL) {
        return false;
    }
    *line = bytes_of(&in.p[*next], (size_t)(end - &in.p[*next]));
    *next += line->len + 1;
    return true;
}
