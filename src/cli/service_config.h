/* The service's configuration, as `serve` and `policy new` take it: a flag wins over the environment, which wins over
 * the file of --config, which wins over the default. */
#ifndef SOTTO_CLI_SERVICE_CONFIG_H
#define SOTTO_CLI_SERVICE_CONFIG_H

#include "cli/args.h"
#include "serve/config.h"

/* CONFIG_FORM, FILE_*. */
MUST_USE bool service_config_read(const struct args *a, struct config *c, struct err *err);

#endif
