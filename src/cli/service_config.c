#include "cli/service_config.h"

#include "base/limits.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool flags_apply(const struct args *a, struct config *c, struct err *err)
{
    for (size_t k = 0; k < CONFIG_COUNT; k++) {
        char name[40], from[48];
        const char *value;

        (void)snprintf(name, sizeof name, "%s", config_key_name((enum config_key)k));
        for (char *p = name; *p != '\0'; p++) {
            *p = *p == '_' ? '-' : *p;
        }
        (void)snprintf(from, sizeof from, "--%s", name);
        value = args_get(a, name);
        if (value != NULL && !config_set(c, (enum config_key)k, value, from, err)) {
            return false;
        }
    }
    return true;
}

static bool file_apply(const struct args *a, struct config *c, struct err *err)
{
    const char *path = args_get(a, "config");
    struct buf text = BUF(LIMIT_CONFIG);
    bool ok = path == NULL || (file_read(path, &text, err) && config_parse(buf_bytes(&text), path, c, err));

    buf_done(&text);
    return ok;
}

bool service_config_read(const struct args *a, struct config *c, struct err *err)
{
    const char *host = getenv("OLLAMA_HOST"), *origins = getenv("OLLAMA_ORIGINS");
    char address[CONFIG_VALUE];

    config_init(c);
    if (host != NULL && host[0] != '\0' &&
        (!config_ollama_host(host, address, sizeof address, err) ||
         !config_set(c, CONFIG_listen, address, "OLLAMA_HOST", err))) {
        return false;
    }
    if (origins != NULL && origins[0] != '\0' && !config_set(c, CONFIG_origins, origins, "OLLAMA_ORIGINS", err)) {
        return false;
    }
    return flags_apply(a, c, err) && file_apply(a, c, err);
}
