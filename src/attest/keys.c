#include "attest/keys.h"

#include "base/limits.h"
#include "crypto/jose.h"
#include "os/file.h"

#include <stdio.h>

static bool key_make(const char *path, struct key **out, struct err *err)
{
    struct buf pem = BUF(KIB(4));
    struct key *k = NULL;
    bool ok = key_new(&k, err) && key_to_pem(k, &pem, err) && file_write(path, 0600, buf_bytes(&pem), err);

    buf_done(&pem);
    if (!ok) {
        key_free(k);
        return false;
    }
    *out = k;
    return true;
}

static bool key_open(const char *dir, const char *name, struct key **out, struct err *err)
{
    struct buf pem = BUF(KIB(4));
    char path[4096];
    bool ok;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "the state folder's path is too long");
    }
    if (!file_exists(path)) {
        return key_make(path, out, err);
    }
    ok = file_read(path, &pem, err);
    if (ok && !key_from_pem(buf_bytes(&pem), out, err)) {
        err_prefix(err, path);
        ok = false;
    }
    buf_done(&pem);
    return ok;
}

bool keys_open(const char *dir, struct keys *out, struct err *err)
{
    struct keys k = {0};

    if (!file_mkdir(dir, 0700, err) || !key_open(dir, "token.pem", &k.hardware, err) ||
        !key_open(dir, "token-simulated.pem", &k.simulated, err)) {
        keys_close(&k);
        return false;
    }
    *out = k;
    return true;
}

void keys_close(struct keys *k)
{
    key_free(k->hardware);
    key_free(k->simulated);
    *k = (struct keys){0};
}

bool keys_print(const struct keys *k, struct buf *out, struct err *err)
{
    uint8_t hardware[64], simulated[64];

    key_public(k->hardware, hardware);
    key_public(k->simulated, simulated);
    return buf_str(out, "{\"keys\":[", err) && jwk_add(out, hardware, err) && buf_u8(out, ',', err) &&
           jwk_add(out, simulated, err) && buf_str(out, "]}", err);
}
