/* Writing DER (X.690) into a buffer, for certificates, CRLs and extensions of our own making (sotto-sim's PKI, tests).
 * Constructed elements are opened and closed:
 *
 *     size_t seq;
 *     ok = der_out_begin(&b, DER_SEQUENCE, &seq, err) && der_out_uint(&b, DER_INTEGER, 2, err) &&
 *          der_out_end(&b, seq, err);
 *
 * Lengths get their shortest form when an element is closed; elements nest freely and close in reverse order. Errors:
 * those of base/buf.h; the buffer is then of no use. */
#ifndef SOTTO_CODEC_DER_OUT_H
#define SOTTO_CODEC_DER_OUT_H

#include "base/buf.h"
#include "codec/der.h"

/* Tags beside those of codec/der.h, whose readers take either string. */
enum der_out_tag {
    DER_UTF8_STRING = 0x0c,
    DER_PRINTABLE_STRING = 0x13,
};

/* The tag; *mark is for der_out_end(), which puts the length behind it. */
MUST_USE bool der_out_begin(struct buf *b, unsigned tag, size_t *mark, struct err *err);
MUST_USE bool der_out_end(struct buf *b, size_t mark, struct err *err);

/* A whole element with this content: OCTET STRING, strings, OBJECT IDENTIFIER (content bytes), NULL, context tags. */
MUST_USE bool der_out_element(struct buf *b, unsigned tag, struct bytes content, struct err *err);
MUST_USE bool der_out_text(struct buf *b, unsigned tag, const char *text, struct err *err);

MUST_USE bool der_out_boolean(struct buf *b, bool v, struct err *err);
MUST_USE bool der_out_uint(struct buf *b, unsigned tag, uint64_t v, struct err *err); /* INTEGER or ENUMERATED */
/* A positive INTEGER from big-endian bytes; leading zeros are dropped, a sign byte is added where it is needed. */
MUST_USE bool der_out_positive(struct buf *b, struct bytes magnitude, struct err *err);
/* A BIT STRING whose last byte has unused (0..7) zero bits. */
MUST_USE bool der_out_bits(struct buf *b, struct bytes bits, unsigned unused, struct err *err);
/* UTCTime through 2049, GeneralizedTime from 2050 (RFC 5280, section 4.1.2.5). */
MUST_USE bool der_out_time(struct buf *b, int64_t unix_time, struct err *err);
/* r || s as ECDSA-Sig-Value { r, s }. */
MUST_USE bool der_out_ecdsa(struct buf *b, struct bytes rs, struct err *err);

#endif
