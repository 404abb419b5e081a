#include "evidence/keyset.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "crypto/jwk.h"

bool keyset_print(const struct keyset *k, struct buf *out, struct err *err)
{
    size_t len = out->len;
    bool ok = buf_str(out, "{\"hpke\":[", err);

    if (ok && !bytes_zero(bytes_of(k->hpke_public_key, 32))) {
        ok = buf_str(out, "{\"kem\":\"x25519-hkdf-sha256\",\"key_id\":1,\"public_key\":\"", err) &&
             base64_add(out, BASE64_URL, bytes_of(k->hpke_public_key, 32), err) && buf_str(out, "\"}", err);
    }
    ok = ok && buf_str(out, "],\"node\":\"", err) && hex_add(out, bytes_of(k->node, 16), err) &&
         buf_printf(out, err, "\",\"not_after\":%lld,\"not_before\":%lld,\"receipt\":", (long long)k->not_after,
                    (long long)k->not_before) &&
         jwk_add(out, k->receipt_xy, err) && buf_str(out, ",\"tls_spki_sha256\":\"", err) &&
         hex_add(out, bytes_of(k->tls_spki_sha256, 32), err) && buf_str(out, "\",\"v\":1,\"web_sha384\":\"", err) &&
         hex_add(out, bytes_of(k->web_sha384, 48), err) && buf_str(out, "\"}", err);
    if (!ok) {
        out->len = len;
    }
    return ok;
}

/* base64url text of exactly len bytes. */
static bool url_get(const json_t *object, const char *member, uint8_t *out, size_t len, struct err *err)
{
    struct buf b = BUF(len);
    const char *s;
    bool ok = json_get_str(object, member, &s, err) && base64_decode(bytes_of_str(s), BASE64_URL, &b, err) &&
              (b.len == len || FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "\"%s\" is not of %zu bytes", member, len));

    if (ok) {
        memcpy(out, b.p, len);
    }
    buf_done(&b);
    return ok;
}

static bool hpke_parse(const json_t *root, struct keyset *k, struct err *err)
{
    json_t *list, *one;

    if (!json_get(root, "hpke", JSON_ARRAY, &list, err)) {
        return false;
    }
    if (json_array_size(list) == 0) {
        return true;
    }
    one = json_array_get(list, 0);
    return (json_array_size(list) == 1 || FAIL(err, REASON_JSON_RANGE, ERR_NOWHERE, "more than one HPKE key")) &&
           (json_is_object(one) || FAIL(err, REASON_JSON_TYPE, ERR_NOWHERE, "an HPKE key is no object")) &&
           url_get(one, "public_key", k->hpke_public_key, 32, err);
}

static bool receipt_parse(const json_t *root, struct keyset *k, struct err *err)
{
    json_t *jwk;

    return json_get(root, "receipt", JSON_OBJECT, &jwk, err) && url_get(jwk, "x", k->receipt_xy, 32, err) &&
           url_get(jwk, "y", k->receipt_xy + 32, 32, err);
}

bool keyset_parse(struct bytes text, struct keyset *out, struct err *err)
{
    const uint64_t latest = 253402300799; /* the end of year 9999 */
    struct buf again = BUF(LIMIT_KEYSET);
    struct keyset k = {0};
    json_t *root = NULL;
    uint64_t after = 0, before = 0;
    bool ok = text.len <= LIMIT_KEYSET ? json_parse_canonical(text, &root, err)
                                       : FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "%zu bytes", text.len);

    ok = ok && hpke_parse(root, &k, err) && json_get_hex(root, "node", k.node, 16, err) &&
         json_get_u64(root, "not_after", latest, &after, err) &&
         json_get_u64(root, "not_before", latest, &before, err) && receipt_parse(root, &k, err) &&
         json_get_hex(root, "tls_spki_sha256", k.tls_spki_sha256, 32, err) &&
         json_get_hex(root, "web_sha384", k.web_sha384, 48, err);
    k.not_after = (int64_t)after;
    k.not_before = (int64_t)before;
    /* Everything that was not read (v, kid, alg, unknown members, hex in upper case) shows here: a key set has one
     * spelling. */
    ok = ok && keyset_print(&k, &again, err) &&
         (bytes_equal(buf_bytes(&again), text) ||
          FAIL(err, REASON_KEYSET_FORM, 0, "other members or values than a key set's"));
    if (ok) {
        *out = k;
    } else if (err->reason != REASON_NO_MEMORY) {
        err->reason = REASON_KEYSET_FORM;
    }
    json_decref(root);
    buf_done(&again);
    return ok;
}
