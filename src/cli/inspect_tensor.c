/* `sotto inspect tensor` and `sotto inspect blocks`: the float32 values that blocks mean. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/report.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define STEP_WEIGHTS 65536U /* at a time: a multiple of every block's weights */
#define STEP_BYTES (STEP_WEIGHTS * 4U)

static const struct args_option tensor_options[] = {
    {"output", 'o', "FILE", "where the little-endian float32 values go"},
    {"json", 0, NULL, "errors as JSON"},
    {0},
};

static const struct args_form tensor_form = {
    .usage = "sotto inspect tensor MODEL NAME -o FILE",
    .about = "Writes the float32 values of a tensor.",
    .options = tensor_options,
    .operands_min = 2,
    .operands_max = 2,
};

static const struct args_option block_options[] = {
    {"output", 'o', "FILE", "where the values go; standard output if not given"},
    {"json", 0, NULL, "errors as JSON"},
    {0},
};

static const struct args_form block_form = {
    .usage = "sotto inspect blocks TYPE [-o FILE]",
    .about = "Reads blocks of a tensor type (Q4_K) on standard input and writes their float32 values.",
    .options = block_options,
    .operands_min = 1,
    .operands_max = 1,
};

struct steps { /* too large for a stack */
    uint8_t blocks[STEP_BYTES];
    float values[STEP_WEIGHTS];
};

static struct steps steps;

/* Up to size bytes; fewer only at the end of the file. */
static bool read_full(int fd, const char *name, size_t size, size_t *got, struct err *err)
{
    size_t len = 0;

    while (len < size) {
        ssize_t n = read(fd, steps.blocks + len, size - len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return file_fail(err, name, errno);
        }
        if (n == 0) {
            break;
        }
        len += (size_t)n;
    }
    *got = len;
    return true;
}

/* Dequantises what comes from `from`, at most `bytes` of it. */
static bool convert(const struct quant_type *type, int from, const char *from_name, uint64_t bytes, int to,
                    const char *to_name, struct err *err)
{
    size_t step = STEP_WEIGHTS / type->weights * type->bytes;
    uint64_t done = 0;

    while (done < bytes) {
        size_t want = bytes - done < step ? (size_t)(bytes - done) : step, got = 0;

        if (!read_full(from, from_name, want, &got, err)) {
            return false;
        }
        if (got % type->bytes != 0) {
            return FAIL(err, REASON_BYTES_LEFT, (size_t)done + got, "%s: %zu bytes are no whole block of %u", from_name,
                        got % type->bytes, type->bytes);
        }
        quant_dequantise(type, steps.blocks, got / type->bytes, steps.values);
        if (!file_write_fd(to, to_name, bytes_of(steps.values, got / type->bytes * type->weights * sizeof(float)),
                           err)) {
            return false;
        }
        done += got;
        if (got < want) {
            break;
        }
    }
    return true;
}

static bool output_open(const char *path, int *fd, struct err *err)
{
    *fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    return *fd >= 0 || file_fail(err, path, errno);
}

static bool tensor(const struct args *a, struct err *err)
{
    struct model_header h = {0};
    const char *path = args_get(a, "output");
    const struct gguf_tensor *t = NULL;
    int fd, to = -1;
    bool ok = model_header_open(a->operands[0], &h, err);

    if (ok) {
        t = gguf_tensor_find(&h.headers.all, a->operands[1]);
        ok = t != NULL || FAIL(err, REASON_GGUF_TENSOR_MISSING, ERR_NOWHERE, "%s", a->operands[1]);
    }
    fd = ok ? h.files.files[t->part].fd : -1;
    ok = ok && (lseek(fd, (off_t)t->offset, SEEK_SET) >= 0 || file_fail(err, a->operands[0], errno)) &&
         output_open(path, &to, err) && convert(t->type, fd, a->operands[0], t->size, to, path, err);
    if (to >= 0 && close(to) != 0 && ok) {
        ok = file_fail(err, path, errno);
    }
    model_header_done(&h);
    return ok;
}

int inspect_tensor(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &tensor_form, &a, &code)) {
        return code;
    }
    if (args_get(&a, "output") == NULL) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "-o FILE is wanted");
        return report_error(&err);
    }
    return tensor(&a, &err) ? 0 : report_inspect_error(&err, args_flag(&a, "json"));
}

static bool blocks(const struct args *a, struct err *err)
{
    const struct quant_type *type = quant_type_find(a->operands[0]);
    const char *path = args_get(a, "output");
    int to = STDOUT_FILENO;
    bool ok;

    if (type == NULL) {
        return FAIL(err, REASON_GGUF_TENSOR_TYPE, ERR_NOWHERE, "%s is no tensor type that is known", a->operands[0]);
    }
    if (path != NULL && !output_open(path, &to, err)) {
        return false;
    }
    ok = convert(type, STDIN_FILENO, "standard input", UINT64_MAX, to, path != NULL ? path : "standard output", err);
    if (path != NULL && close(to) != 0 && ok) {
        ok = file_fail(err, path, errno);
    }
    return ok;
}

int inspect_blocks(int argc, char **argv)
{
    struct args a;
    struct err err;
    int code;

    if (!args_parse(argc, argv, &block_form, &a, &code)) {
        return code;
    }
    return blocks(&a, &err) ? 0 : report_inspect_error(&err, args_flag(&a, "json"));
}
