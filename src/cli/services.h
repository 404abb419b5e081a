/* Which collateral services a command asks, from its options. */
#ifndef SOTTO_CLI_SERVICES_H
#define SOTTO_CLI_SERVICES_H

#include "collateral/fetch.h"
#include "collateral/qcnl.h"

#define SERVICES_MAX 8
#define SERVICES_DEFAULT "https://api.trustedservices.intel.com"

struct services {
    struct pcs_source list[SERVICES_MAX];
    size_t count;
};

bool services_is_url(const char *text); /* http:// or https:// */

/* "URL[,URL...]", in the order in which they are asked. COLLATERAL_URL. */
MUST_USE bool services_parse(const char *text, struct services *out, struct err *err);

/* Where Intel's library looks: QCNL_CONF_PATH, else /etc/sgx_default_qcnl.conf if that is there; NULL: nowhere. */
const char *services_qcnl_path(void);
MUST_USE bool services_qcnl_read(const char *path, struct qcnl *out, struct err *err); /* FILE_*, QCNL_FORM */

/* fetch.note: a line on stderr. arg: unused. */
void services_note(void *arg, const char *url, const struct err *why);

/* The platform of the evidence's quote, in whatever form it is (cli/quote_file.h). pck: pcs_wanted_of_quote()'s. */
MUST_USE bool services_wanted(struct bytes evidence, struct bytes pck, struct pcs_wanted *out, struct err *err);

#endif
