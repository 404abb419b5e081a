/* The routes over a backend of the test's own, through a real server and client. */
#include "test.h"

#include "base/hex.h"
#include "codec/json.h"
#include "net/client.h"
#include "net/listen.h"
#include "serve/options.h"
#include "serve/routes.h"

#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- the backend --- */

struct backend {
    struct loop *loop;
    struct backend_model models[2];
    struct backend_loaded loaded;
    atomic_int generated, cancelled;
    struct backend_call *later; /* choices after the first: begun when the one before is over, as in the engine */
    struct buf seen;            /* what the last request asked for, in words */
};

struct backend_call {
    struct backend *b;
    const struct backend_handler *handler;
    void *arg;
    struct backend_call *next;
    struct loop_timer timer;
    unsigned choice;
    int step, best;
    bool fails, late, waits, parted, embeds, truncated;
};

const char *backend_attestation(const struct backend *b)
{
    (void)b;
    return "http://127.0.0.1:8081";
}

const char *backend_origin(const struct backend *b, size_t i)
{
    static const char *const origins[] = {"https://ours.example", "https://*.ours.example:8", NULL};

    (void)b;
    return origins[i];
}

const struct backend_model *backend_models(const struct backend *b, size_t *count)
{
    *count = 2;
    return b->models;
}

const struct backend_model *backend_model_find(const struct backend *b, const char *name)
{
    for (size_t i = 0; i < 2; i++) {
        if (strcmp(b->models[i].name, name) == 0) {
            return &b->models[i];
        }
    }
    return NULL;
}

const struct backend_loaded *backend_loaded(const struct backend *b)
{
    return &b->loaded;
}

bool backend_demand_check(const struct backend *b, struct bytes header, struct err *err)
{
    (void)b;
    return bytes_equal(header, bytes_of_str("right")) || FAIL(err, REASON_MODEL_CHANGED, ERR_NOWHERE, "another");
}

static void later_begin(struct backend *b)
{
    struct backend_call *c = b->later;
    struct err err;

    if (c != NULL) {
        b->later = c->next;
        assert_true(loop_timer_set(b->loop, &c->timer, 1, &err));
    }
}

static void step(void *arg)
{
    static const char *const texts[] = {"Hel", "lo \"you\"", "\n"};
    struct backend_call *c = arg;
    struct backend_end end = {
        .end = ENGINE_END_STOP,
        .stats = {.prompt_tokens = 7, .answer_tokens = 3, .prompt_ns = 11, .answer_ns = 13},
        .total_ns = 30,
    };
    struct err err;

    end.stats.truncated = c->truncated;
    if (c->waits || (c->step == 0 && c->fails) || (c->step == 1 && c->late)) {
        if (!c->waits) {
            err_set(&err, c->late ? REASON_ENGINE_GONE : REASON_CONTEXT_FULL, ERR_NOWHERE, "9 of 8 tokens");
            c->handler->error(c->arg, &err);
            free(c);
        }
        return;
    }
    if (c->embeds && c->step == 0) {
        float vector[] = {3, 0, -4};

        c->step = 3;
        c->handler->vector(c->arg, vector, 3);
        assert_true(loop_timer_set(c->b->loop, &c->timer, 1, &err));
        return;
    }
    if (c->step < 3) {
        struct engine_token token = {
            .self = {bytes_of_str(c->choice == 1 && c->step == 0 ? "B" : texts[c->step]), -0.5},
            .best_count = (size_t)c->best};
        struct engine_event event = {.text = token.self.token, .tokens = &token, .token_count = c->best >= 0};

        for (int i = 0; i < c->best; i++) {
            token.best[i] = (struct engine_logprob){i == 0 ? token.self.token : bytes_of("\xff\"", 2), -0.5 - i};
        }
        if (c->parted) { /* a thought, two calls, a word */
            event.text = bytes_of_str(c->step == 2 ? "ok" : "");
            event.thinking = bytes_of_str(c->step == 0 ? "hm" : "");
            event.calls = bytes_of_str(
                c->step == 1 ? "{\"name\":\"f\",\"arguments\":{\"a\":\"b\"}}\n{\"name\":\"g\",\"arguments\":{}}\n"
                             : "");
        }
        c->step++;
        c->handler->text(c->arg, &event);
        assert_true(loop_timer_set(c->b->loop, &c->timer, 1, &err));
        return;
    }
    later_begin(c->b);
    c->handler->end(c->arg, &end);
    free(c);
}

static bool describe(struct buf *out, const struct engine_request *r, struct err *err)
{
    out->len = 0;
    if (!buf_printf(out, err, "t=%.2f k=%d n=%d stops=%zu:", (double)r->options.temperature, r->options.top_k,
                    r->options.num_predict, r->options.stop_count)) {
        return false;
    }
    if (r->wish == ENGINE_ANSWER_WHOLE && !buf_str(out, "whole:", err)) {
        return false;
    }
    if (r->options.shift == 0 && !buf_printf(out, err, "keep=%d:", r->options.num_keep)) {
        return false;
    }
    if (r->chat == NULL) {
        return buf_str(out, "raw:", err) && buf_add(out, r->prompt.p, r->prompt.len, err);
    }
    for (size_t i = 0; i < json_array_size(json_object_get(r->chat, "messages")); i++) {
        const json_t *m = json_array_get(json_object_get(r->chat, "messages"), i);

        if (!buf_printf(out, err, "%s=%s;", json_string_value(json_object_get(m, "role")),
                        json_string_value(json_object_get(m, "content")))) {
            return false;
        }
    }
    if (json_object_size(r->chat) > 1 && (!buf_str(out, " chat=", err) || !json_print(r->chat, out, err))) {
        return false;
    }
    return r->form == NULL || (buf_str(out, " form=", err) && json_print(r->form, out, err));
}

bool backend_generate(struct backend *b, const struct engine_request *r, const struct backend_handler *handler,
                      void *arg, struct backend_call **out, struct err *err)
{
    struct backend_call *c = calloc(1, sizeof *c);

    assert_non_null(c);
    *c = (struct backend_call){.b = b, .handler = handler, .arg = arg};
    c->timer = (struct loop_timer){.due = step, .arg = c};
    c->embeds = r->wish == ENGINE_EMBED || r->wish == ENGINE_EMBED_CUT;
    c->choice = r->options.choice;
    c->best = r->options.top_logprobs;
    c->fails = r->options.seed == 1001;
    c->late = r->options.seed == 1002;
    c->waits = r->options.seed == 1003;
    c->parted = r->options.seed == 1005;
    c->truncated = r->options.seed == 1007 || bytes_equal(r->prompt, bytes_of_str("too long"));
    if (r->options.seed == 1004 || (r->options.seed == 1006 && c->choice == 2)) {
        free(c);
        return FAIL(err, REASON_QUEUE_FULL, ERR_NOWHERE, "512 wait");
    }
    b->generated++;
    assert_true(describe(&b->seen, r, err));
    if (c->choice == 0) {
        assert_true(loop_timer_set(b->loop, &c->timer, 1, err));
    } else {
        struct backend_call **at = &b->later;

        while (*at != NULL) {
            at = &(*at)->next;
        }
        *at = c;
    }
    *out = c;
    return true;
}

