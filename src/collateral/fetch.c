#include "collateral/fetch.h"

#include "collateral/percent.h"

#include <time.h>

/* A service that is busy (429, 503) is asked again, at the time that it says, where that is soon. */
#define BUSY_TRIES 3
#define BUSY_SECONDS 1 /* where it says none */
#define BUSY_SECONDS_MAX 10

/* One set that is being fetched: the root that the first chain ended in is the root of all. */
struct work {
    const struct fetch *f;
    const struct pcs_wanted *wanted;
    struct directory *out;
    bool stale;        /* a document outside of its window is better than none */
    bool stale_seen;   /* one was turned down for that */
    struct buf root;   /* DER; empty: none yet */
    struct buf pck_ca; /* the chain of the PCK CA's list, whose root signed the root's list */
};

static bool window_check(struct work *w, const struct item *item, struct err *err)
{
    const bool early = w->f->now < item->issued;

    if (!early && w->f->now <= item->next_update) {
        return true;
    }
    w->stale_seen = true;
    return w->stale || FAIL(err, early ? REASON_COLLATERAL_NOT_YET : REASON_COLLATERAL_EXPIRED, ERR_NOWHERE, "%s",
                            item_kind_name(item));
}

static bool same_root(struct work *w, struct bytes chain, struct err *err)
{
    struct buf root = BUF(LIMIT_CERT);
    bool ok = item_root(chain, &root, err);

    if (ok && w->root.len == 0) {
        ok = buf_add(&w->root, root.p, root.len, err);
    } else if (ok && !bytes_equal(buf_bytes(&root), buf_bytes(&w->root))) {
        ok = FAIL(err, REASON_COLLATERAL_ROOT, ERR_NOWHERE, "its chain ends in another root than the others");
    }
    buf_done(&root);
    return ok;
}

/* The chain in its header, decoded and clean. */
static bool chain_get(const struct fetch_answer *a, const char *header, struct item *item, struct buf *plain,
                      struct err *err)
{
    struct bytes value = fetch_header(a, header);
    struct buf text = BUF(LIMIT_CHAIN);
    bool ok;

    if (value.p == NULL && strcmp(header, "TCB-Info-Issuer-Chain") == 0) {
        value = fetch_header(a, "SGX-TCB-Info-Issuer-Chain"); /* caches that keep version 3's name */
    }
    if (value.p == NULL) {
        return FAIL(err, REASON_HTTP_HEADER, ERR_NOWHERE, "%s is not there once", header);
    }
    ok = percent_decode(value, &text, err) && item_read(buf_bytes(&text), item, plain, err) &&
         (item->kind == ITEM_CHAIN || FAIL(err, REASON_COLLATERAL_FORM, ERR_NOWHERE, "%s: no chain", header));
    if (!ok) {
        err_prefix(err, header);
    }
    buf_done(&text);
    return ok;
}

static bool add_all(struct work *w, const struct item *item, struct bytes plain, struct err *err)
{
    char room[ITEM_NAME_SIZE];
    const bool early = w->wanted->early && item->kind != ITEM_CRL && item->kind != ITEM_CHAIN;
    const char *name;

    for (unsigned nth = 0; (name = item_name(item, early, nth, room)) != NULL; nth++) {
        if (!directory_add(w->out, name, plain, err)) {
            return false;
        }
    }
    return true;
}

/* An answer with status 200. header: of its chain; NULL: the root's list. */
static bool answer_take(struct work *w, enum pcs_document d, const char *header, const struct fetch_answer *a,
                        struct err *err)
{
    struct buf plain = BUF(LIMIT_COLLATERAL), chain = BUF(LIMIT_CHAIN);
    struct item item, chain_item;
    bool ok = item_read(buf_bytes(&a->body), &item, &plain, err) && pcs_answers(&item, d, w->wanted, err) &&
              window_check(w, &item, err);

    if (ok && header != NULL) {
        ok = chain_get(a, header, &chain_item, &chain, err) && window_check(w, &chain_item, err) &&
             item_check(&item, buf_bytes(&plain), buf_bytes(&chain), err) && same_root(w, buf_bytes(&chain), err) &&
             add_all(w, &chain_item, buf_bytes(&chain), err);
    } else if (ok && w->pck_ca.len > 0) {
        ok = item_check(&item, buf_bytes(&plain), buf_bytes(&w->pck_ca), err);
    }
    if (ok && d == PCS_PCK_CRL) {
        w->pck_ca.len = 0;
        ok = buf_add(&w->pck_ca, chain.p, chain.len, err);
    }
    ok = ok && add_all(w, &item, buf_bytes(&plain), err);
    buf_done(&plain);
    buf_done(&chain);
    return ok;
}

