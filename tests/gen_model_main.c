/* Writes models with random weights:
 *     gen_model FAMILY TYPE OUT [CHAT]    a small one (gen_model.h: gen_model_family); TYPE as Q8_0; the chat template
 * in the file CHAT gen_model SHAPES.tsv LIKE.gguf OUT  one of true shapes: LIKE's metadata, SHAPES' tensors */
#include "base/limits.h"
#include "gen_model.h"
#include "model/gguf.h"
#include "os/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static bool small(const char *family, const char *type, const char *chat, int fd, struct err *err)
{
    const struct quant_type *q = quant_type_find(type);
    struct gen_model m = gen_model_family(family);
    struct buf file = BUF(MIB(256)), text = BUF(MIB(1));
    bool ok;

    if (q == NULL) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "%s: no tensor type", type);
    }
    m.weights = m.embedding = q->id;
    ok = chat == NULL || (file_read(chat, &text, err) && buf_u8(&text, 0, err));
    m.chat_template = chat == NULL ? m.chat_template : (const char *)text.p;
    ok = ok && gen_model_write(&m, &file, err) &&
         (write(fd, file.p, file.len) == (ssize_t)file.len || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "writing failed"));
    buf_done(&file);
    buf_done(&text);
    return ok;
}

static bool large(const char *shapes, const char *like, int fd, struct err *err)
{
    struct buf tsv = BUF(MIB(16)), bytes = BUF(MIB(256));
    struct gguf g = {0};
    bool ok = file_read(shapes, &tsv, err) && file_read(like, &bytes, err) && gguf_parse(buf_bytes(&bytes), &g, err);

    ok = ok && gen_model_shapes(buf_bytes(&tsv), &g, fd, err);
    gguf_done(&g);
    buf_done(&tsv);
    buf_done(&bytes);
    return ok;
}

int main(int argc, char **argv)
{
    struct err err = {0};
    size_t n = argc == 4 || argc == 5 ? strlen(argv[1]) : 0;
    int fd;
    bool ok;

    if (argc != 4 && argc != 5) {
        (void)fprintf(stderr, "gen_model FAMILY TYPE OUT [CHAT] | gen_model SHAPES.tsv LIKE.gguf OUT\n");
        return 2;
    }
    fd = open(argv[3], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) {
        (void)fprintf(stderr, "%s cannot be made\n", argv[3]);
        return 2;
    }
    ok = n > 4 && strcmp(argv[1] + n - 4, ".tsv") == 0 ? large(argv[1], argv[2], fd, &err)
                                                       : small(argv[1], argv[2], argv[4], fd, &err);
    if (close(fd) != 0 || !ok) {
        (void)fprintf(stderr, "%s\n", err.detail);
        return 2;
    }
    return 0;
}
