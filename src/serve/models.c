/* What there is: /api/version, /api/tags, /api/show, /api/ps, /v1/models. */
#include "serve/routes_parts.h"

#include "base/civil.h"
#include "chat/output.h"

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
    routes_send_json(p, 200, json_object_of({"version", json_string(SOTTO_VERSION)}));
}

static json_t *list_of(const char *text)
{
    json_t *list = json_array();

    (void)json_array_append_new(list, json_string(text));
    return list;
}

static json_t *capabilities(const struct backend_model *m)
{
    json_t *list = list_of("completion");
    struct output_format format;

    output_format_find(bytes_of_str(m->template_text), &format);
    if (format.tools) {
        (void)json_array_append_new(list, json_string("tools"));
    }
    if (format.thinks) {
        (void)json_array_append_new(list, json_string("thinking"));
    }
    return list;
}

static json_t *details(const struct backend_model *m, unsigned context)
{
    json_t *d = json_object_of({"parent_model", json_string("")}, {"format", json_string("gguf")},
                               {"family", json_string(m->architecture)}, {"families", list_of(m->architecture)},
                               {"parameter_size", json_string(m->parameter_size)},
                               {"quantization_level", json_string(m->quantization)});

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
                                    json_object_of({"name", json_string(m->name)}, {"model", json_string(m->name)},
                                                   {"modified_at", json_string(time)},
                                                   {"size", json_integer((int64_t)m->size)},
                                                   {"digest", json_string(m->digest)}, {"details", details(m, 0)}));
    }
    routes_send_json(p, 200, json_object_of({"models", list}));
}

static json_t *model_info(const struct backend_model *m)
{
    json_t *all = NULL, *info = json_object(), *v;
    const char *name;
    struct err ignored;

    if (json_parse(bytes_of_str(m->info), &all, &ignored)) {
        json_object_foreach(all, name, v)
        {
            if (strcmp(name, "general.name") != 0) {
                (void)json_object_set(info, name, v);
            }
        }
    }
    json_decref(all);
    return info;
}

static json_t *show_object(struct routes *rs, const struct backend_model *m)
{
    const struct backend_loaded *loaded = backend_loaded(rs->backend);
    char time[ROUTES_TIME_SIZE], file[600];

    routes_time_print(m->modified, time);
    (void)snprintf(file, sizeof file, "# Modelfile of %s\nFROM %s\n", m->name, m->name);
    return json_object_of(
        {"modelfile", json_string(file)}, {"parameters", json_string("")}, {"template", json_string(m->template_text)},
        {"details", details(m, loaded != NULL && loaded->model == m ? loaded->context : 0)},
        {"model_info", model_info(m)}, {"modified_at", json_string(time)}, {"capabilities", capabilities(m)});
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
            list, json_object_of({"name", json_string(l->model->name)}, {"model", json_string(l->model->name)},
                                 {"size", json_integer((int64_t)l->memory)}, {"digest", json_string(l->model->digest)},
                                 {"details", details(l->model, 0)}, {"expires_at", json_string(time)},
                                 {"size_vram", json_integer(0)}, {"context_length", json_integer(l->context)},
                                 {"model_id", json_string(l->model_id)},
                                 {"manifest_sha384", json_string(l->manifest_sha384)}));
    }
    routes_send_json(p, 200, json_object_of({"models", list}));
}

static json_t *openai_object(const struct backend_model *m)
{
    return json_object_of({"id", json_string(m->name)}, {"object", json_string("model")},
                          {"created", json_integer(m->modified)}, {"owned_by", json_string("library")});
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
    routes_send_json(p, 200, json_object_of({"object", json_string("list")}, {"data", list}));
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
