#include "cli/model_file.h"

#include "os/file.h"

#include <errno.h>
#include <fcntl.h>
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
