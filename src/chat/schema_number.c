/* Numbers between two bounds, as rules of digits. */
#include "chat/schema_parts.h"

#include <stdio.h>

static uint32_t nothing(struct schema *c)
{
    return schema_text(c, "");
}

/* One digit of from..to, then rest. */
static uint32_t digit_then(struct schema *c, char from, char to, uint32_t rest)
{
    const uint32_t r = grammar_rule(c->g);

    grammar_begin(c->g, r);
    grammar_range(c->g, (uint8_t)from, (uint8_t)to);
    grammar_use(c->g, rest);
    grammar_end(c->g);
    return r;
}

/* As many digits as there are, from these on (up: and above; else: and below). */
static uint32_t half_range(struct schema *c, const char *digits, bool up)
{
    uint32_t ways[2];
    size_t count = 0;
    const char d = digits[0];

    if (d == 0) {
        return nothing(c);
    }
    ways[count++] = digit_then(c, d, d, half_range(c, digits + 1, up));
    if (up ? d < '9' : d > '0') {
        const uint32_t any = schema_digits(c, strlen(digits + 1), strlen(digits + 1));

        ways[count++] = up ? digit_then(c, (char)(d + 1), '9', any) : digit_then(c, '0', (char)(d - 1), any);
    }
    return schema_either(c, ways, count);
}

/* Of one length. */
static uint32_t same_length(struct schema *c, const char *low, const char *high)
{
    uint32_t ways[3];
    size_t count = 0;

    if (low[0] == 0) {
        return nothing(c);
    }
    if (low[0] == high[0]) {
        return digit_then(c, low[0], low[0], same_length(c, low + 1, high + 1));
    }
    ways[count++] = digit_then(c, low[0], low[0], half_range(c, low + 1, true));
    ways[count++] = digit_then(c, high[0], high[0], half_range(c, high + 1, false));
    if (high[0] - low[0] > 1) {
        ways[count++] =
            digit_then(c, (char)(low[0] + 1), (char)(high[0] - 1), schema_digits(c, strlen(low + 1), strlen(low + 1)));
    }
    return schema_either(c, ways, count);
}

/* Whole numbers of low..high, 0 or above; the largest ones have 16 digits. */
static uint32_t plus_range(struct schema *c, uint64_t low, uint64_t high)
{
    uint32_t ways[20];
    size_t count = 0;
    uint64_t from = low;

    while (count < 20) {
        char a[24], b[24];
        uint64_t last = 9;

        while (last < from) {
            last = last * 10 + 9;
        }
        last = last < high ? last : high;
        (void)snprintf(a, sizeof a, "%llu", (unsigned long long)from);
        (void)snprintf(b, sizeof b, "%llu", (unsigned long long)last);
        ways[count++] = same_length(c, a, b);
        if (last == high) {
            break;
        }
        from = last + 1;
    }
    return schema_either(c, ways, count);
}

/* Numbers of low..high, 0 or above, with a fraction where they are not whole: not behind the largest one, unless it is
 * all zeros. */
static uint32_t plus_numbers(struct schema *c, uint64_t low, uint64_t high, bool whole)
{
    uint32_t ways[2], parts[2], zeros[2];
    size_t count = 0;

    if (whole) {
        return plus_range(c, low, high);
    }
    if (high > low) {
        parts[0] = plus_range(c, low, high - 1);
        parts[1] = c->fraction;
        ways[count++] = schema_sequence(c, parts, 2);
    }
    zeros[0] = schema_text(c, ".");
    zeros[1] = schema_repeat(c, schema_text(c, "0"), 1, 16);
    parts[0] = plus_range(c, high, high);
    parts[1] = schema_maybe(c, schema_sequence(c, zeros, 2));
    ways[count++] = schema_sequence(c, parts, 2);
    return schema_either(c, ways, count);
}

uint32_t schema_range(struct schema *c, const int64_t *low, const int64_t *high, bool whole)
{
    const int64_t far = 9999999999999999;
    const int64_t from = low != NULL ? *low : -far, to = high != NULL ? *high : far;
    uint32_t ways[2], parts[2];
    size_t count = 0;

    if (to >= 0) {
        ways[count++] = plus_numbers(c, from > 0 ? (uint64_t)from : 0, (uint64_t)to, whole);
    }
    if (from < 0) {
        parts[0] = schema_text(c, "-");
        parts[1] = plus_numbers(c, to < 0 ? (uint64_t)-to : whole ? 1 : 0, (uint64_t)-from, whole);
        ways[count++] = schema_sequence(c, parts, 2);
    }
    return schema_either(c, ways, count);
}
