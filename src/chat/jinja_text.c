#include "chat/jinja_parts.h"
#include "model/unicode.h"

#define SIGMA 0x3a3U /* whose small letter is another one at the end of a word */

/* White space as Python's jinja_strip() knows it, at byte i or ending before it; its length, 0: none. */
static size_t space_at(struct jinja_str s, size_t i, bool before)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
    const size_t left = before ? i : s.len - i;
    const uint8_t *p = s.p + i;

    if (left == 0) {
        return 0;
    }
    if (p[before ? -1 : 0] == ' ' || (p[before ? -1 : 0] >= '\t' && p[before ? -1 : 0] <= '\r') ||
        (p[before ? -1 : 0] >= 0x1c && p[before ? -1 : 0] <= 0x1f)) {
        return 1;
    }
    for (size_t w = 0; w < sizeof wide / sizeof *wide; w++) {
        const size_t len = strlen(wide[w]);

        if (left >= len && memcmp(before ? p - len : p, wide[w], len) == 0) {
            return len;
        }
    }
    p -= before && left >= 3 ? 3 : 0;
    return left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && p[2] >= 0x80 && p[2] <= 0x8a ? 3 : 0; /* U+2000..U+200A */
}

/* One of the characters of set at byte i, or ending before it; its length. */
static size_t char_at(struct jinja_str s, size_t i, bool before, struct jinja_str set)
{
    for (size_t at = 0, len; at < set.len; at += len) {
        for (len = 1; at + len < set.len && (set.p[at + len] & 0xc0) == 0x80; len++) {
        }
        if ((before ? i : s.len - i) >= len && memcmp(s.p + (before ? i - len : i), set.p + at, len) == 0) {
            return len;
        }
    }
    return 0;
}

struct jinja_str jinja_strip(struct jinja_str s, bool left, bool right, const struct jinja_str *set)
{
    size_t from = 0, to = s.len, n;

    while (left && from < to && (n = set != NULL ? char_at(s, from, false, *set) : space_at(s, from, false)) > 0) {
        from += n;
    }
    s = jinja_part(s, from, to);
    to = s.len;
    while (right && to > 0 && (n = set != NULL ? char_at(s, to, true, *set) : space_at(s, to, true)) > 0) {
        to -= n;
    }
    return jinja_part(s, 0, to);
}

/* Beyond ASCII: what has other bytes, and perhaps more of them. Each belongs to whom its character did. */
static bool recase_wide(struct jinja_run *r, struct jinja_str s, enum letter_case how, struct jinja_value *out)
{
    struct jinja_out text;
    struct jinja_str all;
    bool ok = true;

    jinja_out_init(&text);
    for (size_t i = 0, n; ok && i < s.len; i += n) {
        uint32_t code, to[3];
        const bool first = how == CASE_CAPITALIZE && i == 0;
        uint8_t bytes[12], user[12];
        size_t len = 0, count;

        n = unicode_decode(bytes_of(s.p, s.len), i, &code);
        count = unicode_recase(code, how == CASE_UPPER || first, to);
        if (code == SIGMA && how != CASE_UPPER) {
            ok = JINJA_FAIL(r, "whether a sigma ends a word is not known here");
        } else if (how == CASE_TITLE || (first && code >= 0x80 && to[0] != code)) {
            ok = JINJA_FAIL(r, "titles beyond ASCII are not known here");
        } else {
            for (size_t k = 0; k < count; k++) {
                len += unicode_encode(to[k], bytes + len);
            }
            memset(user, s.user != NULL ? s.user[i] : 0, sizeof user);
            ok = jinja_put(r, &text, (struct jinja_str){.p = bytes, .user = user, .len = len});
        }
    }
    ok = ok && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

bool jinja_recase(struct jinja_run *r, struct jinja_str s, enum letter_case how, struct jinja_value *out)
{
    uint8_t *p;
    bool start = true;

    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] >= 0x80) {
            return recase_wide(r, s, how, out);
        }
    }
    if (!jinja_step(r, s.len) || !arena_copy(&r->arena, bytes_of(s.p, s.len), &p, r->err)) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        const bool up = how == CASE_UPPER || (start && how != CASE_LOWER);
        const uint8_t low = p[i] | 0x20;
        const bool letter = low >= 'a' && low <= 'z';

        p[i] = !letter ? p[i] : up ? (uint8_t)(low & ~0x20) : low;
        start = how == CASE_TITLE ? !letter : false;
    }
    *out = jinja_of((struct jinja_str){.p = p, .user = s.user, .len = s.len});
    return true;
}

