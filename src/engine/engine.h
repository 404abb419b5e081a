/* The seam of the engine: HTTP never sees a tensor, the engine never sees a socket.
 *
 * One engine holds one model in private memory and answers requests, each a sequence of events. Same model, same
 * tokens, same options and seed: same tokens, whatever the threads, the chunking of the prompt, the instruction set.
 *
 * Threads: one thread owns an engine and makes all calls on it; only engine_cancel() may come from another. */
#ifndef SOTTO_ENGINE_ENGINE_H
#define SOTTO_ENGINE_ENGINE_H

#include "base/buf.h"
#include "codec/json.h"
#include "model/identity.h"

#define ENGINE_NUMERICS 1 /* the number of the arithmetic (docs/engine.md): another one may give other bits */

enum engine_isa {
    ENGINE_ISA_BEST, /* the best that machine and build have */
    ENGINE_ISA_REF,
    ENGINE_ISA_AVX2,
    ENGINE_ISA_AVX512, /* with VNNI */
};

enum engine_kv {
    ENGINE_KV_F32,
    ENGINE_KV_F16,
    ENGINE_KV_BF16,
    ENGINE_KV_Q8_0,
};

struct engine_setup {
    enum engine_isa isa; /* ISA_ABSENT: never a fallback, except that BEST chooses */
    enum engine_kv kv;
    bool exact;       /* the plain F32 pass over dequantised weights: the oracle; slow */
    unsigned threads; /* 0: as many as there are cores */
    unsigned chunk;   /* prompt tokens computed together; 0: 128 */
    unsigned context; /* tokens; 0: the model's own, at most 4,096 */
    uint64_t memory;  /* bytes that a model may take; more is MODEL_MEMORY before it is read; 0: all that there are */
    /* Called by the owning thread between the layers of a prompt chunk, may be NULL: a time to hear that a client has
     * left. Of this engine it may call engine_cancel() alone. */
    void (*between)(void *arg);
    void *arg;
};

#define ENGINE_PARTS_MAX LIMIT_MODEL_FILES

struct engine_part {
    int fd;           /* a regular file, read from its start; not closed */
    const char *name; /* for messages and the manifest */
};

/* Where a model's bytes are: read once, into memory of the engine's own, hashed while they are read. */
struct engine_source {
    int fd;
    const char *name;
    const struct engine_part *more; /* the other files of a split model, in order */
    size_t more_count;              /* at most ENGINE_PARTS_MAX - 1 */
    /* Called while it loads, may be NULL. */
    void (*progress)(void *arg, uint64_t done, uint64_t total);
    void *arg;
};

struct engine;

/* Reads, hashes and checks the model. identity gets what the model event needs of each file, more_count + 1 of them;
 * the tokenizer's and the template's digest stand in the first. FILE_*, GGUF_*, MODEL_*, TOKENIZER_*,
 * TEMPLATE_UNSUPPORTED is not among them: a model whose template is not understood still completes raw prompts. */
MUST_USE bool engine_open(const struct engine_source *source, const struct engine_setup *setup, struct engine **out,
                          struct identity *identity, struct err *err);
void engine_close(struct engine *e);

struct engine_info {
    const char *architecture; /* "llama" */
    const char *quantization; /* "Q4_1": the type of most weights */
    uint64_t parameters;      /* number of weights */
    unsigned context, trained_context, embedding, layers, vocabulary;
    const char *isa;          /* the one in use: "avx512" */
    const char *kernels;      /* per type of weights: "Q4_1=avx512 Q8_0=avx512" */
    bool chat;                /* the chat template is understood */
    const char *chat_problem; /* why it is not; "" where it is */
    bool tools, thinks;       /* the template tells the model of tools; the model thinks before it answers */
    uint64_t memory;          /* bytes resident: weights and KV cache */
};
void engine_info(const struct engine *e, struct engine_info *out); /* strings borrowed until engine_close() */

/* Sampling: what each does, and in which order, docs/engine.md says ("Options"). */
struct engine_options {
    float temperature, top_p, min_p, typical_p;
    float repeat_penalty, presence_penalty, frequency_penalty, mirostat_tau, mirostat_eta;
    int top_k, repeat_last_n, mirostat, num_predict;
    int num_keep;     /* first tokens that stay where the context overflows, -1: the prompt's */
    int shift;        /* 1: an answer goes on beyond the context's end, 0: it ends there */
    int top_logprobs; /* -1: none; else events carry tokens, each with so many alternatives */
    uint64_t seed;
    unsigned choice;                /* which of several answers to one question: each has draws of its own */
    const struct engine_bias *bias; /* like the stop texts borrowed until engine_submit() returns; an id once */
    size_t bias_count;
    const char *const *stop; /* zero-terminated texts */
    size_t stop_count;
};
struct engine_bias {
    uint32_t id; /* TOKEN_RANGE beyond the vocabulary */
    float value; /* added to the token's logit */
};
#define ENGINE_STOPS_MAX 16
#define ENGINE_STOP_SIZE 256
#define ENGINE_BIAS_MAX 512
#define ENGINE_BIAS 100.0F /* a bias is between -100 and 100 */
#define ENGINE_LOGPROBS_MAX 20
#define ENGINE_ANSWER_CONTEXTS 10 /* an answer has at most so many contexts' tokens */

