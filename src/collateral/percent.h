/* Percent-encoding (RFC 3986, section 2.1), as Intel's services use it for certificate chains in header values. */
#ifndef SOTTO_COLLATERAL_PERCENT_H
#define SOTTO_COLLATERAL_PERCENT_H

#include "base/buf.h"

/* Everything but unreserved characters becomes %XX; appended. */
MUST_USE bool percent_add(struct buf *out, struct bytes text, struct err *err);

/* Appends the bytes. '+' is itself; a '%' without two digits, a control character or a byte beyond ASCII is HTTP_HEADER
 * with its offset. */
MUST_USE bool percent_decode(struct bytes text, struct buf *out, struct err *err);

#endif
