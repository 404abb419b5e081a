/* The civil calendar, pure: seconds since 1970-01-01T00:00:00Z (no leap seconds) and their spellings. Years 1 to 9999.
 */
#ifndef SOTTO_BASE_CIVIL_H
#define SOTTO_BASE_CIVIL_H

#include "base/bytes.h"
#include "base/err.h"

struct civil {
    int year, month, day;     /* 1.., 1..12, 1..31 */
    int hour, minute, second; /* UTC; second 0..59 */
};

/* TIME_FORM if a field is out of its range. */
MUST_USE bool civil_to_unix(const struct civil *c, int64_t *out, struct err *err);
void civil_from_unix(int64_t unix_time, struct civil *out); /* clamped to the years above */

/* "2026-11-24T12:00:00Z", exactly 20 characters; a fraction of a second ("...00.123Z") is read and dropped. */
MUST_USE bool civil_parse_iso8601(struct bytes text, int64_t *out, struct err *err);
#define CIVIL_ISO8601_SIZE 21
void civil_print_iso8601(int64_t unix_time, char out[CIVIL_ISO8601_SIZE]);

#endif
