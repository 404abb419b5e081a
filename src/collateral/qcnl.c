#include "collateral/qcnl.h"

#include "base/limits.h"
#include "codec/json.h"
#include "collateral/pcs.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

enum type {
    TYPE_URL,
    TYPE_BOOL,
    TYPE_UPDATE, /* standard, early */
    TYPE_OTHER,  /* known, and nothing to us */
};

static const struct key {
    const char *name; /* the older form has it in capitals */
    enum type type;
} keys[] = {
    {"pccs_url", TYPE_URL},
    {"collateral_service", TYPE_URL},
    {"local_pck_url", TYPE_OTHER},
    {"use_secure_cert", TYPE_BOOL},
    {"tcb_update_type", TYPE_UPDATE},
    {"pccs_api_version", TYPE_OTHER},
    {"retry_times", TYPE_OTHER},
    {"retry_delay", TYPE_OTHER},
    {"pck_cache_expire_hours", TYPE_OTHER},
    {"verify_collateral_cache_expire_hours", TYPE_OTHER},
    {"local_cache_only", TYPE_OTHER},
    {"custom_request_options", TYPE_OTHER},
};

__attribute__((format(printf, 4, 5))) static void found(struct qcnl *q, enum reason reason, bool warning,
                                                        const char *fmt, ...)
{
    struct qcnl_finding *f = &q->findings[q->finding_count];
    va_list ap;

    if (q->finding_count == QCNL_FINDINGS_MAX) {
        return;
    }
    q->finding_count++;
    f->reason = reason;
    f->warning = warning;
    va_start(ap, fmt);
    (void)vsnprintf(f->text, sizeof f->text, fmt, ap);
    va_end(ap);
    for (char *p = f->text; *p != '\0'; p++) {
        *p = (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f ? '?' : *p;
    }
}

static const struct key *key_find(const char *name)
{
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (strcasecmp(keys[i].name, name) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* ---- what a value means ---- */

static void url_set(struct qcnl *q, const struct key *key, const char *value)
{
    char *out = strcmp(key->name, "pccs_url") == 0 ? q->pccs_url : q->collateral_service;
    struct pcs_source source;
    struct err err;

    if (strlen(value) >= sizeof q->pccs_url) {
        found(q, REASON_QCNL_URL, false, "%s is longer than %zu bytes", key->name, sizeof q->pccs_url - 1);
        return;
    }
    memcpy(out, value, strlen(value) + 1);
    if (value[0] == '\0') {
        return;
    }
    if (strpbrk(value, "${}`<>") != NULL) {
        found(q, REASON_QCNL_UNEXPANDED, false, "%s is \"%.120s\", as it was written for a shell", key->name, value);
    } else if (!pcs_source_parse(value, &source, &err)) {
        found(q, REASON_QCNL_URL, false, "%s is \"%.120s\"", key->name, value);
    } else if (strstr(value, "/sgx/certification/") == NULL || value[strlen(value) - 1] != '/') {
        /* Intel's library puts what it asks for right behind it, and replaces /sgx/ where it asks about TDX. */
        found(q, REASON_QCNL_URL, false, "%s is \"%.120s\", without /sgx/certification/v4/ at its end", key->name,
              value);
    } else if (source.version == 3) {
        found(q, REASON_QCNL_URL, true, "%s is for version 3, which has no TDX and has ended; v4 is wanted", key->name);
    } else if (strncmp(value, "http://", 7) == 0) {
        found(q, REASON_QCNL_INSECURE, true, "%s is plain HTTP: others see which platforms are asked for", key->name);
    }
}

static void bool_set(struct qcnl *q, const struct key *key, bool value)
{
    (void)key;
    q->use_secure_cert = value;
    if (!value) {
        found(q, REASON_QCNL_INSECURE, true, "use_secure_cert is false: anybody can stand in for the service");
    }
}

static void update_set(struct qcnl *q, const struct key *key, const char *value)
{
    q->early = strcasecmp(value, "early") == 0;
    if (!q->early && strcasecmp(value, "standard") != 0) {
        found(q, REASON_QCNL_FORM, false, "%s is \"%.60s\"; standard or early is wanted", key->name, value);
    }
}

/* ---- JSON ---- */

/* Comments become spaces, so that offsets stay. */
static bool comments_blank(uint8_t *p, size_t len, struct err *err)
{
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        size_t begin = i;

        if (in_string && p[i] == '\\') {
            i++; /* what follows ends no string */
        } else if (in_string) {
            in_string = p[i] != '"';
        } else if (p[i] == '"') {
            in_string = true;
        } else if (p[i] == '/' && i + 1 < len && p[i + 1] == '/') {
            for (; i < len && p[i] != '\n'; i++) {
                p[i] = ' ';
            }
        } else if (p[i] == '/' && i + 1 < len && p[i + 1] == '*') {
            for (i += 2; i + 1 < len && !(p[i] == '*' && p[i + 1] == '/'); i++) {
            }
            if (i + 1 >= len) {
                return FAIL(err, REASON_QCNL_FORM, begin, "a comment without an end");
            }
            memset(p + begin, ' ', i + 2 - begin);
            i++;
        }
    }
    return true;
}

static void json_set(struct qcnl *q, const char *name, const json_t *value)
{
    const struct key *key = key_find(name);

    if (key == NULL || strcmp(key->name, name) != 0) {
        found(q, REASON_QCNL_UNKNOWN, true, "\"%.60s\"", name);
    } else if (key->type == TYPE_BOOL && json_is_boolean(value)) {
        bool_set(q, key, json_is_true(value));
    } else if (key->type == TYPE_URL && json_is_string(value)) {
        url_set(q, key, json_string_value(value));
    } else if (key->type == TYPE_UPDATE && json_is_string(value)) {
        update_set(q, key, json_string_value(value));
    } else if (key->type != TYPE_OTHER) {
        found(q, REASON_QCNL_FORM, false, "%s is no %s", key->name,
              key->type == TYPE_BOOL ? "true or false (without quotes)" : "string");
    }
}

static bool json_form(struct bytes text, struct qcnl *q, struct err *err)
{
    struct buf copy = BUF(QCNL_LIMIT);
    struct err why = {0};
    json_t *object = NULL, *value;
    const char *name;
    bool ok = buf_add(&copy, text.p, text.len, err) && comments_blank(copy.p, copy.len, err);

    if (ok && (!json_parse(buf_bytes(&copy), &object, &why) || !json_is_object(object))) {
        ok = FAIL(err, REASON_QCNL_FORM, why.reason != REASON_OK ? why.offset : 0, "%s", why.detail);
    }
    if (ok) {
        q->json = true;
        json_object_foreach(object, name, value)
        {
            json_set(q, name, value);
        }
    }
    json_decref(object);
    buf_done(&copy);
    return ok;
}

/* ---- KEY=VALUE ---- */

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && (b.p[0] == ' ' || b.p[0] == '\t')) {
        b = bytes_of(b.p + 1, b.len - 1);
    }
    while (b.len > 0 && (b.p[b.len - 1] == ' ' || b.p[b.len - 1] == '\t' || b.p[b.len - 1] == '\r')) {
        b.len--;
    }
    return b;
}

