#include "model/unicode.h"

enum unicode_class unicode_class(uint32_t code)
{
    for (size_t low = 0, high = unicode_range_count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct unicode_range *r = &unicode_ranges[middle];

        if (code < r->first) {
            high = middle;
        } else if (code > r->last) {
            low = middle + 1;
        } else {
            return r->class;
        }
    }
    return UNICODE_OTHER;
}

size_t unicode_recase(uint32_t code, bool upper, uint32_t out[3])
{
    const struct unicode_case *all = upper ? unicode_uppers : unicode_lowers;
    const size_t count = upper ? unicode_upper_count : unicode_lower_count;
    size_t n = 0;

    for (size_t i = 0; i < unicode_several_count; i++) {
        if (unicode_several[i].code == code && unicode_several[i].upper == upper) {
            while (n < 3 && unicode_several[i].to[n] != 0) {
                out[n] = unicode_several[i].to[n];
                n++;
            }
            return n;
        }
    }
    out[0] = code;
    for (size_t low = 0, high = count; low < high;) {
        const size_t middle = low + (high - low) / 2;

        if (code < all[middle].first) {
            high = middle;
        } else if (code > all[middle].last) {
            low = middle + 1;
        } else {
            if ((code - all[middle].first) % all[middle].step == 0) {
                out[0] = (uint32_t)((int64_t)code + all[middle].distance);
            }
            break;
        }
    }
    return 1;
}

size_t unicode_decode(struct bytes text, size_t at, uint32_t *code)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = text.p[at];
    size_t n = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    uint32_t v = first & (0x7fU >> n);

    if (first < 0x80) {
        *code = first;
        return 1;
    }
    *code = UNICODE_INVALID;
    if (first < 0xc2 || first > 0xf4 || n > text.len - at) {
        return 1;
    }
    for (size_t i = 1; i < n; i++) {
        if ((text.p[at + i] & 0xc0) != 0x80) {
            return 1;
        }
        v = v << 6 | (text.p[at + i] & 0x3fU);
    }
    if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000)) {
        return 1;
    }
    *code = v;
    return n;
}

size_t unicode_encode(uint32_t code, uint8_t out[4])
{
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (uint8_t)(0xc0 | code >> 6);
        out[1] = (uint8_t)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (uint8_t)(0xe0 | code >> 12);
        out[1] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
        out[2] = (uint8_t)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (uint8_t)(0xf0 | code >> 18);
    out[1] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
    out[2] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    out[3] = (uint8_t)(0x80 | (code & 0x3f));
    return 4;
}
