/* Evidence, in the gateway: one quote for all clients that wait, each with its own path to the nonce root. The keeper
 * gets the nonce root and the key set's bytes, and forms the report data itself (docs/formats.md, sections 4 and 5). */
#include "serve/backend_parts.h"

#include "base/cursor.h"
#include "crypto/tree.h"
#include "os/log.h"

#include <stdlib.h>
#include <unistd.h>

struct keeper_parts { /* of MESSAGE_EVIDENCE */
    uint8_t place;
    struct bytes quote, boot_log, event_log;
};

bool evidence_collateral_add(struct backend *b, struct bytes payload, struct err *err)
{
    struct cursor c = cursor_init(payload.p, payload.len), name;
    char *name_copy;
    uint8_t *content, len;

    if (!cursor_u8(&c, &len, err) || !cursor_take(&c, len, &name, err)) {
        return false;
    }
    if (b->file_count == LIMIT_COLLATERAL_FILES) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d collateral files", LIMIT_COLLATERAL_FILES);
    }
    name_copy = strndup((const char *)name.next, name.left);
    content = malloc(c.left > 0 ? c.left : 1);
    if (name_copy == NULL || content == NULL) {
        free(name_copy);
        free(content);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "collateral");
    }
    if (c.left > 0) {
        memcpy(content, c.next, c.left);
    }
    b->files[b->file_count++] = (struct document_file){.name = name_copy, .content = bytes_of(content, c.left)};
    return true;
}

/* ---- clients ---- */

static void waiters_fail(struct backend *b, struct waiter **list, const struct err *err)
{
    struct waiter *w;

    while ((w = *list) != NULL) {
        *list = w->next;
        b->counts.evidence_failed++;
        w->done(w->arg, bytes_of(NULL, 0), err);
        free(w);
    }
}

static size_t nonces_list(const struct waiter *w, uint8_t (*leaves)[SHA256_SIZE])
{
    size_t count = 0;

    for (; w != NULL; w = w->next) {
        tree_leaf(bytes_of(w->nonce, NONCE_SIZE), leaves[count++]);
    }
    return count;
}

/* The leaves of at most LIMIT_NONCES clients; free() them. */
static bool leaves_new(const struct waiter *w, uint8_t (**out)[SHA256_SIZE], size_t *count, struct err *err)
{
    uint8_t(*leaves)[SHA256_SIZE] = calloc(LIMIT_NONCES, sizeof *leaves);

    if (leaves == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "nonces");
    }
    *count = nonces_list(w, leaves);
    *out = leaves;
    return true;
}

/* From `waiting`, which is not empty, to `in_flight`, as many as one quote serves. */
static void batch_take(struct backend *b)
{
    struct waiter **end = &b->waiting;

    for (size_t i = 0; i < LIMIT_NONCES && *end != NULL; i++) {
        end = &(*end)->next;
    }
    b->in_flight = b->waiting;
    b->waiting = *end;
    *end = NULL;
}

static void quote_due(void *arg)
{
    struct backend *b = arg;
    uint8_t(*leaves)[SHA256_SIZE];
    uint8_t root[SHA256_SIZE];
    struct err err;
    size_t count;

    if (!b->has_tee || b->keeper == NULL) {
        err_set(&err, b->has_tee ? REASON_PEER_GONE : REASON_NO_QUOTE_DEVICE, ERR_NOWHERE,
                b->has_tee ? "the keeper is being started" : "tee = none");
        waiters_fail(b, &b->waiting, &err);
        return;
    }
    if (b->in_flight != NULL || !b->keyset_bound || b->waiting == NULL) {
        return; /* asked again when the quote, or the keeper's word, has come */
    }
    batch_take(b);
    if (!leaves_new(b->in_flight, &leaves, &count, &err)) {
        waiters_fail(b, &b->in_flight, &err);
        return;
    }
    tree_root((const uint8_t(*)[SHA256_SIZE])leaves, count, root);
    free(leaves);
    b->counts.quotes++;
    link_send(b->keeper, MESSAGE_QUOTE, 0, bytes_of(root, sizeof root), -1);
}

void evidence_quote_set(struct backend *b)
{
    struct err err;

    b->quote.due = quote_due;
    b->quote.arg = b;
    if (b->waiting != NULL && !loop_timer_set(b->loop, &b->quote, 0, &err)) {
        waiters_fail(b, &b->waiting, &err);
    }
}

void backend_evidence(struct backend *b, const uint8_t nonce[NONCE_SIZE],
                      void (*done)(void *arg, struct bytes document, const struct err *err), void *arg)
{
    struct waiter *w = calloc(1, sizeof *w);
    struct err err;

    if (w == NULL) {
        err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "evidence");
        done(arg, bytes_of(NULL, 0), &err); /* nothing is left to answer later with */
        return;
    }
    memcpy(w->nonce, nonce, NONCE_SIZE);
    w->done = done;
    w->arg = arg;
    w->next = b->waiting;
    b->waiting = w;
    evidence_quote_set(b);
}

/* ---- the keeper's answers ---- */

