/* What a tokenizer costs, in processor time: loading its vocabulary, and bytes per second of each text.
 *
 * Usage: tokens MODEL [TEXT]...     "load 41.3 ms" and "TEXT 12.3 MB/s 3.97 bytes/token" lines on stdout, the best of
 * five. "a", "space" and "mark" name a megabyte of one letter, of spaces, of a combining mark. */
#include "model/tokenizer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEATS 5
#define RUN_SIZE MIB(1)

static double seconds(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool file_read(const char *path, struct buf *out, uint64_t *length, struct err *err)
{
    FILE *f = fopen(path, "rb");
    size_t n = 1;
    bool ok = f != NULL || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "%s", path);

    while (ok && n != 0 && out->len < out->max) {
        size_t want = out->max - out->len < MIB(1) ? out->max - out->len : MIB(1);
        uint8_t *p;

        ok = buf_room(out, want, &p, err);
        if (ok) {
            n = fread(p, 1, want, f);
            buf_grew(out, n);
        }
    }
    if (f != NULL) {
        (void)fseek(f, 0, SEEK_END);
        *length = (uint64_t)ftell(f);
        (void)fclose(f);
    }
    return ok;
}

static bool text_read(const char *name, struct buf *out, struct err *err)
{
    static const char *const runs[][2] = {{"a", "a"}, {"space", " "}, {"mark", "\xcc\x81"}};
    uint64_t length;

    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        if (strcmp(name, runs[i][0]) == 0) {
            bool ok = true;

            while (ok && out->len < RUN_SIZE) {
                ok = buf_str(out, runs[i][1], err);
            }
            return ok;
        }
    }
    return file_read(name, out, &length, err);
}

static bool load(struct bytes file, uint64_t length, struct tokenizer **out, struct err *err)
{
    double best = 1e9;

    for (int i = 0; i < REPEATS; i++) {
        double from;
        struct gguf g;
        bool ok;

        tokenizer_free(*out);
        *out = NULL;
        if (!gguf_parse_header(file, length, &g, err)) {
            return false;
        }
        from = seconds();
        ok = tokenizer_new(&g, out, err);
        best = seconds() - from < best ? seconds() - from : best;
        gguf_done(&g);
        if (!ok) {
            return false;
        }
    }
    (void)printf("load %.1f ms\n", best * 1e3);
    return true;
}

static bool encode(const struct tokenizer *t, const char *name, struct err *err)
{
    struct buf text = BUF(MIB(64));
    struct tokenizer_ids ids = TOKENIZER_IDS(SIZE_MAX);
    double best = 1e9;
    bool ok = text_read(name, &text, err);

    for (int i = 0; ok && i < REPEATS; i++) {
        double from = seconds();

        ids.count = 0;
        ok = tokenizer_encode(t, buf_bytes(&text), TOKENIZER_ALLOW_USER, &ids, err);
        best = seconds() - from < best ? seconds() - from : best;
    }
    if (ok) {
        (void)printf("%s %.2f MB/s %.2f bytes/token\n", name, (double)text.len / best * 1e-6,
                     (double)text.len / (double)(ids.count != 0 ? ids.count : 1));
    }
    buf_done(&text);
    tokenizer_ids_done(&ids);
    return ok;
}

int main(int argc, char **argv)
{
    struct buf file = BUF(MIB(64)); /* the header is in it; weights are not wanted */
    struct tokenizer *t = NULL;
    struct err err = {0};
    uint64_t length = 0;
    bool ok = argc > 1 && file_read(argv[1], &file, &length, &err) && load(buf_bytes(&file), length, &t, &err);

    for (int i = 2; ok && i < argc; i++) {
        ok = encode(t, argv[i], &err);
    }
    tokenizer_free(t);
    buf_done(&file);
    if (!ok) {
        char line[400] = "usage: tokens MODEL [TEXT]...";

        if (argc > 1) {
            err_print(&err, line, sizeof line);
        }
        (void)fprintf(stderr, "tokens: %s\n", line);
    }
    return ok ? 0 : 1;
}
