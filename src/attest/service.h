/* The attestation service without its sockets: a request in, a reply out. Beside evidence, a cache of collateral in the
 * protocol of Intel's PCCS (collateral/pccs.h): the operator's directory, as it is. What it judges by (policies,
 * collateral) are files that the operator puts in; they are read for each request, so a changed file counts at once.
 * One thread. */
#ifndef SOTTO_ATTEST_SERVICE_H
#define SOTTO_ATTEST_SERVICE_H

#include "attest/keys.h"
#include "codec/http1.h"

#define SERVICE_ORIGINS_MAX 32

struct cache;

struct service { /* all borrowed */
    const struct keys *keys;
    const char *policies;                     /* the folder of ID.json */
    const char *default_policy;               /* its id; NULL: none */
    const char *collateral;                   /* the folder; NULL: none */
    const char *issuer;                       /* a URL without a slash at its end */
    const char *origins[SERVICE_ORIGINS_MAX]; /* pages that may ask from a browser: "http://127.0.0.1:11434" */
    size_t origin_count;
    struct cache *cache; /* of collateral and certificates that were seen before (verify/cache.h); NULL: none */
};

struct service_request {
    enum http_method method;
    const char *path;
    struct bytes query;
    struct bytes origin; /* the header's value; p NULL: none */
    struct bytes body;
    int64_t time;
    uint8_t random[16];
};

struct service_reply {
    int status;
    const char *content_type; /* static */
    const char *origin;       /* Access-Control-Allow-Origin, one of the service's; NULL: none */
    bool preflight;           /* with the methods and headers that are allowed */
    const char *allow;        /* of 405: the methods that the route knows; NULL: none */
    struct err why;           /* reason OK, or why it was refused: for the operator's log */
    const char *header;       /* a header of this answer alone, and its value, zero-terminated; NULL: none */
    struct buf value;
    char request_id[33]; /* "": none */
    struct buf body;
};

/* Always a reply; what fails is said in it (RFC 9457). */
void service_answer(const struct service *s, const struct service_request *r, struct service_reply *out);
void service_reply_done(struct service_reply *r);

/* Bodies of this route may have so many bytes. */
size_t service_body_limit(const char *path);

#endif