void backend_cancel(struct backend_call *c)
{
    struct backend_call **at = &c->b->later;

    while (*at != NULL && *at != c) {
        at = &(*at)->next;
    }
    if (*at != NULL) {
        *at = c->next;
    }
    c->b->cancelled++;
    loop_timer_stop(c->b->loop, &c->timer);
    free(c);
}

void backend_evidence(struct backend *b, const uint8_t nonce[NONCE_SIZE],
                      void (*done)(void *arg, struct bytes document, const struct err *err), void *arg)
{
    char text[100] = "nonce:";
    struct err err;

    (void)b;
    if (nonce[0] == 0xff) {
        err_set(&err, REASON_NO_QUOTE_DEVICE, ERR_NOWHERE, "tee = none");
        done(arg, bytes_of(NULL, 0), &err);
        return;
    }
    hex_encode(bytes_of(nonce, NONCE_SIZE), text + 6);
    done(arg, bytes_of_str(text), NULL);
}

bool backend_is_ready(const struct backend *b)
{
    (void)b;
    return true;
}

bool backend_ready_print(const struct backend *b, struct buf *out, struct err *err)
{
    (void)b;
    return buf_str(out, "{\"ready\":true,\"checks\":[]}", err);
}

void backend_counts(const struct backend *b, struct backend_counts *out)
{
    *out = (struct backend_counts){.answers = (uint64_t)b->generated};
}

/* --- the service --- */

struct service {
    struct backend backend;
    struct routes *routes;
    struct server *server;
    uint16_t port;
    int wake;
    struct loop_watch *watch;
    pthread_t thread;
};

static void on_wake(void *arg, unsigned events)
{
    struct service *s = arg;

    (void)events;
    loop_stop(s->backend.loop);
}

static void *run(void *arg)
{
    struct service *s = arg;
    struct err err;

    return loop_run(s->backend.loop, &err) ? s : NULL;
}

static int setup(void **state)
{
    static struct service s;
    static const struct backend_model models[2] = {
        {.name = "m:latest",
         .size = 7,
         .modified = 1000,
         .digest = "aa",
         .architecture = "llama",
         .parameter_size = "1M",
         .quantization = "Q8_0",
         .template_text = "T",
         .info = "{\"general.name\":\"x\",\"a\":1}"},
        {.name = "other:1b",
         .size = 8,
         .modified = 2000,
         .digest = "bb",
         .architecture = "llama",
         .parameter_size = "1B",
         .quantization = "Q4_1",
         .template_text = "",
         .info = "{}"},
    };
    struct server_setup server = {.handler = routes_handle, .body_limit = routes_body_limit, .refused = routes_refused};
    struct address a = {.host = "127.0.0.1"};
    struct err err = {0};
    int fd = -1;

    (void)signal(SIGPIPE, SIG_IGN);
    memcpy(s.backend.models, models, sizeof models);
    s.backend.loaded =
        (struct backend_loaded){.model = &s.backend.models[0], .context = 2048, .memory = 9, .chat = true, .since = 5};
    s.backend.seen = BUF(MIB(1));
    assert_ok(loop_new(&s.backend.loop, &err) && routes_new(&s.backend, &s.routes, &err), err);
    server.arg = s.routes;
    assert_ok(server_new(s.backend.loop, &server, &s.server, &err) && listen_open(&a, true, &fd, &err) &&
                  server_listen(s.server, fd, NULL, &err) && listen_address(fd, &a, &err),
              err);
    routes_set_server(s.routes, s.server);
    routes_set_heartbeat(s.routes, 50);
    s.port = a.port;
    s.wake = eventfd(0, EFD_CLOEXEC);
    assert_ok(loop_watch_add(s.backend.loop, s.wake, LOOP_READ, on_wake, &s, &s.watch, &err), err);
    assert_int_equal(pthread_create(&s.thread, NULL, run, &s), 0);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    struct service *s = *state;
    uint64_t one = 1;

    assert_int_equal(write(s->wake, &one, sizeof one), sizeof one);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    server_free(s->server);
    routes_free(s->routes);
    loop_free(s->backend.loop);
    buf_done(&s->backend.seen);
    (void)close(s->wake);
    return 0;
}

/* One request on a connection of its own. The answer's body as a string in out; its status. */
static int ask(const struct service *s, const char *method, const char *path, const char *body,
               const struct client_header *headers, size_t count, char *out, size_t size)
{
    struct client_url u = {.host = "127.0.0.1", .port = s->port};
    struct client_request r = {.method = method, .path = path, .headers = headers, .header_count = count};
    struct client_response answer = {.body = BUF(MIB(4))};
    struct client *c = NULL;
    struct err err = {0};

    if (body != NULL) {
        r.body = bytes_of_str(body);
    }
    assert_ok(client_open(&u, 3000, &c, &err), err);
    assert_ok(client_call(c, &r, &answer, &err), err);
    client_close(c);
    (void)snprintf(out, size, "%.*s", (int)answer.body.len, answer.body.p != NULL ? (const char *)answer.body.p : "");
    buf_done(&answer.body);
    return answer.status;
}

/* --- tables --- */

#define USER "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]"

