#include "base/wrap.h"

#include <string.h>

#define COLUMNS 80

bool wrap_print(const char *text, size_t at, size_t indent, struct buf *out, struct err *err)
{
    bool ok = true, first = true;

    while (ok && *text != '\0') {
        const size_t word = strcspn(text, " ");

        if (!first && at + 1 + word > COLUMNS) {
            ok = buf_printf(out, err, "\n%*s", (int)indent, "");
            at = indent;
        } else if (!first) {
            ok = buf_u8(out, ' ', err);
            at++;
        }
        ok = ok && buf_add(out, text, word, err);
        at += word;
        text += word + strspn(text + word, " ");
        first = false;
    }
    return ok && buf_u8(out, '\n', err);
}
