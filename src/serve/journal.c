#include "serve/journal.h"

#include "base/hex.h"
#include "base/limits.h"
#include "crypto/tagged.h"
#include "os/file.h"
#include "tdx/eventlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define LOADED_MAX 64
#define PATH_SIZE 4096
#define WAL_MAGIC "STTOWAL1"
#define WAL_MAX (LIMIT_LOG_EVENT + 512)
#define RTMR3 3

struct journal {
    char log_path[PATH_SIZE], pending_path[PATH_SIZE];
    struct journal_register reg;
    bool has_reg, broken;
    int lock;
    struct buf log;
    uint8_t value[SHA384_SIZE]; /* what the log replays to: the register, where there is one */
    uint64_t starts;
    bool ready;
    char boot_id[33]; /* of the last start */
    struct {
        uint8_t manifest_sha384[SHA384_SIZE], model_id[SHA384_SIZE];
    } loaded[LOADED_MAX];
    size_t loaded_count;
};

struct pending {
    uint64_t log_len;
    uint8_t old[SHA384_SIZE], new[SHA384_SIZE];
    struct bytes record;
};

/* ---- what the log says ---- */

static bool model_digests(const json_t *event, uint8_t sha384[SHA384_SIZE], uint8_t id[SHA384_SIZE], struct err *err)
{
    struct buf canonical = BUF(LIMIT_MANIFEST);
    json_t *manifest;
    bool ok = json_get(event, "manifest", JSON_OBJECT, &manifest, err) &&
              json_get_hex(manifest, "model_id", id, SHA384_SIZE, err) &&
              json_print_canonical(manifest, &canonical, err);

    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&canonical), sha384);
    }
    buf_done(&canonical);
    return ok;
}

static bool model_apply(struct journal *j, const json_t *event, struct err *err)
{
    uint8_t sha384[SHA384_SIZE], id[SHA384_SIZE];
    size_t i = 0;

    if (!model_digests(event, sha384, id, err)) {
        return false;
    }
    while (i < j->loaded_count && memcmp(j->loaded[i].model_id, id, SHA384_SIZE) != 0) {
        i++;
    }
    if (i == LOADED_MAX) {
        return FAIL(err, REASON_LOG_LIMIT, ERR_NOWHERE, "more than %d models are loaded", LOADED_MAX);
    }
    j->loaded_count += i == j->loaded_count ? 1 : 0;
    memcpy(j->loaded[i].manifest_sha384, sha384, SHA384_SIZE);
    memcpy(j->loaded[i].model_id, id, SHA384_SIZE);
    return true;
}

static bool unload_apply(struct journal *j, const json_t *event, struct err *err)
{
    uint8_t id[SHA384_SIZE];

    if (!json_get_hex(event, "model_id", id, sizeof id, err)) {
        return false;
    }
    for (size_t i = 0; i < j->loaded_count; i++) {
        if (memcmp(j->loaded[i].model_id, id, sizeof id) == 0) {
            j->loaded[i--] = j->loaded[--j->loaded_count];
        }
    }
    return true;
}

static bool start_apply(struct journal *j, const json_t *event, struct err *err)
{
    const char *boot_id;

    if (!json_get_str(event, "boot_id", &boot_id, err)) {
        return false;
    }
    (void)snprintf(j->boot_id, sizeof j->boot_id, "%s", boot_id);
    j->starts++;
    j->ready = false;
    j->loaded_count = 0;
    return true;
}

static bool event_apply(struct journal *j, const struct eventlog_event *e, struct err *err)
{
    enum event_kind kind;
    struct bytes content;
    json_t *v;
    bool ok = true;

    if (e->index != RTMR3 + 1 || e->type != EVENTLOG_EV_EVENT_TAG || !eventlog_covered(e)) {
        return FAIL(err, REASON_EVENT_FORM, e->offset, "event %zu is not one of the service's", e->number);
    }
    if (!event_parse(e->data, &kind, &v, &content, err)) {
        return false;
    }
    if (kind == EVENT_START) {
        ok = start_apply(j, v, err);
    } else if (kind == EVENT_READY) {
        j->ready = true;
    } else if (kind == EVENT_MODEL) {
        ok = model_apply(j, v, err);
    } else if (kind == EVENT_UNLOAD) {
        ok = unload_apply(j, v, err);
    }
    json_decref(v);
    if (ok) {
        hash_extend(j->value, e->sha384);
    }
    return ok;
}

/* The state that the bytes of the log give, from nothing. */
static bool log_apply(struct journal *j, struct err *err)
{
    struct eventlog log;
    struct eventlog_event e;
    bool more = true;

    memset(j->value, 0, sizeof j->value);
    j->starts = 0;
    j->ready = false;
    j->loaded_count = 0;
    j->boot_id[0] = '\0';
    if (!eventlog_open(buf_bytes(&j->log), &log, err)) {
        return false;
    }
    while (more) {
        if (!eventlog_next(&log, &e, &more, err) || (more && !event_apply(j, &e, err))) {
            return false;
        }
    }
    return true;
}

