#include "page/page.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>

static int path_order(const void *key, const void *element)
{
    const struct bytes *path = key;
    const struct page_file *file = element;
    size_t len = strlen(file->path), common = path->len < len ? path->len : len;
    int order = common > 0 ? memcmp(path->p, file->path, common) : 0;

    return order != 0 ? order : (path->len > len) - (path->len < len);
}

const struct page_file *page_find(struct bytes path)
{
    size_t count;
    const struct page_file *files = page_files(&count);

    return bsearch(&path, files, count, sizeof *files, path_order);
}

/* ---- Accept-Encoding ---- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t';
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && is_space(b.p[0])) {
        b = bytes_of(b.p + 1, b.len - 1);
    }
    while (b.len > 0 && is_space(b.p[b.len - 1])) {
        b.len--;
    }
    return b;
}

/* What stands before the first c; *rest is what follows it (p NULL: there was none). */
static struct bytes before(struct bytes b, uint8_t c, struct bytes *rest)
{
    const uint8_t *at = b.len > 0 ? memchr(b.p, c, b.len) : NULL;

    if (at == NULL) {
        *rest = bytes_of(NULL, 0);
        return b;
    }
    *rest = bytes_of(at + 1, (size_t)(b.p + b.len - at) - 1);
    return bytes_of(b.p, (size_t)(at - b.p));
}

static bool is_word(struct bytes b, const char *lower)
{
    if (b.len != strlen(lower)) {
        return false;
    }
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.p[i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[i]) {
            return false;
        }
    }
    return true;
}

/* q=0, q=0.0 and so on: not acceptable. Any other weight is as good as 1 here. */
static bool weight_is_zero(struct bytes parameter)
{
    struct bytes value, name = trim(before(parameter, '=', &value));

    value = trim(value);
    if (!is_word(name, "q") || value.len == 0) {
        return false;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] != '0' && value.p[i] != '.') {
            return false;
        }
    }
    return true;
}

bool page_accepts_gzip(struct bytes accept_encoding)
{
    bool any = false;

    for (struct bytes rest = accept_encoding; rest.p != NULL;) {
        struct bytes parameter, item = before(rest, ',', &rest), coding = trim(before(item, ';', &parameter));
        bool refused = weight_is_zero(parameter);

        if (is_word(coding, "gzip")) {
            return !refused;
        }
        any = any || (is_word(coding, "*") && !refused);
    }
    return any;
}

/* ---- manifest ---- */

static bool digest_print(struct bytes b, struct buf *out, struct err *err)
{
    uint8_t digest[SHA384_SIZE];
    char digits[2 * SHA384_SIZE + 1];

    if (b.p == NULL) {
        return true;
    }
    hash_bytes(HASH_SHA384, b, digest);
    hex_encode(bytes_of(digest, sizeof digest), digits);
    return buf_str(out, digits, err);
}

static bool entry_print(const struct page_file *f, struct buf *out, struct err *err)
{
    return buf_str(out, "{\"gzip\":\"", err) && digest_print(f->gzip, out, err) && buf_str(out, "\",\"path\":", err) &&
           json_print_str(bytes_of_str(f->path), out, err) && buf_str(out, ",\"sha384\":\"", err) &&
           digest_print(f->content, out, err) && buf_str(out, "\",\"type\":", err) &&
           json_print_str(bytes_of_str(f->type), out, err) && buf_u8(out, '}', err);
}

bool page_manifest(struct buf *out, struct err *err)
{
    size_t count, start = out->len;
    const struct page_file *files = page_files(&count);
    bool ok = buf_str(out, "{\"files\":[", err);

    for (size_t i = 0; ok && i < count; i++) {
        ok = (i == 0 || buf_u8(out, ',', err)) && entry_print(&files[i], out, err);
    }
    ok = ok && buf_str(out, "],\"v\":1}", err);
    if (!ok) {
        out->len = start;
    }
    return ok;
}

bool page_manifest_sha384(uint8_t out[SHA384_SIZE], struct err *err)
{
    struct buf manifest = BUF(LIMIT_PAGE_MANIFEST);
    bool ok = page_manifest(&manifest, err);

    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&manifest), out);
    }
    buf_done(&manifest);
    return ok;
}

/* ---- headers and settings ---- */

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

/* ":PORT" or nothing */
static bool is_port(const char *s)
{
    size_t n = 0;

    if (*s == '\0') {
        return true;
    }
    while (s[1 + n] >= '0' && s[1 + n] <= '9' && n < 6) {
        n++;
    }
    return s[0] == ':' && n >= 1 && n <= 5 && s[1 + n] == '\0';
}

/* RFC 6454, section 6.2: scheme, host, port. A host is a lower-case name, an IPv4 address or one of IPv6 in brackets.
 */
static bool origin_check(const char *origin, struct err *err)
{
    const char *s = origin;
    size_t n = 0;

    if (strlen(origin) > PAGE_ORIGIN_MAX) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "an origin of more than %d characters", PAGE_ORIGIN_MAX);
    }
    if (strncmp(s, "http://", 7) == 0 || strncmp(s, "https://", 8) == 0) {
        s = strchr(s, '/') + 2;
        if (*s == '[') {
            n = 1 + strspn(s + 1, "0123456789abcdef:.");
            n = n > 1 && s[n] == ']' ? n + 1 : 0;
        } else {
            while (is_host_char(s[n])) {
                n++;
            }
        }
    }
    return (n > 0 && is_port(s + n)) ||
           FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "%s is not an origin: scheme://host:port is wanted", origin);
}

bool page_headers_init(struct page_headers *h, const char *attestation, struct err *err)
{
    bool some = attestation != NULL && *attestation != '\0';
    struct page_headers made = {.list = {
                                    {"Content-Security-Policy", NULL},
                                    {"Cross-Origin-Opener-Policy", "same-origin"},
                                    {"Cross-Origin-Embedder-Policy", "require-corp"},
                                    {"Cross-Origin-Resource-Policy", "same-origin"},
                                    {"X-Content-Type-Options", "nosniff"},
                                    {"Referrer-Policy", "no-referrer"},
                                    {"Permissions-Policy", "camera=(), display-capture=(), geolocation=(), hid=(), "
                                                           "microphone=(), payment=(), serial=(), usb=()"},
                                    {"X-Frame-Options", "DENY"},
                                }};

    if (some && !origin_check(attestation, err)) {
        return false;
    }
    (void)snprintf(made.csp, sizeof made.csp,
                   "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
                   "font-src 'self'; connect-src 'self'%s%s; base-uri 'none'; form-action 'none'; "
                   "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
                   some ? " " : "", some ? attestation : "");
    *h = made;
    h->list[0].value = h->csp;
    return true;
}

bool page_settings(const char *attestation, struct buf *out, struct err *err)
{
    size_t start = out->len;
    bool some = attestation != NULL && *attestation != '\0', ok;

    if (some && !origin_check(attestation, err)) {
        return false;
    }
    ok = buf_str(out, "{\"attestation\":", err) &&
         (some ? json_print_str(bytes_of_str(attestation), out, err) : buf_str(out, "null", err)) &&
         buf_u8(out, '}', err);
    if (!ok) {
        out->len = start;
    }
    return ok;
}
