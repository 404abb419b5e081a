#include "serve/config.h"

#include "base/limits.h"
#include "codec/json.h"
#include "net/listen.h"
#include "store/name.h"

#include <stdio.h>
#include <stdlib.h>

enum kind {
    KIND_CHOICE, /* the words before the colon of its help, separated by '|' */
    KIND_TEXT,
    KIND_NUMBER,
    KIND_ADDRESS,
    KIND_PATH,
    KIND_MODEL,
};

static const struct field {
    const char *name;
    enum kind kind;
    const char *fallback;
    bool measured;
    const char *help;
} fields[] = {
#define C(key, kind, fallback, measured, help) [CONFIG_##key] = {#key, KIND_##kind, fallback, measured, help},
    CONFIG_FIELDS(C)
#undef C
};

static const struct {
    enum config_key key;
    const char *words[5];
} choices[] = {
    {CONFIG_tee, {"tdx", "none", NULL}},
    {CONFIG_kv, {"f16", "bf16", "f32", "q8_0", NULL}},
};

const char *config_key_name(enum config_key k)
{
    return fields[k].name;
}

const char *config_key_help(enum config_key k)
{
    return fields[k].help;
}

void config_init(struct config *c)
{
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < CONFIG_COUNT; i++) {
        (void)snprintf(c->values[i], CONFIG_VALUE, "%s", fields[i].fallback);
    }
}

static bool choice_check(enum config_key k, const char *value, const char *from, struct err *err)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        for (const char *const *w = choices[i].words; choices[i].key == k && *w != NULL; w++) {
            if (strcmp(*w, value) == 0) {
                return true;
            }
        }
    }
    return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s is \"%.60s\"; it may be %s", from, fields[k].name, value,
                fields[k].help);
}

static bool number_check(enum config_key k, const char *value, const char *from, struct err *err)
{
    size_t len = strlen(value);

    if (len == 0 || len > 7 || strspn(value, "0123456789") != len || (len > 1 && value[0] == '0') ||
        strtoul(value, NULL, 10) > LIMIT_CONTEXT) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s is \"%.60s\"; a number up to %d is wanted", from,
                    fields[k].name, value, LIMIT_CONTEXT);
    }
    return true;
}

static bool value_check(enum config_key k, const char *value, const char *from, struct err *err)
{
    struct store_name model;
    struct address a;
    struct err why;

    if (strlen(value) >= CONFIG_VALUE) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s is too long", from, fields[k].name);
    }
    for (const char *p = value; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s holds a control character", from, fields[k].name);
        }
    }
    switch (fields[k].kind) {
    case KIND_CHOICE:
        return choice_check(k, value, from, err);
    case KIND_NUMBER:
        return number_check(k, value, from, err);
    case KIND_ADDRESS:
        return strcmp(value, "none") == 0 || address_parse(value, &a, &why) ||
               FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s: %.120s", from, fields[k].name, why.detail);
    case KIND_MODEL:
        return value[0] == '\0' || name_parse(value, &model, &why) ||
               FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s: %.120s", from, fields[k].name, why.detail);
    case KIND_TEXT:
    case KIND_PATH:
        return true;
    }
    return true;
}

/* One spelling for all that name the same model: with its tag, in small letters. The value is measured. */
static void model_print(const char *value, char *out)
{
    struct store_name name;
    struct err ignored;

    out[0] = '\0';
    if (name_parse(value, &name, &ignored)) {
        name_print(&name, out);
        for (char *p = out; *p != '\0'; p++) {
            *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
        }
    }
}

bool config_set(struct config *c, enum config_key k, const char *value, const char *from, struct err *err)
{
    if (!value_check(k, value, from, err)) {
        return false;
    }
    if (fields[k].kind == KIND_MODEL) {
        model_print(value, c->values[k]);
    } else {
        (void)snprintf(c->values[k], CONFIG_VALUE, "%s", value);
    }
    c->given[k] = true;
    return true;
}

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

static bool key_find(struct bytes name, enum config_key *out)
{
    for (size_t i = 0; i < CONFIG_COUNT; i++) {
        if (bytes_equal(name, bytes_of_str(fields[i].name))) {
            *out = (enum config_key)i;
            return true;
        }
    }
    return false;
}

