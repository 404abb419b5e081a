/* The error convention of the whole tree.
 *
 *     MUST_USE bool thing_parse(struct cursor *in, struct thing *out, struct err *err);
 *
 * true:  *out is complete, *err is untouched.
 * false: *out is untouched, *err says why, where, and what was seen.
 *
 * err is never NULL. On its way up an error is passed on, not rewritten: the first cause is the one that helps.
 * err_prefix() may put a name before the detail (a file's path, an event's number). */
#ifndef SOTTO_BASE_ERR_H
#define SOTTO_BASE_ERR_H

#include "base/reasons.h"

#include <stdbool.h>
#include <stddef.h>

#define ERR_NOWHERE ((size_t)-1)

struct err {
    enum reason reason;
    size_t offset;    /* in the input that the outermost caller knows; ERR_NOWHERE if there is none */
    char detail[240]; /* one line: expected and seen; never a prompt, an answer or a secret */
};

#define MUST_USE __attribute__((warn_unused_result))

/* Cuts a detail that is too long; control characters in it become '?', so that hostile text cannot
 * forge a second line of a log. */
__attribute__((format(printf, 4, 5))) void err_set(struct err *err, enum reason reason, size_t offset, const char *fmt,
                                                   ...);

/* "PREFIX: detail"; the reason and the offset stay. */
void err_prefix(struct err *err, const char *prefix);

/* "detail (NAME at byte N); what to do", in out, always terminated. The form in which programs print an error. */
void err_print(const struct err *err, char *out, size_t out_size);

/* Ends in a literal false, so that the compiler sees the failing path. */
#define FAIL(err, reason, offset, ...) (err_set((err), (reason), (offset), __VA_ARGS__), false)

#endif
