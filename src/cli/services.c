#include "cli/services.h"

#include "cli/quote_file.h"
#include "os/file.h"

#include <stdio.h>
#include <stdlib.h>

bool services_is_url(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || strncmp(text, "http://", 7) == 0;
}

bool services_parse(const char *text, struct services *out, struct err *err)
{
    struct services s = {.count = 0};

    for (const char *p = text;; p++) {
        const size_t len = strcspn(p, ",");
        char one[1024];

        if (len >= sizeof one) {
            return FAIL(err, REASON_COLLATERAL_URL, ERR_NOWHERE, "more than %zu bytes", sizeof one - 1);
        }
        if (s.count == SERVICES_MAX) {
            return FAIL(err, REASON_USAGE, ERR_NOWHERE, "more than %d services", SERVICES_MAX);
        }
        memcpy(one, p, len);
        one[len] = '\0';
        if (!pcs_source_parse(one, &s.list[s.count], err)) {
            return false;
        }
        s.count++;
        p += len;
        if (*p == '\0') {
            *out = s;
            return true;
        }
    }
}

const char *services_qcnl_path(void)
{
    const char *path = getenv("QCNL_CONF_PATH");

    return path != NULL && *path != '\0' ? path : file_exists(QCNL_PATH) ? QCNL_PATH : NULL;
}

bool services_qcnl_read(const char *path, struct qcnl *out, struct err *err)
{
    struct buf text = BUF(QCNL_LIMIT);
    bool ok = file_read(path, &text, err);

    if (ok && !qcnl_parse(buf_bytes(&text), out, err)) {
        err_prefix(err, path);
        ok = false;
    }
    buf_done(&text);
    return ok;
}

void services_note(void *arg, const char *url, const struct err *why)
{
    struct err e = *why;
    char line[600];

    (void)arg;
    err_prefix(&e, url);
    err_print(&e, line, sizeof line);
    (void)fprintf(stderr, "sotto: %s\n", line);
}

bool services_wanted(struct bytes evidence, struct bytes pck, struct pcs_wanted *out, struct err *err)
{
    struct quote_file f;
    bool ok = quote_file_open(evidence, &f, err);

    if (ok) {
        ok = pcs_wanted_of_quote(buf_bytes(&f.quote), pck, out, err);
        quote_file_close(&f);
    }
    return ok;
}
