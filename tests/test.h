/* What every unit test includes: cmocka, and the assertions that go with our error convention. */
#ifndef SOTTO_TESTS_TEST_H
#define SOTTO_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* The call fails with exactly this reason at exactly this offset. */
#define assert_fails(call, err, want_reason, want_offset) \
    do { \
        (err).reason = REASON_OK; \
        assert_false(call); \
        assert_string_equal(reason_name((err).reason), reason_name(want_reason)); \
        assert_int_equal((err).offset, (want_offset)); \
    } while (0)

/* The call succeeds; otherwise its error is printed. */
#define assert_ok(call, err) \
    do { \
        if (!(call)) { \
            char line_[400]; \
            err_print(&(err), line_, sizeof line_); \
            fail_msg("%s: %s", #call, line_); \
        } \
    } while (0)

/* The path of a file below the folder of other programs' vectors, or skips the test where the folder is absent. */
static inline const char *vector_path(const char *name)
{
    static char path[4096];
    const char *dir = getenv("SOTTO_VECTORS");
    FILE *f;

    (void)snprintf(path, sizeof path, "%s/engine/INDEX.md", dir != NULL ? dir : "");
    f = fopen(path, "rb");
    if (f == NULL) {
        print_message("skipped: no vectors\n");
        skip();
    } else {
        (void)fclose(f);
    }
    (void)snprintf(path, sizeof path, "%s/%s", dir != NULL ? dir : "", name);
    return path;
}

/* A sanitizer needs more memory: limits on it are not looked at then. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED
#endif
#endif

#endif