static const struct route_case {
    const char *name, *method, *path, *body;
    int status;
    const char *want; /* in the answer */
    const char *seen; /* by the backend; NULL: it was not asked */
} cases[] = {
    {"root", "GET", "/", NULL, 200, "Ollama is running", NULL},
    {"root, HEAD", "HEAD", "/", NULL, 200, "", NULL},
    {"version", "GET", "/api/version", NULL, 200, "{\"version\":\"0.", NULL},
    {"version, HEAD", "HEAD", "/api/version", NULL, 200, "", NULL},
    {"version, POST", "POST", "/api/version", "{}", 405, "(ROUTE_METHOD)", NULL},
    {"tags: newest first", "GET", "/api/tags", NULL, 200, "{\"models\":[{\"name\":\"other:1b\",\"model\":\"other:1b\"",
     NULL},
    {"show", "POST", "/api/show", "{\"model\":\"m:latest\"}", 200, "\"model_info\":{\"a\":1}", NULL},
    {"show, the deprecated name", "POST", "/api/show", "{\"name\":\"m:latest\"}", 200,
     "\"capabilities\":[\"completion\"]", NULL},
    {"show nothing", "POST", "/api/show", "{}", 400, "{\"error\":\"model is required\"}", NULL},
    {"show what is absent", "POST", "/api/show", "{\"model\":\"x\"}", 404, "{\"error\":\"model 'x' not found\"}", NULL},
    {"ps", "GET", "/api/ps", NULL, 200, "\"expires_at\":\"2261-10-22T00:00:05+00:00\"", NULL},
    {"no body", "POST", "/api/generate", "", 400, "{\"error\":\"missing request body\"}", NULL},
    {"not JSON", "POST", "/api/chat", "{", 400, "(JSON_FORM)", NULL},
    {"an array", "POST", "/api/chat", "[]", 400, "(JSON_TYPE)", NULL},
    {"a wrong type", "POST", "/api/chat", "{\"model\":1}", 400, "model must be a string (JSON_TYPE)", NULL},
    {"generate, absent", "POST", "/api/generate", "{\"model\":\"x\"}", 404, "{\"error\":\"model 'x' not found\"}",
     NULL},
    {"chat, absent", "POST", "/api/chat", "{\"model\":\"x\"}", 404,
     "{\"error\":\"model \\\"x\\\" not found, try pulling it first\"}", NULL},
    {"chat, not loaded", "POST", "/api/chat", "{\"model\":\"other:1b\"}", 404, "(MODEL_ABSENT)", NULL},
    {"load", "POST", "/api/generate", "{\"model\":\"m:latest\"}", 200,
     "\"response\":\"\",\"done\":true,\"done_reason\":\"load\"}", NULL},
    {"unload", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"\",\"keep_alive\":0}", 200,
     "\"done_reason\":\"unload\"", NULL},
    {"load by chat", "POST", "/api/chat", "{\"model\":\"m:latest\",\"messages\":[]}", 200,
     "\"message\":{\"role\":\"assistant\",\"content\":\"\"},\"done\":true,\"done_reason\":\"load\"", NULL},
    {"a bad keep_alive", "POST", "/api/chat", "{\"model\":\"m:latest\",\"keep_alive\":\"5 minutes\"}", 400,
     "invalid duration", NULL},
    {"generate", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"p\",\"stream\":false}", 200,
     "\"response\":\"Hello \\\"you\\\"\\n\",\"done\":true,\"done_reason\":\"stop\",\"total_duration\":30,"
     "\"prompt_eval_count\":7,\"prompt_eval_duration\":11,\"eval_count\":3,\"eval_duration\":13}",
     "t=0.80 k=40 n=-1 stops=0:user=p;"},
    {"generate, system", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"system\":\"s\",\"stream\":false}", 200, "Hello", "system=s;user=p;"},
    {"generate, raw", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"raw\":true,\"stream\":false}", 200, "Hello", "raw:p"},
    {"raw and system", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"raw\":true,\"system\":\"s\"}", 400,
     "raw mode does not support template, system, or context", NULL},
    {"generate, streamed", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"p\"}", 200,
     "\"response\":\"Hel\",\"done\":false}\n", "user=p"},
    {"chat, merged", "POST", "/api/chat",
     "{\"model\":\"m:latest\",\"stream\":false,\"messages\":[{\"role\":\"User\",\"content\":\"a\"},{\"role\":\"user\","
     "\"content\":\"b\"}],\"options\":{\"temperature\":0,\"top_k\":3.0,\"num_predict\":9,\"stop\":[\"x\",\"y\"],"
     "\"use_mmap\":\"what\",\"tfs_z\":1}}",
     200, "\"message\":{\"role\":\"assistant\",\"content\":\"Hello \\\"you\\\"\\n\"}",
     "t=0.00 k=3 n=9 stops=2:user=a\n\nb;"},
    {"a role that is none", "POST", "/api/chat",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"God\",\"content\":\"a\"}]}", 400, "invalid role: God", NULL},
    {"tools", "POST", "/api/chat", USER ",\"tools\":[{}]}", 400,
     "{\"error\":\"registry.ollama.ai/library/m:latest does not support tools\"}", NULL},
    {"images", "POST", "/api/chat",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"images\":[\"aa\"]}]}", 400,
     "does not support vision", NULL},
    {"think", "POST", "/api/chat", USER ",\"think\":true}", 400, "does not support thinking", NULL},
    {"think of a number", "POST", "/api/chat", USER ",\"think\":5}", 400, "think must be a boolean or string", NULL},
    {"think as hard as nobody can", "POST", "/api/chat", USER ",\"think\":\"banana\"}", 400,
     "think must be a boolean or string", NULL},
    {"no thinking", "POST", "/api/chat", USER ",\"think\":false,\"stream\":false}", 200, "\"done\":true", "user=a;"},
    {"format json", "POST", "/api/chat",
     USER ",\"format\":\"json\",\"stream\":"
          "false}",
     200, "\"done\":true", "user=a; form=true"},
    {"format of a schema", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"a\",\"format\":{\"type\":\"object\"},\"stream\":false}", 200,
     "\"done\":true", "user=a; form={\"type\":\"object\"}"},
    {"format xml", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"a\",\"format\":\"xml\"}", 400,
     "invalid format", NULL},
    {"tool calls in a chat", "POST", "/api/chat",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{\"index\":0,"
     "\"name\":\"f\"}}]}]"
     "}",
     400, "does not support tools", NULL},
    {"top_k of text", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"top_k\":\"3\"}}", 400,
     "{\"error\":\"option \\\"top_k\\\" must be of type integer\"}", NULL},
    {"stop of text", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"stop\":\"x\"}}", 400,
     "option \\\"stop\\\" must be of type array", NULL},
    {"a negative temperature", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"temperature\":-1}}", 400,
     "(OPTION_RANGE)", NULL},
    {"num_ctx beyond the context", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"num_ctx\":131072}}",
     200, "\"load\"", NULL},
    {"num_ctx beyond all", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"num_ctx\":1048577}}", 400,
     "num_ctx (OPTION_RANGE)", NULL},
    {"num_ctx 0", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"num_ctx\":0}}", 400,
     "num_ctx (OPTION_RANGE)", NULL},
    {"num_ctx of text", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"num_ctx\":\"1\"}}", 400,
     "option \\\"num_ctx\\\" must be of type integer", NULL},
    {"mirostat", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"mirostat\":2}}", 200, "\"load\"", NULL},
    {"a mirostat that is none", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"mirostat\":3}}", 400,
     "mirostat is 3, not 0 to 2 (OPTION_RANGE)", NULL},
    {"typical_p", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"typical_p\":1.5}}", 400,
     "typical_p is 1.5, not 0 to 1 (OPTION_RANGE)", NULL},
    {"a bias", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"logit_bias\":{\"7\":-101}}}", 400,
     "logit_bias of token 7 is -101, not -100 to 100 (OPTION_RANGE)", NULL},
    {"a bias of a word", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"logit_bias\":{\"x\":1}}}", 400,
     "logit_bias must be an object of token ids and numbers", NULL},
    {"a bias twice", "POST", "/api/chat", "{\"model\":\"m:latest\",\"options\":{\"logit_bias\":{\"7\":1,\"07\":1}}}",
     400, "logit_bias (OPTION_RANGE)", NULL},
    {"log probabilities", "POST", "/api/chat", USER ",\"stream\":false,\"logprobs\":true}", 200,
     "\"done\":true,\"logprobs\":[{\"token\":\"Hel\",\"logprob\":-0.5,\"bytes\":[72,101,108]},{\"token\":\"lo "
     "\\\"you\\\"\",",
     "user=a"},
    {"alternatives, streamed", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"logprobs\":true,\"top_logprobs\":2}", 200,
     "\"response\":\"\\n\",\"done\":false,\"logprobs\":[{\"token\":\"\\n\",\"logprob\":-0.5,\"bytes\":[10],\"top_"
     "logprobs\":[{"
     "\"token\":\"\\n\",\"logprob\":-0.5,\"bytes\":[10]},{\"token\":\"\xef\xbf\xbd\\\"\",\"logprob\":-1.5,\"bytes\":["
     "255,"
     "34]}]}]}\n",
     "user=p"},
    {"too many alternatives", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"logprobs\":true,\"top_logprobs\":21}", 400,
     "{\"error\":\"top_logprobs must be between 0 and 20\"}", NULL},
    {"chat with nobody", "POST", "/api/chat", "{\"messages\":[]}", 400, "{\"error\":\"model is required\"}", NULL},
    {"generate with nobody", "POST", "/api/generate", "{}", 404, "{\"error\":\"model '' not found\"}", NULL},
    {"too long a prompt", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"options\":{\"seed\":1001}}", 400, "(CONTEXT_FULL)", "user=p"},
    {"the engine dies in the middle", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"options\":{\"seed\":1002}}", 200, "(ENGINE_GONE)\"}\n", "user=p"},
    {"a full queue", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"p\",\"options\":{\"seed\":1004}}",
     503, "{\"error\":\"server busy, please try again.  maximum pending requests exceeded\"}", NULL},
    {"OpenAI's models", "GET", "/v1/models", NULL, 200,
     "{\"object\":\"list\",\"data\":[{\"id\":\"m:latest\",\"object\":\"model\",\"created\":1000,\"owned_by\":"
     "\"library\"}",
     NULL},
    {"one of them", "GET", "/v1/models/m%3Alatest", NULL, 200, "\"id\":\"m:latest\"", NULL},
    {"one that is absent", "GET", "/v1/models/x", NULL, 404,
     "{\"error\":{\"message\":\"model 'x' not found\",\"type\":\"not_found_error\",\"param\":null,\"code\":null}}",
     NULL},
    {"OpenAI's chat", "POST", "/v1/chat/completions",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"user\",\"content\":["
     "{"
     "\"type\":\"text\",\"text\":\"a\"}]}],\"max_tokens\":5,\"stop\":\"x\"}",
     200,
     "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello "
     "\\\"you\\\"\\n\"},\"finish_reason\":"
     "\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}",
     "t=1.00 k=40 n=5 stops=1:system=d;user=a;"},
    {"OpenAI's stream", "POST", "/v1/chat/completions",
     USER ",\"stream\":true,\"stream_options\":{"
          "\"include_usage\":true}}",
     200,
     "\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3,\"total_tokens\":10}}\n\ndata: [DONE]\n\n",
     "user=a"},
    {"OpenAI, log probabilities", "POST", "/v1/chat/completions", USER ",\"logprobs\":true,\"stream\":true}", 200,
     "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"logprobs\":{\"content\":[{\"token\":"
     "\"Hel\","
     "\"logprob\":-0.5,\"bytes\":[72,101,108],\"top_logprobs\":[]}],\"refusal\":null},\"finish_reason\":null}]}",
     "user=a"},
    {"OpenAI, alternatives without", "POST", "/v1/chat/completions", USER ",\"top_logprobs\":1}", 400,
     "top_logprobs needs", NULL},
    {"OpenAI's completion", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"max_tokens\":5,\"logprobs\":2,\"presence_penalty\":1}", 200,
     "\"object\":\"text_completion\",", "t=1.00 k=40 n=5 stops=0:user=p;"},
    {"OpenAI's completion, its log probabilities", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"logprobs\":2}", 200,
     "{\"index\":0,\"text\":\"Hello \\\"you\\\"\\n\",\"logprobs\":{\"tokens\":[\"Hel\",\"lo \\\"you\\\"\",\"\\n\"],"
     "\"token_logprobs\":[-0.5,-0.5,-0.5],\"top_logprobs\":[{\"Hel\":-0.5,\"bytes:\\\\xff\\\\x22\":-1.5},",
     "user=p"},
    {"OpenAI's completion, where its tokens begin", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"logprobs\":0}", 200,
     "\"top_logprobs\":[{},{},{}],\"text_offset\":[0,3,11]},\"finish_reason\":\"stop\"}],\"usage\":", "user=p"},
    {"OpenAI's completion, streamed", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"stream\":true}", 200,
     "{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", "user=p"},
    {"OpenAI's completion of nothing", "POST", "/v1/completions", "{\"model\":\"m:latest\"}", 400, "prompt is required",
     NULL},
    {"OpenAI's completion with its prompt", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"echo\":true}", 400, "\"code\":\"NOT_SUPPORTED\"", NULL},
    {"embed", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":[\"a\",\"b\"]}", 200,
     "{\"embeddings\":[[0.600000024,0,-0.800000012],[0.600000024,0,-0.800000012]],\"model\":\"m:latest\",\"total_"
     "duration\":",
     "raw:b"},
    {"embed, counted", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":\"a\"}", 200,
     "\"prompt_eval_count\":7}", "raw:a"},
    {"embed, cut", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":[\"too long\",\"a\"]}", 200,
     "\"prompt_eval_count\":14,\"truncated\":true}", "raw:a"},
    {"embed one, cut", "POST", "/api/embeddings", "{\"model\":\"m:latest\",\"prompt\":\"too long\"}", 200,
     "],\"truncated\":true}", "raw:too long"},
    {"embed, cut, OpenAI's", "POST", "/v1/embeddings", "{\"model\":\"m:latest\",\"input\":\"too long\"}", 200,
     "\"total_tokens\":7},\"truncated\":true}", "raw:too long"},
    {"embed, two dimensions", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":\"a\",\"dimensions\":2}", 200,
     "{\"embeddings\":[[1,0]],", "raw:a"},
    {"embed nothing", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":[]}", 200, "{\"embeddings\":[],", NULL},
    {"embed a number", "POST", "/api/embed", "{\"model\":\"m:latest\",\"input\":[7]}", 400, "invalid input type", NULL},
    {"embeddings", "POST", "/api/embeddings", "{\"model\":\"m:latest\",\"prompt\":\"a\"}", 200,
     "{\"embedding\":[3,0,-4]}", "raw:a"},
    {"embeddings of nothing", "POST", "/api/embeddings", "{\"model\":\"m:latest\"}", 200, "{\"embedding\":[]}", NULL},
    {"OpenAI's embeddings", "POST", "/v1/embeddings", "{\"model\":\"m:latest\",\"input\":[\"a\",\"b\"]}", 200,
     ",{\"object\":\"embedding\",\"embedding\":[0.600000024,0,-0.800000012],\"index\":1}],\"model\":\"m:latest\","
     "\"usage\":{"
     "\"prompt_tokens\":14,\"total_tokens\":14}}",
     "raw:b"},
    {"OpenAI's embeddings in base64", "POST", "/v1/embeddings",
     "{\"model\":\"m:latest\",\"input\":\"a\",\"encoding_format\":\"base64\"}", 200,
     "\"embedding\":\"mpkZPwAAAADNzEy/\"", "raw:a"},
    {"OpenAI's embeddings in base32", "POST", "/v1/embeddings",
     "{\"model\":\"m:latest\",\"input\":\"a\",\"encoding_format\":\"base32\"}", 400, "encoding_format must be", NULL},
    {"OpenAI's embeddings of an empty list", "POST", "/v1/embeddings", "{\"model\":\"m:latest\",\"input\":[]}", 400,
     "\"invalid input\"", NULL},
    {"OpenAI's embeddings of an empty text", "POST", "/v1/embeddings", "{\"model\":\"m:latest\",\"input\":\"\"}", 200,
     "\"index\":0}]", "raw:"},
    {"OpenAI's embeddings of ids", "POST", "/v1/embeddings", "{\"model\":\"m:latest\",\"input\":[1,2]}", 400,
     "invalid input type: a text or texts, no token ids", NULL},
    {"OpenAI's embeddings of nothing", "POST", "/v1/embeddings", "{\"model\":\"m:latest\"}", 400,
     "{\"error\":{\"message\":\"invalid input\"", NULL},
    {"embed without a model", "POST", "/api/embed", "{\"model\":\"x\",\"input\":\"a\"}", 404, "not found", NULL},
    {"OpenAI, no messages", "POST", "/v1/chat/completions", "{\"model\":\"m:latest\"}", 400,
     "{\"error\":{\"message\":\"[] is too short - "
     "'messages'\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
     "null}}",
     NULL},
    {"OpenAI, no model", "POST", "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", 400,
     "{\"error\":{\"message\":\"model is required\"", NULL},
    {"OpenAI, reasoning", "POST", "/v1/chat/completions", USER ",\"reasoning\":{\"effort\":\"low\"}}", 400,
     "does not support thinking", NULL},
    {"OpenAI, reasoning_effort of a number", "POST", "/v1/chat/completions", USER ",\"reasoning_effort\":5}", 400,
     "reasoning_effort must be a string", NULL},
    {"OpenAI, no reasoning", "POST", "/v1/chat/completions", USER ",\"reasoning_effort\":\"none\"}", 200, "Hello",
     "user=a"},
    {"OpenAI, two answers", "POST", "/v1/chat/completions", USER ",\"n\":2}", 200,
     "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello \\\"you\\\"\\n\"},"
     "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"role\":\"assistant\",\"content\":\"Blo \\\"you\\\"\\n\"},"
     "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":6,\"total_tokens\":13}}",
     "user=a"},
    {"streamed: the end of the first", "POST", "/v1/chat/completions", USER ",\"n\":2,\"stream\":true}", 200,
     "\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"id\"", "user=a"},
    {"streamed: the beginning of the second", "POST", "/v1/chat/completions", USER ",\"n\":2,\"stream\":true}", 200,
     "\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\",\"content\":\"B\"}", "user=a"},
    {"streamed: one end, and one usage", "POST", "/v1/chat/completions",
     USER ",\"n\":2,\"stream\":true,"
          "\"stream_options\":{\"include_usage\":true}}",
     200, "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":6,\"total_tokens\":13}}\n\ndata: [DONE]\n\n", "user=a"},
    {"the first of several fails", "POST", "/v1/chat/completions", USER ",\"n\":3,\"seed\":1001}", 400, "CONTEXT_FULL",
     "user=a"},
    {"the queue holds two of three", "POST", "/v1/chat/completions", USER ",\"n\":3,\"seed\":1006}", 503, "server busy",
     "user=a"},
    {"each with its log probabilities", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"n\":2,\"logprobs\":0}", 200,
     "{\"index\":1,\"text\":\"Blo \\\"you\\\"\\n\",\"logprobs\":{\"tokens\":[\"B\",\"lo \\\"you\\\"\",\"\\n\"],"
     "\"token_logprobs\":[-0.5,-0.5,-0.5],\"top_logprobs\":[{},{},{}],\"text_offset\":[0,1,9]}",
     "user=p"},
    {"no answer", "POST", "/v1/chat/completions", USER ",\"n\":0}", 400, "n must be between 1 and 16", NULL},
    {"too many answers", "POST", "/v1/chat/completions", USER ",\"n\":17}", 400, "n must be between 1 and 16", NULL},
    {"the best of several", "POST", "/v1/completions", "{\"model\":\"m:latest\",\"prompt\":\"p\",\"best_of\":2}", 400,
     "\"code\":\"NOT_SUPPORTED\"", NULL},
    {"the whole chat or none", "POST", "/api/chat", USER ",\"truncate\":false}", 200, "Hel", "whole:user=a"},
    {"nothing goes while it is answered", "POST", "/api/chat", USER ",\"shift\":false}", 200, "Hel", "keep=4:user=a"},
    {"and how much is kept", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"shift\":false,\"options\":{\"num_keep\":-1}}", 200, "Hel",
     "keep=-1:user=p"},
    {"OpenAI, the whole chat or none", "POST", "/v1/chat/completions", USER ",\"truncate\":false,\"shift\":false}", 200,
     "Hel", "whole:keep=4:user=a"},
    {"OpenAI, the older form", "POST", "/v1/completions",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"truncate\":false}", 200, "Hel", "whole:user=p"},
    {"shift is a boolean", "POST", "/api/generate", "{\"model\":\"m:latest\",\"prompt\":\"p\",\"shift\":0}", 400,
     "shift", NULL},
    {"something was left out", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"options\":{\"seed\":1007}}", 200, "\"truncated\":true}\n", "user=p"},
    {"the same, in OpenAI's form", "POST", "/v1/chat/completions", USER ",\"seed\":1007}", 200,
     ",\"finish_reason\":\"stop\",\"truncated\":true}],", "user=a"},
    {"the same, streamed", "POST", "/v1/chat/completions", USER ",\"seed\":1007,\"stream\":true}", 200,
     "\"delta\":{},\"finish_reason\":\"stop\",\"truncated\":true}]}\n\n", "user=a"},
    {"OpenAI, a fraction of a token", "POST", "/v1/chat/completions", USER ",\"max_tokens\":0.5}", 400,
     "option \\\"max_tokens\\\" must be of type integer", NULL},
    {"the whole prompt or none", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"p\",\"truncate\":false}", 200, "Hel", "whole:user=p"},
    {"OpenAI, a JSON object", "POST", "/v1/chat/completions",
     USER ",\"response_format\":{\"type\":"
          "\"json_object\"}}",
     200, "\"finish_reason\":\"stop\"", "user=a; form=true"},
    {"OpenAI, a JSON Schema", "POST", "/v1/chat/completions",
     USER ",\"response_format\":{\"type\":"
          "\"json_schema\",\"json_schema\":{\"name\":\"x\",\"schema\":{\"type\":\"null\"}}}}",
     200, "\"finish_reason\":\"stop\"", "user=a; form={\"type\":\"null\"}"},
    {"OpenAI, another format", "POST", "/v1/chat/completions",
     USER ",\"response_format\":{\"type\":"
          "\"grammar\"}}",
     400, "response_format:", NULL},
    {"evidence without a nonce", "GET", "/.well-known/sotto/evidence", NULL, 400, "(NONCE_FORM)", NULL},
    {"evidence with half a nonce", "GET", "/.well-known/sotto/evidence?nonce=00", NULL, 400, "(NONCE_FORM)", NULL},
    {"evidence with two nonces", "GET",
     "/.well-known/sotto/evidence?nonce=0102030405060708091011121314151617181920212223242526272829303132&nonce=01",
     NULL, 400, "(NONCE_FORM)", NULL},
    {"evidence", "GET",
     "/.well-known/sotto/evidence?nonce=0102030405060708091011121314151617181920212223242526272829303132", NULL, 200,
     "nonce:0102030405060708091011121314151617181920212223242526272829303132", NULL},
    {"no device", "GET",
     "/.well-known/sotto/evidence?nonce=ff02030405060708091011121314151617181920212223242526272829303132", NULL, 503,
     "(NO_QUOTE_DEVICE)", NULL},
    {"a quote with half a nonce", "GET", "/api/v1/tee/quote?t=1&nonce=00", NULL, 400, "(NONCE_FORM)", NULL},
    {"a quote with an empty nonce", "GET", "/api/v1/tee/quote?nonce=", NULL, 400, "(NONCE_FORM)", NULL},
    /* The nonce is drawn then; this backend's document is none. */
    {"a quote with report data", "GET", "/api/v1/tee/quote?report_data=00", NULL, 400, "(JSON_FORM)", NULL},
    {"health", "GET", "/healthz", NULL, 200, "{\"status\":\"ok\"}", NULL},
    {"ready", "GET", "/readyz", NULL, 200, "{\"ready\":true", NULL},
    {"metrics", "GET", "/metrics", NULL, 200, "\nsotto_answers_total ", NULL},
    {"nothing", "GET", "/api/nothing", NULL, 404, "(ROUTE_ABSENT)", NULL},
    {"nothing under /v1", "GET", "/v1/nothing", NULL, 404, "\"type\":\"not_found_error\"", NULL},
};

static void case_run(struct service *s, const struct route_case *t)
{
    static char out[MIB(1)];
    int before = s->backend.generated;
    int status = ask(s, t->method, t->path, t->body, NULL, 0, out, sizeof out);

    if (status != t->status || strstr(out, t->want) == NULL) {
        fail_msg("%s: %d %s", t->name, status, out);
    }
    if ((t->seen != NULL) != (s->backend.generated > before) ||
        (t->seen != NULL && memmem(s->backend.seen.p, s->backend.seen.len, t->seen, strlen(t->seen)) == NULL)) {
        fail_msg("%s: the backend saw %.*s", t->name, (int)s->backend.seen.len, (const char *)s->backend.seen.p);
    }
}

static void test_cases(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        case_run(*state, &cases[i]);
    }
}