static bool line_parse(struct bytes line, const char *from, struct config *c, bool *seen, struct err *err)
{
    const uint8_t *equals = memchr(line.p, '=', line.len);
    struct bytes name, value;
    char text[CONFIG_VALUE];
    enum config_key k;

    if (equals == NULL) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: no \"key = value\"", from);
    }
    name = trim(bytes_of(line.p, (size_t)(equals - line.p)));
    value = trim(bytes_of(equals + 1, line.len - (size_t)(equals - line.p) - 1));
    if (!key_find(name, &k)) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: there is no key \"%.*s\"", from,
                    name.len < 60 ? (int)name.len : 60, (const char *)name.p);
    }
    if (seen[k]) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s is there twice", from, fields[k].name);
    }
    if (value.len >= sizeof text || memchr(value.p, 0, value.len) != NULL) {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "%s: %s is too long", from, fields[k].name);
    }
    memcpy(text, value.p, value.len);
    text[value.len] = '\0';
    seen[k] = true;
    return c->given[k] ? value_check(k, text, from, err) : config_set(c, k, text, from, err);
}

bool config_parse(struct bytes text, const char *name, struct config *c, struct err *err)
{
    struct config new = *c;
    bool seen[CONFIG_COUNT] = {false};
    unsigned number = 1;

    while (text.len > 0) {
        const uint8_t *end = memchr(text.p, '\n', text.len);
        size_t len = end != NULL ? (size_t)(end - text.p) : text.len;
        struct bytes line = trim(bytes_of(text.p, len));
        char from[160];

        (void)snprintf(from, sizeof from, "%.120s: line %u", name, number++);
        if (line.len > 0 && line.p[0] != '#' && !line_parse(line, from, &new, seen, err)) {
            return false;
        }
        len += end != NULL ? 1 : 0;
        text = bytes_of(text.p + len, text.len - len);
    }
    *c = new;
    return true;
}

bool config_ollama_host(const char *value, char *out, size_t size, struct err *err)
{
    const char *host = value;
    const char *fallback = "11434";
    struct address a;
    size_t len;
    char text[CONFIG_VALUE];
    bool bare_v6, has_port;

    if (strncmp(host, "http://", 7) == 0) {
        host += 7;
        fallback = "80";
    } else if (strncmp(host, "https://", 8) == 0) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "OLLAMA_HOST: https is tls_listen's");
    }
    len = strcspn(host, "/");
    bare_v6 = host[0] != '[' && memchr(host, ':', len) != NULL && memchr(host, ':', len) != memrchr(host, ':', len);
    has_port = !bare_v6 && (host[0] == '[' ? strstr(host, "]:") != NULL : memchr(host, ':', len) != NULL);
    (void)snprintf(text, sizeof text, "%s%.*s%s%s%s", bare_v6 ? "[" : "", (int)(len < 300 ? len : 300), host,
                   bare_v6 ? "]" : "", has_port ? "" : ":", has_port ? "" : fallback);
    if (!address_parse(text, &a, err)) {
        err_prefix(err, "OLLAMA_HOST");
        return false;
    }
    (void)snprintf(out, size, "%s", text);
    return true;
}

const char *config_get(const struct config *c, enum config_key k)
{
    return c->values[k];
}

uint64_t config_number(const struct config *c, enum config_key k)
{
    return strtoul(c->values[k], NULL, 10);
}

bool config_has_tee(const struct config *c)
{
    return strcmp(c->values[CONFIG_tee], "none") != 0;
}

bool config_event(const struct config *c, struct buf *out, struct err *err)
{
    json_t *event = json_object(), *settings = json_object();
    bool ok = event != NULL && settings != NULL;

    for (size_t i = 0; ok && i < CONFIG_COUNT; i++) {
        if (fields[i].measured) {
            json_t *v = fields[i].kind == KIND_NUMBER ? json_integer((int64_t)config_number(c, (enum config_key)i))
                                                      : json_string(c->values[i]);
            ok = json_object_set_new(settings, fields[i].name, v) == 0;
        }
    }
    ok = ok && json_object_set_new(event, "kind", json_string("config")) == 0 &&
         json_object_set_new(event, "v", json_integer(1)) == 0 && json_object_set(event, "settings", settings) == 0;
    ok = ok ? json_print_canonical(event, out, err) : FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "the config event");
    json_decref(event);
    json_decref(settings);
    return ok;
}
