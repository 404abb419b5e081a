/* What there is: /api/version, /api/tags, /api/show, /api/ps, /v1/models. */
#include "serve/routes_parts.h"

#include "base/civil.h"

#include <stdio.h>

#define FOR_EVER (INT64_C(292) * 365 * 86400) /* what Ollama shows for a model that is not unloaded */

void routes_time_print(int64_t time, char out[ROUTES_TIME_SIZE])
{
    char text[CIVIL_ISO8601_SIZE];

    civil_print_iso8601(time, text);
    (void)snprintf(out, ROUTES_TIME_SIZE, "%.19s+00:00", text);
}

void models_version(struct routes *rs, const struct request *r, struct reply *p)
{
    (void)rs;
    (void)r;
    routes_send_json(p, 200, json_pack("{s:s}", "version", SOTTO_VERSION));
}

static json_t *details(const struct backend_model *m, unsigned context)
{
    json_t *d = json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "parent_model", "", "format", "gguf", "family",
                          m->architecture, "families", m->architecture, "parameter_size", m->parameter_size,
                          "quantization_level", m->quantization);

    if (context > 0 && json_object_set_new(d, "context_length", json_integer(context)) != 0) {
        json_decref(d);
        return NULL;
    }
    return d;
}

void models_tags(struct routes *rs, const struct request *r, struct reply *p)
{
    size_t count;
    const struct backend_model *models = backend_models(rs->backend, &count);
    json_t *list = json_array();

    (void)r;
    for (size_t i = 0; i < count; i++) {
        const struct backend_model *m = &models[i];
        char time[ROUTES_TIME_SIZE];
        size_t at = 0;

        routes_time_print(m->modified, time);
        /* The one that was modified last comes first. */
        for (size_t j = 0; j < count; j++) {
            at += models[j].modified > m->modified || (models[j].modified == m->modified && j < i) ? 1 : 0;
        }
        at = at < json_array_size(list) ? at : json_array_size(list);
        (void)json_array_insert_new(list, at,
                                    json_pack("{s:s, s:s, s:s, s:I, s:s, s:o}", "name", m->name, "model", m->name,
                                              "modified_at", time, "size", (json_int_t)m->size, "digest", m->digest,
                                              "details", details(m, 0)));
    }
    routes_send_json(p, 200, json_pack("{s:o}", "models", list));
}

static json_t *model_info(const struct backend_model *m)
{
    json_t *info = NULL;
    struct err ignored;

    if (!json_parse(bytes_of_str(m->info), &info, &ignored)) {
        return json_object();
    }
    (void)json_object_del(info, "general.name");
    (void)json_object_del(info, "tokenizer.chat_template");
    return info;
}

static json_t *show_object(struct routes *rs, const struct backend_model *m)
{
    const struct backend_loaded *loaded = backend_loaded(rs->backend);
    char time[ROUTES_TIME_SIZE], file[600];

    routes_time_print(m->modified, time);
    (void)snprintf(file, sizeof file, "# Modelfile of %s\nFROM %s\n", m->name, m->name);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:[s]}", "modelfile", file, "parameters", "", "template",
                     m->template_text, "details",
                     details(m, loaded != NULL && loaded->model == m ? loaded->context : 0), "model_info",
                     model_info(m), "modified_at", time, "capabilities", "completion");
}

static bool show(struct routes *rs, const json_t *body, json_t **out, struct refusal *why)
{
    const struct backend_model *m;
    const char *name;
    bool verbose;

    if (!routes_str_get(body, "model", &name, why) || (name[0] == '\0' && !routes_str_get(body, "name", &name, why)) ||
        !routes_bool_get(body, "verbose", false, &verbose, why)) {
        return false;
    }
    if (!routes_model_check(name, why)) {
        return false;
    }
    m = backend_model_find(rs->backend, name);
    if (m == NULL) {
        return refusal_set(why, 404, "model '%.200s' not found", name);
    }
    *out = show_object(rs, m);
    return true;
}

void models_show(struct routes *rs, const struct request *r, struct reply *p)
{
    struct refusal why = {0};
    json_t *body = NULL, *object = NULL;

    if (routes_body_get(r, &body, &why) && show(rs, body, &object, &why)) {
        routes_send_json(p, 200, object);
    } else {
        refusal_send(&why, DIALECT_OLLAMA, p);
    }
    json_decref(body);
}

void models_ps(struct routes *rs, const struct request *r, struct reply *p)
{
    const struct backend_loaded *l = backend_loaded(rs->backend);
    json_t *list = json_array();

    (void)r;
    if (l != NULL) {
        char time[ROUTES_TIME_SIZE];

        routes_time_print(l->since + FOR_EVER, time);
        (void)json_array_append_new(
            list, json_pack("{s:s, s:s, s:I, s:s, s:o, s:s, s:i, s:I, s:s, s:s}", "name", l->model->name, "model",
                            l->model->name, "size", (json_int_t)l->memory, "digest", l->model->digest, "details",
                            details(l->model, 0), "expires_at", time, "size_vram", 0, "context_length",
                            (json_int_t)l->context, "model_id", l->model_id, "manifest_sha384", l->manifest_sha384));
    }
    routes_send_json(p, 200, json_pack("{s:o}", "models", list));
}

static json_t *openai_object(const struct backend_model *m)
{
    return json_pack("{s:s, s:s, s:I, s:s}", "id", m->name, "object", "model", "created", (json_int_t)m->modified,
                     "owned_by", "library");
}

void models_openai(struct routes *rs, const struct request *r, struct reply *p)
{
    size_t count;
    const struct backend_model *models = backend_models(rs->backend, &count);
    json_t *list = json_array();

    (void)r;
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, openai_object(&models[i]));
    }
    routes_send_json(p, 200, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

void models_openai_one(struct routes *rs, const struct request *r, struct reply *p)
{
    const char *name = r->path + strlen("/v1/models/");
    const struct backend_model *m = backend_model_find(rs->backend, name);
    struct refusal why;

    if (m != NULL) {
        routes_send_json(p, 200, openai_object(m));
    } else {
        (void)refusal_set(&why, 404, "model '%.200s' not found", name);
        refusal_send(&why, DIALECT_OPENAI, p);
    }
}
