/* Bad files: tests/bad/FORMAT/ holds one file a rule, and expected.txt, the table of what each must give:
 *
 *     FILE REASON OFFSET        OFFSET is "-" where the reason has no place; REASON OK marks the good twin
 *
 * Every file of the folder must be in the table, and every row must have its file. */
#ifndef SOTTO_TESTS_BAD_H
#define SOTTO_TESTS_BAD_H

#include "test.h"

#include "base/bytes.h"

#include <dirent.h>
#include <sys/types.h>

/* A file of the source tree, whole; free() it. */
static inline uint8_t *bad_read(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = malloc(1 << 20);

    if (f == NULL || bytes == NULL) {
        fail_msg("%s cannot be read", path);
        abort();
    }
    *len = fread(bytes, 1, 1 << 20, f);
    (void)fclose(f);
    return bytes;
}

static inline int bad_count(const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *e;
    int count = 0;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        count += e->d_name[0] != '.';
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    return count - 1; /* expected.txt */
}

static inline void bad_row(const char *folder, const char *name, const char *reason, const char *offset,
                           bool (*parse)(struct bytes in, struct err *err))
{
    char path[4200];
    struct err err = {.reason = REASON_OK, .offset = ERR_NOWHERE};
    size_t len, want = strcmp(offset, "-") == 0 ? ERR_NOWHERE : (size_t)strtoul(offset, NULL, 10);
    uint8_t *bytes, *exact;
    bool ok;

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    bytes = bad_read(path, &len);
    exact = malloc(len > 0 ? len : 1); /* so that a sanitizer sees a read past the end */
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, len);
    ok = parse(bytes_of(exact, len), &err);
    free(exact);
    free(bytes);
    if (ok != (strcmp(reason, "OK") == 0) || strcmp(reason_name(err.reason), reason) != 0 || err.offset != want) {
        fail_msg("%s: %s at %zd, expected %s at %s (%s)", name, reason_name(err.reason), (ssize_t)err.offset, reason,
                 offset, err.detail);
    }
}

static inline void bad_run(const char *format, bool (*parse)(struct bytes in, struct err *err))
{
    const char *source = getenv("SOTTO_SOURCE");
    char folder[4096], path[4200], name[128], reason[64], offset[32];
    FILE *table;
    int rows = 0;

    (void)snprintf(folder, sizeof folder, "%s/tests/bad/%s", source != NULL ? source : ".", format);
    (void)snprintf(path, sizeof path, "%s/expected.txt", folder);
    table = fopen(path, "r");
    assert_non_null(table);
    while (fscanf(table, "%127s %63s %31s", name, reason, offset) == 3) {
        bad_row(folder, name, reason, offset, parse);
        rows++;
    }
    (void)fclose(table);
    assert_int_equal(rows, bad_count(folder));
    assert_true(rows > 0);
}

#endif
