#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_file.h"
#include "cli/model_json.h"
#include "cli/report.h"

#include "base/hex.h"
#include "os/file.h"
#include "store/modelfile.h"
#include "store/store.h"

#include <stdio.h>
#include <unistd.h>

static const struct args_option options[] = {
    {"file", 'f', "MODELFILE", "a Modelfile with the line FROM FILE.gguf"},
    {"from", 0, "FILE", "the GGUF file itself; of a split model the first, NAME-00001-of-0000N.gguf"},
    {"sha256", 0, "HEX", "refuse the file, of a split model the first, if it does not have this digest"},
    {"json", 0, NULL, "print the model as JSON, as sotto list has it"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto create NAME -f MODELFILE | --from FILE.gguf [--sha256 HEX] [--json]",
    .about = "Puts a model into the store ($SOTTO_MODELS, $OLLAMA_MODELS or ~/.sotto/models) under NAME.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

/* On a terminal alone. */
static void progress_show(void *arg, uint64_t done, uint64_t total)
{
    uint64_t *last = arg, percent = total != 0 ? done * 100 / total : 100;

    if (isatty(STDERR_FILENO) == 1 && percent != *last) {
        *last = percent;
        (void)fprintf(stderr, "\rcopying file %3llu%%", (unsigned long long)percent);
        if (done >= total) {
            (void)fprintf(stderr, "\n");
        }
    }
}

/* FROM is relative to the Modelfile's folder. */
static bool from_modelfile(const char *path, char out[2 * MODELFILE_FROM_SIZE], struct err *err)
{
    struct buf text = BUF(LIMIT_CONFIG);
    char from[MODELFILE_FROM_SIZE];
    const char *slash = strrchr(path, '/');
    bool ok = file_read(path, &text, err);

    if (ok && !modelfile_parse(buf_bytes(&text), from, err)) {
        err_prefix(err, path);
        ok = false;
    }
    buf_done(&text);
    if (!ok) {
        return false;
    }
    if (from[0] == '/' || slash == NULL) {
        (void)snprintf(out, 2 * MODELFILE_FROM_SIZE, "%s", from);
        return true;
    }
    if (slash - path >= MODELFILE_FROM_SIZE - 1) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "the path of the Modelfile is too long");
    }
    (void)snprintf(out, 2 * MODELFILE_FROM_SIZE, "%.*s/%s", (int)(slash - path), path, from);
    return true;
}

static bool created_print(const struct store_model *m, struct err *err)
{
    struct buf out = BUF(LIMIT_CONFIG);
    bool ok = model_json_open(m, &out, err) && buf_str(&out, "}\n", err) &&
              file_write_fd(STDOUT_FILENO, "standard output", buf_bytes(&out), err);

    buf_done(&out);
    return ok;
}

static bool create(const struct args *a, struct err *err)
{
    char from[2 * MODELFILE_FROM_SIZE];
    uint8_t sha256[SHA256_SIZE];
    uint64_t last = 101;
    const char *hex = args_get(a, "sha256");
    struct store_import in = {.name = a->operands[0], .progress = progress_show, .arg = &last};
    struct model_files files;
    struct store_model m;
    struct store store;
    bool ok;

    (void)fprintf(stderr, "gathering model components\n");
    if (args_get(a, "file") != NULL) {
        if (!from_modelfile(args_get(a, "file"), from, err)) {
            return false;
        }
    } else {
        (void)snprintf(from, sizeof from, "%s", args_get(a, "from"));
    }
    if (hex != NULL && !hex_decode(bytes_of_str(hex), sha256, sizeof sha256, err)) {
        err_prefix(err, "--sha256");
        return false;
    }
    if (!store_open(NULL, &store, err) || !model_files_open_path(from, &files, err)) {
        return false;
    }
    in.files = files.files;
    in.file_count = files.count;
    in.sha256 = hex != NULL ? sha256 : NULL;
    for (size_t i = 0; i < files.count; i++) {
        (void)fprintf(stderr, "copying file %s\n", files.files[i].name);
    }
    ok = store_import(&store, &in, &m, err);
    model_files_done(&files);
    for (size_t i = 0; ok && i < m.file_count; i++) {
        char digest[2 * SHA256_SIZE + 1];

        hex_encode(bytes_of(m.files[i].sha256, SHA256_SIZE), digest);
        (void)fprintf(stderr, "using layer sha256:%s\n", digest);
    }
    if (ok) {
        (void)fprintf(stderr, "writing manifest\nsuccess\n");
    }
    return ok && (!args_flag(a, "json") || created_print(&m, err));
}

int cmd_create(int argc, char **argv)
{
    struct err err;
    struct args a;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    if ((args_get(&a, "file") != NULL) == (args_get(&a, "from") != NULL)) {
        err_set(&err, REASON_USAGE, ERR_NOWHERE, "one of -f MODELFILE and --from FILE is wanted");
        return report_error(&err);
    }
    return create(&a, &err) ? 0 : report_error(&err);
}
