/* Inside of verify/: one judgement while it is made. Each file judges one concern and writes its facts; none of them
 * stops at the first failure, and none reads bytes that tdx/, codec/ or evidence/ can read for it. */
#ifndef SOTTO_VERIFY_JUDGE_H
#define SOTTO_VERIFY_JUDGE_H

#include "evidence/keyset.h"
#include "evidence/manifest.h"
#include "tdx/eventlog.h"
#include "tdx/pck.h"
#include "tdx/quote.h"
#include "verify/collateral.h"
#include "verify/policy_data.h"
#include "verify/verify.h"

/* F(name, required, sentence where it is affirmed). Required: ALWAYS; of a DOCUMENT; of a document from a URL; with a
 * CONNECTION that counts; of a SERVICE, by its document or by evidence side by side; there and where LOGs or report
 * DATA are given beside a quote; or by DEMAND of the policy, which fact_demand() then says. The order is the one in
 * which people read them. */
/* clang-format off */
#define FACTS(F) \
    F(form, ALWAYS, "the quote has its form") \
    F(quote_signature, ALWAYS, "the quote is signed by its attestation key") \
    F(qe_binding, ALWAYS, "the quoting enclave reported that attestation key") \
    F(qe_report_signature, ALWAYS, "the quoting enclave's report is signed by the platform's PCK key") \
    F(pck_chain, ALWAYS, "the PCK certificate's chain holds") \
    F(root, ALWAYS, "the chain ends in a root that the policy names") \
    F(root_crl, ALWAYS, "the root's revocation list is genuine and lists no certificate of these chains") \
    F(pck_crl, ALWAYS, "the platform CA's revocation list is genuine and does not list the PCK certificate") \
    F(tcb_info_signature, ALWAYS, "the TCB info is signed by the root's TCB signer") \
    F(tcb_info, ALWAYS, "the TCB info is of this platform family") \
    F(qe_identity_signature, ALWAYS, "the QE identity is signed by the root's TCB signer") \
    F(qe_identity, ALWAYS, "the quoting enclave is the one of the identity") \
    F(tdx_module, ALWAYS, "the TDX module is the one of the TCB info") \
    F(tcb_status, ALWAYS, "the TCB status is accepted by the policy") \
    F(tcb_evaluation, DEMAND, "the TCB evaluation data number is high enough") \
    F(tcb_early, DEMAND, "the TCB status is accepted under Intel's early data as well") \
    F(time, ALWAYS, "every certificate, list and document is within its validity") \
    F(debug, ALWAYS, "it is not open for debugging") \
    F(trailing, ALWAYS, "nothing but what the policy allows follows the quote") \
    F(td_attributes, SERVICE, "the TD's attributes are as demanded") \
    F(xfam, DEMAND, "XFAM is as demanded") \
    F(mrseam, DEMAND, "MRSEAM is in the policy") \
    F(mrservicetd, DEMAND, "MRSERVICETD is as demanded") \
    F(platform, DEMAND, "the platform is one that the policy accepts") \
    F(measurements, DEMAND, "MRTD and the registers are those of the policy") \
    F(report_data, DATA, "the quote binds the nonce, the key set, the devices and the log that were shown") \
    F(keyset, DOCUMENT, "the key set has its form and is within its validity") \
    F(nonce, URL, "the quote was made for the nonce that was drawn for it") \
    F(connection, CONNECTION, "the connection's key is in the key set that the quote covers") \
    F(boot_log, DEMAND, "the firmware's log replays to RTMR0 to RTMR2") \
    F(boot, SERVICE, "firmware, kernel and command line (MRTD, RTMR0 to RTMR2) are those of the policy") \
    F(event_log, LOG, "the service's log replays to the register, each event in its place") \
    F(program, DOCUMENT, "every program that was started is in the policy") \
    F(config, DOCUMENT, "every configuration is in the policy") \
    F(web, DOCUMENT, "the web page is in the policy") \
    F(model, DOCUMENT, "every model that was loaded is in the policy") \
    F(devices, DEMAND, "the devices' evidence is as demanded")
/* clang-format on */

enum fact_id {
#define F(name, required, sentence) FACT_##name,
    FACTS(F)
#undef F
        FACT_COUNT
};

enum anchor {
    ANCHOR_NONE,
    ANCHOR_INTEL,
    ANCHOR_SIMULATED,
};

