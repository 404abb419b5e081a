#include "evidence/bundle.h"

#include "base/limits.h"
#include "evidence/member.h"

#define TIME_MAX 253402300799 /* the end of year 9999 */

bool bundle_is(struct bytes text)
{
    struct err ignored = {0};
    json_t *root = NULL;
    bool is = json_parse(text, &root, &ignored) && json_object_get(root, "evidence") != NULL;

    json_decref(root);
    return is;
}

/* Nothing where there are none: so it was before bundles had logs. */
static bool logs_print(const struct bundle *b, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < b->log_count; i++) {
        const struct bytes log = b->logs[i].len > 0 ? b->logs[i] : bytes_of("", 0); /* an empty one is one */

        if (!member_bytes_print(out, i == 0 ? ",\"logs\":[" : ",", log, err)) {
            return false;
        }
    }
    return b->log_count == 0 || buf_u8(out, ']', err);
}

bool bundle_print(const struct bundle *b, struct buf *out, struct err *err)
{
    const size_t len = out->len;

    if (b->time < 0 || b->time > TIME_MAX) {
        return FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "a bundle's time is from 1970 to 9999");
    }
    if (b->file_count > LIMIT_COLLATERAL_FILES || b->log_count > BUNDLE_LOGS_MAX || b->policy.len > LIMIT_POLICY ||
        b->verdict.len > LIMIT_POLICY) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE,
                    "a bundle of %zu files, %zu logs, %zu bytes of policy, %zu of verdict", b->file_count, b->log_count,
                    b->policy.len, b->verdict.len);
    }
    if (member_bytes_print(out, "{\"v\":1,\"evidence\":", b->evidence, err) && buf_str(out, ",\"collateral\":", err) &&
        member_files_print(b->files, b->file_count, out, err) && logs_print(b, out, err) &&
        member_bytes_print(out, ",\"policy\":", b->policy, err) &&
        buf_printf(out, err, ",\"time\":%lld", (long long)b->time) &&
        member_bytes_print(out, ",\"verdict\":", b->verdict, err) && buf_str(out, "}\n", err) &&
        (out->len - len <= LIMIT_EVIDENCE ||
         FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "a bundle of %zu bytes", out->len))) {
        return true;
    }
    out->len = len;
    return false;
}

static bool members_get(const json_t *root, struct bundle *b, struct arena *a, struct err *err)
{
    static const char *const names[] = {"v", "evidence", "logs", "collateral", "policy", "time", "verdict", NULL};
    uint64_t version, time;

    if (!json_only(root, names, err) || !json_get_u64(root, "v", 1, &version, err) ||
        !json_get_u64(root, "time", TIME_MAX, &time, err)) {
        return false;
    }
    b->time = (int64_t)time;
    return (version == 1 || FAIL(err, REASON_DOCUMENT_FORM, ERR_NOWHERE, "a bundle of version 0")) &&
           member_bytes(a, root, "evidence", LIMIT_EVIDENCE, false, &b->evidence, err) &&
           member_list(a, root, "logs", LIMIT_LOG, BUNDLE_LOGS_MAX, &b->logs, &b->log_count, err) &&
           member_files(a, root, &b->files, &b->file_count, err) &&
           member_bytes(a, root, "policy", LIMIT_POLICY, true, &b->policy, err) &&
           member_bytes(a, root, "verdict", LIMIT_POLICY, true, &b->verdict, err);
}

bool bundle_parse(struct bytes text, struct bundle *out, struct err *err)
{
    struct bundle b = {.time = 0};
    json_t *root = NULL;
    bool ok;

    if (text.len > LIMIT_EVIDENCE) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "a bundle of %zu bytes, at most %zu", text.len, LIMIT_EVIDENCE);
    }
    b.memory = member_memory_new(err);
    ok = b.memory != NULL && json_parse(text, &root, err) && members_get(root, &b, b.memory, err);
    json_decref(root);
    if (!ok) {
        bundle_done(&b);
        return false;
    }
    *out = b;
    return true;
}

void bundle_done(struct bundle *b)
{
    member_memory_free(b->memory);
    *b = (struct bundle){.time = 0};
}
