#include "engine/engine.h"

#include "base/limits.h"
#include "engine/stream.h"

#include <stddef.h>

#define FLOAT(name, min, max, fallback) \
    { \
#name, offsetof(struct engine_options, name), true, min, max, fallback \
    }
#define INT(name, min, max, fallback) \
    { \
#name, offsetof(struct engine_options, name), false, min, max, fallback \
    }

const struct engine_option engine_option_rows[] = {
    FLOAT(temperature, 0, 100, 0.8),
    FLOAT(top_p, 0, 1, 0.9),
    FLOAT(min_p, 0, 1, 0),
    FLOAT(typical_p, 0, 1, 1),
    FLOAT(repeat_penalty, 0.01, 100, 1.1),
    FLOAT(presence_penalty, -100, 100, 0),
    FLOAT(frequency_penalty, -100, 100, 0),
    FLOAT(mirostat_tau, 0, 100, 5),
    FLOAT(mirostat_eta, 0, 10, 0.1),
    INT(top_k, INT32_MIN, INT32_MAX, 40),
    INT(repeat_last_n, -1, LIMIT_CONTEXT, 64),
    INT(mirostat, 0, 2, 0),
    INT(num_predict, -2, INT32_MAX, -1),
    INT(num_keep, -1, LIMIT_CONTEXT, 4),
    INT(shift, 0, 1, 1),
    INT(top_logprobs, -1, ENGINE_LOGPROBS_MAX, -1),
};
const size_t engine_option_count = sizeof engine_option_rows / sizeof engine_option_rows[0];

void engine_options_default(struct engine_options *o)
{
    *o = (struct engine_options){.seed = 0};
    for (size_t i = 0; i < engine_option_count; i++) {
        const struct engine_option *row = &engine_option_rows[i];
        float f = (float)row->fallback;
        int n = (int)row->fallback;

        memcpy((char *)o + row->place, row->is_float ? (const void *)&f : (const void *)&n, sizeof f);
    }
}

/* UTF-8 without an error: the stream gives it back unchanged. */
static bool utf8_check(struct bytes text, struct err *err)
{
    struct buf out = BUF(4 * (size_t)ENGINE_STOP_SIZE);
    struct stream s;
    bool ok;

    stream_init(&s, NULL, 0);
    ok = stream_add(&s, text, &out, err) && stream_end(&s, &out, err) &&
         (bytes_equal(buf_bytes(&out), text) || FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "stop: not UTF-8"));
    stream_done(&s);
    buf_done(&out);
    return ok;
}

static bool numbers_check(const struct engine_options *o, struct err *err)
{
    for (size_t i = 0; i < engine_option_count; i++) {
        const struct engine_option *row = &engine_option_rows[i];
        double value;
        float f;
        int n;

        memcpy(&f, (const char *)o + row->place, sizeof f);
        memcpy(&n, (const char *)o + row->place, sizeof n);
        value = row->is_float ? (double)f : n;
        /* A range's end is meant as a float has it; NaN is in none. */
        if (!(value >= (row->is_float ? (double)(float)row->min : row->min) && value <= row->max)) {
            return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "%s is %g, not %g to %g", row->name, value, row->min,
                        row->max);
        }
    }
    return true;
}

bool engine_options_check(const struct engine_options *o, struct err *err)
{
    if (!numbers_check(o, err)) {
        return false;
    }
    if (o->bias_count > ENGINE_BIAS_MAX) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "logit_bias: %zu tokens, at most %d", o->bias_count,
                    ENGINE_BIAS_MAX);
    }
    for (size_t i = 0; i < o->bias_count; i++) {
        if (!(o->bias[i].value >= -ENGINE_BIAS && o->bias[i].value <= ENGINE_BIAS)) {
            return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "logit_bias of token %u is %g, not -%g to %g",
                        o->bias[i].id, (double)o->bias[i].value, (double)ENGINE_BIAS, (double)ENGINE_BIAS);
        }
    }
    if (o->stop_count > ENGINE_STOPS_MAX) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "stop: %zu texts, at most %d", o->stop_count,
                    ENGINE_STOPS_MAX);
    }
    for (size_t i = 0; i < o->stop_count; i++) {
        size_t n = strlen(o->stop[i]);

        if (n == 0 || n > ENGINE_STOP_SIZE) {
            return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "stop: a text of %zu bytes, not 1 to %d", n,
                        ENGINE_STOP_SIZE);
        }
        if (!utf8_check(bytes_of_str(o->stop[i]), err)) {
            return false;
        }
    }
    return true;
}