enum subject { /* what was given to judge */
               SUBJECT_QUOTE,
               SUBJECT_DOCUMENT,
               SUBJECT_EVIDENCE, /* quote, logs and report data side by side */
};

struct levels { /* what one set of SVNs reaches; NULL: nothing */
    const struct tcb_verdict *platform, *module;
    enum tcb_status status;
};

struct judge {
    const struct verify_input *in; /* in and policy: until the verdict is there */
    const struct policy *policy;
    bool policy_builtin;
    uint8_t policy_sha384[SHA384_SIZE];
    enum subject subject;
    struct verdict *v;
    const struct document_file *own_files; /* the document's or bundle's collateral; NULL: none */
    size_t own_file_count;

    bool readable; /* q is */
    struct quote q;
    struct cache *cache;     /* where what is read lives */
    struct chain *pck_chain; /* leaf, CA, root. NULL: none that can be read; whether it holds is the fact's to say */
    struct bytes known_root; /* a root's certificate that is pinned whole; empty: it is not */
    struct pck pck;
    bool has_pck;
    enum anchor anchor;

    bool early;                         /* of two sets of TCB data, the early one counts */
    struct piece *tcb_piece, *qe_piece; /* held for the claims; NULL: none, or not readable */
    const struct tcb_info *tcb_info;    /* theirs */
    const struct qe_identity *qe_identity;
    struct chain *tcb_chain, *qe_chain; /* signer, root; NULL: none that can be read */
    bool has_levels;                    /* the levels were looked at */
    struct levels launch, current;      /* the second only of a TD that shows what runs now */
    bool has_current;
    const struct tcb_verdict *qe_level;
    int tcb_status;         /* enum tcb_status, or -1 */
    struct err time_error;  /* the first thing out of its validity; reason OK: none */
    int64_t time_window[2]; /* its own */
    size_t time_errors;
    bool has_early;
    struct second *second; /* of the early data; its memory stays for the next time */

    json_t *claims; /* what log and document say beside the quote; NULL: nothing */
    bool touched[FACT_COUNT];
    struct fact *facts; /* by fact_id, in the verdict's places, of which judge_end() keeps those that count */
};

struct second {
    struct judge j;
    struct fact facts[FACT_COUNT];
};

_Static_assert(FACT_COUNT + 1 <= FACTS_MAX, "a verdict has room for every fact, and for a bundle's");

/* One judgement: the judge is large, and a verdict must be whole or untouched. The memory can be used again. */
struct session {
    struct judge j;
    struct verdict v;
    struct cache own; /* where none was given */
};

struct session *session_new(struct err *err); /* NULL: no memory */
void session_free(struct session *s);
void session_drop(struct session *s); /* its verdict is undecided, and has no facts and no claims */

/* Everything that can be checked is checked and reported, not only the first failure. The verdict has no claims yet:
 * explain/ makes them. False only for NO_MEMORY and INTERNAL: malformed input gives a verdict with the fact `form`
 * refuted. What explain/verify.h says of these is true here. */
MUST_USE bool session_quote(struct session *s, struct bytes quote, const struct verify_input *in, struct err *err);
MUST_USE bool session_bare_evidence(struct session *s, struct bytes quote, const struct verify_input *in,
                                    struct err *err);
void session_undecodable(struct session *s, const struct err *why, const struct verify_input *in);
MUST_USE bool session_document(struct session *s, struct bytes text, const struct verify_input *in, struct err *err);
/* ---- facts (judge.c) ---- */

void judge_init(struct judge *j, enum subject subject, const struct verify_input *in, struct verdict *out);
/* What it holds of the cache, and early data; the memory of the second judge stays. */
void judge_drop(struct judge *j);

void fact_affirm(struct judge *j, enum fact_id id);
__attribute__((format(printf, 4, 5))) void fact_refute(struct judge *j, enum fact_id id, enum reason reason,
                                                       const char *fmt, ...);
__attribute__((format(printf, 4, 5))) void fact_unknown(struct judge *j, enum fact_id id, enum reason reason,
                                                        const char *fmt, ...);
/* Whether an ECDSA P-256 signature of a key is over a message. Of a piece it is checked once for each key. */
MUST_USE bool piece_check(struct piece *p, const uint8_t key_xy[64], struct bytes message, const uint8_t rs[64],
                          struct err *err);
