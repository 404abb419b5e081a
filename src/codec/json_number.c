/* Fractions as numbers. strtod() and printf() follow the locale of the process: ours never set one, and the verifier,
 * which may stand in a process that does, computes with no fraction. */
#include "codec/json_tree.h"

#include <stdio.h>
#include <stdlib.h>

double json_number_value(const json_t *v)
{
    return json_is_real(v) ? strtod(v->text, NULL) : (double)json_integer_value(v);
}

json_t *json_real(double d)
{
    char text[40];
    int digits = 15; /* what any double has; 17 are always enough */
    int len;

    if (!(d - d <= 0)) { /* infinite, or no number */
        return NULL;
    }
    do {
        len = snprintf(text, sizeof text - 2, "%.*g", digits, d);
    } while (digits++ < 17 && (strtod(text, NULL) < d || strtod(text, NULL) > d));
    if (strcspn(text, ".e") == (size_t)len) { /* or it would be read as an integer */
        memcpy(text + len, ".0", 3);
        len += 2;
    }
    return json_text_new(JSON_REAL, text, (size_t)len);
}
