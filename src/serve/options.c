#include "serve/options.h"

#include "os/random.h"
#include "serve/routes_parts.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

/* OpenAI's names for options that are numbers; the first that a request has counts. NULL: known, and must be 1. */
static const struct {
    const char *name, *option;
} openai_options[] = {
    {"temperature", "temperature"},
    {"top_p", "top_p"},
    {"max_completion_tokens", "num_predict"},
    {"max_tokens", "num_predict"},
    {"presence_penalty", "presence_penalty"},
    {"frequency_penalty", "frequency_penalty"},
    {"best_of", NULL},
};

bool options_init(struct options *o, struct err *err)
{
    struct options fresh = {.choices = 1};

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

/* Clients write whole numbers as 40.0 too. */
static bool int_get(const json_t *v, const char *name, int64_t *out, struct refusal *why)
{
    double d;

    if (json_is_integer(v)) {
        *out = json_integer_value(v);
        return true;
    }
    d = json_number_value(v);
    if (json_is_real(v) && !(fabs(d) < 9e15)) {
        return out_of_range(why, name);
    }
    *out = (int64_t)d;
    return (json_is_real(v) && (double)*out >= d && (double)*out <= d) ||
           refusal_set(why, 400, "option \"%s\" must be of type integer", name);
}

static bool number_parse(const struct engine_option *o, const char *name, const json_t *v, struct engine_options *e,
                         struct refusal *why)
{
    int64_t i = 0;
    float f;
    int n;

    if (o->is_float && !json_is_number(v)) {
        return refusal_set(why, 400, "option \"%s\" must be of type float32", name);
    }
    if (!o->is_float && !int_get(v, name, &i, why)) {
        return false;
    }
    if (i < INT_MIN || i > INT_MAX) {
        return out_of_range(why, name);
    }
    f = (float)json_number_value(v);
    n = (int)i;
    memcpy((char *)e + o->place, o->is_float ? (const void *)&f : (const void *)&n, sizeof f);
    return true;
}

static bool is_no_option_of_ollama(const char *name)
{
    return strcmp(name, "top_logprobs") == 0 || strcmp(name, "shift") == 0; /* they stand beside "options" */
}

/* In the order of the table, as Ollama's struct has them. */
static bool ollama_numbers_parse(const json_t *object, struct options *o, struct refusal *why)
{
    for (size_t i = 0; i < engine_option_count; i++) {
        const struct engine_option *row = &engine_option_rows[i];
        const json_t *v = !is_no_option_of_ollama(row->name) ? member(object, row->name) : NULL;

        if (v != NULL && !number_parse(row, row->name, v, &o->engine, why)) {
            return false;
        }
    }
    return true;
}

static bool one_check(const json_t *v, const char *name, struct refusal *why)
{
    int64_t n;

    return int_get(v, name, &n, why) && (n == 1 || not_supported(why, name));
}

static bool openai_numbers_parse(const json_t *request, struct options *o, struct refusal *why)
{
    const char *before = "";

    for (size_t i = 0; i < sizeof openai_options / sizeof *openai_options; i++) {
        const char *name = openai_options[i].name, *option = openai_options[i].option;
        const json_t *v = member(request, name);

        if (v == NULL || (option != NULL && strcmp(option, before) == 0)) {
            continue;
        }
        for (size_t k = 0; option != NULL && k < engine_option_count; k++) {
            if (strcmp(engine_option_rows[k].name, option) == 0 &&
                !number_parse(&engine_option_rows[k], name, v, &o->engine, why)) {
                return false;
            }
        }
        if (option == NULL && !one_check(v, name, why)) {
            return false;
        }
        before = option != NULL ? option : "";
    }
    return true;
}

static bool choices_parse(const json_t *v, struct options *o, struct refusal *why)
{
    int64_t n = 1;

    if (v != NULL && !int_get(v, "n", &n, why)) {
        return false;
    }
    if (n < 1 || n > OPTIONS_CHOICES_MAX) {
        return refusal_set(why, 400, "n must be between 1 and %d", OPTIONS_CHOICES_MAX);
    }
    o->choices = (unsigned)n;
    return true;
}

/* {"50256": -100}: added to the logits of these tokens. */
static bool bias_parse(const json_t *object, struct options *o, struct refusal *why)
{
    const char *name;
    const json_t *v;

    o->engine.bias = o->bias;
    o->engine.bias_count = 0;
    if (object != NULL && !json_is_object(object)) {
        return refusal_set(why, 400, "logit_bias must be an object of token ids and numbers");
    }
    json_object_foreach(object, name, v)
    {
        const size_t digits = strspn(name, "0123456789");
        struct engine_bias *b = &o->bias[o->engine.bias_count];

        if (digits == 0 || digits > 9 || name[digits] != '\0' || !json_is_number(v)) {
            return refusal_set(why, 400, "logit_bias must be an object of token ids and numbers");
        }
        if (o->engine.bias_count == ENGINE_BIAS_MAX) {
            return out_of_range(why, "logit_bias");
        }
        *b = (struct engine_bias){.id = (uint32_t)strtoul(name, NULL, 10), .value = (float)json_number_value(v)};
        for (size_t i = 0; i < o->engine.bias_count; i++) {
            if (o->bias[i].id == b->id) { /* "7" and "07" */
                return out_of_range(why, "logit_bias");
            }
        }
        o->engine.bias_count++;
    }
    return true;
}

bool options_parse_context(const json_t *request, struct options *o, struct refusal *why)
{
    bool truncate, shift;

    if (!routes_bool_get(request, "truncate", true, &truncate, why) ||
        !routes_bool_get(request, "shift", true, &shift, why)) {
        return false;
    }
    o->wish = truncate ? ENGINE_ANSWER : ENGINE_ANSWER_WHOLE;
    o->engine.shift = shift ? 1 : 0;
    return true;
}

bool options_parse_logprobs(const json_t *request, struct options *o, struct refusal *why)
{
    const json_t *logprobs = member(request, "logprobs"), *best = member(request, "top_logprobs");
    int64_t n = 0;

    if (logprobs != NULL && !json_is_boolean(logprobs)) {
        return refusal_set(why, 400, "logprobs must be a boolean");
    }
    if (best != NULL && !int_get(best, "top_logprobs", &n, why)) {
        return false;
    }
    if (n < 0 || n > ENGINE_LOGPROBS_MAX) {
        return refusal_set(why, 400, "top_logprobs must be between 0 and %d", ENGINE_LOGPROBS_MAX);
    }
    o->engine.top_logprobs = json_is_true(logprobs) ? (int)n : -1;
    return true;
}

/* The older form: a number, of alternatives. */
static bool logprobs_number_parse(const json_t *v, struct options *o, struct refusal *why)
{
    int64_t n;

    if (v == NULL) {
        return true;
    }
    if (!int_get(v, "logprobs", &n, why)) {
        return false;
    }
    if (n < 0 || n > ENGINE_LOGPROBS_MAX) {
        return refusal_set(why, 400, "logprobs must be between 0 and %d", ENGINE_LOGPROBS_MAX);
    }
    o->engine.top_logprobs = (int)n;
    return true;
}

/* -1: drawn at random, as it is without one. */
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
    if (seed != -1) {
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
    return num_ctx_check(member(object, "num_ctx"), why) && ollama_numbers_parse(object, o, why) &&
           bias_parse(member(object, "logit_bias"), o, why) && seed_parse(object, o, why) &&
           stops_parse(member(object, "stop"), false, o, why) && range_check(o, why);
}

bool options_parse_openai(const json_t *request, bool chat, struct options *o, struct refusal *why)
{
    o->engine.temperature = 1;
    o->engine.top_p = 1;
    if (chat && json_integer_value(member(request, "top_logprobs")) != 0 &&
        !json_is_true(member(request, "logprobs"))) {
        return refusal_set(why, 400, "top_logprobs needs \"logprobs\": true");
    }
    return options_parse_context(request, o, why) && openai_numbers_parse(request, o, why) &&
           choices_parse(member(request, "n"), o, why) && bias_parse(member(request, "logit_bias"), o, why) &&
           (chat ? options_parse_logprobs(request, o, why)
                 : logprobs_number_parse(member(request, "logprobs"), o, why)) &&
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
