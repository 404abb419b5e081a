/* What is in a collateral directory, and from when to when: for `sotto collateral`. */
#ifndef SOTTO_CLI_COLLATERAL_SHOW_H
#define SOTTO_CLI_COLLATERAL_SHOW_H

#include "collateral/directory.h"

/* On stdout: a table, or {"directory","files":[{"file","what","issued","next_update","fetched","age","state"}...]}.
 * state: valid, expired, not-yet, unreadable. age: seconds since it was issued. */
MUST_USE bool collateral_show(const char *path, const struct directory *d, int64_t now, bool json, struct err *err);

/* Whether the set has every file that wanted needs, valid now, and none older on disk than max_age seconds. */
struct pcs_wanted;
bool collateral_is_fresh(const struct directory *d, const struct pcs_wanted *wanted, int64_t now, int64_t max_age);

#endif
