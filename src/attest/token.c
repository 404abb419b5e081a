#include "attest/token.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "crypto/jose.h"

#include <stdio.h>

/* AR4SI (draft-ietf-rats-ar4si, section 2.3): 2..31 affirms, 32..95 warns, 96..127 contraindicates. */
enum {
    AR4SI_GENUINE = 2,          /* known and approved; of executables: since the boot and after it */
    AR4SI_BOOT_ONLY = 3,        /* executables: during the boot */
    AR4SI_HARDWARE_UNSAFE = 32, /* genuine, with known vulnerabilities that the policy accepts */
    AR4SI_HARDWARE_UNKNOWN = 97,
};

/* json_object_set_new() accepts NULL as "no memory"; so one check covers making and storing. */
static bool put(json_t *object, const char *name, json_t *value, struct err *err)
{
    return json_object_set_new(object, name, value) == 0 || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", name);
}

static bool put_hex(json_t *object, const char *name, const uint8_t *p, size_t n, struct err *err)
{
    char digits[2 * 64 + 1];

    hex_encode(bytes_of(p, n), digits);
    return put(object, name, json_string(digits), err);
}

static bool is_affirmed(const struct verdict *v, const char *fact)
{
    const struct fact *f = verdict_find(v, fact);

    return f != NULL && f->state == FACT_AFFIRMED;
}

/* ---- flat claims, in the replaced system's spelling ---- */

/* TDATTRIBUTES are eight bytes, least significant first; absent ones leave the flags out. */
static bool attributes_put(json_t *claims, struct err *err)
{
    static const struct {
        const char *name;
        unsigned bit;
    } flags[] = {{"td_attributes.debug", 0},
                 {"td_attributes.septve_disable", 28},
                 {"td_attributes.protection_keys", 30},
                 {"td_attributes.key_locker", 31},
                 {"td_attributes.perfmon", 63}};
    const char *text = json_string_value(json_object_get(claims, "td_attributes"));
    struct err ignored = {0};
    uint8_t bits[8];

    if (text == NULL || !hex_decode(bytes_of_str(text), bits, sizeof bits, &ignored)) {
        return true;
    }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        bool set = (bits[flags[i].bit / 8] >> (flags[i].bit % 8) & 1) != 0;

        if (!put(claims, flags[i].name, json_boolean(set), err)) {
            return false;
        }
    }
    return true;
}

static bool aliases_put(json_t *claims, struct err *err)
{
    static const struct {
        const char *ours, *theirs;
    } names[] = {{"tee_tcb_svn", "tcb_svn"}, {"quote_version", "version"}, {"body_type", "type"}};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *v = json_object_get(claims, names[i].ours);

        if (v != NULL && json_object_set(claims, names[i].theirs, v) != 0) {
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%s", names[i].theirs);
        }
    }
    return true;
}

/* ---- EAR ---- */

static int hardware_value(const struct verdict *v)
{
    const char *status = json_string_value(json_object_get(v->claims, "tcb_status"));

    if (v->result != VERDICT_VERIFIED) {
        return AR4SI_HARDWARE_UNKNOWN;
    }
    return status != NULL && (strcmp(status, "UpToDate") == 0 || strcmp(status, "SWHardeningNeeded") == 0)
               ? AR4SI_GENUINE
               : AR4SI_HARDWARE_UNSAFE;
}

static bool vector_put(json_t *vector, const struct verdict *v, int hardware, struct err *err)
{
    int executables = is_affirmed(v, "program") ? AR4SI_GENUINE : is_affirmed(v, "boot") ? AR4SI_BOOT_ONLY : 0;

    return put(vector, "hardware", json_integer(hardware), err) &&
           (executables == 0 || put(vector, "executables", json_integer(executables), err)) &&
           (!is_affirmed(v, "config") || put(vector, "configuration", json_integer(AR4SI_GENUINE), err)) &&
           /* Memory is encrypted by the hardware, or nothing is said. */
           (v->result != VERDICT_VERIFIED || put(vector, "runtime-opaque", json_integer(AR4SI_GENUINE), err));
}

static bool ids_print(const struct token_input *in, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < in->policy_count; i++) {
        if (!buf_printf(out, err, "%s%s", i > 0 ? "," : "", in->policies[i].id)) {
            return false;
        }
    }
    return true;
}

static bool submods_put(json_t *claims, const struct token_input *in, struct err *err)
{
    json_t *submods = json_object(), *cpu = json_object(), *vector = json_object();
    int hardware = hardware_value(in->verdict);
    const char *status = hardware >= 96 ? "contraindicated" : hardware >= 32 ? "warning" : "affirming";
    struct buf ids = BUF(KIB(1));
    bool ok = vector_put(vector, in->verdict, hardware, err) && ids_print(in, &ids, err) &&
              put(cpu, "ear.status", json_string(status), err) &&
              put(cpu, "ear.appraisal-policy-id", json_stringn((const char *)ids.p, ids.len), err) &&
              put(cpu, "ear.trustworthiness-vector", json_incref(vector), err) &&
              put(submods, "cpu0", json_incref(cpu), err) && put(claims, "submods", json_incref(submods), err);

    buf_done(&ids);
    json_decref(vector);
    json_decref(cpu);
    json_decref(submods);
    return ok;
}