#define TOOLS "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"

/* A model whose template provides for tools and thinking. */
static const struct route_case parts[] = {
    {"it thinks unless it is told not to", "POST", "/api/chat", USER ",\"stream\":false}", 200, "\"done\":true",
     "\"enable_thinking\":true"},
    {"think: false", "POST", "/api/chat", USER ",\"stream\":false,\"think\":false}", 200, "\"done\":true",
     "\"enable_thinking\":false"},
    {"think: high", "POST", "/api/generate",
     "{\"model\":\"m:latest\",\"prompt\":\"a\",\"stream\":false,\"think\":\"high\"}", 200, "\"done\":true",
     "\"reasoning_effort\":\"high\",\"enable_thinking\":true"},
    {"reasoning_effort: none", "POST", "/v1/chat/completions", USER ",\"reasoning_effort\":\"none\"}", 200,
     "\"finish_reason\":\"stop\"", "\"enable_thinking\":false"},
    {"tools go to the template", "POST", "/api/chat", USER ",\"stream\":false," TOOLS "}", 200, "\"done\":true",
     "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]"},
    {"unless none is to be called", "POST", "/v1/chat/completions", USER ",\"tool_choice\":\"none\"," TOOLS "}", 200,
     "\"finish_reason\":\"stop\"", "\"thinking\":true}"},
    {"one has to be called", "POST", "/v1/chat/completions", USER ",\"tool_choice\":\"required\"," TOOLS "}", 200,
     "\"finish_reason\":\"stop\"", "\"tools\":[{"},
    {"a tool_choice that nobody knows", "POST", "/v1/chat/completions", USER ",\"tool_choice\":\"f\"," TOOLS "}", 400,
     "tool_choice", NULL},
    {"a tool_choice without a name", "POST", "/v1/chat/completions",
     USER ",\"tool_choice\":{\"type\":\"function\"}," TOOLS "}", 400, "tool_choice", NULL},
    {"a tool_choice without tools", "POST", "/v1/chat/completions", USER ",\"tool_choice\":\"required\"}", 400,
     "tool_choice", NULL},
    {"a tool without a name", "POST", "/api/chat", USER ",\"tools\":[{}]}", 400, "a tool is a function with a name",
     NULL},
    {"calls and their results, Ollama's", "POST", "/api/chat",
     "{\"model\":\"m:latest\",\"stream\":false,\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":"
     "\"assistant\","
     "\"content\":\"\",\"thinking\":\"t\",\"tool_calls\":[{\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{"
     "\"x\":1}}}]},"
     "{\"role\":\"tool\",\"content\":\"r\",\"tool_name\":\"f\"},{\"role\":\"tool\",\"content\":\"s\"}]}",
     200, "\"done\":true",
     "\"tool_calls\":[{\"id\":\"\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}}],"
     "\"role\":\"assistant\",\"content\":\"\"},{\"name\":\"f\",\"role\":\"tool\",\"content\":\"r\"},"
     "{\"role\":\"tool\",\"content\":\"s\"}]"},
    {"and OpenAI's, whose arguments are a text", "POST", "/v1/chat/completions",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"i\","
     "\"type\":"
     "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":1}\"}}]},{\"role\":\"tool\",\"tool_call_"
     "id\":\"i\","
     "\"content\":\"r\"}]}",
     200, "\"finish_reason\":\"stop\"",
     "\"id\":\"i\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}"},
    {"arguments that are none", "POST", "/v1/chat/completions",
     "{\"model\":\"m:latest\",\"messages\":[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"function\":{"
     "\"name\":\"f\","
     "\"arguments\":\"x\"}}]}]}",
     400, "a tool call is", NULL},
    {"the parts of an answer, Ollama's", "POST", "/api/chat", USER ",\"stream\":false,\"options\":{\"seed\":1005}}",
     200,
     "\"content\":\"ok\",\"thinking\":\"hm\",\"tool_calls\":[{\"function\":{\"index\":0,\"name\":\"f\",\"arguments\":{"
     "\"a\":\"b\"}}"
     "},"
     "{\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{}}}]}",
     "user=a"},
    {"streamed", "POST", "/api/chat", USER ",\"options\":{\"seed\":1005}}", 200,
     "\"content\":\"\",\"thinking\":\"hm\"},\"done\":false}\n", "user=a"},
    {"and OpenAI's", "POST", "/v1/chat/completions", USER ",\"seed\":1005}", 200,
     "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":\\\"b\\\"}\"}}", "user=a"},
    {"with their reason", "POST", "/v1/chat/completions", USER ",\"seed\":1005}", 200,
     "\"finish_reason\":\"tool_calls\"", "user=a"},
    {"streamed", "POST", "/v1/chat/completions", USER ",\"seed\":1005,\"stream\":true}", 200,
     "\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"reasoning\":\"hm\",\"reasoning_content\":\"hm\"}", "user=a"},
    {"the end of a stream", "POST", "/v1/chat/completions", USER ",\"seed\":1005,\"stream\":true}", 200,
     "\"delta\":{},\"finish_reason\":\"tool_calls\"}]}", "user=a"},
};

