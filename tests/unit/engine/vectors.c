#include "vectors.h"

#include "vector_json.h"

#include "test.h"

#include <fcntl.h>
#include <unistd.h>

static struct engine *open_vector(const char *name, bool exact, enum engine_kv kv)
{
    struct engine_setup setup = {.kv = kv, .exact = exact, .threads = 2, .context = 512};
    struct engine_source source = {.name = name};
    struct identity identity;
    struct engine *e = NULL;
    struct err err = {0};
    char path[200];

    (void)snprintf(path, sizeof path, "engine/%s.gguf", name);
    source.fd = open(vector_path(path), O_RDONLY | O_CLOEXEC);
    assert_true(source.fd >= 0);
    assert_ok(engine_open(&source, &setup, &e, &identity, &err), err);
    (void)close(source.fd);
    return e;
}

static json_t *open_json(const char *name)
{
    char path[200];

    (void)snprintf(path, sizeof path, "engine/%s.json", name);
    return vector_json(path);
}

static size_t ids_get(const json_t *list, uint32_t *out, size_t max)
{
    size_t n = json_array_size(list);

    assert_true(n <= max);
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint32_t)json_integer_value(json_array_get(list, i));
    }
    return n;
}

/* sum (a - b)^2 / sum b^2 over the listed positions of a sequence. */
static double distance(struct engine *e, const json_t *sequence, const char *key)
{
    const json_t *positions = json_object_get(sequence, "logits_positions"), *rows = json_object_get(sequence, key);
    struct engine_info info;
    struct err err = {0};
    uint32_t ids[512];
    size_t n = ids_get(json_object_get(sequence, "tokens"), ids, 512), p;
    const json_t *position;
    double above = 0.0, below = 0.0;
    float *logits;

    engine_info(e, &info);
    logits = calloc(n * info.vocabulary, sizeof *logits);
    assert_non_null(logits);
    assert_ok(engine_logits(e, ids, n, false, logits, &err), err);
    json_array_foreach(positions, p, position)
    {
        const float *row = logits + (size_t)json_integer_value(position) * info.vocabulary;

        for (size_t i = 0; i < info.vocabulary; i++) {
            double want = json_number_value(json_array_get(json_array_get(rows, p), i)), d = (double)row[i] - want;

            above += d * d;
            below += want * want;
        }
    }
    free(logits);
    return above / below;
}

static void greedy_compare(struct engine *e, const json_t *greedy)
{
    uint32_t prompt[64], want[64], got[64];
    size_t n = ids_get(json_object_get(greedy, "prompt"), prompt, 64);
    size_t more = ids_get(json_object_get(greedy, "generated"), want, 64);
    struct err err = {0};

    assert_ok(engine_greedy(e, prompt, n, got, more, &err), err);
    assert_memory_equal(got, want, more * sizeof *want);
}

void vectors_compare(const char *name, bool exact, enum engine_kv kv, const char *key, double limit)
{
    struct engine *e = open_vector(name, exact, kv);
    json_t *j = open_json(name), *sequence;
    double most = 0.0;
    size_t i;

    json_array_foreach(json_object_get(j, "sequences"), i, sequence)
    {
        double d = distance(e, sequence, key);

        most = d > most ? d : most;
    }
    print_message("%s, %s %s: NMSE %.2e\n", name, exact ? "exact" : "served", key, most);
    assert_true(most <= limit);
    if (exact) {
        greedy_compare(e, json_object_get(j, "greedy"));
    }
    json_decref(j);
    engine_close(e);
}
