/* Hexadecimal digits. Written in lower case; both cases are read. */
#ifndef SOTTO_BASE_HEX_H
#define SOTTO_BASE_HEX_H

#include "base/buf.h"

/* 2 * len digits and a zero byte into out (2 * len + 1 bytes). */
void hex_encode(struct bytes b, char *out);

MUST_USE bool hex_add(struct buf *out, struct bytes b, struct err *err);

/* Exactly len bytes from exactly 2 * len digits. HEX_DIGIT, HEX_LENGTH. */
MUST_USE bool hex_decode(struct bytes digits, void *out, size_t len, struct err *err);

/* As many as there are, into a buffer. */
MUST_USE bool hex_decode_all(struct bytes digits, struct buf *out, struct err *err);

#endif
