/* `sotto inspect logits` and `sotto inspect greedy`: what the engine computes for given ids. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "engine/engine.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define IDS_TEXT_MAX MIB(16)
#define COMMON_OPTIONS \
    {"exact", 0, NULL, "the plain F32 pass over the exact weights, with an F32 cache"}, \
        {"isa", 0, "NAME", "ref, avx2 or avx512; one that this machine lacks is an error"}, \
        {"threads", 0, "N", "threads that compute; default: one a core"}, \
        {"chunk", 0, "N", "tokens of the prompt computed together; default: 128"}, \
        {"kv", 0, "TYPE", "the cache: f16 (default), bf16, f32 or q8_0"}, \
        {"batch", 0, "N", "sequences computed together: 1 in this build"}, \
        {"warm", 0, "N", "tokens from the prefix cache: 0 in this build"}, \
    { \
        "json", 0, NULL, "errors as JSON" \
    }

static const struct args_option logits_options[] = {
    COMMON_OPTIONS,
    {"last", 0, NULL, "logits of the last position only"},
    {"output", 'o', "FILE", "where the float32 go"},
    {0},
};
static const struct args_form logits_form = {
    .usage = "sotto inspect logits MODEL [options] -o FILE",
    .about = "Reads token ids on standard input and writes positions x vocabulary little-endian float32.",
    .options = logits_options,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct args_option greedy_options[] = {
    COMMON_OPTIONS,
    {"count", 'n', "N", "how many ids follow"},
    {0},
};
static const struct args_form greedy_form = {
    .usage = "sotto inspect greedy MODEL [options] -n N",
    .about = "Reads token ids on standard input and prints the N most likely ids that follow, one after another.",
    .options = greedy_options,
    .operands_min = 1,
    .operands_max = 1,
};

/* Names that FORMATS has and this build has not. */
static const char *const absent_isas[] = {"avxvnni", "amx"};

static bool isa_parse(const char *name, enum engine_isa *out, struct err *err)
{
    for (size_t i = 0; i < sizeof absent_isas / sizeof *absent_isas; i++) {
        if (strcmp(name, absent_isas[i]) == 0) {
            return FAIL(err, REASON_ISA_ABSENT, ERR_NOWHERE, "%s is not in this build", name);
        }
    }
    return engine_isa_find(name, out) || FAIL(err, REASON_USAGE, ERR_NOWHERE, "--isa %s is not known", name);
}

static bool setup_parse(const struct args *a, struct engine_setup *s, struct err *err)
{
    const char *isa = args_get(a, "isa"), *kv = args_get(a, "kv");
    uint64_t threads, chunk, batch, warm;

    *s = (struct engine_setup){.kv = ENGINE_KV_F16, .exact = args_flag(a, "exact")};
    if (!args_number(a, "threads", 1, 256, 0, &threads, err) || !args_number(a, "chunk", 1, 4096, 0, &chunk, err) ||
        !args_number(a, "batch", 1, 1024, 1, &batch, err) || !args_number(a, "warm", 0, LIMIT_CONTEXT, 0, &warm, err) ||
        (isa != NULL && !isa_parse(isa, &s->isa, err))) {
        return false;
    }
    if (kv != NULL && !engine_kv_find(kv, &s->kv)) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--kv %s is not known", kv);
    }
    if (batch != 1 || warm != 0) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "--%s is not in this build", batch != 1 ? "batch" : "warm");
    }
    if (s->exact && kv != NULL && s->kv != ENGINE_KV_F32) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--exact has an f32 cache");
    }
    s->threads = (unsigned)threads;
    s->chunk = (unsigned)chunk;
    return true;
}

/* Decimal ids between white space. */
static bool ids_parse(struct bytes text, uint32_t **out, size_t *count, struct err *err)
{
    uint32_t *ids = calloc(text.len / 2 + 1, sizeof *ids);
    size_t n = 0;

    if (ids == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes of ids", text.len);
    }
    for (size_t at = 0; at < text.len;) {
        uint8_t c = text.p[at];
        size_t start = at;
        uint32_t v = 0;

        if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
            at++;
            continue;
        }
        for (; at < text.len && text.p[at] >= '0' && text.p[at] <= '9'; at++) {
            if (__builtin_mul_overflow(v, 10U, &v) || __builtin_add_overflow(v, (uint32_t)(text.p[at] - '0'), &v)) {
                free(ids);
                return FAIL(err, REASON_TOKEN_RANGE, start, "a token id that does not fit into 32 bits");
            }
        }
        if (at == start) {
            free(ids);
            return FAIL(err, REASON_REQUEST_FORM, start, "a token id is wanted");
        }
        ids[n++] = v;
    }
    *out = ids;
    *count = n;
    return true;
}