/* The options that are numbers, by Ollama's names; the place of an int or a float within struct engine_options. */
struct engine_option {
    const char *name;
    size_t place;
    bool is_float;
    double min, max, fallback;
};
extern const struct engine_option engine_option_rows[];
extern const size_t engine_option_count;

/* Ollama's defaults; seed 0. */
void engine_options_default(struct engine_options *o);
/* OPTION_RANGE names the option. */
MUST_USE bool engine_options_check(const struct engine_options *o, struct err *err);

enum engine_wish {
    ENGINE_ANSWER,       /* to as much as the context holds: never CONTEXT_FULL */
    ENGINE_ANSWER_WHOLE, /* to the whole prompt: CONTEXT_FULL before anything is left out */
    ENGINE_EMBED,        /* of the raw prompt; one event ends it and has the vector */
    ENGINE_EMBED_CUT,    /* the same, of as much as the context holds: never CONTEXT_FULL */
};

struct engine_request {
    enum engine_wish wish;
    /* Either a chat to render or a raw prompt. */
    const json_t *chat;  /* an object: "messages", and what else a template may ask for (chat/jinja.h); NULL: raw */
    int64_t now;         /* seconds since 1970, for templates that say the date */
    struct bytes prompt; /* raw: text from a user; control tokens in it are text */
    const json_t *form;  /* what the answer is held to (chat/form.h): a JSON Schema, true for any JSON object, or a
                            string  for a call; NULL: to nothing */
    struct engine_options options;
};

enum engine_end {
    ENGINE_END_NOT,    /* more follows */
    ENGINE_END_STOP,   /* end token or stop text: done_reason "stop" */
    ENGINE_END_LENGTH, /* num_predict, the context's end, or ENGINE_ANSWER_CONTEXTS: "length" */
    ENGINE_END_CANCELLED,
};

struct engine_logprob {
    struct bytes token; /* its bytes: no whole UTF-8 perhaps */
    double value;       /* the logarithm of the probability that the model gives it, before any option acts */
};

struct engine_token {
    struct engine_logprob self;
    struct engine_logprob best[ENGINE_LOGPROBS_MAX]; /* the likeliest, best first; self may be among them */
    size_t best_count;
};

struct engine_event {                  /* valid until the next call */
    struct bytes text;                 /* whole UTF-8 sequences, never part of a stop text; may be empty */
    struct bytes thinking;             /* the same, of what the model thinks (chat/output.h) */
    struct bytes calls;                /* tools it calls: {"name":text,"arguments":object}, a line each */
    const struct engine_token *tokens; /* with top_logprobs: those whose text has come out now */
    size_t token_count;
    const float *vector; /* of an embedding, info.embedding of them, not normalised; else NULL */
    enum engine_end end;
};

struct engine_stats {
    unsigned prompt_tokens, answer_tokens;
    uint64_t prompt_ns, answer_ns;
    bool truncated; /* the context did not hold it all: something of the prompt or the answer was left out */
};

/* Takes a request; the engine computes one at a time. CONTEXT_FULL, OPTION_RANGE, CHAT_FORM, TEMPLATE_UNSUPPORTED,
 * SCHEMA_FORM, SCHEMA_UNSUPPORTED.
 * What the context does not hold, by Ollama's rules (docs/engine.md, "Where the context ends"): a chat loses its oldest
 * messages, as few as will do, but never a system message or the last one; of what is still too long, and of a raw
 * prompt, the first num_keep tokens stay, and the last ones. The request's memory may go when this returns, except what
 * is said to be borrowed above. NOT_SUPPORTED: an embedding of a model that ranks. */
MUST_USE bool engine_submit(struct engine *e, const struct engine_request *r, struct err *err);

/* Computes until there is something to say (at most one prompt chunk or one token). Called until end is not NOT.
 * MODEL_DEFECT. After a failure or an end the engine is free for the next request. */
MUST_USE bool engine_next(struct engine *e, struct engine_event *out, struct err *err);

/* From any thread: the request ends with ENGINE_END_CANCELLED within one token, or one layer of a prompt chunk. */
void engine_cancel(struct engine *e);

void engine_stats(const struct engine *e, struct engine_stats *out); /* of the request that ended last */

/* For `sotto inspect` and the tests. ids in, count * vocabulary float32 out (with last: one row). A fresh cache. */
MUST_USE bool engine_logits(struct engine *e, const uint32_t *ids, size_t count, bool last, float *out,
                            struct err *err);
/* The n ids that follow, the most likely each time (the lowest id among equals), end tokens not stopping it. */
MUST_USE bool engine_greedy(struct engine *e, const uint32_t *ids, size_t count, uint32_t *out, size_t n,
                            struct err *err);

/* "avx512"; false for a name that is none. */
bool engine_isa_find(const char *name, enum engine_isa *out);
const char *engine_isa_name(enum engine_isa isa);
bool engine_isa_present(enum engine_isa isa); /* on this machine and in this build */

bool engine_kv_find(const char *name, enum engine_kv *out); /* "f32", "f16", "bf16", "q8_0"; false: none of them */

#endif
