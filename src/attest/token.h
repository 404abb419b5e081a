/* The attestation token (docs/formats.md, section 9): what a verdict says, as a JWT in the EAR form. */
#ifndef SOTTO_ATTEST_TOKEN_H
#define SOTTO_ATTEST_TOKEN_H

#include "attest/keys.h"
#include "evidence/document.h"
#include "explain/verdict.h"

#define TOKEN_LIFE 300 /* seconds */

struct token_policy {
    const char *id;
    uint8_t sha384[48]; /* of the file's bytes */
};

struct token_input {
    const struct verdict *verdict; /* verified or simulated; anything else is INTERNAL */
    const struct token_policy *policies;
    size_t policy_count;             /* at least one */
    const struct document *document; /* NULL: the evidence was a bare quote with its logs */
    const char *issuer;
    int64_t time;
    uint8_t random[16]; /* becomes jti */
};

/* The claims alone, compact JSON, appended. */
MUST_USE bool token_claims(const struct token_input *in, struct buf *out, struct err *err);
/* Signed by the key of the verdict's kind. */
MUST_USE bool token_sign(const struct token_input *in, const struct keys *keys, struct buf *out, struct err *err);

#endif