static void line_set(struct qcnl *q, const char *name, const char *value)
{
    const struct key *key = key_find(name);
    const bool yes = strcasecmp(value, "true") == 0;

    if (key == NULL) {
        found(q, REASON_QCNL_UNKNOWN, true, "%.60s", name);
    } else if (key->type == TYPE_URL) {
        url_set(q, key, value);
    } else if (key->type == TYPE_UPDATE) {
        update_set(q, key, value);
    } else if (key->type == TYPE_BOOL && (yes || strcasecmp(value, "false") == 0)) {
        bool_set(q, key, yes);
    } else if (key->type == TYPE_BOOL) {
        found(q, REASON_QCNL_FORM, false, "%.60s is neither TRUE nor FALSE", name);
    }
}

static bool line_read(struct bytes line, size_t offset, struct qcnl *q, struct err *err)
{
    char name[64], value[2048];
    const uint8_t *equals;
    struct bytes n, v;

    line = trim(line);
    if (line.len == 0 || line.p[0] == '#') {
        return true;
    }
    equals = memchr(line.p, '=', line.len);
    if (equals == NULL) {
        return FAIL(err, REASON_QCNL_FORM, offset, "a line that is neither KEY=VALUE nor a comment");
    }
    n = trim(bytes_of(line.p, (size_t)(equals - line.p)));
    v = trim(bytes_of(equals + 1, line.len - (size_t)(equals - line.p) - 1));
    if (n.len == 0 || n.len >= sizeof name || v.len >= sizeof value || memchr(line.p, '\0', line.len) != NULL) {
        return FAIL(err, REASON_QCNL_FORM, offset, "a key or a value that is too long, or none");
    }
    memcpy(name, n.p, n.len);
    name[n.len] = '\0';
    memcpy(value, v.p, v.len);
    value[v.len] = '\0';
    line_set(q, name, value);
    return true;
}

static bool lines_form(struct bytes text, struct qcnl *q, struct err *err)
{
    for (size_t at = 0; at < text.len;) {
        const uint8_t *end = memchr(text.p + at, '\n', text.len - at);
        const size_t len = end != NULL ? (size_t)(end - text.p) - at : text.len - at;

        if (!line_read(bytes_of(text.p + at, len), at, q, err)) {
            return false;
        }
        at += len + 1;
    }
    return true;
}

/* ---- the whole ---- */

/* JSON begins with a brace, behind white space and comments. */
static bool looks_like_json(struct bytes text)
{
    size_t i = 0;

    while (i < text.len && (text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\r' || text.p[i] == '\n')) {
        i++;
    }
    return i < text.len && (text.p[i] == '{' || text.p[i] == '/');
}

bool qcnl_parse(struct bytes text, struct qcnl *out, struct err *err)
{
    struct qcnl q = {.use_secure_cert = true};

    if (text.len > QCNL_LIMIT) {
        return FAIL(err, REASON_QCNL_FORM, QCNL_LIMIT, "more than %zu bytes", QCNL_LIMIT);
    }
    if (!(looks_like_json(text) ? json_form(text, &q, err) : lines_form(text, &q, err))) {
        return false;
    }
    if (q.pccs_url[0] == '\0') {
        found(&q, REASON_QCNL_URL_ABSENT, q.collateral_service[0] != '\0',
              "%s is not set; Intel's library would ask https://localhost:8081", q.json ? "pccs_url" : "PCCS_URL");
    }
    *out = q;
    return true;
}

const char *qcnl_service(const struct qcnl *q)
{
    return q->collateral_service[0] != '\0' ? q->collateral_service : q->pccs_url;
}

const struct qcnl_finding *qcnl_worst(const struct qcnl *q)
{
    for (size_t i = 0; i < q->finding_count; i++) {
        if (!q->findings[i].warning) {
            return &q->findings[i];
        }
    }
    return q->finding_count > 0 ? &q->findings[0] : NULL;
}