bool jinja_split(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out)
{
    struct jinja_str by;
    int64_t most;
    size_t from = 0;

    if (!jinja_list_new(r, out) || !jinja_str_arg(r, args, 0, "sep", "", &by) ||
        !jinja_int_arg(r, args, 1, "maxsplit", -1, &most) || !jinja_step(r, s.len)) {
        return false;
    }
    if (by.len == 0 && args->count > 0 && args->values[0].type == JINJA_STR) {
        return JINJA_FAIL(r, "an empty separator");
    }
    if (by.len == 0) { /* at white space, none of which is kept */
        s = jinja_strip(s, true, true, NULL);
        for (size_t i = 0; i < s.len && most != 0;) {
            const size_t n = space_at(s, i, false);

            i += n == 0;
            if (n > 0) {
                if (!jinja_append(r, out->list, jinja_of(jinja_part(s, from, i)))) {
                    return false;
                }
                s = jinja_part(s, from, s.len);
                s = jinja_strip(jinja_part(s, i - from, s.len), true, false, NULL);
                i = from = 0;
                most--;
            }
        }
        return s.len == 0 || jinja_append(r, out->list, jinja_of(s));
    }
    while (most != 0 && s.len - from >= by.len) {
        const uint8_t *at = memmem(s.p + from, s.len - from, by.p, by.len);

        if (at == NULL) {
            break;
        }
        if (!jinja_append(r, out->list, jinja_of(jinja_part(s, from, (size_t)(at - s.p))))) {
            return false;
        }
        from = (size_t)(at - s.p) + by.len;
        most--;
    }
    return jinja_append(r, out->list, jinja_of(jinja_part(s, from, s.len)));
}

bool jinja_replace(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out)
{
    struct jinja_out text;
    struct jinja_str old, new, all;
    int64_t most;
    size_t from = 0;
    bool ok;

    if (!jinja_str_arg(r, args, 0, "old", "", &old) || !jinja_str_arg(r, args, 1, "new", "", &new) ||
        !jinja_int_arg(r, args, 2, "count", -1, &most)) {
        return false;
    }
    if (old.len == 0) {
        return JINJA_FAIL(r, "nothing is replaced");
    }
    jinja_out_init(&text);
    ok = true;
    while (ok && most != 0 && s.len - from >= old.len) {
        const uint8_t *at = memmem(s.p + from, s.len - from, old.p, old.len);

        if (at == NULL) {
            break;
        }
        ok = jinja_put(r, &text, jinja_part(s, from, (size_t)(at - s.p))) && jinja_put(r, &text, new);
        from = (size_t)(at - s.p) + old.len;
        most--;
    }
    ok = ok && jinja_put(r, &text, jinja_part(s, from, s.len)) && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

/* What ends a line, as Python's splitlines() takes it, at byte i; its length, 0: none. */
static size_t line_end_at(struct jinja_str s, size_t i)
{
    const uint8_t *p = s.p + i;
    const size_t left = s.len - i;

    if (p[0] == '\r' && left > 1 && p[1] == '\n') {
        return 2;
    }
    if ((p[0] >= '\n' && p[0] <= '\r') || (p[0] >= 0x1c && p[0] <= 0x1e)) {
        return 1;
    }
    if (left >= 2 && p[0] == 0xc2 && p[1] == 0x85) {
        return 2;
    }
    return left >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9) ? 3 : 0; /* U+2028, U+2029 */
}

static bool line_put(struct jinja_run *r, struct jinja_out *out, struct jinja_str line, int64_t width)
{
    bool ok = true;

    for (int64_t i = 0; ok && i < width; i++) {
        ok = jinja_put(r, out, jinja_text(" ").str);
    }
    return ok && jinja_put(r, out, line);
}

