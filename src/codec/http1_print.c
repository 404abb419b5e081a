#include "codec/http1.h"

static const struct {
    int status;
    const char *text;
} statuses[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

const char *http_status_text(int status)
{
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        if (statuses[i].status == status) {
            return statuses[i].text;
        }
    }
    return "";
}

static int status_of_kind(enum reason_kind k)
{
    switch (k) {
    case REASON_KIND_OK:
        return 200;
    case REASON_KIND_USAGE:
    case REASON_KIND_INPUT:
        return 400;
    case REASON_KIND_REFUTED:
        return 403;
    case REASON_KIND_UNKNOWN:
    case REASON_KIND_BUSY:
        return 503;
    case REASON_KIND_ABSENT:
        return 404;
    case REASON_KIND_CONFLICT:
        return 409;
    case REASON_KIND_LIMIT:
        return 413;
    case REASON_KIND_SYSTEM:
    case REASON_KIND_INTERNAL:
    case REASON_KIND_ADVICE:
    case REASON_KIND_RETIRED:
        return 500;
    }
    return 500;
}

int http_status_of(enum reason r)
{
    static const struct {
        enum reason reason;
        int status;
    } own[] = {
        {REASON_HTTP_METHOD, 501},  {REASON_HTTP_VERSION, 505}, {REASON_HTTP_HEAD_SIZE, 431},
        {REASON_ROUTE_METHOD, 405}, {REASON_NET_TIMEOUT, 408},  {REASON_NO_QUOTE_DEVICE, 503},
        {REASON_CONTEXT_FULL, 400},
    };

    for (size_t i = 0; i < sizeof own / sizeof *own; i++) {
        if (own[i].reason == r) {
            return own[i].status;
        }
    }
    return status_of_kind(reason_kind(r));
}

static bool field_check(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool name_check(const char *s)
{
    if (*s == '\0') {
        return false;
    }
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s <= 0x20 || (unsigned char)*s >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", *s) != NULL) {
            return false;
        }
    }
    return true;
}

bool http_status_line_print(struct buf *out, int status, struct err *err)
{
    return buf_printf(out, err, "HTTP/1.1 %d %s\r\n", status, http_status_text(status));
}

bool http_request_line_print(struct buf *out, const char *method, const char *target, struct err *err)
{
    if (!name_check(method) || target[0] == '\0' || !field_check(target) || strchr(target, ' ') != NULL) {
        return FAIL(err, REASON_HTTP_REQUEST_LINE, ERR_NOWHERE, "a method or target that cannot be sent");
    }
    return buf_printf(out, err, "%s %s HTTP/1.1\r\n", method, target);
}

bool http_header_print(struct buf *out, const char *name, const char *value, struct err *err)
{
    if (!name_check(name) || !field_check(value)) {
        return FAIL(err, REASON_HTTP_HEADER, ERR_NOWHERE, "a header that cannot be sent");
    }
    return buf_printf(out, err, "%s: %s\r\n", name, value);
}

bool http_chunk_print(struct buf *out, struct bytes piece, struct err *err)
{
    size_t was = out->len;

    if (piece.len == 0) {
        return true;
    }
    if (buf_printf(out, err, "%zx\r\n", piece.len) && buf_add(out, piece.p, piece.len, err) &&
        buf_str(out, "\r\n", err)) {
        return true;
    }
    out->len = was;
    return false;
}

bool http_chunks_end_print(struct buf *out, struct err *err)
{
    return buf_str(out, "0\r\n\r\n", err);
}
