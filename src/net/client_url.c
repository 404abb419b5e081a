#include "net/client.h"

#include <string.h>

static bool port_get(const char *text, size_t len, uint16_t *out)
{
    unsigned value = 0;

    if (len == 0 || len > 5) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    *out = (uint16_t)value;
    return value > 0 && value <= 65535;
}

/* host[:port] or [v6][:port] */
static bool authority_parse(const char *text, size_t len, struct client_url *u)
{
    const char *close = text[0] == '[' ? memchr(text, ']', len) : NULL;
    const char *host = close != NULL ? text + 1 : text;
    const char *end = close != NULL ? close : memchr(text, ':', len);
    size_t host_len = end != NULL ? (size_t)(end - host) : len;
    size_t after = close != NULL ? (size_t)(close + 1 - text) : host_len;

    if (host_len == 0 || host_len >= sizeof u->host || (text[0] == '[' && close == NULL)) {
        return false;
    }
    for (size_t i = 0; i < host_len; i++) {
        if ((unsigned char)host[i] <= 0x20 || (unsigned char)host[i] >= 0x7f || strchr("@/?#\\", host[i]) != NULL) {
            return false;
        }
    }
    memcpy(u->host, host, host_len);
    u->host[host_len] = '\0';
    return after == len || (text[after] == ':' && port_get(text + after + 1, len - after - 1, &u->port));
}

bool client_url_parse(const char *text, struct client_url *out, struct err *err)
{
    struct client_url u = {.path = "/"};
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
    size_t len = strcspn(text + scheme, "/?#");
    const char *path = text + scheme + len;

    u.tls = scheme == 8;
    u.port = u.tls ? 443 : 80;
    if (scheme == 0 || !authority_parse(text + scheme, len, &u)) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "%s: http://HOST:PORT or https://HOST:PORT is wanted", text);
    }
    len = strcspn(path, "#");
    if (len + 1 >= sizeof u.path) {
        return FAIL(err, REASON_ADDRESS_FORM, ERR_NOWHERE, "the URL is longer than %zu bytes", sizeof u.path);
    }
    if (len > 0) {
        size_t slash = path[0] == '/' ? 0 : 1; /* http://host?query */

        memcpy(u.path + slash, path, len);
        u.path[len + slash] = '\0';
    }
    *out = u;
    return true;
}
