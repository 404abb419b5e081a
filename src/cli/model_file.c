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

bool model_file_open(const char *operand, int *fd, struct err *err)
{
    struct store store;
    struct store_model m;

    if (is_path(operand)) {
        int f = open(operand, O_RDONLY | O_CLOEXEC);

        if (f < 0) {
            return file_fail(err, operand, errno);
        }
        *fd = f;
        return true;
    }
    return store_open(NULL, &store, err) && store_find(&store, operand, &m, err) &&
           store_open_blob(&store, &m, fd, err);
}

static bool more_open(struct model_files *m, const char *first, uint32_t count, struct err *err)
{
    size_t size = strlen(first) + 1;

    for (uint32_t i = 1; i < count; i++) {
        char *name = malloc(size);
        int fd;

        if (name == NULL) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", first);
        }
        gguf_split_name(first, i, name);
        fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0) {
            (void)file_fail(err, name, errno);
            free(name);
            return false;
        }
        m->more[m->source.more_count++] = (struct engine_part){fd, name};
    }
    return true;
}

bool model_files_open(const char *operand, struct model_files *out, struct err *err)
{
    uint32_t count = gguf_split_count(operand);
    struct model_files m = {.source = {.name = operand}};
    bool ok;

    if (count > ENGINE_PARTS_MAX) {
        return FAIL(err, REASON_GGUF_SPLIT, ERR_NOWHERE, "%s: %u files, at most %u", operand, count, ENGINE_PARTS_MAX);
    }
    if (!model_file_open(operand, &m.source.fd, err)) {
        return false;
    }
    m.more = calloc(count, sizeof *m.more);
    m.identity = calloc(count, sizeof *m.identity);
    m.source.more = m.more;
    ok = (m.more != NULL && m.identity != NULL) || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%u files", count);
    if (!ok || !more_open(&m, operand, count, err)) {
        model_files_done(&m);
        return false;
    }
    *out = m;
    return true;
}

void model_files_done(struct model_files *m)
{
    if (m->source.name == NULL) {
        return;
    }
    (void)close(m->source.fd);
    for (size_t i = 0; i < m->source.more_count; i++) {
        char *name;

        (void)close(m->more[i].fd);
        memcpy(&name, &m->more[i].name, sizeof name); /* ours, and not const */
        free(name);
    }
    free(m->more);
    free(m->identity);
    *m = (struct model_files){0};
}

bool model_header_open(const char *operand, struct model_header *out, struct err *err)
{
    struct model_header h = {.fd = -1};

    if (!model_file_open(operand, &h.fd, err)) {
        return false;
    }
    if (!store_header(h.fd, operand, &h.bytes, &h.gguf, err)) {
        (void)close(h.fd);
        return false;
    }
    *out = h;
    return true;
}

void model_header_done(struct model_header *h)
{
    if (h->fd >= 0) {
        gguf_done(&h->gguf);
        buf_done(&h->bytes);
        (void)close(h->fd);
        h->fd = -1;
    }
}

bool model_stdin_read(struct buf *out, struct err *err)
{
    return file_read_fd(STDIN_FILENO, "standard input", out, err);
}