/* The same: affirmed, or refuted for this reason. p NULL: a quote's, which is checked each time. */
void fact_signature(struct judge *j, enum fact_id id, struct piece *p, const uint8_t key_xy[64], struct bytes message,
                    const uint8_t rs[64], enum reason reason, const char *what);
/* What a signature that does not hold was to be: by this key, as the SHA-256 of its SPKI. */
void fact_unsigned(struct judge *j, enum fact_id id, const uint8_t key_xy[64]);
/* Refuted or unknown, as the kind of the reason has it. */
void fact_fail(struct judge *j, enum fact_id id, const struct err *err);
void fact_demand(struct judge *j, enum fact_id id); /* required from now on */
bool fact_is(const struct judge *j, enum fact_id id, enum fact_state state);
/* What was seen, in hexadecimal; or both in words. */
void fact_seen_hex(struct judge *j, enum fact_id id, struct bytes seen);
void fact_seen(struct judge *j, enum fact_id id, const char *expected, const char *seen);
void fact_hex(struct judge *j, enum fact_id id, struct bytes expected, struct bytes seen);
/* A validity, and the time that is judged at. */
void fact_window(struct judge *j, enum fact_id id, int64_t from, int64_t to);
/* A value that a list of the policy has not: the list's only value as what was expected, or how many it has. seen
 * NULL: there is none. */
void fact_seen_unlisted(struct judge *j, enum fact_id id, const struct policy_list *l, const uint8_t *seen);

/* Facts and result into the verdict. */
void judge_end(struct judge *j);

/* ---- claims; false: NO_MEMORY ---- */

/* j->claims are there, where log and document say what is theirs. */
MUST_USE bool claims_begin(struct judge *j, struct err *err);
MUST_USE bool claim_str(json_t *object, const char *name, const char *value, struct err *err);
MUST_USE bool claim_new(json_t *object, const char *name, json_t *value, struct err *err); /* takes value over */

/* ---- one concern each ---- */

/* A validity that was looked at; a failure is collected for the fact `time`. */
void time_check(struct judge *j, const char *what, int64_t from, int64_t to, enum reason not_yet, enum reason expired);
void time_judge(struct judge *j); /* the fact, when all was looked at */

void chain_judge(struct judge *j); /* pck_chain, root */
bool chain_signer_judge(struct judge *j, enum fact_id id, const struct document_file *file, const char *what,
                        struct chain **out);                    /* a TCB signer's chain; false: the fact says why */
void crl_judge(struct judge *j);                                /* root_crl, pck_crl */
void qe_judge(struct judge *j);                                 /* the quote's three signatures */
MUST_USE bool identity_judge(struct judge *j, struct err *err); /* qe_identity* */
MUST_USE bool tcb_judge(struct judge *j, struct err *err);      /* tcb_info*, tdx_module, tcb_status */
uint64_t tcb_evaluation(const struct judge *j); /* the lower number of the two documents; there is a TCB info */
MUST_USE bool early_judge(struct judge *j, struct err *err); /* tcb_early, where there are early data too */
void body_judge(struct judge *j);                            /* debug, attributes, measurements, platform, trailing */
MUST_USE bool document_judge(struct judge *j, const struct document *d, struct err *err);
/* What logs of any form (tdx/eventlog.h) lead to, each behind the other. */
struct replay {
    bool any;         /* there is a log */
    struct err error; /* reason OK: they were read */
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE];
};
void logs_replay(const struct bytes *logs, size_t count, struct replay *out);
/* Whether the first count registers are the quote's: affirmed, refuted, unknown where the quote's has something and no
 * event is of it, or a reader's reason. There is a log. */
void replay_judge(struct judge *j, enum fact_id id, const struct replay *r, size_t count);
void boot_judge(struct judge *j, const struct replay *r); /* boot, boot_log */

enum log_bound { /* where the quote binds the log */
                 LOG_BOUND_NOWHERE,
                 LOG_BOUND_RTMR3,
                 LOG_BOUND_REPORT_DATA,
};
/* It begins as the service's own does. */
bool log_is_service(struct bytes log);
/* event_log, program, config, web, model; the facts of boot were judged before. web_sha384: the key set's; NULL: none
 */
MUST_USE bool log_judge(struct judge *j, struct bytes log, enum log_bound bound, const uint8_t *web_sha384,
                        struct err *err);

#endif
