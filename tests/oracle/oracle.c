#include <jansson.h>

#include "oracle/oracle.h"
#include "oracle/walk.h"

#include <stdlib.h>

char *oracle_walk(const uint8_t *text, size_t len)
{
    json_t *v = json_loadb(len > 0 ? (const char *)text : "", len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    char *out = NULL;
    size_t size;
    FILE *f;

    if (v == NULL) {
        return NULL;
    }
    f = open_memstream(&out, &size);
    if (f == NULL) {
        abort();
    }
    walk(f, v);
    (void)fclose(f);
    json_decref(v);
    return out;
}
