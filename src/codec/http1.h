/* HTTP/1.1 messages, pure: bytes <-> structs, no socket. A strict subset of RFC 9112, so that no other program can read
 * one of these messages differently than we do:
 *
 * - HTTP/1.1 only; lines end in CRLF, a CR or LF alone is an error, no folded lines, no empty line before a request
 * - methods of enum http_method; targets in origin form (or "*" for OPTIONS), no fragment, no raw non-ASCII
 * - the path is percent-decoded once; %00 and other control characters, and the segments "." and "..", are errors
 * - header names are tokens, no space before the colon; values have no control characters but the tab
 * - exactly one Host; at most one Content-Length (digits alone) or one Transfer-Encoding (exactly "chunked"), not both
 * - at most LIMIT_HTTP_HEADERS headers in LIMIT_HTTP_HEAD bytes
 * - chunk sizes are 1 to 8 hexadecimal digits, no extensions; trailers are read by the same rules and dropped, but for
 *   those that would frame the message again, which are errors
 *
 * Reasons: HTTP_REQUEST_LINE, HTTP_METHOD, HTTP_TARGET, HTTP_VERSION, HTTP_HEADER, HTTP_HOST, HTTP_FRAMING, HTTP_CHUNK,
 * HTTP_HEAD_SIZE, HTTP_BODY_SIZE, HTTP_STATUS. Offsets count from the start of the head, or of the chunked body. */
#ifndef SOTTO_CODEC_HTTP1_H
#define SOTTO_CODEC_HTTP1_H

#include "base/buf.h"
#include "base/limits.h"

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_DELETE,
    HTTP_OPTIONS,
    HTTP_PATCH,
};

const char *http_method_name(enum http_method m);

struct http_header {
    struct bytes name, value; /* borrowed from the head; the value without white space around it */
};

enum http_framing {
    HTTP_NO_BODY,
    HTTP_LENGTH,
    HTTP_CHUNKED,
    HTTP_UNTIL_CLOSE, /* responses only */
};

struct http_head {
    enum http_method method; /* of a request */
    int status;              /* of a response */
    struct bytes target, query;
    char path[2048]; /* decoded, zero-terminated */
    struct bytes host;
    struct http_header headers[LIMIT_HTTP_HEADERS];
    size_t header_count;
    enum http_framing framing;
    uint64_t length;      /* HTTP_LENGTH */
    bool close;           /* Connection: close */
    bool expect_continue; /* Expect: 100-continue */
};

/* Looks for the head's end in what has come so far. from: how much of it earlier calls have seen (0 at first).
 * *len gets the head's length with its empty line, or 0 if more must come. HTTP_HEADER at a CR or LF that stands alone
 * or at a NUL, HTTP_HEAD_SIZE. */
MUST_USE bool http_head_find(struct bytes in, size_t from, size_t *len, struct err *err);

/* A whole head, as http_head_find() measured it. Spans borrow from it. */
MUST_USE bool http_request_parse(struct bytes head, struct http_head *out, struct err *err);
/* to: the method that it answers (a HEAD has no body). An interim 1xx is a head without a body. */
MUST_USE bool http_response_parse(struct bytes head, enum http_method to, struct http_head *out, struct err *err);

/* NULL: there is none. Names compare in any case. The first one, and how many there are. */
const struct http_header *http_header_get(const struct http_head *h, const char *name, size_t *count);
bool http_token_char(uint8_t c);                      /* RFC 9110, 5.6.2 */
bool http_token_equal(struct bytes a, const char *b); /* in any case */

/* The decoded value of a query's member, zero-terminated ('+' is a space). false: absent, repeated, malformed, or
 * longer than size - 1. */
bool http_query_get(struct bytes query, const char *name, char *out, size_t size);

bool http_query_has(struct bytes query, const char *name); /* once or more, with any value */

/* A chunked body, in pieces of any size. */
struct http_chunks {
    int state;
    unsigned digits;
    uint64_t left;     /* of the chunk */
    uint64_t offset;   /* bytes seen */
    size_t line, head; /* bytes of the trailer's line and of the trailer */
    char name[20];     /* the beginning of that line */
    bool colon;
    bool done; /* the last chunk and the trailers have been read */
};

/* Appends the body's bytes in `in` to out (whose maximum bounds the body: HTTP_BODY_SIZE). *used: how much of `in`
 * belongs to this message. c: zeroed at first. */
MUST_USE bool http_chunks_read(struct http_chunks *c, struct bytes in, size_t *used, struct buf *out, struct err *err);

/* Writing. A name or value that does not belong into a head is HTTP_HEADER. */
MUST_USE bool http_status_line_print(struct buf *out, int status, struct err *err);
MUST_USE bool http_request_line_print(struct buf *out, const char *method, const char *target, struct err *err);
MUST_USE bool http_header_print(struct buf *out, const char *name, const char *value, struct err *err);
MUST_USE bool http_chunk_print(struct buf *out, struct bytes piece, struct err *err); /* nothing for an empty piece */
MUST_USE bool http_chunks_end_print(struct buf *out, struct err *err);

const char *http_status_text(int status); /* "Not Found"; "" for those that we don't give */
/* The status of a refusal for this reason, by its kind and, for HTTP's own, by its name. */
int http_status_of(enum reason r);

#endif
