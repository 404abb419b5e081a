/* Evidence in files, in the forms that people have it in:
 *
 *     a quote      raw; hexadecimal or base64 text, which may be wrapped or armoured (-----BEGIN ...-----)
 *     JSON         an object with a quote as such text, and logs: dstack's answer {"quote","event_log"}, Trustee's and
 *                  CoCo's {"quote","cc_eventlog","aa_eventlog"}, Intel Trust Authority's {"quote"} or {"tdx":{"quote"}}
 *     a document   and a bundle, of docs/formats.md, section 5
 *
 * What else such an object says of itself (report data, policies, measurements) is not looked at. */
#ifndef SOTTO_CLI_QUOTE_FILE_H
#define SOTTO_CLI_QUOTE_FILE_H

#include "base/buf.h"

#define QUOTE_FILE_LOGS 8

struct quote_file {
    bool is_bundle, is_document; /* a bundle's evidence may be a document too */
    struct buf quote;            /* raw */
    struct buf logs[QUOTE_FILE_LOGS];
    size_t log_count;
};

/* False: there is no quote in it that can be decoded; is_bundle and is_document are said all the same. HEX_*, BASE64_*,
 * JSON_*, DOCUMENT_FORM, LOG_LIMIT. */
MUST_USE bool quote_file_open(struct bytes file, struct quote_file *out, struct err *err);
void quote_file_close(struct quote_file *f);

/* The quote alone, appended to out. */
MUST_USE bool quote_file_decode(struct bytes file, struct buf *out, struct err *err);

/* A whole file, or standard input for "-", appended. */
MUST_USE bool quote_file_read(const char *path, struct buf *out, struct err *err);

/* One more log, of any form that tdx/ reads: the firmware's goes before those that were written
 * behind it. FILE_*, LOG_LIMIT. */
MUST_USE bool quote_file_log(struct quote_file *f, const char *path, struct err *err);

#endif
