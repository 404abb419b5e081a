#include "store/name.h"

#include <stdio.h>
#include <string.h>

#define HOST "registry.ollama.ai"
#define NAMESPACE "library"
#define TAG "latest"

static bool letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool part_copy(const char *text, size_t len, const char *what, bool colon, char *out, size_t size,
                      struct err *err)
{
    if (len == 0 || len >= size) {
        return FAIL(err, REASON_MODEL_NAME, ERR_NOWHERE, "%s of %zu characters, 1..%zu are allowed", what, len,
                    size - 1);
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!letter_or_digit(c) && c != '_' && (i == 0 || (c != '-' && c != '.' && (c != ':' || !colon)))) {
            return FAIL(err, REASON_MODEL_NAME, ERR_NOWHERE, "character %zu of the %s is not allowed", i + 1, what);
        }
    }
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

bool name_parse(const char *text, struct store_name *out, struct err *err)
{
    struct store_name n = {.host = HOST, .namespace = NAMESPACE, .tag = TAG};
    const char *model = strrchr(text, '/'), *colon, *end;

    if (strlen(text) >= STORE_NAME_SIZE) {
        return FAIL(err, REASON_MODEL_NAME, ERR_NOWHERE, "%zu characters, at most %d are allowed", strlen(text),
                    STORE_NAME_SIZE - 1);
    }
    if (model != NULL) {
        const char *first = strchr(text, '/'), *space = first == model ? text : first + 1;

        if (!part_copy(space, (size_t)(model - space), "namespace", false, n.namespace, sizeof n.namespace, err) ||
            (first != model && !part_copy(text, (size_t)(first - text), "host", true, n.host, sizeof n.host, err))) {
            return false;
        }
    }
    model = model == NULL ? text : model + 1;
    colon = strchr(model, ':');
    end = model + strlen(model);
    if (!part_copy(model, (size_t)((colon != NULL ? colon : end) - model), "model", false, n.model, sizeof n.model,
                   err) ||
        (colon != NULL && !part_copy(colon + 1, (size_t)(end - colon - 1), "tag", false, n.tag, sizeof n.tag, err))) {
        return false;
    }
    if (strlen(n.host) + strlen(n.namespace) + strlen(n.model) + strlen(n.tag) + 4 > STORE_NAME_SIZE) {
        return FAIL(err, REASON_MODEL_NAME, ERR_NOWHERE, "the whole name is too long");
    }
    *out = n;
    return true;
}

void name_print(const struct store_name *n, char out[STORE_NAME_SIZE])
{
    if (!name_equal(n->host, HOST)) {
        (void)snprintf(out, STORE_NAME_SIZE, "%s/%s/%s:%s", n->host, n->namespace, n->model, n->tag);
    } else if (!name_equal(n->namespace, NAMESPACE)) {
        (void)snprintf(out, STORE_NAME_SIZE, "%s/%s:%s", n->namespace, n->model, n->tag);
    } else {
        (void)snprintf(out, STORE_NAME_SIZE, "%s:%s", n->model, n->tag);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool name_equal(const char *a, const char *b)
{
    while (*a != '\0' && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == '\0' && *b == '\0';
}