/* A date is read as no number: it would be the service's clock against ours. */
static unsigned busy_seconds(const struct fetch_answer *a)
{
    const struct bytes text = fetch_header(a, "Retry-After");
    unsigned n = 0;

    for (size_t i = 0; i < text.len && i < 6; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return BUSY_SECONDS;
        }
        n = 10 * n + (unsigned)(text.p[i] - '0');
    }
    return text.len == 0 ? BUSY_SECONDS : n;
}

static void note(const struct work *w, const char *url, const struct err *why)
{
    if (w->f->note != NULL) {
        w->f->note(w->f->arg, url, why);
    }
}

/* *wait: so many seconds before it is asked again; 0: it is not. */
static bool address_ask(struct work *w, enum pcs_document d, const char *header, const char *url, unsigned *wait,
                        struct err *err)
{
    struct fetch_answer a = {.head = BUF(LIMIT_CHAIN), .body = BUF(LIMIT_COLLATERAL)};
    bool ok = fetch_url(w->f, url, &a, err);
    unsigned busy;

    *wait = 0;
    if (ok && (a.status == 429 || a.status == 503)) {
        busy = busy_seconds(&a);
        *wait = busy > BUSY_SECONDS_MAX ? 0 : busy > 0 ? busy : BUSY_SECONDS;
        ok = FAIL(err, REASON_HTTP_STATUS, ERR_NOWHERE, "status %d: it is busy for %u s", a.status, busy);
    } else if (ok && a.status != 200) {
        ok = FAIL(err, REASON_HTTP_STATUS, ERR_NOWHERE, "status %d%s", a.status,
                  a.status == 404 ? ": it has none for this platform" : "");
    }
    ok = ok && answer_take(w, d, header, &a, err);
    buf_done(&a.head);
    buf_done(&a.body);
    return ok;
}

static bool address_try(struct work *w, enum pcs_document d, const char *header, const char *url, struct err *err)
{
    for (int tries = 1;; tries++) {
        struct timespec pause = {0};
        struct err why = {0};
        unsigned wait;

        if (address_ask(w, d, header, url, &wait, &why)) {
            return true;
        }
        note(w, url, &why);
        if (wait == 0 || tries == BUSY_TRIES) {
            err_prefix(&why, url);
            *err = why;
            return false;
        }
        pause.tv_sec = wait;
        (void)nanosleep(&pause, NULL);
    }
}

static bool source_try(struct work *w, const struct pcs_source *s, enum pcs_document d, struct err *err)
{
    const char *header = pcs_chain_header(d, w->wanted->tdx && d != PCS_PCK_CRL, s->version);
    bool ok = false, more = true;

    for (unsigned attempt = 0; !ok && more; attempt++) {
        struct buf url = BUF(4096);

        if (!pcs_url(s, d, w->wanted, attempt, &url, &more, err)) {
            buf_done(&url);
            return false;
        }
        ok = address_try(w, d, header, (const char *)url.p, err);
        more = more && err->reason == REASON_HTTP_STATUS; /* it is there, and has no such route */
        buf_done(&url);
    }
    return ok;
}

static bool sources_try(struct work *w, const struct pcs_source *sources, size_t count, enum pcs_document d,
                        struct err *err)
{
    if (d == PCS_ROOT_CRL && w->f->root_crl != NULL && address_try(w, d, NULL, w->f->root_crl, err)) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (source_try(w, &sources[i], d, err)) {
            return true;
        }
    }
    return false;
}

/* Of what is valid now the first; where there is none, the first that is not. */
static bool document_fetch(struct work *w, const struct pcs_source *sources, size_t count, enum pcs_document d,
                           struct err *err)
{
    w->stale = w->stale_seen = false;
    if (sources_try(w, sources, count, d, err)) {
        return true;
    }
    w->stale = w->stale_seen;
    return w->stale && sources_try(w, sources, count, d, err);
}

bool fetch_set(const struct fetch *f, const struct pcs_source *sources, size_t count, const struct pcs_wanted *wanted,
               struct directory *out, struct err *err)
{
    static const char *const names[PCS_FETCHED] = {
        [PCS_PCK_CRL] = "the PCK CA's revocation list",
        [PCS_ROOT_CRL] = "the root's revocation list",
        [PCS_TCB_INFO] = "TCB info",
        [PCS_QE_IDENTITY] = "the quoting enclave's identity",
    };
    struct work w = {.f = f, .wanted = wanted, .out = out, .root = BUF(LIMIT_CERT), .pck_ca = BUF(LIMIT_CHAIN)};
    struct err why = {.reason = REASON_USAGE};
    bool ok = true;

    for (int d = 0; d < PCS_FETCHED; d++) {
        if (!document_fetch(&w, sources, count, (enum pcs_document)d, &why) && ok) {
            ok = FAIL(err, why.reason, ERR_NOWHERE, "%s: no service gives it", names[d]);
        }
    }
    buf_done(&w.root);
    buf_done(&w.pck_ca);
    return ok;
}
