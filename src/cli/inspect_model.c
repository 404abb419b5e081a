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

/* A model's headers, and what its files are byte for byte. */
struct model {
    struct model_header header;
    struct identity first; /* with the digests of tokenizer and template */
    struct manifest_file ids[LIMIT_MODEL_FILES];
    size_t count;
    uint8_t model_id[SHA384_SIZE];
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

static bool part_read(struct model *m, size_t i, struct err *err)
{
    const struct engine_part part = m->header.files.files[i];
    const char *slash = strrchr(part.name, '/');
    struct identity id;
    struct identity_reader *reader = NULL;
    struct manifest_file *file = &m->ids[i];
    bool ok = identity_reader_new(&reader, err) && file_hash(part.fd, part.name, reader, err) &&
              identity_reader_end(reader, &id, err);

    identity_reader_free(reader);
    if (!ok) {
        return false;
    }
    if (id.length != m->header.headers.files[i].file_length) {
        return FAIL(err, REASON_FILE_CHANGED, ERR_NOWHERE, "%s", part.name);
    }
    (void)snprintf(file->name, sizeof file->name, "%s", slash != NULL ? slash + 1 : part.name);
    file->length = id.length;
    memcpy(file->sha256, id.sha256, sizeof file->sha256);
    memcpy(file->tree_root, id.tree_root, sizeof file->tree_root);
    manifest_file_id(id.length, id.tree_root, file->file_id);
    if (i == 0) {
        m->first = id;
    }
    return true;
}

/* *m is for model_header_done() whatever comes. */
static bool model_open(const char *operand, struct model *m, struct err *err)
{
    bool ok = model_header_open(operand, &m->header, err);

    m->count = m->header.files.count;
    for (size_t i = 0; ok && i < m->count; i++) {
        ok = part_read(m, i, err);
    }
    if (ok) {
        gguf_identity(&m->header.headers.all, &m->first);
        manifest_model_id(m->ids, m->count, m->model_id);
    }
    return ok;
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
        ok = ok && buf_str(out, "],", err) && (t->part == 0 || buf_printf(out, err, "\"file\":%u,", t->part)) &&
             buf_printf(out, err, "\"offset\":%llu,\"bytes\":%llu}", (unsigned long long)t->offset,
                        (unsigned long long)t->size);
    }
    return ok && buf_str(out, "],", err);
}

static bool member_hex(struct buf *out, const char *before, const uint8_t *p, size_t len, struct err *err)
{
    return buf_str(out, before, err) && hex_add(out, bytes_of(p, len), err);
}

/* Of a split model: what each file is. A tensor that is not in the first says `file`, an index into it. */
static bool files_json(const struct model *m, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, ",\"files\":[", err);

    for (size_t i = 0; ok && i < m->count; i++) {
        const struct manifest_file *f = &m->ids[i];

        ok = buf_str(out, i == 0 ? "{\"name\":" : ",{\"name\":", err) &&
             json_print_str(bytes_of_str(f->name), out, err) &&
             buf_printf(out, err, ",\"length\":%llu,", (unsigned long long)f->length) &&
             member_hex(out, "\"sha256\":\"", f->sha256, SHA256_SIZE, err) &&
             member_hex(out, "\",\"tree_root\":\"", f->tree_root, SHA256_SIZE, err) &&
             member_hex(out, "\",\"file_id\":\"", f->file_id, SHA384_SIZE, err) && buf_str(out, "\"}", err);
    }
    return ok && buf_str(out, "]", err);
}

static bool identity_json(const struct model *m, struct buf *out, struct err *err)
{
    const struct identity *id = &m->first;

    return buf_printf(out, err, "\"identity\":{\"length\":%llu,", (unsigned long long)id->length) &&
           member_hex(out, "\"sha256\":\"", id->sha256, SHA256_SIZE, err) &&
           member_hex(out, "\",\"tree_root\":\"", id->tree_root, SHA256_SIZE, err) &&
           member_hex(out, "\",\"file_id\":\"", m->ids[0].file_id, SHA384_SIZE, err) &&
           member_hex(out, "\",\"model_id\":\"", m->model_id, SHA384_SIZE, err) &&
           member_hex(out, "\",\"tokenizer_sha256\":\"", id->tokenizer_sha256, SHA256_SIZE, err) &&
           member_hex(out, "\",\"template_sha256\":\"", id->template_sha256, SHA256_SIZE, err) &&
           buf_str(out, "\"}", err);
}

static bool json_print_model(const struct model *m, struct buf *out, struct err *err)
{
    const struct gguf *g = &m->header.headers.all;
    bool ok = buf_printf(out, err, "{\"version\":%u,\"alignment\":%u,\"data_start\":%llu,\"metadata\":{", g->version,
                         g->alignment, (unsigned long long)g->data_start);

    for (size_t i = 0; ok && i < g->pair_count; i++) {
        ok = buf_str(out, i == 0 ? "" : ",", err) && json_print_str(g->pairs[i].key, out, err) &&
             buf_str(out, ":", err) && value_print(&g->pairs[i], UINT64_MAX, out, err);
    }
    return ok && buf_str(out, "},", err) && tensors_json(g, out, err) && identity_json(m, out, err) &&
           (m->count == 1 || files_json(m, out, err)) && buf_printf(out, err, ",\"numerics\":%d}\n", ENGINE_NUMERICS);
}

/* Names come from the file: printed as JSON strings, they cannot steer a terminal. */
static bool text_print_model(const struct model *m, struct buf *out, struct err *err)
{
    static const char *const labels[] = {"sha256",          "tree root", "tokenizer sha256",
                                         "template sha256", "file id",   "model id"};
    const struct gguf *g = &m->header.headers.all;
    const struct identity *id = &m->first;
    const uint8_t *const digests[] = {id->sha256,          id->tree_root,     id->tokenizer_sha256,
                                      id->template_sha256, m->ids[0].file_id, m->model_id};
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
    for (size_t i = 1; ok && i < m->count; i++) {
        ok = buf_printf(out, err, "  part %-11zu ", i + 1) &&
             hex_add(out, bytes_of(m->ids[i].sha256, SHA256_SIZE), err) &&
             buf_printf(out, err, " %s\n", m->ids[i].name);
    }
    return ok && buf_printf(out, err, "\nnumerics %d\n", ENGINE_NUMERICS);
}

static bool inspect(const char *operand, bool json, struct err *err)
{
    struct model m = {0};
    struct buf out = BUF(OUTPUT_MAX);
    bool ok =
        model_open(operand, &m, err) && (json ? json_print_model(&m, &out, err) : text_print_model(&m, &out, err));

    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    model_header_done(&m.header);
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
