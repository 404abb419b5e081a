/* libsotto-verify: what is true of a TDX or SGX quote, of a Sotto service's evidence document, or of an archived
 * bundle. The same verdict, in the same bytes, as `sotto verify` (sotto_verify.3 tells the whole).
 *
 * Pure: time, policy and collateral are arguments. Nothing here opens a file or a socket, asks a clock or prints. Any
 * number of threads may call at once; a policy may be shared by all of them, a verdict or a cache belongs to one at a
 * time. Evidence may be hostile. */
#ifndef SOTTO_VERIFY_LIBRARY_H
#define SOTTO_VERIFY_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define SOTTO_API __attribute__((visibility("default")))
#else
#define SOTTO_API
#endif

/* The exit codes of `sotto verify`. Only the first one means hardware. */
enum sotto_result {
    SOTTO_VERIFIED = 0,   /* every required fact is affirmed, down to Intel's root */
    SOTTO_SIMULATED = 10, /* the same, with the root of a simulator that the policy names: no protection at all */
    SOTTO_REFUSED = 11,   /* a required fact is refuted */
    SOTTO_UNDECIDED = 12, /* none is refuted, and one is unknown */
    SOTTO_FAILED = 70     /* no verdict: out of memory */
};

enum sotto_kind {
    SOTTO_QUOTE,    /* a quote's raw bytes */
    SOTTO_DOCUMENT, /* an evidence document's exact bytes */
    SOTTO_BUNDLE    /* a bundle's exact bytes */
};

enum sotto_state { SOTTO_AFFIRMED, SOTTO_REFUTED, SOTTO_UNKNOWN };

struct sotto_file { /* one piece of collateral, by its name of docs/formats.md, section 7; its contents decide */
    const char *name;
    const void *data;
    size_t size;
};

typedef struct sotto_policy sotto_policy;
typedef struct sotto_verdict sotto_verdict;
typedef struct sotto_cache sotto_cache;

/* Members that are 0 are not given. All memory but `reuse` stays the caller's, and is not read after the call. */
struct sotto_input {
    const sotto_policy *policy; /* NULL: the built-in one, which is for bare quotes */
    int64_t time;               /* seconds since 1970 at which it is judged */
    const struct sotto_file *files;
    size_t file_count;
    const uint8_t *nonce;           /* 32 bytes that were drawn for this evidence: the fact "nonce" is then required */
    const uint8_t *connection_spki; /* SHA-256 of the key that TLS showed: the fact "connection" is then required */
    bool bundle_time;               /* a bundle is judged at its own time, and not at `time` */
    sotto_cache *cache;             /* what was read and checked before */
    sotto_verdict *reuse;           /* a verdict that nobody needs any more: its memory becomes *out */
};

struct sotto_fact {
    const char *name; /* "quote_signature", "tcb_status", ...: docs/formats.md, section 8 */
    enum sotto_state state;
    bool required;
    const char *reason;          /* of docs/reasons.md; "OK" where affirmed */
    const char *expected, *seen; /* "" where there is nothing to show */
    const char *text;            /* a sentence */
};

SOTTO_API const char *sotto_version(void);

/* A policy of docs/formats.md, section 7. False: why (NULL: not wanted) holds a line that says what is wrong. */
SOTTO_API bool sotto_policy_parse(const void *text, size_t size, sotto_policy **out, char *why, size_t why_size);
SOTTO_API void sotto_policy_free(sotto_policy *policy);

/* Certificates, lists and documents that were read before are found in it by all their bytes, and signatures of theirs
 * that were checked before are not checked again. It changes how long a verdict takes, and nothing in it: time,
 * revocation, policy and TCB are judged each time, and so are the quote's own signatures. At most 32 pieces and 1 MiB
 * stay in it between calls. NULL: out of memory. */
SOTTO_API sotto_cache *sotto_cache_new(void);
SOTTO_API void sotto_cache_free(sotto_cache *cache); /* verdicts that were made with it stay as they are */

/* *out is a verdict unless the answer is SOTTO_FAILED. Malformed evidence is refused, and the fact "form" says why. */
SOTTO_API enum sotto_result sotto_verify(enum sotto_kind kind, const void *evidence, size_t size,
                                         const struct sotto_input *in, sotto_verdict **out);

SOTTO_API enum sotto_result sotto_verdict_result(const sotto_verdict *v);
/* Fact number i, from 0; false: there are no more. What it points at lives as long as the verdict. */
SOTTO_API bool sotto_verdict_fact(const sotto_verdict *v, size_t i, struct sotto_fact *out);
/* What `sotto verify --json` prints, and what it prints for people: zero-terminated, as long as the verdict lives.
 * NULL: out of memory. */
SOTTO_API const char *sotto_verdict_json(sotto_verdict *v);
SOTTO_API const char *sotto_verdict_text(sotto_verdict *v);
SOTTO_API void sotto_verdict_free(sotto_verdict *v);

#ifdef __cplusplus
}
#endif

#endif
