/* What a policy demands and what it leaves open, in words: for people, and for whoever writes one. */
#ifndef SOTTO_CLI_POLICY_TEXT_H
#define SOTTO_CLI_POLICY_TEXT_H

#include "base/buf.h"
#include "verify/policy.h"

struct policy_line {
    const char *member; /* "td.mrtd" */
    enum reason reason; /* of an advice, whose text() says what and todo() what to do; OK: a demand */
    char text[240];     /* a sentence, without its end; of an advice what it is about, or "" */
};

#define POLICY_LINES_MAX 48

/* Demands first, then what is left open; time: now, for what has an end. The number of lines. */
size_t policy_text_lines(const struct policy *p, int64_t time, struct policy_line out[POLICY_LINES_MAX]);

/* "check": a line a member, with reasons and what to do. "explain": sentences. Within 80 columns. */
MUST_USE bool policy_text_check(const struct policy *p, int64_t time, struct buf *out, struct err *err);
MUST_USE bool policy_text_explain(const struct policy *p, int64_t time, struct buf *out, struct err *err);
/* {"v":1,"sha384":...,"demands":[{"member","text"}...],"open":[{"member","reason","text","todo"}...]} */
MUST_USE bool policy_text_json(const struct policy *p, int64_t time, struct buf *out, struct err *err);

#endif
