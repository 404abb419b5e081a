#include "serve/options.h"

#include "os/random.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

enum option_type {
    OPTION_INT,
    OPTION_FLOAT,
};

/* One row an option that is a number. What has no place is known but must have its neutral value. */
static const struct option {
    const char *name;
    enum option_type type;
    size_t place;
    bool supported;
    double neutral;
} ollama_options[] = {
    {"temperature", OPTION_FLOAT, offsetof(struct engine_options, temperature), true, 0},
    {"top_p", OPTION_FLOAT, offsetof(struct engine_options, top_p), true, 0},
    {"min_p", OPTION_FLOAT, offsetof(struct engine_options, min_p), true, 0},
    {"repeat_penalty", OPTION_FLOAT, offsetof(struct engine_options, repeat_penalty), true, 0},
    {"top_k", OPTION_INT, offsetof(struct engine_options, top_k), true, 0},
    {"repeat_last_n", OPTION_INT, offsetof(struct engine_options, repeat_last_n), true, 0},
    {"num_predict", OPTION_INT, offsetof(struct engine_options, num_predict), true, 0},
    {"presence_penalty", OPTION_FLOAT, 0, false, 0},
    {"frequency_penalty", OPTION_FLOAT, 0, false, 0},
    {"typical_p", OPTION_FLOAT, 0, false, 1},
};

static const struct option openai_options[] = {
    {"temperature", OPTION_FLOAT, offsetof(struct engine_options, temperature), true, 0},
    {"top_p", OPTION_FLOAT, offsetof(struct engine_options, top_p), true, 0},
    {"max_tokens", OPTION_INT, offsetof(struct engine_options, num_predict), true, 0},
    {"max_completion_tokens", OPTION_INT, offsetof(struct engine_options, num_predict), true, 0},
    {"presence_penalty", OPTION_FLOAT, 0, false, 0},
    {"frequency_penalty", OPTION_FLOAT, 0, false, 0},
    {"n", OPTION_INT, 0, false, 1},
    {"top_logprobs", OPTION_INT, 0, false, 0},
};

bool options_init(struct options *o, struct err *err)
{
    struct options fresh = {0};

    engine_options_default(&fresh.engine);
    if (!random_bytes(&fresh.engine.seed, sizeof fresh.engine.seed, err)) {
        return false;
    }
    *o = fresh;
    return true;
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);

    return json_is_null(v) ? NULL : v;
}

static bool out_of_range(struct refusal *why, const char *name)
{
    struct err err;

    err_set(&err, REASON_OPTION_RANGE, ERR_NOWHERE, "%s", name);
    return refusal_of(why, &err);
}

static bool not_supported(struct refusal *why, const char *name)
{
    struct err err;

    err_set(&err, REASON_NOT_SUPPORTED, ERR_NOWHERE, "%s", name);
    return refusal_of(why, &err);
}

/* A fraction is cut, as Ollama does. */
static bool int_get(const json_t *v, const char *name, int64_t *out, struct refusal *why)
{
    double d;

    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    if (!json_is_real(v)) {
        return refusal_set(why, 400, "option \"%s\" must be of type integer", name);
    }
    d = json_number_value(v);
    if (!(fabs(d) < 9e15)) {
        return out_of_range(why, name);
    }
    *out = (int64_t)d;
    return true;
}

static bool number_parse(const struct option *o, const json_t *v, struct engine_options *e, struct refusal *why)
{
    int64_t i = 0;

    if (o->type == OPTION_INT) {
        if (!int_get(v, o->name, &i, why)) {
            return false;
        }
        if (i < INT_MIN || i > INT_MAX) {
            return out_of_range(why, o->name);
        }
    } else if (!json_is_number(v)) {
        return refusal_set(why, 400, "option \"%s\" must be of type float32", o->name);
    }
    if (!o->supported) {
        double d = json_number_value(v);

        return (d >= o->neutral && d <= o->neutral) || not_supported(why, o->name);
    }
    if (o->type == OPTION_INT) {
        int value = (int)i;

        memcpy((char *)e + o->place, &value, sizeof value);
    } else {
        float value = (float)json_number_value(v);

        memcpy((char *)e + o->place, &value, sizeof value);
    }
    return true;
}

static bool numbers_parse(const struct option *table, size_t rows, const json_t *object, struct options *o,
                          struct refusal *why)
{
    for (size_t i = 0; i < rows; i++) {
        const json_t *v = member(object, table[i].name);

        if (v != NULL && !number_parse(&table[i], v, &o->engine, why)) {
            return false;
        }
    }
    return true;
}

