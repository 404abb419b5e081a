/* sotto-sim's service: DIR/qgs.sock, DIR/td.sock and the collateral over HTTP, in one loop, until SIGTERM or SIGINT. */
#ifndef SOTTO_SIM_SERVE_H
#define SOTTO_SIM_SERVE_H

#include "base/err.h"

/* listen: "HOST:PORT" of a loopback address. The folder must be locked (state.h). Blocks; SIGTERM, SIGINT and SIGPIPE
 * are the caller's no more. Logs (os/log.h). The sockets are gone when it returns. */
MUST_USE bool serve_run(const char *dir, const char *listen, unsigned quote_version, struct err *err);

#endif
