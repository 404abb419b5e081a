/* RFC 4648. Reading is strict: the alphabet asked for and no other, padding exactly as the form has it, no white space,
 * unused bits zero. So each run of bytes has one spelling. */
#ifndef SOTTO_BASE_BASE64_H
#define SOTTO_BASE_BASE64_H

#include "base/buf.h"

enum base64_form {
    BASE64_STANDARD, /* section 4, padded */
    BASE64_URL,      /* section 5, without padding (JOSE) */
};

MUST_USE bool base64_add(struct buf *out, enum base64_form form, struct bytes b, struct err *err);

/* Appends the bytes to out. BASE64_DIGIT, BASE64_LENGTH, BUF_FULL. */
MUST_USE bool base64_decode(struct bytes text, enum base64_form form, struct buf *out, struct err *err);

#endif
