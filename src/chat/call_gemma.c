#include "chat/call_gemma.h"

#include "codec/json.h"

#include <string.h>

static bool is_one_of(uint8_t c, const char *list)
{
    return c != 0 && strchr(list, c) != NULL;
}

static struct bytes behind(struct bytes s, size_t n)
{
    return bytes_of(s.p + n, s.len - n);
}

static struct bytes space_behind(struct bytes s)
{
    while (s.len > 0 && is_one_of(s.p[0], " \t\r\n")) {
        s = behind(s, 1);
    }
    return s;
}

/* Behind the first mark of a text; the rest where there is no second one. */
static struct bytes escaped(struct bytes s)
{
    const uint8_t *end = memmem(s.p, s.len, CALL_GEMMA_ESCAPE, sizeof CALL_GEMMA_ESCAPE - 1);

    return bytes_of(s.p, end == NULL ? s.len : (size_t)(end - s.p));
}

/* A key, or a value without marks. */
static struct bytes word(struct bytes s)
{
    size_t n = 0;

    while (n < s.len && !is_one_of(s.p[n], "{}[],:<")) {
        n++;
    }
    n += n == 0 ? 1 : 0; /* a '<' that begins no mark */
    while (n > 1 && is_one_of(s.p[n - 1], " \t\r\n")) {
        n--;
    }
    return bytes_of(s.p, n);
}

static bool word_print(struct bytes w, bool key, struct buf *out, struct err *err)
{
    json_t *v = NULL;
    struct err why;
    const bool scalar = !key && json_parse(w, &v, &why);

    json_decref(v);
    return scalar ? buf_add(out, w.p, w.len, err) : json_print_str(w, out, err);
}

bool call_gemma_json(struct bytes s, struct buf *out, struct err *err)
{
    const size_t mark = sizeof CALL_GEMMA_ESCAPE - 1;
    bool ok = true;

    for (s = space_behind(s); ok && s.len > 0; s = space_behind(s)) {
        if (is_one_of(s.p[0], "{}[],:")) {
            ok = buf_u8(out, s.p[0], err);
            s = behind(s, 1);
        } else if (s.len >= mark && memcmp(s.p, CALL_GEMMA_ESCAPE, mark) == 0) {
            const struct bytes text = escaped(behind(s, mark));
            const size_t all = mark + text.len + mark;

            ok = json_print_str(text, out, err);
            s = behind(s, all <= s.len ? all : s.len);
        } else {
            const struct bytes w = word(s), next = space_behind(behind(s, w.len));

            ok = word_print(w, next.len > 0 && next.p[0] == ':', out, err);
            s = next;
        }
    }
    return ok;
}
