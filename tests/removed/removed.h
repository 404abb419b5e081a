/* Which check of the instrumented sources is removed: the number in SOTTO_REMOVED_CHECK (checks.tsv has them), none
 * where it is absent. Only the test programs of this folder are built with it.
 *
 * A check that stops (or does not pass) has decided something, and is remembered: only what it decides can show that it
 * is missing. Where SOTTO_REMOVED_TRACE names a file, the numbers of those are appended to it at the end. */
#ifndef SOTTO_TESTS_REMOVED_H
#define SOTTO_TESTS_REMOVED_H

#include <stdbool.h>
#include <stddef.h>

#define CHECKS_MAX 4096

bool check_is_removed(unsigned number);
bool check_stops(unsigned number, bool stops);   /* as it is */
bool check_passes(unsigned number, bool passes); /* as it is */

void check_remove(unsigned number);       /* instead of the environment's */
void check_decided(bool out[CHECKS_MAX]); /* since the last call */

#endif
