#include "collateral/percent.h"

#include <ctype.h>

bool percent_add(struct buf *out, struct bytes text, struct err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        bool bare = c < 0x80 && (isalnum(c) || c == '-' || c == '.' || c == '_' || c == '~');

        if (!(bare ? buf_u8(out, c, err) : buf_printf(out, err, "%%%02X", c))) {
            return false;
        }
    }
    return true;
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(struct bytes text, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        int high, low;

        if (c < 0x20 || c >= 0x7f) {
            return FAIL(err, REASON_HTTP_HEADER, i, "byte 0x%02x in a percent-encoded value", c);
        }
        if (c == '%') {
            bool whole = text.len - i > 2;

            high = whole ? digit(text.p[i + 1]) : -1;
            low = whole ? digit(text.p[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return FAIL(err, REASON_HTTP_HEADER, i, "a %% without two hexadecimal digits");
            }
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        if (!buf_u8(out, c, err)) {
            return false;
        }
    }
    return true;
}