static void test_parts(void **state)
{
    struct service *s = *state;

    s->backend.loaded.tools = s->backend.loaded.thinks = true;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        case_run(s, &parts[i]);
    }
    s->backend.loaded.tools = s->backend.loaded.thinks = false;
}

static const struct header_case {
    const char *name, *method, *path;
    struct client_header header;
    int status;
    const char *want;
} header_cases[] = {
    {"a page of ours elsewhere", "GET", "/api/version", {"Origin", "http://localhost:3000"}, 200, "version"},
    {"a page of this machine", "GET", "/api/version", {"Origin", "https://[::1]"}, 200, "version"},
    {"a host that begins like it",
     "GET",
     "/api/version",
     {"Origin", "http://localhost.evil"},
     403,
     "(ORIGIN_FORBIDDEN)"},
    {"a port that is none", "GET", "/api/version", {"Origin", "http://localhost:80@evil"}, 403, "(ORIGIN_FORBIDDEN)"},
    {"a program that is a page", "GET", "/api/version", {"Origin", "app://obsidian.md"}, 200, "version"},
    {"another", "GET", "/api/version", {"Origin", "vscode-webview://0a1b"}, 200, "version"},
    {"one of the list", "GET", "/api/version", {"Origin", "https://ours.example"}, 200, "version"},
    {"one of the list, elsewhere", "GET", "/api/version", {"Origin", "https://ours.example:9"}, 403, ""},
    {"one of the list, with a star", "GET", "/api/version", {"Origin", "https://a.b.ours.example:8"}, 200, "version"},
    {"the star alone is not enough", "GET", "/api/version", {"Origin", "https://ours.example:8"}, 403, ""},
    {"nobody's page", "GET", "/api/version", {"Origin", "null"}, 403, "(ORIGIN_FORBIDDEN)"},
    {"a stranger's page", "GET", "/api/version", {"Origin", "https://evil.example"}, 403, "(ORIGIN_FORBIDDEN)"},
    {"preflight", "OPTIONS", "/api/chat", {"Origin", "http://localhost:3000"}, 204, ""},
    {"a stranger's preflight", "OPTIONS", "/api/chat", {"Origin", "https://evil.example"}, 403, "(ORIGIN_FORBIDDEN)"},
    {"a browser", "GET", "/", {"Accept", "text/html,*/*"}, 200, "<"},
};

