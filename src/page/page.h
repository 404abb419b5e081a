/* The chat page, as bytes inside the program: files built from web/ (web/dist), their manifest, and the headers that
 * every one of them is served with. Pure: no I/O, no state; everything that is returned is static unless it says
 * otherwise, and any thread may ask. */
#ifndef SOTTO_PAGE_PAGE_H
#define SOTTO_PAGE_PAGE_H

#include "base/buf.h"
#include "crypto/hash.h"

struct page_file {
    const char *path;      /* the request's path: "/", "/assets/index-BqC0oN5d.js" */
    const char *type;      /* Content-Type */
    const char *etag;      /* strong, quoted: differs from the gzip variant's */
    const char *etag_gzip; /* NULL where there is no such variant */
    const char *cache;     /* Cache-Control: a file whose name is made from its content never changes */
    struct bytes content;
    struct bytes gzip; /* the same content for Accept-Encoding: gzip (then Content-Encoding: gzip); p NULL: none */
};

/* All files, sorted by path. */
const struct page_file *page_files(size_t *count);

/* The file of this path, exactly; NULL: there is none. path is as the request has it, without a query. */
const struct page_file *page_find(struct bytes path);

/* Whether the value of Accept-Encoding (p NULL: absent) allows gzip (RFC 9110, section 12.5.3). */
bool page_accepts_gzip(struct bytes accept_encoding);

/* The manifest: RFC 8785 bytes of {"files":[{"gzip":hex,"path":text,"sha384":hex,"type":text}...],"v":1}, sorted by
 * path. sha384 is of the content, gzip of the compressed variant's bytes ("" where there is none), both hex. */
MUST_USE bool page_manifest(struct buf *out, struct err *err);

/* SHA-384 of the manifest: what the `web` event and the key set carry (docs/formats.md, sections 3 and 4). */
MUST_USE bool page_manifest_sha384(uint8_t out[SHA384_SIZE], struct err *err);

/* The headers of every file of the page, the route of page_settings() included. */
#define PAGE_HEADERS 8
#define PAGE_ORIGIN_MAX 280 /* characters of an origin: "https://", a host name, ":65535" */

struct page_headers {
    struct {
        const char *name, *value; /* value: static, or in csp below; so a copy of the struct must not be used */
    } list[PAGE_HEADERS];
    char csp[512 + PAGE_ORIGIN_MAX];
};

/* attestation: the attestation service's origin as a browser prints it, "http://127.0.0.1:8081" or
 * "https://attest.example.org" ("" or NULL: none). It becomes part of the Content-Security-Policy, so anything else
 * than scheme, host and port is ADDRESS_FORM. */
MUST_USE bool page_headers_init(struct page_headers *h, const char *attestation, struct err *err);

/* The body of GET /sotto/page.json (application/json, Cache-Control: no-store): {"attestation":origin|null}.
 * ADDRESS_FORM as above. */
MUST_USE bool page_settings(const char *attestation, struct buf *out, struct err *err);
#define PAGE_SETTINGS_PATH "/sotto/page.json"

#endif
