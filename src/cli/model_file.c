#include "cli/model_file.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_path(const char *operand)
{
    size_t len = strlen(operand);
    struct stat st;

    return operand[0] == '/' || operand[0] == '.' || (len > 5 && strcmp(operand + len - 5, ".gguf") == 0) ||
           (stat(operand, &st) == 0 && S_ISREG(st.st_mode));
}

/* One more file; name is copied. */
static bool file_add(struct model_files *m, int fd, const char *name, struct err *err)
{
    char *copy = strdup(name);

    if (copy == NULL) {
        (void)close(fd);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
    }
    m->files[m->count++] = (struct engine_part){fd, copy};
    return true;
}

bool model_files_open_path(const char *first, struct model_files *out, struct err *err)
{
    const uint32_t count = gguf_split_count(first);
    struct model_files m = {0};
    size_t size = strlen(first) + 1;
    char *name = malloc(size);
    bool ok = name != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", first);

    if (ok && count > LIMIT_MODEL_FILES) {
        ok = FAIL(err, REASON_GGUF_SPLIT, ERR_NOWHERE, "%s: %u files, at most %d", first, count, LIMIT_MODEL_FILES);
    }
    for (uint32_t i = 0; ok && i < count; i++) {
        int fd;

        gguf_split_name(first, i, name);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        ok = fd >= 0 ? file_add(&m, fd, name, err) : file_fail(err, name, errno);
    }
    free(name);
    if (!ok) {
        model_files_done(&m);
        return false;
    }
    *out = m;
    return true;
}

bool model_files_open(const char *operand, struct model_files *out, struct err *err)
{
    struct model_files m = {0};
    struct store store;
    struct store_model model;
    bool ok;

    if (is_path(operand)) {
        return model_files_open_path(operand, out, err);
    }
    ok = store_open(NULL, &store, err) && store_find(&store, operand, &model, err);
    for (size_t i = 0; ok && i < model.file_count; i++) {
        char name[GGUF_PART_NAME_SIZE];
        int fd;

        gguf_part_name((uint32_t)i, (uint32_t)model.file_count, name);
        ok = store_open_file(&store, &model, i, &fd, err) && file_add(&m, fd, name, err);
    }
    if (!ok) {
        model_files_done(&m);
        return false;
    }
    *out = m;
    return true;
}

void model_files_done(struct model_files *m)
{
    for (size_t i = 0; i < m->count; i++) {
        char *name;

        (void)close(m->files[i].fd);
        memcpy(&name, &m->files[i].name, sizeof name); /* ours, and not const */
        free(name);
    }
    m->count = 0;
}

bool model_header_open(const char *operand, struct model_header *out, struct err *err)
{
    struct model_header h = {0};

    if (!model_files_open(operand, &h.files, err) ||
        !store_headers_read(h.files.files, h.files.count, &h.headers, err)) {
        model_files_done(&h.files);
        return false;
    }
    *out = h;
    return true;
}

void model_header_done(struct model_header *h)
{
    store_headers_done(&h->headers);
    model_files_done(&h->files);
}

bool model_stdin_read(struct buf *out, struct err *err)
{
    return file_read_fd(STDIN_FILENO, "standard input", out, err);
}
