#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "base/hex.h"
#include "codec/json.h"
#include "engine/engine.h"
#include "evidence/manifest.h"
#include "model/identity.h"
#include "os/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STEP MIB(1)
#define OUTPUT_MAX ((size_t)1 << 32)
#define SHOWN 4 /* elements of an array, in the form for people */

static const struct args_option options[] = {
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto inspect model MODEL [--json]",
    .about = "A model file's metadata, tensors and identity. MODEL is a GGUF file or a name in the store.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

struct model_ids {
    struct identity identity;
    uint8_t file_id[SHA384_SIZE], model_id[SHA384_SIZE];
};

static bool file_hash(int fd, const char *path, struct identity_reader *reader, struct err *err)
{
    uint8_t *step = malloc(STEP);
    bool ok = step != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes", STEP);

    for (off_t at = 0; ok;) {
        ssize_t n = pread(fd, step, STEP, at);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            ok = n == 0 || file_fail(err, path, errno);
            break;
        }
        ok = identity_reader_add(reader, bytes_of(step, (size_t)n), err);
        at += n;
    }
    free(step);
    return ok;
}

static bool ids_make(const struct model_header *h, const char *path, struct model_ids *out, struct err *err)
{
    struct identity_reader *reader = NULL;
    struct manifest_file file = {0};
    bool ok = identity_reader_new(&reader, err) && file_hash(h->fd, path, reader, err) &&
              identity_reader_end(reader, &out->identity, err);

    identity_reader_free(reader);
    if (!ok) {
        return false;
    }
    if (out->identity.length != h->gguf.file_length) {
        return FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s", path);
    }
    gguf_identity(&h->gguf, &out->identity);
    manifest_file_id(out->identity.length, out->identity.tree_root, out->file_id);
    memcpy(file.file_id, out->file_id, sizeof file.file_id);
    manifest_model_id(&file, 1, out->model_id);
    return true;
}

static bool scalar_print(const struct gguf_pair *p, uint64_t index, struct buf *out, struct err *err)
{
    struct gguf_scalar s = gguf_scalar_at(p, index);

    if (s.is_float && !isfinite(s.f)) {
        return buf_str(out, "null", err);
    }
    if (s.is_float) {
        return buf_printf(out, err, p->element == GGUF_F32 ? "%.9g" : "%.17g", s.f);
    }
    if (p->element == GGUF_BOOL) {
        return buf_str(out, s.u != 0 ? "true" : "false", err);
    }
    return s.is_signed ? buf_printf(out, err, "%lld", (long long)s.u)
                       : buf_printf(out, err, "%llu", (unsigned long long)s.u);
}

/* shown: how many elements of an array at most. */
static bool value_print(const struct gguf_pair *p, uint64_t shown, struct buf *out, struct err *err)
{
    struct gguf_strings strings;
    struct bytes text;
    bool ok;

    if (p->type == GGUF_STR) {
        return json_print_str(p->value, out, err);
    }
    if (p->type != GGUF_ARRAY) {
        return scalar_print(p, 0, out, err);
    }
    strings = gguf_strings_of(p);
    ok = buf_str(out, "[", err);
    for (uint64_t i = 0; ok && i < p->count && i < shown; i++) {
        ok = i == 0 || buf_str(out, ",", err);
        if (p->element == GGUF_STR) {
            ok = ok && gguf_strings_next(&strings, &text) && json_print_str(text, out, err);
        } else {
            ok = ok && scalar_print(p, i, out, err);
        }
    }
    if (ok && p->count > shown) {
        ok = buf_printf(out, err, ", ... %llu in all", (unsigned long long)p->count);
    }
    return ok && buf_str(out, "]", err);
}

static bool tensors_json(const struct gguf *g, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "\"tensors\":[", err);

    for (size_t i = 0; ok && i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensors[i];

        ok = buf_str(out, i == 0 ? "{\"name\":" : ",{\"name\":", err) && json_print_str(t->name, out, err) &&
             buf_printf(out, err, ",\"type\":\"%s\",\"dims\":[", t->type->name);
        for (uint32_t d = 0; ok && d < t->dim_count; d++) {
            ok = buf_printf(out, err, d == 0 ? "%llu" : ",%llu", (unsigned long long)t->dims[d]);
        }
        ok = ok && buf_printf(out, err, "],\"offset\":%llu,\"bytes\":%llu}", (unsigned long long)t->offset,
                              (unsigned long long)t->size);
    }
    return ok && buf_str(out, "],", err);
}

static bool member_hex(struct buf *out, const char *before, const uint8_t *p, size_t len, struct err *err)
{
    return buf_str(out, before, err) && hex_add(out, bytes_of(p, len), err);
}

