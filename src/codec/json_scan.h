/* The scanner of JSON: what json_read.c makes trees with, and who needs none reads by itself (verify/tcb.c). Over the
 * received bytes: no allocation, every byte looked at once. Members that are there twice are the caller's to refuse:
 * only it remembers names.
 *
 *     json_scan_init(&s, text); json_scan_value(&s, &t, err) ... json_scan_end(&s, err)
 *
 * Behind the token of an object or array: while (json_scan_next(&s, object, &more, err) && more), and each time
 * json_scan_name() if it is an object, and json_scan_value(), with all that is in that value. */
#ifndef SOTTO_CODEC_JSON_SCAN_H
#define SOTTO_CODEC_JSON_SCAN_H

#include "codec/json.h"

struct json_scan {
    struct bytes text;
    size_t at;
    size_t values;
    unsigned depth;
    bool first; /* behind "{" or "[" */
};

struct json_token {
    json_type type;
    bool escaped;      /* of a name or string: it has escapes */
    struct bytes text; /* as received: of a name or string what is between its quotes */
    int64_t integer;
    size_t at; /* where it begins */
};

void json_scan_init(struct json_scan *s, struct bytes text);

/* JSON_FORM, JSON_DEPTH, ARENA_FULL (too many values); the offset is that of the byte that cannot be. After an error
 * none of these is to be called again. */
MUST_USE bool json_scan_value(struct json_scan *s, struct json_token *t, struct err *err);
MUST_USE bool json_scan_next(struct json_scan *s, bool object, bool *more, struct err *err);
MUST_USE bool json_scan_name(struct json_scan *s, struct json_token *t, struct err *err); /* and its colon */
MUST_USE bool json_scan_end(struct json_scan *s, struct err *err); /* nothing is behind the value */

/* The object or array that begins at t is spelled as one that was read at its depth before, and is passed over as if it
 * were read again; false: it is not, and nothing was done. */
bool json_scan_again(struct json_scan *s, const struct json_token *t, struct bytes before);

/* The characters of a name or string; at most text.len bytes into out. Returns their number. */
size_t json_unescape(struct bytes text, char *out);

#endif
