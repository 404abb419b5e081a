#include "os/secret.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static size_t pages_size(size_t n)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (n + page - 1) / page * page;
}

bool secret_new(size_t n, struct secret *out, struct err *err)
{
    size_t size = pages_size(n);
    uint8_t *p;

    if (n == 0 || size < n) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a secret of %zu bytes", n);
    }
    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%zu bytes: %s", size, strerror(errno));
    }
    if (mlock(p, size) != 0 || madvise(p, size, MADV_DONTDUMP) != 0 || madvise(p, size, MADV_WIPEONFORK) != 0) {
        int e = errno;

        (void)munmap(p, size);
        return FAIL(err, REASON_MEMORY_LOCK, ERR_NOWHERE, "%zu bytes: %s", size, strerror(e));
    }
    *out = (struct secret){.p = p, .len = n};
    return true;
}

void secret_free(struct secret *s)
{
    if (s->p != NULL) {
        secret_wipe(s->p, s->len);
        (void)munmap(s->p, pages_size(s->len));
    }
    *s = (struct secret){0};
}

bool secret_equal(const struct secret *s, const void *p, size_t len)
{
    const volatile uint8_t *a = s->p, *b = p;
    uint8_t differing = 0;

    if (s->len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        differing = (uint8_t)(differing | (a[i] ^ b[i]));
    }
    return differing == 0;
}

void secret_wipe(void *p, size_t n)
{
    if (n != 0) {
        explicit_bzero(p, n);
    }
}

bool secret_protect_process(struct err *err)
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0) {
        return FAIL(err, REASON_SANDBOX_FAILED, ERR_NOWHERE, "core files cannot be forbidden: %s", strerror(errno));
    }
    return true;
}
