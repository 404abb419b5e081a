/* The service's configuration: one flat table of fields. A value comes from, in this order: a flag, the environment
 * (OLLAMA_HOST, OLLAMA_ORIGINS, SOTTO_MODELS or OLLAMA_MODELS), the file, the default.
 *
 * File: lines `key = value`; '#' begins a comment line; blank lines are fine; a key appears once; a value is the rest
 * of its line without the white space around it. CONFIG_FORM names the line and the key.
 *
 * Measured settings (the `config` event, docs/formats.md section 3) are those that affect answers or trust; never a
 * secret, an address or a path. */
#ifndef SOTTO_SERVE_CONFIG_H
#define SOTTO_SERVE_CONFIG_H

#include "base/buf.h"

#define CONFIG_VALUE 1024 /* bytes of one value, its zero included */

/* C(key, kind, default, measured, help) */
/* clang-format off */
#define CONFIG_FIELDS(C) \
    C(tee, CHOICE, "tdx", true, "tdx | none: without a TEE there is no evidence, and our clients send nothing") \
    C(device, TEXT, "auto", false, "quote device: auto, configfs-tsm, or sim:DIR") \
    C(model, MODEL, "", true, "the model of the store to serve") \
    C(context, NUMBER, "0", true, "tokens of context; 0: the model's own, at most 4096") \
    C(kv, CHOICE, "f16", true, "f16 | bf16 | f32 | q8_0: form of the KV cache") \
    C(threads, NUMBER, "0", false, "threads that compute; 0: as many as there are cores") \
    C(listen, ADDRESS, "127.0.0.1:11434", false, "plain HTTP, loopback addresses only; none: no such listener") \
    C(tls_listen, ADDRESS, "127.0.0.1:8443", false, "TLS 1.3; none: no such listener") \
    C(origins, TEXT, "", false, "origins, besides localhost, whose pages may call the API; separated by commas, * for any text") \
    C(attestation, TEXT, "", false, "URL of the attestation service that the page asks") \
    C(state, PATH, "", false, "folder of the event log; default: /var/lib/sotto, or ~/.sotto/service") \
    C(store, PATH, "", false, "folder of the models; default: that of the other commands") \
    C(policy, PATH, "", false, "the operator's policy, by which the service judges itself before it listens") \
    C(collateral, PATH, "", false, "folder of collateral, handed out with the evidence")
/* clang-format on */

enum config_key {
#define C(key, kind, fallback, measured, help) CONFIG_##key,
    CONFIG_FIELDS(C)
#undef C
        CONFIG_COUNT
};

struct config {
    char values[CONFIG_COUNT][CONFIG_VALUE];
    bool given[CONFIG_COUNT]; /* by a flag, the environment or the file */
};

const char *config_key_name(enum config_key k); /* "tls_listen" */
const char *config_key_help(enum config_key k);

void config_init(struct config *c); /* the defaults */

/* The text of a file; name is for messages. What was given already stays. CONFIG_FORM. */
MUST_USE bool config_parse(struct bytes text, const char *name, struct config *c, struct err *err);
/* One value, over what was there; from: "--tee", "OLLAMA_HOST", for messages. CONFIG_FORM. */
MUST_USE bool config_set(struct config *c, enum config_key k, const char *value, const char *from, struct err *err);
/* OLLAMA_HOST's spellings ("0.0.0.0", ":8080", "http://host:1") into HOST:PORT. ADDRESS_FORM. */
MUST_USE bool config_ollama_host(const char *value, char *out, size_t size, struct err *err);

const char *config_get(const struct config *c, enum config_key k);
uint64_t config_number(const struct config *c, enum config_key k);
bool config_has_tee(const struct config *c);

/* The content of the `config` event, RFC 8785 bytes. */
MUST_USE bool config_event(const struct config *c, struct buf *out, struct err *err);

#endif
