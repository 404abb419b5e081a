#include "codec/http1.h"

#include "base/hex.h"

static const struct {
    const char *name;
    enum http_method method;
} methods[] = {
    {"GET", HTTP_GET},       {"HEAD", HTTP_HEAD},       {"POST", HTTP_POST},   {"PUT", HTTP_PUT},
    {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS}, {"PATCH", HTTP_PATCH},
};

#define METHODS (sizeof methods / sizeof *methods)

const char *http_method_name(enum http_method m)
{
    for (size_t i = 0; i < METHODS; i++) {
        if (methods[i].method == m) {
            return methods[i].name;
        }
    }
    return "";
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 9110, 5.6.2 */
bool http_token_char(uint8_t c)
{
    return is_digit(c) || is_alpha(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* RFC 9110, 5.5: field-vchar, SP, HTAB; bytes beyond ASCII are opaque. */
static bool is_field(uint8_t c)
{
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool http_token_equal(struct bytes a, const char *b)
{
    size_t n = strlen(b);

    if (a.len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (lower(a.p[i]) != lower((uint8_t)b[i])) {
            return false;
        }
    }
    return true;
}

/* The bytes from..end of b; 0 <= from <= end <= b.len. */
static struct bytes slice(struct bytes b, size_t from, size_t end)
{
    return bytes_of(b.p == NULL ? NULL : &b.p[from], end - from);
}

static bool find(struct bytes b, uint8_t c, size_t *at)
{
    const uint8_t *hit = b.len == 0 ? NULL : memchr(b.p, c, b.len);

    if (hit == NULL) {
        return false;
    }
    *at = (size_t)(hit - b.p);
    return true;
}

bool http_head_find(struct bytes in, size_t from, size_t *len, struct err *err)
{
    /* Three bytes back: the end may have come in parts. */
    for (size_t i = from > 3 ? from - 3 : 0; i < in.len; i++) {
        uint8_t c = in.p[i];

        if (i >= LIMIT_HTTP_HEAD) {
            return FAIL(err, REASON_HTTP_HEAD_SIZE, i, "the head is longer than %zu bytes", LIMIT_HTTP_HEAD);
        }
        if (c == 0 || (c == '\n' && (i == 0 || in.p[i - 1] != '\r')) || (i > 0 && in.p[i - 1] == '\r' && c != '\n')) {
            return FAIL(err, REASON_HTTP_HEADER, i, "byte 0x%02x: lines end in CRLF, and in nothing else", c);
        }
        if (c == '\n' && i >= 3 && in.p[i - 2] == '\n') {
            *len = i + 1;
            return true;
        }
    }
    if (in.len > LIMIT_HTTP_HEAD) {
        return FAIL(err, REASON_HTTP_HEAD_SIZE, LIMIT_HTTP_HEAD, "the head is longer than %zu bytes", LIMIT_HTTP_HEAD);
    }
    *len = 0;
    return true;
}

/* One line without its CRLF; *next is then where the following one begins. */
static bool line_get(struct bytes head, size_t *next, struct bytes *line, struct err *err)
{
    struct bytes rest = slice(head, *next, head.len);
    size_t n;

    if (!find(rest, '\n', &n) || n == 0 || rest.p[n - 1] != '\r') {
        return FAIL(err, REASON_HTTP_HEADER, *next, "the line does not end in CRLF");
    }
    *line = slice(rest, 0, n - 1);
    *next += n + 1;
    return true;
}

/* --- the request line --- */

static bool method_parse(struct bytes text, enum http_method *out, struct err *err)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!http_token_char(text.p[i])) {
            return FAIL(err, REASON_HTTP_REQUEST_LINE, i, "byte 0x%02x in the method", text.p[i]);
        }
    }
    for (size_t i = 0; i < METHODS; i++) {
        if (bytes_equal(text, bytes_of_str(methods[i].name))) {
            *out = methods[i].method;
            return true;
        }
    }
    return FAIL(err, REASON_HTTP_METHOD, 0, "the method is none of those that are known");
}

static bool hex_pair(struct bytes b, size_t at, uint8_t *out)
{
    struct err ignored;

    return b.len - at >= 2 && hex_decode(slice(b, at, at + 2), out, 1, &ignored);
}

/* Decodes once; c: the byte at *at, which moves past what was read. */
static bool percent_get(struct bytes b, size_t *at, uint8_t *c)
{
    *c = b.p[*at];
    if (*c != '%') {
        (*at)++;
        return true;
    }
    if (!hex_pair(b, *at + 1, c)) {
        return false;
    }
    *at += 3;
    return true;
}

/* RFC 3986: unreserved, sub-delims, ':', '@', '/', '%' in a path; '?' too in a query. */
static bool is_target(uint8_t c, bool query)
{
    return is_digit(c) || is_alpha(c) || (c != 0 && strchr("-._~!$&'()*+,;=:@/%", c) != NULL) || (query && c == '?');
}

static bool segment_is_dots(const char *path, size_t start, size_t end)
{
    return (end - start == 1 && path[start] == '.') ||
           (end - start == 2 && path[start] == '.' && path[start + 1] == '.');
}

static bool path_parse(struct bytes raw, size_t offset, char *out, size_t size, struct err *err)
{
    size_t n = 0, at = 0, segment = 1;

    while (at < raw.len) {
        size_t was = at;
        uint8_t c;

        if (!is_target(raw.p[at], false) || !percent_get(raw, &at, &c) || c < 0x20 || c == 0x7f) {
            return FAIL(err, REASON_HTTP_TARGET, offset + was, "byte 0x%02x does not belong into a path", raw.p[was]);
        }
        if (n + 1 >= size) {
            return FAIL(err, REASON_HTTP_TARGET, offset + was, "the path is longer than %zu bytes", size - 1);
        }
        if (c == '/' && n > 0) {
            if (segment_is_dots(out, segment, n)) {
                return FAIL(err, REASON_HTTP_TARGET, offset + was, "a segment of dots");
            }
            segment = n + 1;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    if (segment_is_dots(out, segment, n)) {
        return FAIL(err, REASON_HTTP_TARGET, offset + at, "a segment of dots");
    }
    return true;
}

static bool target_parse(struct bytes text, size_t offset, struct http_head *h, struct err *err)
{
    struct bytes path = text;
    size_t mark;

    h->target = text;
    if (h->method == HTTP_OPTIONS && bytes_equal(text, bytes_of_str("*"))) {
        h->path[0] = '*';
        h->path[1] = '\0';
        return true;
    }
    if (text.len == 0 || text.p[0] != '/') {
        return FAIL(err, REASON_HTTP_TARGET, offset, "the target does not begin with '/'");
    }
    if (find(text, '?', &mark)) {
        path = slice(text, 0, mark);
        h->query = slice(text, mark + 1, text.len);
        for (size_t i = 0; i < h->query.len; i++) {
            if (!is_target(h->query.p[i], true)) {
                return FAIL(err, REASON_HTTP_TARGET, offset + mark + 1 + i, "byte 0x%02x does not belong into a query",
                            h->query.p[i]);
            }
        }
    }
    return path_parse(path, offset, h->path, sizeof h->path, err);
}

static bool request_line_parse(struct bytes line, struct http_head *h, struct err *err)
{
    size_t first, second;

    if (!find(line, ' ', &first) || first == 0 || !find(slice(line, first + 1, line.len), ' ', &second)) {
        return FAIL(err, REASON_HTTP_REQUEST_LINE, 0, "not METHOD TARGET VERSION");
    }
    second += first + 1;
    return method_parse(slice(line, 0, first), &h->method, err) &&
           target_parse(slice(line, first + 1, second), first + 1, h, err) &&
           (bytes_equal(slice(line, second + 1, line.len), bytes_of_str("HTTP/1.1")) ||
            FAIL(err, REASON_HTTP_VERSION, second + 1, "HTTP/1.1 is wanted"));
}

/* --- headers --- */

static bool header_parse(struct bytes line, size_t offset, struct http_header *out, struct err *err)
{
    size_t colon, from, end = line.len;

    if (!find(line, ':', &colon) || colon == 0) {
        return FAIL(err, REASON_HTTP_HEADER, offset, "the line has no name and colon");
    }
    for (size_t i = 0; i < colon; i++) {
        if (!http_token_char(line.p[i])) {
            return FAIL(err, REASON_HTTP_HEADER, offset + i, "byte 0x%02x in a header's name", line.p[i]);
        }
    }
    for (size_t i = colon + 1; i < line.len; i++) {
        if (!is_field(line.p[i])) {
            return FAIL(err, REASON_HTTP_HEADER, offset + i, "byte 0x%02x in a header's value", line.p[i]);
        }
    }
    from = colon + 1;
    while (from < end && (line.p[from] == ' ' || line.p[from] == '\t')) {
        from++;
    }
    while (end > from && (line.p[end - 1] == ' ' || line.p[end - 1] == '\t')) {
        end--;
    }
    out->name = slice(line, 0, colon);
    out->value = slice(line, from, end);
    return true;
}

static bool headers_parse(struct bytes head, size_t next, struct http_head *h, struct err *err)
{
    struct bytes line;

    for (;;) {
        size_t offset = next;

        if (!line_get(head, &next, &line, err)) {
            return false;
        }
        if (line.len == 0) {
            return next == head.len || FAIL(err, REASON_BYTES_LEFT, next, "bytes behind the head");
        }
        if (h->header_count == LIMIT_HTTP_HEADERS) {
            return FAIL(err, REASON_HTTP_HEAD_SIZE, offset, "more than %d headers", LIMIT_HTTP_HEADERS);
        }
        if (!header_parse(line, offset, &h->headers[h->header_count], err)) {
            return false;
        }
        h->header_count++;
    }
}

const struct http_header *http_header_get(const struct http_head *h, const char *name, size_t *count)
{
    const struct http_header *first = NULL;

    *count = 0;
    for (size_t i = 0; i < h->header_count; i++) {
        if (http_token_equal(h->headers[i].name, name)) {
            first = first == NULL ? &h->headers[i] : first;
            (*count)++;
        }
    }
    return first;
}

static size_t offset_of(struct bytes head, struct bytes part)
{
    return (size_t)(part.p - head.p);
}

static bool length_parse(struct bytes head, struct bytes value, uint64_t *out, struct err *err)
{
    uint64_t n = 0;

    if (value.len == 0 || value.len > 15) {
        return FAIL(err, REASON_HTTP_FRAMING, offset_of(head, value), "Content-Length of %zu characters", value.len);
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_digit(value.p[i])) {
            return FAIL(err, REASON_HTTP_FRAMING, offset_of(head, value) + i, "Content-Length is not digits alone");
        }
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    *out = n;
    return true;
}

/* RFC 9112, 6.3, without its leniencies. */
static bool framing_parse(struct bytes head, struct http_head *h, struct err *err)
{
    size_t lengths, codings;
    const struct http_header *length = http_header_get(h, "Content-Length", &lengths);
    const struct http_header *coding = http_header_get(h, "Transfer-Encoding", &codings);

    if (lengths + codings > 1) {
        const struct http_header *at = coding != NULL && codings == 1 ? coding : length != NULL ? length : coding;

        return FAIL(err, REASON_HTTP_FRAMING, at != NULL ? offset_of(head, at->name) : 0,
                    "%zu Content-Length and %zu Transfer-Encoding headers", lengths, codings);
    }
    if (coding != NULL) {
        h->framing = HTTP_CHUNKED;
        return http_token_equal(coding->value, "chunked") ||
               FAIL(err, REASON_HTTP_FRAMING, offset_of(head, coding->value), "a coding other than chunked");
    }
    if (length != NULL) {
        if (!length_parse(head, length->value, &h->length, err)) {
            return false;
        }
        h->framing = h->length > 0 ? HTTP_LENGTH : HTTP_NO_BODY;
    }
    return true;
}

static bool list_has(struct bytes list, const char *token)
{
    size_t at = 0;

    while (at <= list.len) {
        struct bytes rest = slice(list, at, list.len);
        size_t n, from = 0, end;

        if (!find(rest, ',', &n)) {
            n = rest.len;
        }
        end = n;
        while (from < end && (rest.p[from] == ' ' || rest.p[from] == '\t')) {
            from++;
        }
        while (end > from && (rest.p[end - 1] == ' ' || rest.p[end - 1] == '\t')) {
            end--;
        }
        if (http_token_equal(slice(rest, from, end), token)) {
            return true;
        }
        at += n + 1;
    }
    return false;
}

static void connection_parse(struct http_head *h)
{
    for (size_t i = 0; i < h->header_count; i++) {
        if (http_token_equal(h->headers[i].name, "Connection") && list_has(h->headers[i].value, "close")) {
            h->close = true;
        }
    }
}

/* host [ ":" port ]; the host is a registered name or an IP literal (RFC 3986, 3.2.2, without percent-encoding). */
static bool host_check(struct bytes v)
{
    size_t at = 0, digits = 0;

    if (v.len > 0 && v.p[0] == '[') {
        if (!find(v, ']', &at) || at < 3) {
            return false;
        }
        for (size_t i = 1; i < at; i++) {
            if (!is_digit(v.p[i]) && !is_alpha(v.p[i]) && v.p[i] != ':' && v.p[i] != '.') {
                return false;
            }
        }
        at++;
    } else {
        while (at < v.len && (is_digit(v.p[at]) || is_alpha(v.p[at]) || strchr("-._~", v.p[at]) != NULL) &&
               v.p[at] != 0) {
            at++;
        }
    }
    if (at == 0 || at == v.len) {
        return at != 0;
    }
    if (v.p[at] != ':') {
        return false;
    }
    for (at++; at < v.len && is_digit(v.p[at]); at++) {
        digits++;
    }
    return at == v.len && digits >= 1 && digits <= 5;
}

static bool host_parse(struct bytes head, struct http_head *h, struct err *err)
{
    size_t count;
    const struct http_header *host = http_header_get(h, "Host", &count);

    if (host == NULL || count != 1) {
        return FAIL(err, REASON_HTTP_HOST, host == NULL ? 0 : offset_of(head, host->name), "%zu Host headers", count);
    }
    if (!host_check(host->value)) {
        return FAIL(err, REASON_HTTP_HOST, offset_of(head, host->value), "Host is not host or host:port");
    }
    h->host = host->value;
    return true;
}

static bool expect_parse(struct bytes head, struct http_head *h, struct err *err)
{
    size_t count;
    const struct http_header *expect = http_header_get(h, "Expect", &count);

    if (expect == NULL) {
        return true;
    }
    h->expect_continue = true;
    return (count == 1 && http_token_equal(expect->value, "100-continue")) ||
           FAIL(err, REASON_HTTP_HEADER, offset_of(head, expect->name), "an expectation other than 100-continue");
}

bool http_request_parse(struct bytes head, struct http_head *out, struct err *err)
{
    struct http_head h = {0};
    struct bytes line;
    size_t next = 0;

    if (head.len > LIMIT_HTTP_HEAD) {
        return FAIL(err, REASON_HTTP_HEAD_SIZE, LIMIT_HTTP_HEAD, "the head is longer than %zu bytes", LIMIT_HTTP_HEAD);
    }
    if (!line_get(head, &next, &line, err) || !request_line_parse(line, &h, err) ||
        !headers_parse(head, next, &h, err) || !host_parse(head, &h, err) || !framing_parse(head, &h, err) ||
        !expect_parse(head, &h, err)) {
        return false;
    }
    connection_parse(&h);
    *out = h;
    return true;
}

/* "HTTP/1.1 200 OK": the text may be empty or absent. */
static bool status_line_parse(struct bytes line, struct http_head *h, struct err *err)
{
    if (line.len < 12 || !bytes_equal(slice(line, 0, 9), bytes_of_str("HTTP/1.1 "))) {
        return FAIL(err, REASON_HTTP_VERSION, 0, "the answer is not HTTP/1.1");
    }
    for (size_t i = 9; i < 12; i++) {
        if (!is_digit(line.p[i])) {
            return FAIL(err, REASON_HTTP_STATUS, i, "the status is not three digits");
        }
        h->status = h->status * 10 + (line.p[i] - '0');
    }
    if (h->status < 100 || h->status > 599 || (line.len > 12 && line.p[12] != ' ')) {
        return FAIL(err, REASON_HTTP_STATUS, 9, "status %d", h->status);
    }
    for (size_t i = 12; i < line.len; i++) {
        if (!is_field(line.p[i])) {
            return FAIL(err, REASON_HTTP_STATUS, i, "byte 0x%02x in the status text", line.p[i]);
        }
    }
    return true;
}

bool http_response_parse(struct bytes head, enum http_method to, struct http_head *out, struct err *err)
{
    struct http_head h = {.framing = HTTP_UNTIL_CLOSE};
    struct bytes line;
    size_t next = 0;

    if (head.len > LIMIT_HTTP_HEAD) {
        return FAIL(err, REASON_HTTP_HEAD_SIZE, LIMIT_HTTP_HEAD, "the head is longer than %zu bytes", LIMIT_HTTP_HEAD);
    }
    if (!line_get(head, &next, &line, err) || !status_line_parse(line, &h, err) ||
        !headers_parse(head, next, &h, err) || !framing_parse(head, &h, err)) {
        return false;
    }
    connection_parse(&h);
    if (to == HTTP_HEAD || h.status < 200 || h.status == 204 || h.status == 304) {
        h.framing = HTTP_NO_BODY;
    }
    h.method = to;
    *out = h;
    return true;
}

/* A name or value of a query, decoded; false: malformed or too long. */
static bool form_decode(struct bytes raw, char *out, size_t size)
{
    size_t n = 0, at = 0;

    while (at < raw.len) {
        uint8_t c = raw.p[at];

        if (c == '+') {
            c = ' ';
            at++;
        } else if (!percent_get(raw, &at, &c)) {
            return false;
        }
        if (c == 0 || n + 1 >= size) {
            return false;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

/* How often the member is there; *value: of the last one, as it came. */
static size_t query_find(struct bytes query, const char *name, struct bytes *value)
{
    size_t at = 0, found = 0;

    *value = bytes_of("", 0);
    while (at < query.len) {
        struct bytes pair = slice(query, at, query.len);
        char decoded[64];
        size_t end, equal;

        if (find(pair, '&', &end)) {
            pair = slice(pair, 0, end);
        }
        at += pair.len + 1;
        if (!find(pair, '=', &equal)) {
            equal = pair.len;
        }
        if (form_decode(slice(pair, 0, equal), decoded, sizeof decoded) && strcmp(decoded, name) == 0) {
            *value = equal < pair.len ? slice(pair, equal + 1, pair.len) : bytes_of("", 0);
            found++;
        }
    }
    return found;
}

bool http_query_get(struct bytes query, const char *name, char *out, size_t size)
{
    struct bytes value;

    return query_find(query, name, &value) == 1 && form_decode(value, out, size);
}

bool http_query_has(struct bytes query, const char *name)
{
    struct bytes value;

    return query_find(query, name, &value) > 0;
}