static void test_headers(void **state)
{
    struct service *s = *state;
    struct client_header right = {"Sotto-Model-Id", "right"}, wrong = {"Sotto-Model-Id", "wrong"};
    const char *body = "{\"model\":\"m:latest\",\"prompt\":\"p\",\"stream\":false}";
    int before = s->backend.generated;
    static char out[MIB(1)];

    for (size_t i = 0; i < sizeof header_cases / sizeof *header_cases; i++) {
        const struct header_case *t = &header_cases[i];
        int status = ask(s, t->method, t->path, NULL, &t->header, 1, out, sizeof out);

        if (status != t->status || strstr(out, t->want) == NULL) {
            fail_msg("%s: %d %s", t->name, status, out);
        }
    }
    assert_int_equal(ask(s, "POST", "/api/generate", body, &wrong, 1, out, sizeof out), 409);
    assert_non_null(strstr(out, "(MODEL_CHANGED)"));
    assert_int_equal(s->backend.generated, before);
    assert_int_equal(ask(s, "POST", "/api/generate", body, &right, 1, out, sizeof out), 200);
}

static const struct host_case {
    const char *host;
    const char *want;
} host_cases[] = {
    {"localhost:1", "HTTP/1.1 200"},   {"127.0.0.1", "HTTP/1.1 200"},   {"[::1]:5", "HTTP/1.1 200"},
    {"a.local", "HTTP/1.1 200"},       {"192.168.1.9", "HTTP/1.1 200"}, {"LOCALHOST", "HTTP/1.1 200"},
    {"evil.example", "HTTP/1.1 403"},  {"8.8.8.8", "HTTP/1.1 403"},     {"localhost.evil.example", "HTTP/1.1 403"},
    {"[2001:db8::1]", "HTTP/1.1 403"},
};