/* ---- the record of what is under way ---- */

static bool pending_write(const struct journal *j, const struct pending *p, struct err *err)
{
    struct buf b = BUF(WAL_MAX);
    bool ok = buf_str(&b, WAL_MAGIC, err) && buf_u64le(&b, p->log_len, err) &&
              buf_add(&b, p->old, sizeof p->old, err) && buf_add(&b, p->new, sizeof p->new, err) &&
              buf_add(&b, p->record.p, p->record.len, err) && file_write(j->pending_path, 0600, buf_bytes(&b), err);

    buf_done(&b);
    return ok;
}

static bool pending_parse(struct bytes b, struct pending *out, struct err *err)
{
    struct cursor c = cursor_init(b.p, b.len);
    char magic[8];

    if (!cursor_copy(&c, magic, sizeof magic, err) || !cursor_u64le(&c, &out->log_len, err) ||
        !cursor_copy(&c, out->old, sizeof out->old, err) || !cursor_copy(&c, out->new, sizeof out->new, err)) {
        return false;
    }
    out->record = cursor_rest(&c);
    return memcmp(magic, WAL_MAGIC, sizeof magic) == 0 ||
           FAIL(err, REASON_STORE_FORM, 0, "no record of a pending event");
}

static bool register_is(const struct journal *j, const uint8_t value[SHA384_SIZE], bool *is, struct err *err)
{
    uint8_t now[SHA384_SIZE];

    *is = true;
    if (!j->has_reg) {
        return true;
    }
    if (!j->reg.read(j->reg.arg, now, err)) {
        return false;
    }
    *is = memcmp(now, value, sizeof now) == 0;
    return true;
}

/* The log up to where the pending event begins (an append may have been torn), and the event behind it if the register
 * says that it happened. Without a register it counts as happened: it was decided on. */
static bool pending_settle(struct journal *j, const struct pending *p, struct err *err)
{
    bool happened, dropped;

    if (p->log_len > j->log.len) {
        return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "%s: the log is shorter than it was", j->log_path);
    }
    if (!register_is(j, p->new, &happened, err) || !register_is(j, p->old, &dropped, err)) {
        return false;
    }
    if (!happened && !dropped) {
        return true; /* a new boot, or unexplained: register_explain() says which */
    }
    j->log.len = (size_t)p->log_len;
    return (!happened || buf_add(&j->log, p->record.p, p->record.len, err)) &&
           file_write(j->log_path, 0600, buf_bytes(&j->log), err);
}

static bool pending_recover(struct journal *j, struct err *err)
{
    struct buf b = BUF(WAL_MAX);
    struct pending p;
    bool ok;

    if (!file_exists(j->pending_path)) {
        return true;
    }
    ok = file_read(j->pending_path, &b, err) && pending_parse(buf_bytes(&b), &p, err) && pending_settle(j, &p, err);
    buf_done(&b);
    return ok;
}

/* ---- opening ---- */

static bool log_is_empty(const struct journal *j)
{
    struct buf b = BUF(LIMIT_LOG);
    struct err ignored;
    bool is = file_read(j->log_path, &b, &ignored) && bytes_equal(buf_bytes(&b), buf_bytes(&j->log));

    buf_done(&b);
    return is;
}

/* An empty log, in place of one that holds anything, which is put aside. */
static bool log_begin(struct journal *j, struct err *err)
{
    char old[PATH_SIZE + 8];

    j->log.len = 0;
    if (!event_log_begin(&j->log, err)) {
        return false;
    }
    if (!log_is_empty(j)) {
        (void)snprintf(old, sizeof old, "%s.old", j->log_path);
        if (rename(j->log_path, old) != 0 && errno != ENOENT) {
            return file_fail(err, j->log_path, errno);
        }
        if (!file_write(j->log_path, 0600, buf_bytes(&j->log), err)) {
            return false;
        }
    }
    return log_apply(j, err) && file_remove(j->pending_path, err);
}

/* The log as it is on the disk must explain the register. */
static bool log_resume(struct journal *j, struct err *err)
{
    bool same;

    if (!file_read(j->log_path, &j->log, err) || !pending_recover(j, err)) {
        return false;
    }
    if (!log_apply(j, err)) {
        err_prefix(err, j->log_path);
        return false;
    }
    if (!register_is(j, j->value, &same, err)) {
        return false;
    }
    return same ? file_remove(j->pending_path, err)
                : FAIL(err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE, "RTMR3 is not what %s replays to", j->log_path);
}

static bool journal_recover(struct journal *j, const char *boot_id, struct err *err)
{
    static const uint8_t zero[SHA384_SIZE];
    bool fresh = false;

    if (j->has_reg && !register_is(j, zero, &fresh, err)) {
        return false;
    }
    if (fresh || (!j->has_reg && !file_exists(j->log_path))) {
        return log_begin(j, err);
    }
    if (!file_exists(j->log_path)) {
        return FAIL(err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE, "RTMR3 is not zero, and there is no %s",
                    j->log_path);
    }
    return log_resume(j, err) &&
           (j->has_reg || j->starts == 0 || strcmp(j->boot_id, boot_id) == 0 || log_begin(j, err));
}

