#include "codec/pem.h"

#include "base/base64.h"
#include "base/limits.h"

#include <stdio.h>

/* One line without its end; false at the end of the text. */
static bool line_next(struct bytes text, size_t *at, struct bytes *line)
{
    const uint8_t *end;
    size_t len;

    if (*at >= text.len) {
        return false;
    }
    end = memchr(text.p + *at, '\n', text.len - *at);
    len = (end != NULL ? (size_t)(end - text.p) : text.len) - *at;
    *line = bytes_of(text.p + *at, len);
    *at += len + (end != NULL);
    if (line->len > 0 && line->p[line->len - 1] == '\r') {
        line->len--;
    }
    return true;
}

/* The lines of one block's body up to its END line, decoded into der. */
static bool body_read(struct bytes text, size_t *at, struct bytes end, struct buf *digits, struct buf *der,
                      struct err *err)
{
    size_t start = *at;
    struct bytes line;
    size_t width = 0; /* of the first line: others are wrapped at 76, or not at all */
    bool last = false, ok = true, ended = false;

    while (ok && line_next(text, at, &line)) {
        if (bytes_equal(line, end)) {
            ended = true;
            break;
        }
        width = width == 0 ? line.len : width;
        ok = (!last && line.len > 0 && line.len <= width && buf_add(digits, line.p, line.len, err)) ||
             FAIL(err, REASON_PEM_FORM, start, "a line that is empty, longer than the first, or follows a short one");
        last = line.len < width;
    }
    ok = ok && (ended || FAIL(err, REASON_PEM_FORM, text.len, "no END line"));
    if (ok && !base64_decode(buf_bytes(digits), BASE64_STANDARD, der, err)) {
        ok = FAIL(err, REASON_PEM_FORM, start, "the block is not base64");
    }
    digits->len = 0;
    return ok;
}

bool pem_parse(struct bytes text, const char *label, struct pem *out, struct err *err)
{
    char begin[64], end[64];
    struct pem p = {.der = BUF(LIMIT_CRL)};
    struct buf digits = BUF(LIMIT_CRL);
    size_t at = 0, begun;
    uint8_t *room;
    struct bytes line;

    (void)snprintf(begin, sizeof begin, "-----BEGIN %s-----", label);
    (void)snprintf(end, sizeof end, "-----END %s-----", label);
    if (text.len > 0 && text.p[text.len - 1] == '\0') {
        text.len--;
    }
    /* At once, so that neither grows and moves. */
    if (!buf_room(&digits, text.len, &room, err) || !buf_room(&p.der, text.len, &room, err)) {
        goto fail;
    }
    for (size_t here = 0; line_next(text, &at, &line); here = at) {
        if (line.len == 0) {
            continue;
        }
        if (p.count == PEM_BLOCKS_MAX || !bytes_equal(line, bytes_of_str(begin))) {
            (void)FAIL(err, REASON_PEM_FORM, here, "a line that begins no %s, or more than %d blocks", label,
                       PEM_BLOCKS_MAX);
            goto fail;
        }
        begun = p.der.len;
        if (!body_read(text, &at, bytes_of_str(end), &digits, &p.der, err)) {
            goto fail;
        }
        p.blocks[p.count++] = bytes_of(p.der.p + begun, p.der.len - begun);
    }
    if (p.count == 0) {
        (void)FAIL(err, REASON_PEM_FORM, 0, "no %s", label);
        goto fail;
    }
    buf_done(&digits);
    *out = p;
    return true;
fail:
    buf_done(&digits);
    buf_done(&p.der);
    return false;
}

void pem_done(struct pem *p)
{
    buf_done(&p->der);
    p->count = 0;
}

bool pem_add(struct buf *out, const char *label, struct bytes der, struct err *err)
{
    struct buf digits = BUF(LIMIT_CRL * 2);
    bool ok = buf_printf(out, err, "-----BEGIN %s-----\n", label) && base64_add(&digits, BASE64_STANDARD, der, err);

    for (size_t i = 0; ok && i < digits.len; i += 64) {
        ok = buf_add(out, digits.p + i, digits.len - i < 64 ? digits.len - i : 64, err) && buf_u8(out, '\n', err);
    }
    ok = ok && buf_printf(out, err, "-----END %s-----\n", label);
    buf_done(&digits);
    return ok;
}
