#include "cli/model_json.h"

#include "base/civil.h"
#include "base/hex.h"
#include "codec/json.h"

static bool member(struct buf *out, const char *before, const char *value, struct err *err)
{
    return buf_str(out, before, err) && json_print_str(bytes_of_str(value), out, err);
}

bool model_json_open(const struct store_model *m, struct buf *out, struct err *err)
{
    char when[CIVIL_ISO8601_SIZE];

    civil_print_iso8601(m->modified, when);
    return member(out, "{\"name\":", m->name, err) && member(out, ",\"model\":", m->name, err) &&
           member(out, ",\"modified_at\":", when, err) &&
           buf_printf(out, err, ",\"size\":%llu,\"digest\":\"", (unsigned long long)m->size) &&
           hex_add(out, bytes_of(m->id, SHA256_SIZE), err) &&
           member(out, "\",\"details\":{\"parent_model\":\"\",\"format\":", m->format, err) &&
           member(out, ",\"family\":", m->family, err) && member(out, ",\"families\":[", m->family, err) &&
           member(out, "],\"parameter_size\":", m->parameters, err) &&
           member(out, ",\"quantization_level\":", m->file_type, err) && buf_str(out, "}", err);
}

void model_id_print(const struct store_model *m, char out[MODEL_ID_SIZE])
{
    hex_encode(bytes_of(m->id, (MODEL_ID_SIZE - 1) / 2), out);
}
