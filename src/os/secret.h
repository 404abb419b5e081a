/* Memory for keys: on pages of its own, locked, left out of core files, wiped in a forked child and when freed.
 * A secret is compared with secret_equal() only; it has no conversion to struct bytes on purpose. */
#ifndef SOTTO_OS_SECRET_H
#define SOTTO_OS_SECRET_H

#include "base/err.h"

#include <stdint.h>

struct secret {
    uint8_t *p;
    size_t len;
};

/* n zero bytes. NO_MEMORY, MEMORY_LOCK. */
MUST_USE bool secret_new(size_t n, struct secret *out, struct err *err);
void secret_free(struct secret *s); /* wipes; an empty one is accepted */

/* In time that depends on len alone. */
bool secret_equal(const struct secret *s, const void *p, size_t len);

/* Wipes memory that held a secret or a prompt; the compiler cannot drop it. */
void secret_wipe(void *p, size_t n);

/* No core files and no ptrace of this process from now on. */
MUST_USE bool secret_protect_process(struct err *err);

#endif