bool jinja_indent(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out)
{
    const bool first = jinja_bool_arg(args, 1, "first"), blank = jinja_bool_arg(args, 2, "blank");
    struct jinja_out text;
    struct jinja_str all;
    size_t from = 0;
    int64_t width;
    bool ok = jinja_int_arg(r, args, 0, "width", 4, &width);

    if (ok && (width < 0 || width > 1000)) {
        return JINJA_FAIL(r, "an indent of %lld", (long long)width);
    }
    if (s.len > 0 && s.p[s.len - 1] == '\r') { /* Jinja puts a "\n" behind all: together they end one line */
        s.len--;
    }
    jinja_out_init(&text);
    for (size_t i = 0, n; ok && i <= s.len; i += n) {
        n = i < s.len ? line_end_at(s, i) : 1;
        if (n > 0) {
            ok = (from == 0 || jinja_put(r, &text, jinja_text("\n").str)) &&
                 line_put(r, &text, jinja_part(s, from, i), (from == 0 ? first : blank || i > from) ? width : 0);
            from = i + n;
        }
        n = n > 0 ? n : 1;
    }
    ok = ok && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

/* The argument that stands between two braces: by its keyword, its place, or in turn. NULL: none, or more is asked. */
static const struct jinja_value *field_get(const struct jinja_args *args, struct jinja_str field, size_t *turn)
{
    char name[64];
    size_t place = 0;

    if (field.len == 0) {
        return jinja_arg(args, (*turn)++, "", NULL);
    }
    if (field.len >= sizeof name) {
        return NULL;
    }
    memcpy(name, field.p, field.len);
    name[field.len] = 0;
    if (strspn(name, "0123456789") < field.len) {
        return strpbrk(name, ".[!:") == NULL ? jinja_arg(args, SIZE_MAX, name, NULL) : NULL;
    }
    for (size_t i = 0; i < field.len && place < args->count; i++) {
        place = place * 10 + (size_t)(name[i] - '0');
    }
    return jinja_arg(args, place, "", NULL);
}

bool jinja_format(struct jinja_run *r, struct jinja_str s, const struct jinja_args *args, struct jinja_value *out)
{
    struct jinja_out text;
    struct jinja_str all;
    size_t turn = 0;
    bool ok = true;

    jinja_out_init(&text);
    for (size_t i = 0, to; ok && i < s.len; i = to) {
        const bool brace = s.p[i] == '{' || s.p[i] == '}';
        const uint8_t *end = s.p[i] == '{' ? memchr(s.p + i, '}', s.len - i) : NULL;
        const struct jinja_value *v;

        to = i + 1;
        if (brace && to < s.len && s.p[to] == s.p[i]) { /* "{{" is a brace */
            ok = jinja_put(r, &text, jinja_part(s, i, to++));
        } else if (!brace) {
            while (to < s.len && s.p[to] != '{' && s.p[to] != '}') {
                to++;
            }
            ok = jinja_put(r, &text, jinja_part(s, i, to));
        } else {
            v = end != NULL ? field_get(args, jinja_part(s, to, (size_t)(end - s.p)), &turn) : NULL;
            to = end != NULL ? (size_t)(end - s.p) + 1 : s.len;
            ok = v != NULL ? jinja_print(r, &text, v, false) : JINJA_FAIL(r, "a format that is not known here");
        }
    }
    ok = ok && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}

bool jinja_join(struct jinja_run *r, struct jinja_str between, const struct jinja_value *v, struct jinja_value *out)
{
    const struct jinja_list *items;
    struct jinja_out text;
    struct jinja_str all;
    bool ok = jinja_items(r, v, &items);

    jinja_out_init(&text);
    for (size_t i = 0; ok && i < items->count; i++) {
        ok = (i == 0 || jinja_put(r, &text, between)) && jinja_print(r, &text, &items->items[i], false);
    }
    ok = ok && jinja_out_take(r, &text, &all);
    jinja_out_done(&text);
    *out = ok ? jinja_of(all) : jinja_none;
    return ok;
}
