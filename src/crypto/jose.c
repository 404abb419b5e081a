#include "crypto/jose.h"

#include "base/base64.h"
#include "base/limits.h"
#include "crypto/sig.h"

/* The one header that a key's tokens have: compared as a whole when a token is checked. */
static bool header_add(struct buf *out, const uint8_t xy[64], const char *typ, struct err *err)
{
    struct buf h = BUF(512);
    char kid[JWK_KID_SIZE];
    bool ok = jwk_thumbprint(xy, kid, err) &&
              buf_printf(&h, err, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}", kid, typ) &&
              base64_add(out, BASE64_URL, buf_bytes(&h), err);

    buf_done(&h);
    return ok;
}

bool jose_sign(struct buf *out, const struct key *k, const char *typ, struct bytes payload, struct err *err)
{
    size_t start = out->len;
    uint8_t xy[64], rs[64];
    bool ok;

    key_public(k, xy);
    ok = header_add(out, xy, typ, err) && buf_u8(out, '.', err) && base64_add(out, BASE64_URL, payload, err) &&
         key_sign(k, bytes_of(out->p + start, out->len - start), rs, err) && buf_u8(out, '.', err) &&
         base64_add(out, BASE64_URL, bytes_of(rs, sizeof rs), err);
    if (!ok) {
        out->len = start;
    }
    return ok;
}

bool jose_check(struct bytes token, const uint8_t xy[64], const char *typ, struct buf *payload, struct err *err)
{
    const uint8_t *dot = token.len > 0 ? memchr(token.p, '.', token.len) : NULL;
    const uint8_t *second = dot != NULL ? memchr(dot + 1, '.', token.len - (size_t)(dot + 1 - token.p)) : NULL;
    struct buf header = BUF(1024), rs = BUF(64);
    size_t len = payload->len;
    bool ok = false;

    if (second == NULL || token.len > LIMIT_TOKEN) {
        return FAIL(err, REASON_JOSE_FORM, 0, "not three parts of at most %zu bytes", LIMIT_TOKEN);
    }
    if (!header_add(&header, xy, typ, err)) {
        goto out;
    }
    if (!bytes_equal(buf_bytes(&header), bytes_of(token.p, (size_t)(dot - token.p)))) {
        (void)FAIL(err, REASON_JOSE_KEY, 0, "the header is not that of this key's ES256 tokens");
        goto out;
    }
    if (!base64_decode(bytes_of(second + 1, token.len - (size_t)(second + 1 - token.p)), BASE64_URL, &rs, err)) {
        err->reason = REASON_JOSE_FORM;
        goto out;
    }
    ok = sig_check(SIG_P256, bytes_of(xy, 64), bytes_of(token.p, (size_t)(second - token.p)), buf_bytes(&rs), err) &&
         base64_decode(bytes_of(dot + 1, (size_t)(second - dot - 1)), BASE64_URL, payload, err);
out:
    if (!ok) {
        payload->len = len;
    }
    buf_done(&header);
    buf_done(&rs);
    return ok;
}
