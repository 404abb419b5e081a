/* Collateral from services. What has a network is another program, sotto-fetch, one short-lived process an address;
 * what it says is read as hostile, and counts only if it is the document that was asked for, valid now, and signed
 * under the chain that came with it. Whose chain that is, verify/ decides. */
#ifndef SOTTO_COLLATERAL_FETCH_H
#define SOTTO_COLLATERAL_FETCH_H

#include "collateral/directory.h"
#include "collateral/pcs.h"

struct fetch {
    const char *program;  /* NULL: sotto-fetch beside this program */
    bool any_certificate; /* the TLS certificates of services are not checked */
    const char *ca_file;  /* PEM: of whom they must be; NULL: the system's list */
    unsigned timeout_s;   /* an answer may take so long; 0: 30 */
    const char *root_crl; /* an address for the root's list, before the services' own; NULL: none */
    int64_t now;          /* documents that are valid then are preferred */
    /* What failed on the way to what succeeded; NULL: nobody is told. */
    void (*note)(void *arg, const char *url, const struct err *why);
    void *arg;
};

struct fetch_answer {
    int status;
    struct buf head, body; /* head: the header lines, each with its CRLF; BUF(max) before the call, buf_done() after */
};

/* One GET, no redirects. CONNECT_FAILED, TLS_FAILED, NET_TIMEOUT, NET_CLOSED, HTTP_HEADER, HTTP_BODY_SIZE,
 * HTTP_HEAD_SIZE, FETCH_ABSENT, FETCH_FAILED. */
MUST_USE bool fetch_url(const struct fetch *f, const char *url, struct fetch_answer *out, struct err *err);

/* The value of the one header of this name; p NULL: none, or several. Borrowed. */
struct bytes fetch_header(const struct fetch_answer *a, const char *name);

/* All that a verification needs, each document from the first source that gives a good one (one that is busy, by status
 * 429 or 503, is asked three times, at most 10 s apart), added to out by the names
 * of docs/formats.md, section 7. False: one of them could not be had (the reason of
 * its last failure; note() was told all); those that could are in out.
 */
MUST_USE bool fetch_set(const struct fetch *f, const struct pcs_source *sources, size_t count,
                        const struct pcs_wanted *wanted, struct directory *out, struct err *err);

#endif
