#include "store/layout.h"

#include "base/hex.h"
#include "codec/json.h"

#include <stdarg.h>
#include <stdio.h>

#define TYPE_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define TYPE_CONFIG "application/vnd.docker.container.image.v1+json"
#define TYPE_LAYER "application/vnd.ollama.image."
#define DIGEST "sha256:"

bool layout_path(const struct store *s, char out[STORE_PATH_MAX], struct err *err, const char *fmt, ...)
{
    size_t len = strlen(s->root);
    va_list ap;
    int n;

    memcpy(out, s->root, len);
    va_start(ap, fmt);
    n = vsnprintf(out + len, STORE_PATH_MAX - len, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= STORE_PATH_MAX - len) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "%s: the path is too long", s->root);
    }
    return true;
}

bool layout_blob_path(const struct store *s, const uint8_t sha256[SHA256_SIZE], char out[STORE_PATH_MAX],
                      struct err *err)
{
    char hex[2 * SHA256_SIZE + 1];

    hex_encode(bytes_of(sha256, SHA256_SIZE), hex);
    return layout_path(s, out, err, "/blobs/sha256-%s", hex);
}

/* {"digest":"sha256:HEX","size":n}; older manifests write sha256-HEX nowhere, so neither is it read. */
static bool layer_parse(const json_t *layer, struct store_layer *out, struct err *err)
{
    const char *digest;

    if (!json_get_str(layer, "digest", &digest, err) || !json_get_u64(layer, "size", INT64_MAX, &out->size, err)) {
        return false;
    }
    if (strncmp(digest, DIGEST, strlen(DIGEST)) != 0) {
        return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "a layer's digest is no SHA-256");
    }
    return hex_decode(bytes_of_str(digest + strlen(DIGEST)), out->sha256, SHA256_SIZE, err);
}

static void unused_add(struct store_model *m, const char *kind)
{
    size_t len = strlen(m->unused);

    if (strstr(m->unused, kind) == NULL) {
        (void)snprintf(m->unused + len, sizeof m->unused - len, "%s%.32s", len != 0 ? ", " : "", kind);
    }
}

static bool layers_parse(const json_t *layers, struct store_model *m, struct err *err)
{
    const json_t *value;
    size_t i;

    json_array_foreach(layers, i, value)
    {
        struct store_layer layer;
        const char *type;

        if (!json_get_str(value, "mediaType", &type, err) || !layer_parse(value, &layer, err)) {
            return false;
        }
        if (__builtin_add_overflow(m->size, layer.size, &m->size)) {
            return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "the sizes overflow");
        }
        type += strncmp(type, TYPE_LAYER, strlen(TYPE_LAYER)) == 0 ? strlen(TYPE_LAYER) : 0;
        if (strcmp(type, "model") == 0) {
            if (m->file_count == LIMIT_MODEL_FILES) {
                return FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "more than %d model layers", LIMIT_MODEL_FILES);
            }
            m->files[m->file_count++] = layer;
        } else if (strcmp(type, "license") != 0) {
            unused_add(m, type);
        }
    }
    return m->file_count > 0 || FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "no model layer");
}

bool layout_manifest_parse(struct bytes text, struct store_model *m, struct store_layer *config, struct err *err)
{
    json_t *manifest = NULL, *layers, *about;
    bool ok = json_parse(text, &manifest, err) && json_get(manifest, "layers", JSON_ARRAY, &layers, err) &&
              layers_parse(layers, m, err) && json_get(manifest, "config", JSON_OBJECT, &about, err) &&
              layer_parse(about, config, err);

    if (ok && __builtin_add_overflow(m->size, config->size, &m->size)) {
        ok = FAIL(err, REASON_STORE_FORM, ERR_NOWHERE, "the sizes overflow");
    }
    json_decref(manifest);
    if (!ok) {
        err->reason = err->reason == REASON_NO_MEMORY ? REASON_NO_MEMORY : REASON_STORE_FORM;
        return false;
    }
    hash_bytes(HASH_SHA256, text, m->id);
    return true;
}

/* {"mediaType":TYPE,"digest":"sha256:HEX","size":n} */
static bool layer_print(const char *type, const struct store_layer *layer, struct buf *out, struct err *err)
{
    return buf_printf(out, err, "{\"mediaType\":\"%s\",\"digest\":\"" DIGEST, type) &&
           hex_add(out, bytes_of(layer->sha256, SHA256_SIZE), err) &&
           buf_printf(out, err, "\",\"size\":%llu}", (unsigned long long)layer->size);
}

bool layout_manifest_print(const struct store_layer *config, const struct store_model *m, struct buf *out,
                           struct err *err)
{
    bool ok = buf_str(out, "{\"schemaVersion\":2,\"mediaType\":\"" TYPE_MANIFEST "\",\"config\":", err) &&
              layer_print(TYPE_CONFIG, config, out, err) && buf_str(out, ",\"layers\":[", err);

    for (size_t i = 0; ok && i < m->file_count; i++) {
        ok = (i == 0 || buf_str(out, ",", err)) && layer_print(TYPE_LAYER "model", &m->files[i], out, err);
    }
    return ok && buf_str(out, "]}", err);
}

/* A member that may be missing and is cut to the field. */
static void member_copy(const json_t *object, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));

    (void)snprintf(out, size, "%s", text != NULL ? text : "");
}

bool layout_config_parse(struct bytes text, struct store_model *m, struct err *err)
{
    json_t *config;

    if (!json_parse(text, &config, err)) {
        err->reason = REASON_STORE_FORM;
        return false;
    }
    member_copy(config, "model_format", m->format, sizeof m->format);
    member_copy(config, "model_family", m->family, sizeof m->family);
    member_copy(config, "model_type", m->parameters, sizeof m->parameters);
    member_copy(config, "file_type", m->file_type, sizeof m->file_type);
    json_decref(config);
    return true;
}

bool layout_config_print(const struct store_model *m, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "{\"model_format\":\"gguf\",\"model_family\":", err) &&
              json_print_str(bytes_of_str(m->family), out, err) && buf_str(out, ",\"model_families\":[", err) &&
              json_print_str(bytes_of_str(m->family), out, err) &&
              buf_printf(out, err,
                         "],\"model_type\":\"%s\",\"file_type\":\"%s\",\"architecture\":\"amd64\",\"os\":\"linux\","
                         "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[",
                         m->parameters, m->file_type);

    for (size_t i = 0; ok && i < m->file_count; i++) {
        ok = buf_str(out, i == 0 ? "\"" DIGEST : "\",\"" DIGEST, err) &&
             hex_add(out, bytes_of(m->files[i].sha256, SHA256_SIZE), err);
    }
    return ok && buf_str(out, "\"]}}", err);
}