static bool part_get(struct cursor *c, struct bytes *out, struct err *err)
{
    struct cursor part;
    uint32_t len;

    if (!cursor_u32le(c, &len, err) || !cursor_take(c, len, &part, err)) {
        return false;
    }
    *out = cursor_rest(&part);
    return true;
}

static bool parts_parse(struct bytes payload, struct keeper_parts *out, struct err *err)
{
    struct cursor c = cursor_init(payload.p, payload.len);

    return cursor_u8(&c, &out->place, err) && part_get(&c, &out->quote, err) && part_get(&c, &out->boot_log, err) &&
           part_get(&c, &out->event_log, err) && cursor_end(&c, err);
}

static bool document_make(const struct backend *b, const struct keeper_parts *parts, const uint8_t *nonce,
                          const uint8_t (*leaves)[SHA256_SIZE], size_t index, size_t count, struct buf *out,
                          struct err *err)
{
    struct document d = {
        .quote = parts->quote,
        .boot_log = parts->boot_log.len > 0 ? parts->boot_log : bytes_of(NULL, 0),
        .event_log = parts->event_log,
        .keyset = buf_bytes(&b->keyset),
        .nonce_index = index,
        .nonce_count = count,
        .log_in = parts->place == 0 ? LOG_IN_RTMR3 : LOG_IN_REPORT_DATA,
        .files = b->file_count > 0 ? b->files : NULL,
        .file_count = b->file_count,
    };

    memcpy(d.nonce, nonce, NONCE_SIZE);
    d.nonce_path_len = tree_path(leaves, count, index, d.nonce_path);
    return document_print(&d, out, err);
}

static void batch_answer(struct backend *b, const struct keeper_parts *parts)
{
    uint8_t(*leaves)[SHA256_SIZE] = NULL;
    struct buf document = BUF(LIMIT_EVIDENCE);
    struct waiter *list = b->in_flight, *w;
    size_t count, index = 0;
    struct err err;

    b->in_flight = NULL;
    if (!leaves_new(list, &leaves, &count, &err)) {
        waiters_fail(b, &list, &err);
        return;
    }
    while ((w = list) != NULL) {
        list = w->next;
        document.len = 0;
        if (document_make(b, parts, w->nonce, (const uint8_t(*)[SHA256_SIZE])leaves, index++, count, &document, &err)) {
            b->counts.evidence++;
            w->done(w->arg, buf_bytes(&document), NULL);
        } else {
            b->counts.evidence_failed++;
            w->done(w->arg, bytes_of(NULL, 0), &err);
        }
        free(w);
    }
    buf_done(&document);
    free(leaves);
}

static void keeper_frame(void *arg, struct link *l, const struct frame *f)
{
    struct backend *b = arg;
    struct keeper_parts parts;
    struct err err, why;

    (void)l;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    if (f->type == MESSAGE_EVIDENCE && parts_parse(f->payload, &parts, &err)) {
        batch_answer(b, &parts);
    } else if (f->type == MESSAGE_DONE) {
        b->keyset_bound = true;
        b->keyset_replaces = false;
        gateway_keyset_bound(b);
    } else if (f->type == MESSAGE_FAILED && message_err_parse(f->payload, &why, &err)) {
        if (b->in_flight != NULL) {
            err_set(&why, why.reason, ERR_NOWHERE, "the keeper's log says more"); /* paths are no business of clients */
            waiters_fail(b, &b->in_flight, &why);
        } else {
            gateway_keyset_refused(b, &why);
        }
    } else {
        err_set(&err, REASON_FRAME_FORM, ERR_NOWHERE, "message %u from the keeper", f->type);
        waiters_fail(b, &b->in_flight, &err);
    }
    evidence_quote_set(b);
}

static void keeper_gone(void *arg, struct link *l, const struct err *why)
{
    struct backend *b = arg;

    (void)why;
    link_close(l);
    b->keeper = NULL;
    b->keyset_bound = false;
    if (b->in_flight != NULL) {
        struct err err;

        err_set(&err, REASON_PEER_GONE, ERR_NOWHERE, "the keeper's process ended");
        waiters_fail(b, &b->in_flight, &err);
    }
}

static const struct link_handler keeper_handler = {keeper_frame, keeper_gone};

void evidence_keyset_announce(struct backend *b, bool replaces)
{
    struct buf payload = BUF(LIMIT_KEYSET + 1);
    struct err err;

    b->keyset_bound = false;
    b->keyset_replaces = replaces;
    if (b->keeper != NULL && buf_u8(&payload, replaces ? 1 : 0, &err) &&
        buf_add(&payload, b->keyset.p, b->keyset.len, &err)) {
        link_send(b->keeper, MESSAGE_KEYSET, 1, buf_bytes(&payload), -1);
    }
    buf_done(&payload);
}

bool evidence_keeper_set(struct backend *b, int fd, struct err *err)
{
    if (b->keeper != NULL) {
        keeper_gone(b, b->keeper, NULL);
    }
    b->counts.keeper_starts++;
    if (!link_open(b->loop, fd, &keeper_handler, b, &b->keeper, err)) {
        return false;
    }
    if (b->keyset.len > 0) {
        evidence_keyset_announce(b, b->keyset_replaces);
    }
    return true;
}