/* Negative: drawn at random, as it is without one. */
static bool seed_parse(const json_t *object, struct options *o, struct refusal *why)
{
    const json_t *v = member(object, "seed");
    int64_t seed;

    if (v == NULL) {
        return true;
    }
    if (!int_get(v, "seed", &seed, why)) {
        return false;
    }
    if (seed >= 0) {
        o->engine.seed = (uint64_t)seed;
    }
    return true;
}

static bool stop_add(const json_t *v, struct options *o, struct refusal *why)
{
    if (!json_is_string(v)) {
        return refusal_set(why, 400, "option \"stop\" must be of an array of strings");
    }
    if (json_string_length(v) == 0) {
        return true;
    }
    if (o->engine.stop_count == ENGINE_STOPS_MAX || json_string_length(v) >= ENGINE_STOP_SIZE) {
        return out_of_range(why, "stop");
    }
    o->stops[o->engine.stop_count++] = json_string_value(v);
    return true;
}

static bool stops_parse(const json_t *v, bool string_too, struct options *o, struct refusal *why)
{
    o->engine.stop = o->stops;
    o->engine.stop_count = 0;
    if (v == NULL) {
        return true;
    }
    if (string_too && json_is_string(v)) {
        return stop_add(v, o, why);
    }
    if (!json_is_array(v)) {
        return refusal_set(why, 400, "option \"stop\" must be of type array");
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        if (!stop_add(json_array_get(v, i), o, why)) {
            return false;
        }
    }
    return true;
}

static bool range_check(const struct options *o, struct refusal *why)
{
    struct err err;

    return engine_options_check(&o->engine, &err) || refusal_of(why, &err);
}

/* The context is the service's, and measured; as in Ollama, one that is larger than there is asks for all there is. A
 * prompt that does not fit is refused then. */
static bool num_ctx_check(const json_t *v, struct refusal *why)
{
    int64_t tokens;

    return v == NULL || (int_get(v, "num_ctx", &tokens, why) &&
                         ((tokens >= 1 && tokens <= LIMIT_CONTEXT) || out_of_range(why, "num_ctx")));
}

bool options_parse_ollama(const json_t *object, struct options *o, struct refusal *why)
{
    if (object != NULL && !json_is_object(object)) {
        return refusal_set(why, 400, "options must be an object");
    }
    return num_ctx_check(member(object, "num_ctx"), why) &&
           numbers_parse(ollama_options, sizeof ollama_options / sizeof *ollama_options, object, o, why) &&
           seed_parse(object, o, why) && stops_parse(member(object, "stop"), false, o, why) && range_check(o, why);
}

bool options_parse_openai(const json_t *request, struct options *o, struct refusal *why)
{
    o->engine.temperature = 1;
    o->engine.top_p = 1;
    return numbers_parse(openai_options, sizeof openai_options / sizeof *openai_options, request, o, why) &&
           seed_parse(request, o, why) && stops_parse(member(request, "stop"), true, o, why) && range_check(o, why);
}

/* time.ParseDuration of Go: [-+]?([0-9]*(\.[0-9]*)?[a-z]+)+, or "0". */
static bool duration_parse(const char *s, double *out)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}};
    bool negative = *s == '-', any = false;
    double sum = 0;

    s += *s == '-' || *s == '+' ? 1 : 0;
    if (strcmp(s, "0") == 0) {
        *out = 0;
        return true;
    }
    while (*s != '\0') {
        size_t number = strspn(s, "0123456789."), unit = strspn(s + number, "nsumh");
        double value = 0, scale = 1;
        bool fraction = false, known = false;

        for (size_t i = 0; i < number; i++) {
            if (s[i] == '.') {
                if (fraction || number == 1) {
                    return false;
                }
                fraction = true;
            } else {
                scale = fraction ? scale / 10 : 1;
                value = fraction ? value + (s[i] - '0') * scale : value * 10 + (s[i] - '0');
            }
        }
        for (size_t i = 0; i < sizeof units / sizeof *units && !known; i++) {
            if (strlen(units[i].name) == unit && strncmp(units[i].name, s + number, unit) == 0) {
                sum += value * units[i].seconds;
                known = true;
            }
        }
        if (number == 0 || !known) {
            return false;
        }
        any = true;
        s += number + unit;
    }
    *out = negative ? -sum : sum;
    return any;
}

bool options_keep_alive_parse(const json_t *value, bool *zero, struct refusal *why)
{
    double seconds;

    *zero = false;
    if (value == NULL) {
        return true;
    }
    if (json_is_number(value)) {
        seconds = json_number_value(value);
    } else if (!json_is_string(value)) {
        return refusal_set(why, 400, "keep_alive must be a number or a duration");
    } else if (!duration_parse(json_string_value(value), &seconds)) {
        return refusal_set(why, 400, "time: invalid duration in keep_alive");
    }
    *zero = seconds >= 0 && seconds < 1e-9;
    return true;
}