struct inspection {
    struct engine *engine;
    struct engine_info info;
    uint32_t *ids;
    size_t count;
};

static void inspection_done(struct inspection *i)
{
    engine_close(i->engine);
    free(i->ids);
}

/* Ids from standard input, and an engine whose context holds them and `more`. */
static bool inspection_open(const struct args *a, size_t more, struct inspection *out, struct err *err)
{
    struct inspection i = {0};
    struct engine_setup setup;
    struct model_files files = {0};
    struct identity identity[LIMIT_MODEL_FILES];
    struct buf text = BUF(IDS_TEXT_MAX);
    bool ok;

    if (!setup_parse(a, &setup, err) || !model_files_open(a->operands[0], &files, err)) {
        return false;
    }
    ok = model_stdin_read(&text, err) && ids_parse(buf_bytes(&text), &i.ids, &i.count, err) &&
         (i.count != 0 || FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "no token ids on standard input")) &&
         (i.count <= LIMIT_CONTEXT - more ||
          FAIL(err, REASON_CONTEXT_FULL, ERR_NOWHERE, "%zu ids and %zu more", i.count, more));
    if (ok) {
        const struct engine_source source = {.fd = files.files[0].fd,
                                             .name = files.files[0].name,
                                             .more = files.files + 1,
                                             .more_count = files.count - 1};

        setup.context = (unsigned)(i.count + more);
        ok = engine_open(&source, &setup, &i.engine, identity, err);
    }
    model_files_done(&files);
    buf_done(&text);
    if (!ok) {
        inspection_done(&i);
        return false;
    }
    engine_info(i.engine, &i.info);
    (void)fprintf(stderr, "kernels: %s\n", i.info.kernels);
    *out = i;
    return true;
}

static bool logits(const struct args *a, const char *path, struct err *err)
{
    struct inspection i;
    bool last = args_flag(a, "last"), ok;
    size_t n;
    float *out;

    if (!inspection_open(a, 0, &i, err)) {
        return false;
    }
    n = (last ? 1 : i.count) * i.info.vocabulary;
    out = calloc(n, sizeof *out);
    ok = out != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu logits", n);
    ok = ok && engine_logits(i.engine, i.ids, i.count, last, out, err) &&
         file_put(path, 0600, bytes_of(out, n * sizeof *out), err);
    free(out);
    inspection_done(&i);
    return ok;
}

static bool greedy(const struct args *a, size_t n, struct err *err)
{
    struct inspection i;
    uint32_t *out;
    bool ok;

    if (!inspection_open(a, n, &i, err)) {
        return false;
    }
    out = calloc(n, sizeof *out);
    ok = (out != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu ids", n)) &&
         engine_greedy(i.engine, i.ids, i.count, out, n, err);
    for (size_t k = 0; ok && k < n; k++) {
        (void)printf("%u%s", out[k], k + 1 == n ? "\n" : " ");
    }
    free(out);
    inspection_done(&i);
    return ok;
}

static int usage_error(const char *what)
{
    (void)fprintf(stderr, "sotto: %s is missing; see --help\n", what);
    return 2;
}

static int ended(bool ok, const struct err *err, const struct args *a)
{
    if (ok) {
        return 0;
    }
    (void)report_inspect_error(err, args_flag(a, "json"));
    return err->reason == REASON_USAGE ? 2 : 1;
}

int inspect_logits(int argc, char **argv)
{
    struct args a;
    struct err err = {0};
    const char *path;
    int code;

    if (!args_parse(argc, argv, &logits_form, &a, &code)) {
        return code;
    }
    path = args_get(&a, "output");
    return path == NULL ? usage_error("-o FILE") : ended(logits(&a, path, &err), &err, &a);
}

int inspect_greedy(int argc, char **argv)
{
    struct args a;
    struct err err = {0};
    uint64_t n;
    int code;

    if (!args_parse(argc, argv, &greedy_form, &a, &code)) {
        return code;
    }
    if (args_get(&a, "count") == NULL) {
        return usage_error("-n N");
    }
    return ended(args_number(&a, "count", 1, LIMIT_CONTEXT - 1, 1, &n, &err) && greedy(&a, (size_t)n, &err), &err, &a);
}
