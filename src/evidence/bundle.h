/* A bundle (docs/formats.md, section 5): an evidence document or a bare quote, the collateral of its day, and what the
 * archiver made of them. Policy, time and verdict are the archiver's word: they judge nothing. */
#ifndef SOTTO_EVIDENCE_BUNDLE_H
#define SOTTO_EVIDENCE_BUNDLE_H

#include "evidence/document.h"

#define BUNDLE_LOGS_MAX 8

struct bundle {               /* its own memory until bundle_done() */
    struct bytes evidence;    /* a document, or a quote's raw bytes (document_is() tells) */
    const struct bytes *logs; /* beside a quote, in their order */
    size_t log_count;
    const struct document_file *files; /* NULL: none */
    size_t file_count;
    struct bytes policy, verdict; /* NULL: none */
    int64_t time;
    void *memory;
};

/* An object with a member `evidence`: not yet that it is a good bundle. */
bool bundle_is(struct bytes text);

/* Appended; its fields may point anywhere. DOCUMENT_FORM, BUF_FULL: what bundle_parse() would refuse. */
MUST_USE bool bundle_print(const struct bundle *b, struct buf *out, struct err *err);

/* DOCUMENT_FORM and JSON_*. */
MUST_USE bool bundle_parse(struct bytes text, struct bundle *out, struct err *err);
void bundle_done(struct bundle *b);

#endif
