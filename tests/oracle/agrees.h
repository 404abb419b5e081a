/* codec/json.h against jansson, its oracle. */
#ifndef SOTTO_TESTS_AGREES_H
#define SOTTO_TESTS_AGREES_H

#include "codec/json.h"

#include "oracle/oracle.h"
#include "oracle/walk.h"

#include <stdlib.h>

/* Where ours is stricter: jansson overlooks a byte 0 behind a number or a word, and takes more levels and more values.
 */
static inline bool oracle_is_laxer(struct bytes text, enum reason ours)
{
    return ours == REASON_JSON_DEPTH || ours == REASON_ARENA_FULL ||
           (ours == REASON_JSON_FORM && text.len > 0 && memchr(text.p, 0, text.len) != NULL);
}

/* Both take a text or both refuse it, and then say the same. *accepted: both took it. */
static inline bool oracle_agrees(struct bytes text, bool *accepted)
{
    char *theirs = oracle_walk(text.p, text.len), *ours = NULL;
    struct err err = {0};
    json_t *v = NULL;
    size_t size;
    bool same;
    FILE *f;

    *accepted = json_parse(text, &v, &err);
    if (*accepted) {
        f = open_memstream(&ours, &size);
        if (f == NULL) {
            abort();
        }
        walk(f, v);
        (void)fclose(f);
        same = theirs != NULL && strcmp(ours, theirs) == 0;
    } else {
        same = theirs == NULL || oracle_is_laxer(text, err.reason);
    }
    json_decref(v);
    free(ours);
    free(theirs);
    return same;
}

#endif
