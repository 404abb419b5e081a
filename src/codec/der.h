/* DER (X.690), strict: definite lengths in their shortest form, one spelling for each value. Elements keep their exact
 * bytes, because signatures are over those. Pure reading; nothing is allocated.
 *
 * Errors: BYTES_SHORT, DER_TAG, DER_LENGTH, DER_VALUE, with the offset in the whole input. */
#ifndef SOTTO_CODEC_DER_H
#define SOTTO_CODEC_DER_H

#include "base/cursor.h"

enum der_tag {
    DER_BOOLEAN = 0x01,
    DER_INTEGER = 0x02,
    DER_BIT_STRING = 0x03,
    DER_OCTET_STRING = 0x04,
    DER_OID = 0x06,
    DER_ENUMERATED = 0x0a,
    DER_UTC_TIME = 0x17,
    DER_GENERALIZED_TIME = 0x18,
    DER_SEQUENCE = 0x30,
    DER_SET = 0x31,
};
#define DER_CONTEXT(n) (0x80 | (n))             /* primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (0xa0 | (n)) /* constructed */

struct der {
    unsigned tag;
    struct cursor content;
    struct bytes whole; /* tag, length and content as they came */
};

/* The next element, whatever its tag (low tag numbers only). */
MUST_USE bool der_next(struct cursor *c, struct der *out, struct err *err);
/* The next element, which must have this tag; its content. */
MUST_USE bool der_expect(struct cursor *c, unsigned tag, struct cursor *content, struct err *err);
/* Whether the next element has this tag. */
bool der_is(const struct cursor *c, unsigned tag);

/* An INTEGER or ENUMERATED of 0..max. */
MUST_USE bool der_uint(struct cursor *c, unsigned tag, uint64_t max, uint64_t *out, struct err *err);
/* A positive INTEGER of any size: its bytes without the sign byte. */
MUST_USE bool der_positive(struct cursor *c, struct bytes *out, struct err *err);
MUST_USE bool der_boolean(struct cursor *c, bool *out, struct err *err);
/* A BIT STRING without unused bits: its bytes. */
MUST_USE bool der_bits(struct cursor *c, struct bytes *out, struct err *err);
/* UTCTime or GeneralizedTime in RFC 5280's form, as seconds since 1970. */
MUST_USE bool der_time(struct cursor *c, int64_t *out, struct err *err);
/* An ECDSA-Sig-Value { r, s } as r || s of 2 * half bytes. */
MUST_USE bool der_ecdsa(struct bytes der, size_t half, uint8_t *rs, struct err *err);

#endif
