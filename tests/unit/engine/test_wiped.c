/* Of a request and its answer nothing is in memory that the engine gives back, while it is answered and when it has
 * ended: neither the text nor its tokens. */
#include "test.h"

#include "generated.h"

#include <malloc.h>
#include <stdlib.h>

/* The linker puts these in their places (meson.build). */
void __real_free(void *p);
void __wrap_free(void *p);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_reallocarray(void *p, size_t count, size_t size);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void *__real_weights_pages(size_t n);
void *__wrap_weights_pages(size_t n);

#define SECRET "cana-zjqx" /* in the generated vocabulary a token for each byte and some pairs */
static const uint8_t ids[] = {'-', 0, 0, 0, 'z', 0, 0, 0}; /* as tokens */

static bool looks;
static size_t texts, tokens; /* blocks that were given back with them */

static void look(const void *p)
{
    if (p != NULL && looks) {
        const size_t n = malloc_usable_size((void *)(uintptr_t)p);

        texts += memmem(p, n, SECRET, sizeof SECRET - 1) != NULL;
        tokens += memmem(p, n, ids, sizeof ids) != NULL;
    }
}

void __wrap_free(void *p)
{
    look(p);
    __real_free(p);
}

/* Always to another place: what may move in the library does here. */
void *__wrap_realloc(void *p, size_t n)
{
    void *to = malloc(n);
    const size_t old = p != NULL ? malloc_usable_size(p) : 0;

    if (to != NULL && p != NULL) {
        memcpy(to, p, old < n ? old : n);
        __wrap_free(p);
    }
    return to;
}

void *__wrap_reallocarray(void *p, size_t count, size_t size)
{
    return __wrap_realloc(p, count * size);
}

/* What the engine computes in: the cache, the values of a chunk. Smaller ones are its threads'. */
#define ROOM_MIN 512
static struct {
    const uint8_t *p;
    size_t n;
} rooms[64];
static size_t room_count;

static void room_add(const void *p, size_t n)
{
    assert_true(room_count < sizeof rooms / sizeof *rooms);
    rooms[room_count].p = p;
    rooms[room_count++].n = n;
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    void *p = __real_aligned_alloc(align, n);

    if (n >= ROOM_MIN) {
        room_add(p, n);
    }
    return p;
}

void *__wrap_weights_pages(size_t n)
{
    void *p = __real_weights_pages(n);

    room_add(p, n);
    return p;
}

static bool is_written(size_t room)
{
    size_t at = 0;

    while (at < rooms[room].n && rooms[room].p[at] == 0) {
        at++;
    }
    return at < rooms[room].n;
}

/* Where the weights are is no such room. */
static void rooms_choose(void)
{
    size_t count = 0;

    for (size_t i = 0; i < room_count; i++) {
        if (!is_written(i)) {
            rooms[count++] = rooms[i];
        }
    }
    room_count = count;
    assert_true(count > 1);
}

static size_t written_rooms(void)
{
    size_t count = 0;

    for (size_t i = 0; i < room_count; i++) {
        count += is_written(i);
    }
    return count;
}

static void ask(struct engine *e, const struct engine_request *q)
{
    struct engine_event event = {.end = ENGINE_END_NOT};
    struct err err = {0};

    looks = true;
    assert_ok(engine_submit(e, q, &err), err);
    while (event.end == ENGINE_END_NOT) {
        assert_ok(engine_next(e, &event, &err), err);
        assert_true(event.end != ENGINE_END_NOT || written_rooms() > 1);
    }
    looks = false;
    assert_int_equal(written_rooms(), 0);
    assert_int_equal(texts, 0);
    assert_int_equal(tokens, 0);
}

static void test_seen(void **state)
{
    char *p = malloc(100);
    uint32_t *list = calloc(4, sizeof *list);
    struct buf kept = BUF(1000);
    struct err err = {0};

    (void)state;
    assert_true(p != NULL && list != NULL);
    (void)strcpy(p, "a " SECRET);
    list[1] = '-';
    list[2] = 'z';
    __asm__ volatile("" : : "r"(p), "r"(list) : "memory"); /* it is all written */
    looks = true;
    p = realloc(p, 200);
    __asm__ volatile("" : : "r"(p) : "memory");
    free(p);
    free(list);
    assert_ok(buf_str(&kept, SECRET, &err), err);
    assert_ok(buf_zero(&kept, 500, &err), err);
    buf_done(&kept);
    looks = false;
    assert_int_equal(texts, 2);
    assert_int_equal(tokens, 1);
    texts = tokens = 0;
}

/* Chats, tools, forms, log probabilities, stop texts, a context that overflows; one that is refused. */
static void test_requests(void **state)
{
    static const char said[] = "{\"messages\":[{\"role\":\"system\",\"content\":\"" SECRET
                               " <|im_end|>\"},{\"role\":\"user\",\"content\":\"" SECRET SECRET SECRET
                               "\"},{\"role\":\"user\",\"content\":\"" SECRET "\"}],\"tools\":[{\"type\":\"function\","
                               "\"function\":{\"name\":\"" SECRET "\",\"parameters\":{\"properties\":{\"" SECRET
                               "\":{\"type\":\"integer\"}}}}}]}",
                      held[] = "{\"enum\":[\"" SECRET "\"]}";
    struct gen_model m = gen_model_default();
    const struct engine_setup setup = {.kv = ENGINE_KV_F16, .threads = 2, .context = 192};
    struct engine_request q = {.prompt = bytes_of_str("a " SECRET " b")};
    const struct engine_bias bias[] = {
        {m.vocab - 3, -100}, {m.vocab - 2, -100}, {m.vocab - 1, -100}}; /* no early end */
    const char *const stops[] = {SECRET};
    struct engine_stats stats;
    json_t *chat = NULL, *form = NULL;
    struct engine *e;
    struct err err = {0};

    (void)state;
    m.chat_template =
        "{% for m in messages %}<|im_start|>{{ m.role + ' ' + m.content | trim }}<|im_end|>{% endfor %}"
        "{% for t in tools %}<tool_call>{{ t | tojson }}{{ t.function.name.split('-') }}{% endfor %}<think>";
    e = generated_open(&m, &setup);
    rooms_choose();
    assert_ok(json_parse(bytes_of_str(said), &chat, &err), err);
    assert_ok(json_parse(bytes_of_str(held), &form, &err), err);
    engine_options_default(&q.options);
    q.options.bias = bias;
    q.options.bias_count = 3;
    q.options.num_predict = 100;
    q.options.top_logprobs = 5;
    ask(e, &q);
    q.options.stop = stops;
    q.options.stop_count = 1;
    q.options.num_predict = 300; /* beyond the context */
    ask(e, &q);
    engine_stats(e, &stats);
    assert_true(stats.truncated && stats.answer_tokens == 300);
    q.chat = chat;
    ask(e, &q);
    q.form = form; /* the answer is the secret */
    ask(e, &q);
    q.wish = ENGINE_ANSWER_WHOLE;
    q.chat = NULL;
    q.form = NULL;
    q.prompt = bytes_of_str(said);
    looks = true;
    assert_fails(engine_submit(e, &q, &err), err, REASON_CONTEXT_FULL, ERR_NOWHERE);
    engine_close(e);
    looks = false;
    assert_int_equal(texts, 0);
    assert_int_equal(tokens, 0);
    json_decref(form);
    json_decref(chat);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seen),
        cmocka_unit_test(test_requests),
    };

    return cmocka_run_group_tests_name("wiped", tests, NULL, NULL);
}