/* Bytes as they are; the answer's beginning. */
static void ask_raw(const struct service *s, const char *text, char *out, size_t size)
{
    struct sockaddr_in n = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memset(out, 0, size);
    n.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&n, sizeof n), 0);
    assert_true(send(fd, text, strlen(text), 0) > 0);
    assert_true(recv(fd, out, size - 1, 0) > 0);
    (void)close(fd);
}

/* Each API's own form, also of what no handler sees. */
static void test_refused(void **state)
{
    static const struct {
        const char *request, *want, *body;
    } rows[] = {
        {"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554433\r\n\r\n", "HTTP/1.1 413 ",
         "\r\n\r\n{\"error\":\"the body of the message is too large"},
        {"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 33554433\r\n\r\n", "HTTP/1.1 413 ",
         "\r\n\r\n{\"error\":{\"message\":\"the body of the message is too large"},
        {"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nx",
         "HTTP/1.1 400 ", "\"code\":\"HTTP_CHUNK\""},
        {"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil\r\n\r\n", "HTTP/1.1 403 ",
         "\"code\":\"ORIGIN_FORBIDDEN\""},
        {"DELETE /api/chat HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405 ", "\r\nAllow: POST\r\n"},
        {"POST /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 405 ", "\r\nAllow: GET, HEAD\r\n"},
    };
    struct service *s = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[1000];

        ask_raw(s, rows[i].request, out, sizeof out);
        if (strncmp(out, rows[i].want, strlen(rows[i].want)) != 0 || strstr(out, rows[i].body) == NULL) {
            fail_msg("%s: %s", rows[i].request, out);
        }
    }
}

