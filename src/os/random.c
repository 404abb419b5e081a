#include "os/random.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

bool random_bytes(void *out, size_t n, struct err *err)
{
    uint8_t *to = out;

    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);

        if (got < 0 && errno != EINTR) {
            return FAIL(err, REASON_RANDOM_FAILED, ERR_NOWHERE, "getrandom: %s", strerror(errno));
        }
        if (got > 0) {
            to += got;
            n -= (size_t)got;
        }
    }
    return true;
}
