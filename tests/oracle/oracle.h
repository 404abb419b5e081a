/* jansson's opinion, for tests of codec/json.h. The two have functions of the same names, so jansson is in an
 * object in which its names are local (meson.build). */
#ifndef SOTTO_TESTS_ORACLE_H
#define SOTTO_TESTS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What it reads, as walk.h writes it; free() it. NULL: it refuses the text. */
char *oracle_walk(const uint8_t *text, size_t len);

#endif
