/* UTF-8 (RFC 3629): no overlong form, no surrogate, nothing beyond U+10FFFF. */
#ifndef SOTTO_CODEC_UTF8_H
#define SOTTO_CODEC_UTF8_H

#include "base/bytes.h"

/* Bytes of the sequence at i < s.len; 0: there is none. */
static inline size_t utf8_length(struct bytes s, size_t i)
{
    const uint8_t *p = s.p + i;
    size_t n = p[0] < 0x80                   ? 1
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;

    if (n == 0 || n > s.len - i) {
        return 0;
    }
    for (size_t k = 1; k < n; k++) {
        if ((p[k] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f)) {
        return 0;
    }
    return n;
}

#endif
