/* PEM (RFC 7468), strict: blocks of one label, base64 lines of one width but for the last, LF or CRLF, nothing between
 * or around the blocks but line ends; one zero byte may end the text (quotes carry it). */
#ifndef SOTTO_CODEC_PEM_H
#define SOTTO_CODEC_PEM_H

#include "base/buf.h"

#define PEM_BLOCKS_MAX 8

struct pem {
    struct buf der;                      /* all blocks, one behind the other */
    struct bytes blocks[PEM_BLOCKS_MAX]; /* borrowed from der */
    size_t count;
};

/* label: "CERTIFICATE", "X509 CRL". At least one block. PEM_FORM with the offset. */
MUST_USE bool pem_parse(struct bytes text, const char *label, struct pem *out, struct err *err);
void pem_done(struct pem *p);

/* One block, appended. */
MUST_USE bool pem_add(struct buf *out, const char *label, struct bytes der, struct err *err);

#endif
