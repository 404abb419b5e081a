/* The simulated firmware's event log, in the form of a CCEL area: what RTMR0..2 were extended with at boot. Its texts
 * say SIMULATED, and each register has an event with the installation's id. */
#ifndef SOTTO_SIM_BOOTLOG_H
#define SOTTO_SIM_BOOTLOG_H

#include "base/buf.h"

#define BOOTLOG_ID_SIZE 32

/* Appended; the same bytes for the same installation. */
MUST_USE bool bootlog_print(const uint8_t id[BOOTLOG_ID_SIZE], struct buf *out, struct err *err);

#endif
