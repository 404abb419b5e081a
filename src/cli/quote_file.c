#include "cli/quote_file.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "os/file.h"

/* Text may be wrapped and end in a newline; raw quotes begin with bytes that no text has. */
static bool is_text(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.p[i] >= 0x7f || (b.p[i] < 0x20 && b.p[i] != '\n' && b.p[i] != '\r' && b.p[i] != '\t')) {
            return false;
        }
    }
    return b.len > 0;
}

static bool spaces_drop(struct bytes b, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.p[i] > 0x20 && !buf_u8(out, b.p[i], err)) {
            return false;
        }
    }
    return true;
}

bool quote_file_decode(struct bytes file, struct buf *out, struct err *err)
{
    struct buf text = BUF(LIMIT_EVIDENCE);
    struct err ignored = {0};
    bool ok;

    if (!is_text(file)) {
        return buf_add(out, file.p, file.len, err);
    }
    ok = spaces_drop(file, &text, err) && (hex_decode_all(buf_bytes(&text), out, &ignored) ||
                                           base64_decode(buf_bytes(&text), BASE64_STANDARD, out, err));
    buf_done(&text);
    return ok;
}

bool quote_file_read(const char *path, struct buf *out, struct err *err)
{
    return strcmp(path, "-") == 0 ? file_read_fd(0, "standard input", out, err) : file_read(path, out, err);
}
