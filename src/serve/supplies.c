#include "serve/supplies.h"

#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool supplies_state(const struct config *c, char *out, size_t size, struct err *err)
{
    const char *home = getenv("HOME");

    if (config_get(c, CONFIG_state)[0] != '\0') {
        (void)snprintf(out, size, "%s", config_get(c, CONFIG_state));
    } else if (geteuid() == 0) {
        (void)snprintf(out, size, "/var/lib/sotto");
    } else if (home != NULL && strlen(home) + 32 < size) {
        (void)snprintf(out, size, "%s/.sotto/service", home);
    } else {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "there is no HOME: state = FOLDER is needed");
    }
    return true;
}

bool supplies_model(const struct config *c, struct store *store, struct store_model *out, struct err *err)
{
    const char *root = config_get(c, CONFIG_store), *name = config_get(c, CONFIG_model);

    if (name[0] == '\0') {
        return FAIL(err, REASON_CONFIG_FORM, ERR_NOWHERE, "model = NAME is needed (sotto list shows those there are)");
    }
    return store_open(root[0] != '\0' ? root : NULL, store, err) && store_find(store, name, out, err);
}

static bool policy_open(struct supplies *s, struct err *err)
{
    const char *path = config_get(s->config, CONFIG_policy);

    if (path[0] == '\0') {
        return !config_has_tee(s->config) ||
               FAIL(err, REASON_POLICY_ABSENT, ERR_NOWHERE,
                    "policy = FILE is needed: the service judges its own evidence before it listens");
    }
    s->has_policy = true;
    return file_read(path, &s->policy, err);
}

static bool listener_open(struct supplies *s, enum config_key key, bool tls, struct err *err)
{
    struct supplies_listener l = {.fd = -1, .tls = tls};

    if (strcmp(config_get(s->config, key), "none") == 0) {
        return true;
    }
    if (!address_parse(config_get(s->config, key), &l.address, err) || !listen_open(&l.address, !tls, &l.fd, err) ||
        !listen_address(l.fd, &l.address, err)) {
        err_prefix(err, config_key_name(key));
        return false;
    }
    s->listeners[s->listener_count++] = l;
    return true;
}

bool supplies_open(const struct config *c, struct supplies *out, struct err *err)
{
    struct supplies *s = out;
    const char *collateral = config_get(c, CONFIG_collateral);

    *s = (struct supplies){.config = c, .policy = BUF(LIMIT_POLICY)};
    if (supplies_state(c, s->state, sizeof s->state, err) && supplies_model(c, &s->store, &s->model, err) &&
        store_list(&s->store, &s->models, &s->model_count, NULL, err) && policy_open(s, err) &&
        (collateral[0] == '\0' || directory_open(collateral, &s->collateral, err)) &&
        listener_open(s, CONFIG_listen, false, err) && listener_open(s, CONFIG_tls_listen, true, err)) {
        return true;
    }
    supplies_close(s);
    return false;
}

void supplies_close(struct supplies *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        (void)close(s->listeners[i].fd);
    }
    if (s->collateral.count > 0) {
        directory_close(&s->collateral);
    }
    free(s->models);
    buf_done(&s->policy);
    *s = (struct supplies){.config = s->config, .policy = BUF(LIMIT_POLICY)};
}
