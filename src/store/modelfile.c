#include "store/modelfile.h"

#include <strings.h>

static const char *const commands[] = {"PARAMETER", "TEMPLATE", "SYSTEM", "LICENSE",  "ADAPTER",
                                       "MESSAGE",   "RENDERER", "PARSER", "REQUIRES", "DRAFT"};

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
    while (b.len != 0 && blank(b.p[0])) {
        b = bytes_of(b.p + 1, b.len - 1);
    }
    while (b.len != 0 && blank(b.p[b.len - 1])) {
        b.len--;
    }
    return b;
}

/* Takes the first word off line; both without blanks around them. */
static struct bytes word_take(struct bytes *line)
{
    struct bytes word = *line;
    size_t n = 0;

    while (n < line->len && !blank(line->p[n])) {
        n++;
    }
    word.len = n;
    *line = trim(bytes_of(line->p + n, line->len - n));
    return word;
}

static bool is(struct bytes word, const char *name)
{
    return word.len == strlen(name) && strncasecmp((const char *)word.p, name, word.len) == 0;
}

static bool line_parse(struct bytes line, size_t offset, char from[MODELFILE_FROM_SIZE], struct err *err)
{
    struct bytes word = word_take(&line);

    if (is(word, "FROM")) {
        if (line.len >= 2 && line.p[0] == '"' && line.p[line.len - 1] == '"') {
            line = bytes_of(line.p + 1, line.len - 2);
        }
        if (from[0] != '\0' || line.len == 0 || line.len >= MODELFILE_FROM_SIZE ||
            memchr(line.p, 0, line.len) != NULL) {
            return FAIL(err, REASON_MODELFILE_FORM, offset, "FROM with one path is wanted, once");
        }
        memcpy(from, line.p, line.len);
        from[line.len] = '\0';
        return true;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (is(word, commands[i])) {
            return FAIL(err, REASON_MODELFILE_FORM, offset, "%s is not supported yet", commands[i]);
        }
    }
    return FAIL(err, REASON_MODELFILE_FORM, offset, "%.*s is no command of a Modelfile",
                (int)(word.len < 40 ? word.len : 40), (const char *)word.p);
}

bool modelfile_parse(struct bytes text, char from[MODELFILE_FROM_SIZE], struct err *err)
{
    char found[MODELFILE_FROM_SIZE] = "";

    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.p + at, '\n', text.len - at);
        size_t len = end != NULL ? (size_t)(end - (text.p + at)) : text.len - at;
        struct bytes line = trim(bytes_of(text.p + at, len));

        if (line.len != 0 && line.p[0] != '#' && !line_parse(line, at, found, err)) {
            return false;
        }
        at += len + 1;
    }
    if (found[0] == '\0') {
        return FAIL(err, REASON_MODELFILE_FORM, text.len, "there is no FROM");
    }
    memcpy(from, found, sizeof found);
    return true;
}