static bool verifier_put(json_t *claims, struct err *err)
{
    json_t *id = json_object();

    if (put(id, "developer", json_string("sotto"), err) &&
        put(id, "build", json_string("sotto-attestd " SOTTO_VERSION), err)) {
        return put(claims, "ear.verifier-id", id, err);
    }
    json_decref(id);
    return false;
}

/* ---- ours ---- */

static bool policies_put(json_t *claims, const struct token_input *in, struct err *err)
{
    json_t *list;

    if (in->policy_count == 1) {
        return put_hex(claims, "sotto_policy_sha384", in->policies[0].sha384, 48, err);
    }
    list = json_array();
    for (size_t i = 0; i < in->policy_count; i++) {
        char digits[2 * 48 + 1];

        hex_encode(bytes_of(in->policies[i].sha384, 48), digits);
        if (json_array_append_new(list, json_string(digits)) != 0) {
            json_decref(list);
            return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "sotto_policy_sha384");
        }
    }
    return put(claims, "sotto_policy_sha384", list, err);
}

static bool sotto_put(json_t *claims, const struct token_input *in, struct err *err)
{
    uint8_t digest[SHA384_SIZE];

    if (in->document != NULL) {
        hash_bytes(HASH_SHA384, in->document->keyset, digest);
        if (!put_hex(claims, "sotto_keyset_sha384", digest, sizeof digest, err) ||
            !put_hex(claims, "eat_nonce", in->document->nonce, NONCE_SIZE, err)) {
            return false;
        }
    }
    return put(claims, "sotto_result", json_string(verdict_result_name(in->verdict->result)), err) &&
           /* verify/ folds them from the log; a bare quote has none */
           (json_object_get(claims, "sotto_model_ids") != NULL || put(claims, "sotto_model_ids", json_array(), err)) &&
           policies_put(claims, in, err);
}

/* RFC 9562, section 5.4: version 4. */
static bool jti_put(json_t *claims, const uint8_t random[16], struct err *err)
{
    uint8_t b[16];
    char d[33], uuid[37];

    memcpy(b, random, 16);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    hex_encode(bytes_of(b, 16), d);
    (void)snprintf(uuid, sizeof uuid, "%.8s-%.4s-%.4s-%.4s-%.12s", d, d + 8, d + 12, d + 16, d + 20);
    return put(claims, "jti", json_string(uuid), err);
}

static bool registered_put(json_t *claims, const struct token_input *in, struct err *err)
{
    bool simulated = in->verdict->result == VERDICT_SIMULATED;
    char issuer[600];

    (void)snprintf(issuer, sizeof issuer, "%.500s%s", in->issuer, simulated ? "/simulated" : "");
    return put(claims, "iss", json_string(issuer), err) && put(claims, "iat", json_integer(in->time), err) &&
           put(claims, "nbf", json_integer(in->time), err) &&
           put(claims, "exp", json_integer(in->time + TOKEN_LIFE), err) && jti_put(claims, in->random, err) &&
           put(claims, "tee", json_string(simulated ? "tdx-sim" : "tdx"), err) &&
           put(claims, "eat_profile", json_string("tag:github.com,2023:veraison/ear"), err);
}

bool token_claims(const struct token_input *in, struct buf *out, struct err *err)
{
    enum verdict_result result = in->verdict->result;
    json_t *claims;
    bool ok;

    if (result != VERDICT_VERIFIED && result != VERDICT_SIMULATED) {
        return FAIL(err, REASON_INTERNAL, ERR_NOWHERE, "a token for the result %s", verdict_result_name(result));
    }
    claims = json_object_copy(in->verdict->claims); /* first: what is set below wins over a claim of the same name */
    if (claims == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a token");
    }
    ok = aliases_put(claims, err) && attributes_put(claims, err) && registered_put(claims, in, err) &&
         verifier_put(claims, err) && submods_put(claims, in, err) && sotto_put(claims, in, err) &&
         json_print(claims, out, err);
    json_decref(claims);
    return ok;
}

bool token_sign(const struct token_input *in, const struct keys *keys, struct buf *out, struct err *err)
{
    struct buf claims = BUF(LIMIT_TOKEN);
    const struct key *key = in->verdict->result == VERDICT_SIMULATED ? keys->simulated : keys->hardware;
    bool ok = token_claims(in, &claims, err) && jose_sign(out, key, "JWT", buf_bytes(&claims), err);

    buf_done(&claims);
    return ok;
}
