#include "crypto/jwk.h"

#include "base/base64.h"
#include "crypto/hash.h"

/* The coordinates, which end both forms. */
static bool xy_add(struct buf *b, const uint8_t xy[64], struct err *err)
{
    return buf_str(b, "\"x\":\"", err) && base64_add(b, BASE64_URL, bytes_of(xy, 32), err) &&
           buf_str(b, "\",\"y\":\"", err) && base64_add(b, BASE64_URL, bytes_of(xy + 32, 32), err) &&
           buf_str(b, "\"}", err);
}

bool jwk_thumbprint(const uint8_t xy[64], char out[JWK_KID_SIZE], struct err *err)
{
    struct buf b = BUF(512);
    uint8_t digest[SHA256_SIZE];
    /* RFC 7638, section 3: the required members in lexical order. */
    bool ok = buf_str(&b, "{\"crv\":\"P-256\",\"kty\":\"EC\",", err) && xy_add(&b, xy, err);

    if (ok) {
        hash_bytes(HASH_SHA256, buf_bytes(&b), digest);
        b.len = 0;
        ok = base64_add(&b, BASE64_URL, bytes_of(digest, sizeof digest), err);
    }
    if (ok) {
        memcpy(out, b.p, JWK_KID_SIZE - 1);
        out[JWK_KID_SIZE - 1] = '\0';
    }
    buf_done(&b);
    return ok;
}

bool jwk_add(struct buf *out, const uint8_t xy[64], struct err *err)
{
    char kid[JWK_KID_SIZE];

    return jwk_thumbprint(xy, kid, err) &&
           buf_printf(out, err, "{\"alg\":\"ES256\",\"crv\":\"P-256\",\"kid\":\"%s\",\"kty\":\"EC\",\"use\":\"sig\",",
                      kid) &&
           xy_add(out, xy, err);
}