static bool lock_take(const char *dir, int *out, struct err *err)
{
    char path[PATH_SIZE];
    int fd;

    (void)snprintf(path, sizeof path, "%s/lock", dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return file_fail(err, path, errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        (void)close(fd);
        return FAIL(err, REASON_DEVICE_HELD, ERR_NOWHERE, "%s is locked by a running service", dir);
    }
    *out = fd;
    return true;
}

bool journal_open(const char *dir, const struct journal_register *reg, const char *boot_id, struct journal **out,
                  struct err *err)
{
    struct journal *j;

    if (strlen(dir) > PATH_SIZE - 32) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "the state folder's path is too long");
    }
    j = calloc(1, sizeof *j);
    if (j == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the event log");
    }
    j->log = BUF(LIMIT_LOG);
    j->lock = -1;
    j->has_reg = reg != NULL;
    if (reg != NULL) {
        j->reg = *reg;
    }
    (void)snprintf(j->log_path, sizeof j->log_path, "%s/event_log", dir);
    (void)snprintf(j->pending_path, sizeof j->pending_path, "%s/pending", dir);
    if (!file_mkdir(dir, 0700, err) || !lock_take(dir, &j->lock, err) || !journal_recover(j, boot_id, err)) {
        journal_close(j);
        return false;
    }
    file_sweep(j->log_path);
    file_sweep(j->pending_path);
    *out = j;
    return true;
}

void journal_close(struct journal *j)
{
    if (j == NULL) {
        return;
    }
    if (j->lock >= 0) {
        (void)close(j->lock);
    }
    buf_done(&j->log);
    free(j);
}

/* ---- appending ---- */

/* pending -> register -> log, in this order (see the header). */
static bool event_commit(struct journal *j, const struct pending *p, const uint8_t digest[SHA384_SIZE], struct err *err)
{
    bool is;

    if (!pending_write(j, p, err) || (j->has_reg && !j->reg.extend(j->reg.arg, digest, err)) ||
        !register_is(j, p->new, &is, err)) {
        return false;
    }
    if (!is) {
        return FAIL(err, REASON_REGISTER_UNEXPLAINED, ERR_NOWHERE, "RTMR3 is another one after its extension");
    }
    return file_append_sync(j->log_path, 0600, p->record, err) && file_remove(j->pending_path, err);
}

/* The log with one event more, in memory: *p says what changes. What no start would read back is refused here. */
static bool event_try(struct journal *j, struct bytes content, struct pending *p, uint8_t digest[SHA384_SIZE],
                      struct err *err)
{
    const size_t before = j->log.len;
    struct err again;

    p->log_len = before;
    memcpy(p->old, j->value, sizeof p->old);
    if (!event_add(&j->log, content, digest, err)) {
        return false;
    }
    if (!log_apply(j, err)) {
        j->log.len = before;
        j->broken = !log_apply(j, &again);
        return false;
    }
    memcpy(p->new, j->value, sizeof p->new);
    p->record = bytes_of(j->log.p + before, j->log.len - before);
    return true;
}

bool journal_append(struct journal *j, struct bytes content, struct err *err)
{
    uint8_t digest[SHA384_SIZE];
    struct pending p;

    if (j->broken) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "the event log is out of step");
    }
    if (!event_try(j, content, &p, digest, err)) {
        return false;
    }
    j->broken = !event_commit(j, &p, digest, err);
    return !j->broken;
}

bool journal_is_broken(const struct journal *j)
{
    return j->broken;
}

struct bytes journal_log(const struct journal *j)
{
    return buf_bytes(&j->log);
}

uint64_t journal_starts(const struct journal *j)
{
    return j->starts;
}

bool journal_is_ready(const struct journal *j)
{
    return j->ready;
}

bool journal_in_register(const struct journal *j)
{
    return j->has_reg;
}

bool journal_root(const struct journal *j, uint8_t out[SHA384_SIZE], struct err *err)
{
    struct eventlog log;
    struct eventlog_event e;
    struct hash h;
    bool more, ok;

    memset(out, 0, SHA384_SIZE);
    if (j->has_reg) {
        return true;
    }
    if (!eventlog_open(buf_bytes(&j->log), &log, err)) {
        return false;
    }
    tagged_begin(&h, HASH_SHA384, EVENT_LOG_ROOT);
    while ((ok = eventlog_next(&log, &e, &more, err)) && more) {
        tagged_add(&h, bytes_of(e.sha384, SHA384_SIZE));
    }
    if (ok) {
        hash_end(&h, out);
    }
    return ok;
}

bool journal_has_model(const struct journal *j, const uint8_t manifest_sha384[SHA384_SIZE])
{
    for (size_t i = 0; i < j->loaded_count; i++) {
        if (memcmp(j->loaded[i].manifest_sha384, manifest_sha384, SHA384_SIZE) == 0) {
            return true;
        }
    }
    return false;
}
