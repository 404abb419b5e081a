/* Collateral that lies in files: for `sotto collateral import`, and for --collateral where it is a file. */
#ifndef SOTTO_CLI_COLLATERAL_IMPORT_H
#define SOTTO_CLI_COLLATERAL_IMPORT_H

#include "collateral/directory.h"

/* A directory of collateral; or a file: one piece of it, as item_read() knows it; an evidence document or a bundle that
 * carries some; the one-file form of dcap-qvl. Added to set under the names of docs/formats.md, section 7. FILE_*, and
 * what the readers give. */
MUST_USE bool collateral_import(const char *path, struct directory *set, struct err *err);

/* A PCK certificate, PEM (alone or with its issuers) or DER, as pck_cert.pem. FILE_*, COLLATERAL_OTHER, and what the
 * readers give. */
MUST_USE bool collateral_pck(const char *path, struct directory *set, struct err *err);

#endif