static bool identity_json(const struct model_ids *ids, struct buf *out, struct err *err)
{
    const struct identity *id = &ids->identity;

    return buf_printf(out, err, "\"identity\":{\"length\":%llu,", (unsigned long long)id->length) &&
           member_hex(out, "\"sha256\":\"", id->sha256, SHA256_SIZE, err) &&
           member_hex(out, "\",\"tree_root\":\"", id->tree_root, SHA256_SIZE, err) &&
           member_hex(out, "\",\"file_id\":\"", ids->file_id, SHA384_SIZE, err) &&
           member_hex(out, "\",\"model_id\":\"", ids->model_id, SHA384_SIZE, err) &&
           member_hex(out, "\",\"tokenizer_sha256\":\"", id->tokenizer_sha256, SHA256_SIZE, err) &&
           member_hex(out, "\",\"template_sha256\":\"", id->template_sha256, SHA256_SIZE, err) &&
           buf_str(out, "\"}", err);
}

static bool json_print_model(const struct gguf *g, const struct model_ids *ids, struct buf *out, struct err *err)
{
    bool ok = buf_printf(out, err, "{\"version\":%u,\"alignment\":%u,\"data_start\":%llu,\"metadata\":{", g->version,
                         g->alignment, (unsigned long long)g->data_start);

    for (size_t i = 0; ok && i < g->pair_count; i++) {
        ok = buf_str(out, i == 0 ? "" : ",", err) && json_print_str(g->pairs[i].key, out, err) &&
             buf_str(out, ":", err) && value_print(&g->pairs[i], UINT64_MAX, out, err);
    }
    return ok && buf_str(out, "},", err) && tensors_json(g, out, err) && identity_json(ids, out, err) &&
           buf_printf(out, err, ",\"numerics\":%d}\n", ENGINE_NUMERICS);
}

/* Names come from the file: printed as JSON strings, they cannot steer a terminal. */
static bool text_print_model(const struct gguf *g, const struct model_ids *ids, struct buf *out, struct err *err)
{
    static const char *const labels[] = {"sha256",          "tree root", "tokenizer sha256",
                                         "template sha256", "file id",   "model id"};
    const uint8_t *const digests[] = {ids->identity.sha256,
                                      ids->identity.tree_root,
                                      ids->identity.tokenizer_sha256,
                                      ids->identity.template_sha256,
                                      ids->file_id,
                                      ids->model_id};
    bool ok = buf_printf(out, err, "GGUF version %u, alignment %u, %llu bytes\n\nmetadata\n", g->version, g->alignment,
                         (unsigned long long)g->file_length);

    for (size_t i = 0; ok && i < g->pair_count; i++) {
        ok = buf_printf(out, err, "  %-6s ", gguf_type_name(g->pairs[i].type)) &&
             json_print_str(g->pairs[i].key, out, err) && buf_str(out, " ", err) &&
             value_print(&g->pairs[i], SHOWN, out, err) && buf_str(out, "\n", err);
    }
    ok = ok && buf_str(out, "\ntensors\n", err);
    for (size_t i = 0; ok && i < g->tensor_count; i++) {
        const struct gguf_tensor *t = &g->tensors[i];

        ok = buf_printf(out, err, "  %-6s %10llu bytes at %-12llu ", t->type->name, (unsigned long long)t->size,
                        (unsigned long long)t->offset) &&
             json_print_str(t->name, out, err);
        for (uint32_t d = 0; ok && d < t->dim_count; d++) {
            ok = buf_printf(out, err, d == 0 ? " %llu" : " x %llu", (unsigned long long)t->dims[d]);
        }
        ok = ok && buf_str(out, "\n", err);
    }
    ok = ok && buf_str(out, "\nidentity\n", err);
    for (size_t i = 0; ok && i < sizeof labels / sizeof labels[0]; i++) {
        ok = buf_printf(out, err, "  %-16s ", labels[i]) &&
             hex_add(out, bytes_of(digests[i], i < 4 ? SHA256_SIZE : SHA384_SIZE), err) && buf_str(out, "\n", err);
    }
    return ok && buf_printf(out, err, "\nnumerics %d\n", ENGINE_NUMERICS);
}

static bool inspect(const char *operand, bool json, struct err *err)
{
    struct model_header h = {.fd = -1};
    struct model_ids ids;
    struct buf out = BUF(OUTPUT_MAX);
    bool ok = model_header_open(operand, &h, err) && ids_make(&h, operand, &ids, err) &&
              (json ? json_print_model(&h.gguf, &ids, &out, err) : text_print_model(&h.gguf, &ids, &out, err));

    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    model_header_done(&h);
    return ok;
}

int inspect_model(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    return inspect(a.operands[0], args_flag(&a, "json"), &err) ? 0 : report_inspect_error(&err, args_flag(&a, "json"));
}
