#include "removed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned removed;
static bool begun; /* test programs have one thread */
static bool decided[CHECKS_MAX];

static void trace_write(void)
{
    FILE *f = fopen(getenv("SOTTO_REMOVED_TRACE"), "ab");

    for (unsigned i = 0; f != NULL && i < CHECKS_MAX; i++) {
        if (decided[i]) {
            (void)fprintf(f, "%u\n", i);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

bool check_is_removed(unsigned number)
{
    if (!begun) {
        const char *text = getenv("SOTTO_REMOVED_CHECK");

        begun = true;
        removed = text == NULL ? 0 : (unsigned)strtoul(text, NULL, 10);
        if (getenv("SOTTO_REMOVED_TRACE") != NULL) {
            (void)atexit(trace_write);
        }
    }
    return number == removed;
}

bool check_stops(unsigned number, bool stops)
{
    decided[number % CHECKS_MAX] |= stops;
    return stops;
}

bool check_passes(unsigned number, bool passes)
{
    decided[number % CHECKS_MAX] |= !passes;
    return passes;
}

void check_remove(unsigned number)
{
    begun = true;
    removed = number;
}

void check_decided(bool out[CHECKS_MAX])
{
    memcpy(out, decided, sizeof decided);
    memset(decided, 0, sizeof decided);
}
