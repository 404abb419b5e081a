/* A bundle (docs/formats.md, section 5): an evidence document, the collateral of its day, and what the archiver made of
 * them. Policy, time and verdict are the archiver's word: they judge nothing. */
#ifndef SOTTO_EVIDENCE_BUNDLE_H
#define SOTTO_EVIDENCE_BUNDLE_H

#include "evidence/document.h"

struct bundle { /* its own memory until bundle_done() */
    struct bytes evidence;
    const struct document_file *files; /* NULL: none */
    size_t file_count;
    struct bytes policy, verdict; /* NULL: none */
    int64_t time;
    void *memory;
};

/* An object with a member `evidence`: not yet that it is a good bundle. */
bool bundle_is(struct bytes text);

/* DOCUMENT_FORM and JSON_*. */
MUST_USE bool bundle_parse(struct bytes text, struct bundle *out, struct err *err);
void bundle_done(struct bundle *b);

#endif
