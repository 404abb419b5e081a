/* Members of our JSON forms that carry bytes, as base64, read into an arena and printed. Inside of evidence/. */
#ifndef SOTTO_EVIDENCE_MEMBER_H
#define SOTTO_EVIDENCE_MEMBER_H

#include "base/arena.h"
#include "codec/json.h"
#include "evidence/document.h"

/* The memory of what was parsed, which its owner keeps as a void pointer. NULL: no memory, and the error is set. */
struct arena *member_memory_new(struct err *err);
void member_memory_free(void *memory); /* NULL is allowed */

/* At most max bytes. null, where it may be: NULL. JSON_MEMBER, JSON_TYPE, BASE64_*, BUF_FULL, ARENA_FULL. */
MUST_USE bool member_bytes(struct arena *a, const json_t *root, const char *member, size_t max, bool may_be_null,
                           struct bytes *out, struct err *err);

/* A list of at most count_max of such; absent: none. The above, and DOCUMENT_FORM. */
MUST_USE bool member_list(struct arena *a, const json_t *root, const char *member, size_t max, size_t count_max,
                          const struct bytes **out, size_t *count, struct err *err);

/* The member `collateral`: file names to contents. null: *files NULL. DOCUMENT_FORM and the above. */
MUST_USE bool member_files(struct arena *a, const json_t *root, const struct document_file **files, size_t *count,
                           struct err *err);

/* Both as above, printed: what stands before (a comma, the member's name, the colon), then base64; null where there is
 * none. */
MUST_USE bool member_bytes_print(struct buf *out, const char *before, struct bytes b, struct err *err);
MUST_USE bool member_files_print(const struct document_file *files, size_t count, struct buf *out, struct err *err);

#endif