static void test_hosts(void **state)
{
    struct service *s = *state;

    for (size_t i = 0; i < sizeof host_cases / sizeof *host_cases; i++) {
        char text[300], out[400];

        (void)snprintf(text, sizeof text, "GET /healthz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                       host_cases[i].host);
        ask_raw(s, text, out, sizeof out);
        if (strncmp(out, host_cases[i].want, strlen(host_cases[i].want)) != 0) {
            fail_msg("%s: %s", host_cases[i].host, out);
        }
    }
}

static void test_hang_up(void **state)
{
    struct service *s = *state;
    struct client_url u = {.host = "127.0.0.1", .port = s->port};
    struct client_request r = {.method = "POST", .path = "/api/generate"};
    struct client_response answer = {.body = BUF(100)};
    struct client *c;
    struct err err = {0};
    int before = s->backend.cancelled;

    r.body = bytes_of_str("{\"model\":\"m:latest\",\"prompt\":\"p\",\"options\":{\"seed\":1003}}");
    assert_ok(client_open(&u, 200, &c, &err), err);
    assert_fails(client_call(c, &r, &answer, &err), err, REASON_NET_TIMEOUT, ERR_NOWHERE);
    client_close(c);
    for (int i = 0; i < 100 && s->backend.cancelled == before; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(s->backend.cancelled, before + 1);
}

static bool on_piece(void *arg, struct bytes b, struct err *err)
{
    return buf_add(arg, b.p, b.len, err);
}

/* Before the first token, too. */
static void test_heartbeat(void **state)
{
    struct service *s = *state;
    struct client_url u = {.host = "127.0.0.1", .port = s->port};
    struct client_request r = {.method = "POST", .path = "/v1/chat/completions"};
    struct client_response answer = {.body = BUF(100)};
    struct buf text = BUF(12); /* four comments, then it is enough */
    struct client *c;
    struct err err = {0};

    r.body = bytes_of_str("{\"model\":\"m:latest\",\"stream\":true,\"seed\":1003,"
                          "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}");
    assert_ok(client_open(&u, 2000, &c, &err), err);
    assert_fails(client_stream(c, &r, on_piece, &text, &answer, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    client_close(c);
    assert_true(bytes_equal(buf_bytes(&text), bytes_of_str(":\n\n:\n\n:\n\n:\n\n")));
    buf_done(&text);
}

static void test_keep_alive(void **state)
{
    static const struct {
        const char *text;
        bool ok, zero;
    } durations[] = {
        {"0", true, true},    {"0s", true, true},     {"5m", true, false},      {"1h30m", true, false},
        {"-1", false, false}, {"-1s", true, false},   {"1.5h", true, false},    {"", false, false},
        {"5", false, false},  {"5 m", false, false},  {"1.2.3s", false, false}, {".s", false, false},
        {"1d", false, false}, {"100ms", true, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof durations / sizeof *durations; i++) {
        json_t *v = json_string(durations[i].text);
        struct refusal why;
        bool zero = false;

        if (options_keep_alive_parse(v, &zero, &why) != durations[i].ok || zero != durations[i].zero) {
            fail_msg("%s", durations[i].text);
        }
        json_decref(v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),     cmocka_unit_test(test_parts),      cmocka_unit_test(test_headers),
        cmocka_unit_test(test_hosts),     cmocka_unit_test(test_refused),    cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_heartbeat), cmocka_unit_test(test_keep_alive),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
