#include "serve/answer.h"

#include "base/civil.h"
#include "codec/json.h"
#include "codec/sse.h"
#include "codec/utf8.h"
#include "os/clock.h"
#include "os/random.h"

#include <stdio.h>
#include <stdlib.h>

#define MODEL_SIZE 256
#define TEXT_MAX MIB(16)  /* of one answer that is not streamed */
#define ODDS_MAX MIB(256) /* its log probabilities, as JSON */

/* Log probabilities as JSON, elements with commas between: tokens, and in OpenAI's older form, where each is a list of
 * its own, their values, their alternatives, and where they begin. */
enum { ODDS_TOKENS, ODDS_VALUES, ODDS_BEST, ODDS_OFFSETS, ODDS_LISTS };

struct answer;

struct choice {
    struct answer *answer;
    struct backend_call *call; /* NULL: not begun, or over */
};

struct answer {
    enum answer_form form;
    bool stream, usage;
    char model[MODEL_SIZE];
    int64_t created;
    unsigned id; /* OpenAI's: chatcmpl-0 to chatcmpl-998 */
    struct reply *reply;
    struct choice choices[OPTIONS_CHOICES_MAX];
    unsigned choice_count, choice; /* the one that is being computed; what follows is of it alone */
    struct buf text, thinking;     /* of one that is not streamed */
    struct buf calls;              /* of the object that comes next: the elements of tool_calls, in its API's form */
    unsigned call_count;           /* all of its calls */
    struct buf odds[ODDS_LISTS];   /* of the object that comes next */
    bool logprobs;
    size_t characters;      /* of the tokens so far */
    struct buf line;        /* one object, while it is printed */
    unsigned answer_tokens; /* of the choices that are over */
    bool failed;            /* nothing more can be written */
    struct loop *loop;
    struct loop_timer heartbeat;
    unsigned heartbeat_ms; /* 0: none */
};

static const char content_json[] = "application/json; charset=utf-8";

static void answer_free(struct answer *a)
{
    loop_timer_stop(a->loop, &a->heartbeat);
    for (unsigned i = 0; i < a->choice_count; i++) {
        if (a->choices[i].call != NULL) {
            backend_cancel(a->choices[i].call);
        }
    }
    buf_done(&a->text);
    buf_done(&a->thinking);
    buf_done(&a->calls);
    buf_done(&a->line);
    for (size_t i = 0; i < ODDS_LISTS; i++) {
        buf_done(&a->odds[i]);
    }
    free(a);
}

void answer_time_print(char out[ANSWER_TIME_SIZE])
{
    int64_t now = clock_unix_ns();
    char seconds[CIVIL_ISO8601_SIZE];

    civil_print_iso8601(now / 1000000000, seconds);
    (void)snprintf(out, ANSWER_TIME_SIZE, "%.19s.%09uZ", seconds, (unsigned)(now % 1000000000));
}

static bool is_openai(const struct answer *a)
{
    return a->form == ANSWER_OPENAI || a->form == ANSWER_COMPLETION;
}

/* --- log probabilities --- */

static bool comma(struct buf *out, bool wanted, struct err *err)
{
    return !wanted || buf_str(out, ",", err);
}

/* "token":text,"logprob":x,"bytes":[...] */
static bool odds_print(const struct engine_logprob *l, struct buf *out, struct err *err)
{
    bool ok = buf_str(out, "{\"token\":", err) && json_print_str(l->token, out, err) &&
              buf_printf(out, err, ",\"logprob\":%.9g,\"bytes\":[", l->value);

    for (size_t i = 0; ok && i < l->token.len; i++) {
        ok = buf_printf(out, err, "%s%u", i != 0 ? "," : "", l->token.p[i]);
    }
    return ok && buf_str(out, "]", err);
}

static bool odds_add(struct answer *a, const struct engine_token *t, struct err *err)
{
    struct buf *out = &a->odds[ODDS_TOKENS];
    bool list = t->best_count != 0 || a->form == ANSWER_OPENAI; /* Ollama leaves an empty one out */
    bool ok = comma(out, out->len != 0, err) && odds_print(&t->self, out, err) &&
              (!list || buf_str(out, ",\"top_logprobs\":[", err));

    for (size_t i = 0; ok && i < t->best_count; i++) {
        ok = comma(out, i != 0, err) && odds_print(&t->best[i], out, err) && buf_str(out, "}", err);
    }
    return ok && buf_str(out, list ? "]}" : "}", err);
}

/* A token as a name: its text, or, where that is no UTF-8, its bytes as OpenAI spells them. */
static bool name_print(struct bytes token, struct buf *out, struct err *err)
{
    size_t at = 0;
    bool ok;

    for (size_t n = 1; at < token.len && n != 0; at += n) {
        n = utf8_length(token, at);
        if (n == 0) {
            break;
        }
    }
    if (at == token.len) {
        return json_print_str(token, out, err);
    }
    ok = buf_str(out, "\"bytes:", err);
    for (size_t i = 0; ok && i < token.len; i++) {
        ok = buf_printf(out, err, "\\\\x%02x", token.p[i]);
    }
    return ok && buf_str(out, "\"", err);
}

static bool lists_add(struct answer *a, const struct engine_token *t, struct err *err)
{
    struct buf *best = &a->odds[ODDS_BEST];
    bool next = a->odds[ODDS_TOKENS].len != 0;
    bool ok = comma(&a->odds[ODDS_TOKENS], next, err) && name_print(t->self.token, &a->odds[ODDS_TOKENS], err) &&
              buf_printf(&a->odds[ODDS_VALUES], err, "%s%.9g", next ? "," : "", t->self.value) &&
              buf_printf(&a->odds[ODDS_OFFSETS], err, "%s%zu", next ? "," : "", a->characters) &&
              buf_str(best, next ? ",{" : "{", err);

    for (size_t i = 0; ok && i < t->best_count; i++) {
        bool again = false;

        for (size_t k = 0; k < i; k++) {
            again = again || bytes_equal(t->best[k].token, t->best[i].token);
        }
        ok = again || (comma(best, i != 0, err) && name_print(t->best[i].token, best, err) &&
                       buf_printf(best, err, ":%.9g", t->best[i].value));
    }
    for (size_t i = 0; i < t->self.token.len; i++) {
        a->characters += (t->self.token.p[i] & 0xc0) != 0x80;
    }
    return ok && buf_str(best, "}", err);
}

static bool tokens_add(struct answer *a, const struct engine_event *event, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < event->token_count; i++) {
        ok = a->form == ANSWER_COMPLETION ? lists_add(a, &event->tokens[i], err) : odds_add(a, &event->tokens[i], err);
    }
    return ok;
}

static bool list_print(struct answer *a, const char *before, int list, struct buf *out, struct err *err)
{
    struct buf *b = &a->odds[list];
    bool ok = buf_str(out, before, err) && buf_add(out, b->p, b->len, err) && buf_str(out, "]", err);

    b->len = 0;
    return ok;
}

/* ,"logprobs":... of the object at hand, in its API's form; nothing where they were not asked for, or Ollama's is
 * empty. */
static bool logprobs_print(struct answer *a, struct buf *out, struct err *err)
{
    if (!a->logprobs || (!is_openai(a) && a->odds[ODDS_TOKENS].len == 0)) {
        return true;
    }
    if (a->form == ANSWER_OPENAI) {
        return list_print(a, ",\"logprobs\":{\"content\":[", ODDS_TOKENS, out, err) &&
               buf_str(out, ",\"refusal\":null}", err);
    }
    if (a->form != ANSWER_COMPLETION) {
        return list_print(a, ",\"logprobs\":[", ODDS_TOKENS, out, err);
    }
    return list_print(a, ",\"logprobs\":{\"tokens\":[", ODDS_TOKENS, out, err) &&
           list_print(a, ",\"token_logprobs\":[", ODDS_VALUES, out, err) &&
           list_print(a, ",\"top_logprobs\":[", ODDS_BEST, out, err) &&
           list_print(a, ",\"text_offset\":[", ODDS_OFFSETS, out, err) && buf_str(out, "}", err);
}

/* --- objects --- */

/* What stands in one object. */
struct said {
    struct bytes text, thinking, calls;
};

/* Members that are left out where they are empty. */
static bool text_print(const char *before, struct bytes text, struct buf *out, struct err *err)
{
    return text.len == 0 || (buf_str(out, before, err) && json_print_str(text, out, err));
}

static bool calls_print(struct bytes calls, struct buf *out, struct err *err)
{
    return calls.len == 0 ||
           (buf_str(out, ",\"tool_calls\":[", err) && buf_add(out, calls.p, calls.len, err) && buf_str(out, "]", err));
}

/* A line of the engine's into one element of tool_calls. OpenAI's clients want the arguments as a text. */
static bool call_add(struct answer *a, struct bytes line, struct err *err)
{
    struct buf text = BUF(TEXT_MAX);
    struct buf *out = &a->calls;
    json_t *v = NULL;
    uint32_t id;
    bool ok = comma(out, out->len > 0, err);

    if (ok && !is_openai(a)) { /* {"name":...}, with its index in front */
        ok = buf_printf(out, err, "{\"function\":{\"index\":%u,", a->call_count) &&
             buf_add(out, line.p + 1, line.len - 1, err) && buf_str(out, "}", err);
    } else if (ok) {
        ok = json_parse(line, &v, err) && random_bytes(&id, sizeof id, err) &&
             json_print(json_object_get(v, "arguments"), &text, err) &&
             buf_printf(out, err, "{\"index\":%u,\"id\":\"call_%08x\",\"type\":\"function\",\"function\":{\"name\":",
                        a->call_count, id) &&
             json_print_str(bytes_of_str(json_string_value(json_object_get(v, "name"))), out, err) &&
             buf_str(out, ",\"arguments\":", err) && json_print_str(buf_bytes(&text), out, err) &&
             buf_str(out, "}}", err);
    }
    a->call_count++;
    json_decref(v);
    buf_done(&text);
    return ok;
}

static bool calls_add(struct answer *a, struct bytes lines, struct err *err)
{
    bool ok = true;

    while (ok && lines.len > 0) {
        const uint8_t *end = memchr(lines.p, '\n', lines.len);
        const size_t len = end != NULL ? (size_t)(end - lines.p) : lines.len;

        ok = call_add(a, bytes_of(lines.p, len), err);
        lines = bytes_of(lines.p + len + (end != NULL), lines.len - len - (end != NULL));
    }
    return ok;
}

/* {"model":...,"created_at":...,"response":text or "message":{...},"done":bool; the rest is the caller's */
static bool ollama_begin(enum answer_form form, const char *model, const struct said *said, bool done, struct buf *out,
                         struct err *err)
{
    char time[ANSWER_TIME_SIZE];
    bool chat = form == ANSWER_CHAT;

    answer_time_print(time);
    return buf_str(out, "{\"model\":", err) && json_print_str(bytes_of_str(model), out, err) &&
           buf_printf(out, err, ",\"created_at\":\"%s\",", time) &&
           buf_str(out, chat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"response\":", err) &&
           json_print_str(said->text, out, err) && text_print(",\"thinking\":", said->thinking, out, err) &&
           calls_print(said->calls, out, err) &&
           buf_printf(out, err, "%s,\"done\":%s", chat ? "}" : "", done ? "true" : "false");
}

/* Zero values are left out, as Ollama leaves them out. */
static bool number_print(const char *name, uint64_t value, struct buf *out, struct err *err)
{
    return value == 0 || buf_printf(out, err, ",\"%s\":%llu", name, (unsigned long long)value);
}

static const char *done_reason(const struct backend_end *e)
{
    return e->end == ENGINE_END_LENGTH ? "length" : "stop";
}

static bool ollama_end(struct answer *a, const struct said *said, const struct backend_end *e, struct buf *out,
                       struct err *err)
{
    return ollama_begin(a->form, a->model, said, true, out, err) && logprobs_print(a, out, err) &&
           buf_printf(out, err, ",\"done_reason\":\"%s\"", done_reason(e)) &&
           number_print("total_duration", e->total_ns, out, err) &&
           number_print("load_duration", e->queue_ns, out, err) &&
           number_print("prompt_eval_count", e->stats.prompt_tokens, out, err) &&
           number_print("prompt_eval_duration", e->stats.prompt_ns, out, err) &&
           number_print("eval_count", e->stats.answer_tokens, out, err) &&
           number_print("eval_duration", e->stats.answer_ns, out, err) &&
           buf_str(out, e->stats.truncated ? ",\"truncated\":true}" : "}", err);
}

static bool openai_begin(const struct answer *a, bool whole, struct buf *out, struct err *err)
{
    const char *object = a->form == ANSWER_COMPLETION ? "text_completion"
                         : whole                      ? "chat.completion"
                                                      : "chat.completion.chunk";

    return buf_printf(out, err, "{\"id\":\"%s-%u\",\"object\":\"%s\",\"created\":%lld,\"model\":",
                      a->form == ANSWER_COMPLETION ? "cmpl" : "chatcmpl", a->id, object, (long long)a->created) &&
           json_print_str(bytes_of_str(a->model), out, err) &&
           buf_str(out, ",\"system_fingerprint\":\"fp_ollama\",\"choices\":[", err);
}

/* {"index":n, what was said under its name, and its log probabilities. Thoughts go by two names: Ollama's, and that of
 * llama.cpp's server and vLLM. */
static bool openai_choice(struct answer *a, const char *name, const struct said *said, struct buf *out, struct err *err)
{
    bool chat = a->form == ANSWER_OPENAI;

    return buf_printf(out, err, "{\"index\":%u,", a->choice) &&
           (chat ? buf_printf(out, err, "\"%s\":{\"role\":\"assistant\",\"content\":", name)
                 : buf_str(out, "\"text\":", err)) &&
           json_print_str(said->text, out, err) &&
           (!chat || (text_print(",\"reasoning\":", said->thinking, out, err) &&
                      text_print(",\"reasoning_content\":", said->thinking, out, err) &&
                      calls_print(said->calls, out, err) && buf_str(out, "}", err))) &&
           logprobs_print(a, out, err);
}

static const char *finish_reason(const struct answer *a, const struct backend_end *e)
{
    return a->call_count > 0 && a->form == ANSWER_OPENAI ? "tool_calls" : done_reason(e);
}

/* The prompt counts once, however many answers there are to it. */
static bool usage_print(const struct answer *a, const struct backend_end *e, struct buf *out, struct err *err)
{
    return buf_printf(out, err, "\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u,\"total_tokens\":%u}}",
                      e->stats.prompt_tokens, a->answer_tokens, e->stats.prompt_tokens + a->answer_tokens);
}

static bool openai_chunk(struct answer *a, const struct said *said, struct buf *out, struct err *err)
{
    return openai_begin(a, false, out, err) && openai_choice(a, "delta", said, out, err) &&
           buf_str(out, ",\"finish_reason\":null}]}", err);
}

/* "finish_reason" and what ends a choice; like Ollama's last line it says when something was left out. */
static bool choice_end(const struct answer *a, const struct backend_end *e, struct buf *out, struct err *err)
{
    return buf_printf(out, err, ",\"finish_reason\":\"%s\"%s}", finish_reason(a, e),
                      e->stats.truncated ? ",\"truncated\":true" : "");
}

static bool openai_finish(const struct answer *a, const struct backend_end *e, struct buf *out, struct err *err)
{
    return openai_begin(a, false, out, err) &&
           buf_printf(out, err, "{\"index\":%u,%s", a->choice,
                      a->form == ANSWER_COMPLETION ? "\"text\":\"\"" : "\"delta\":{}") &&
           choice_end(a, e, out, err) && buf_str(out, "]}", err);
}

static bool openai_usage(const struct answer *a, const struct backend_end *e, struct buf *out, struct err *err)
{
    return openai_begin(a, false, out, err) && buf_str(out, "],", err) && usage_print(a, e, out, err);
}

/* One choice more of an answer that is not streamed. */
static bool openai_whole(struct answer *a, const struct backend_end *e, struct buf *out, struct err *err)
{
    const struct said said = {buf_bytes(&a->text), buf_bytes(&a->thinking), buf_bytes(&a->calls)};

    return (a->choice == 0 ? openai_begin(a, true, out, err) : buf_str(out, ",", err)) &&
           openai_choice(a, "message", &said, out, err) && choice_end(a, e, out, err) &&
           (a->choice + 1 < a->choice_count || (buf_str(out, "],", err) && usage_print(a, e, out, err)));
}

/* --- the stream --- */

static void stream_begin(struct answer *a)
{
    if (reply_begun(a->reply)) {
        return;
    }
    if (is_openai(a)) {
        reply_header(a->reply, "Cache-Control", "no-store, no-transform");
        reply_header(a->reply, "X-Accel-Buffering", "no");
        reply_begin(a->reply, 200, "text/event-stream");
    } else {
        reply_begin(a->reply, 200, "application/x-ndjson");
    }
}

/* So that no proxy takes a long prompt for a dead connection. */
static void heartbeat_set(struct answer *a)
{
    struct err ignored;

    if (a->heartbeat_ms > 0 && !loop_timer_set(a->loop, &a->heartbeat, a->heartbeat_ms, &ignored)) {
        a->heartbeat_ms = 0; /* a silent stream is better than none */
    }
}

static void on_heartbeat(void *arg)
{
    struct answer *a = arg;
    struct buf comment = BUF(64);
    struct err ignored;

    stream_begin(a);
    if (sse_heartbeat_print(&comment, &ignored)) {
        a->failed = a->failed || !reply_write(a->reply, buf_bytes(&comment));
    }
    buf_done(&comment);
    heartbeat_set(a);
}

/* a->line goes out as one line or one event. */
static void line_write(struct answer *a, bool ok)
{
    struct buf framed = BUF(LIMIT_HTTP_PENDING);
    struct err ignored;

    stream_begin(a);
    ok = ok && (is_openai(a) ? sse_data_print(&framed, buf_bytes(&a->line), &ignored)
                             : buf_add(&framed, a->line.p, a->line.len, &ignored) && buf_str(&framed, "\n", &ignored));
    a->failed = a->failed || !ok || !reply_write(a->reply, buf_bytes(&framed));
    a->line.len = 0;
    buf_done(&framed);
    heartbeat_set(a);
}

static void fail(struct answer *a, const struct err *err)
{
    enum dialect d = is_openai(a) ? DIALECT_OPENAI : DIALECT_OLLAMA;
    struct refusal why;
    struct err ignored;

    (void)refusal_of(&why, err);
    if (!reply_begun(a->reply)) {
        refusal_send(&why, d, a->reply);
    } else {
        line_write(a, refusal_print(&why, d, &a->line, &ignored));
        reply_end(a->reply);
    }
    answer_free(a);
}

/* Thoughts, calls and text each in a chunk of its own. */
static void openai_event(struct answer *a, const struct engine_event *event, bool ok)
{
    const struct said parts[] = {{.thinking = event->thinking}, {.calls = buf_bytes(&a->calls)}, {.text = event->text}};
    const bool chat = a->form == ANSWER_OPENAI;
    struct err err;

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const bool other = i < 2 ? chat && (parts[i].thinking.len > 0 || parts[i].calls.len > 0)
                                 : event->text.len > 0 || event->token_count > 0 ||
                                       (event->thinking.len == 0 && event->calls.len == 0);

        if (other) {
            line_write(a, ok && openai_chunk(a, &parts[i], &a->line, &err));
        }
    }
}

static void on_text(void *arg, const struct engine_event *event)
{
    struct answer *a = ((struct choice *)arg)->answer;
    struct err err;
    bool ok = tokens_add(a, event, &err) && calls_add(a, event->calls, &err);

    if (!a->stream) {
        if (!ok || !buf_add(&a->text, event->text.p, event->text.len, &err) ||
            !buf_add(&a->thinking, event->thinking.p, event->thinking.len, &err)) {
            fail(a, &err);
        }
        return;
    }
    if (is_openai(a)) {
        openai_event(a, event, ok);
    } else {
        const struct said said = {event->text, event->thinking, buf_bytes(&a->calls)};

        ok = ok && ollama_begin(a->form, a->model, &said, false, &a->line, &err) && logprobs_print(a, &a->line, &err) &&
             buf_str(&a->line, "}", &err);
        line_write(a, ok);
    }
    a->calls.len = 0;
}

static void stream_end(struct answer *a, const struct backend_end *e, bool last)
{
    static const char done[] = "data: [DONE]\n\n";
    struct err err;

    if (!is_openai(a)) {
        line_write(a, ollama_end(a, &(const struct said){{0}, {0}, {0}}, e, &a->line, &err));
    } else {
        line_write(a, openai_finish(a, e, &a->line, &err));
    }
    if (!last) {
        return;
    }
    if (is_openai(a) && a->usage) {
        line_write(a, openai_usage(a, e, &a->line, &err));
    }
    if (is_openai(a)) {
        (void)reply_write(a->reply, bytes_of(done, sizeof done - 1));
    }
    if (a->failed) {
        reply_abort(a->reply);
    } else {
        reply_end(a->reply);
    }
}

/* False: the reply is over. */
static bool whole_end(struct answer *a, const struct backend_end *e, bool last)
{
    const struct said said = {buf_bytes(&a->text), buf_bytes(&a->thinking), buf_bytes(&a->calls)};
    struct err err;

    if (!(is_openai(a) ? openai_whole(a, e, &a->line, &err) : ollama_end(a, &said, e, &a->line, &err))) {
        reply_send_error(a->reply, &err);
        return false;
    }
    if (last) {
        reply_send(a->reply, 200, content_json, buf_bytes(&a->line));
    }
    return !last;
}

/* The engine computes the choices in their order: what comes now is of the next. */
static void choice_next(struct answer *a)
{
    a->choice++;
    a->text.len = 0;
    a->thinking.len = 0;
    a->calls.len = 0;
    a->call_count = 0;
    a->characters = 0;
}

static void on_end(void *arg, const struct backend_end *e)
{
    struct choice *c = arg;
    struct answer *a = c->answer;
    const bool last = a->choice + 1 == a->choice_count;
    struct err err;
    bool more = !last;

    c->call = NULL;
    if (e->end == ENGINE_END_CANCELLED) {
        err_set(&err, REASON_CANCELLED, ERR_NOWHERE, "the service stopped it");
        fail(a, &err);
        return;
    }
    a->answer_tokens += e->stats.answer_tokens;
    if (a->stream) {
        stream_end(a, e, last);
    } else {
        more = whole_end(a, e, last);
    }
    if (more) {
        choice_next(a);
    } else {
        answer_free(a);
    }
}

static void on_error(void *arg, const struct err *err)
{
    struct choice *c = arg;

    c->call = NULL;
    fail(c->answer, err);
}

static void on_gone(void *arg)
{
    struct answer *a = arg;

    reply_abort(a->reply);
    answer_free(a);
}

static bool choices_ask(struct answer *a, struct backend *b, const struct engine_request *r, unsigned count,
                        struct err *err)
{
    static const struct backend_handler handler = {.text = on_text, .end = on_end, .error = on_error};
    struct engine_request one = *r;

    for (; a->choice_count < count; a->choice_count++) {
        struct choice *c = &a->choices[a->choice_count];

        c->answer = a;
        one.options.choice = a->choice_count;
        if (!backend_generate(b, &one, &handler, c, &c->call, err)) {
            return false;
        }
    }
    return true;
}

bool answer_start(struct backend *b, const struct engine_request *r, const struct answer_setup *setup,
                  struct reply *reply, struct refusal *why)
{
    struct answer *a = calloc(1, sizeof *a);
    struct err err;

    if (a == NULL) {
        err_set(&err, REASON_NO_MEMORY, ERR_NOWHERE, "an answer");
        return refusal_of(why, &err);
    }
    a->form = setup->form;
    a->stream = setup->stream;
    a->usage = setup->usage;
    (void)snprintf(a->model, sizeof a->model, "%s", setup->model);
    a->created = clock_unix();
    a->reply = reply;
    a->loop = reply_loop(reply);
    a->heartbeat = (struct loop_timer){.due = on_heartbeat, .arg = a};
    a->heartbeat_ms = setup->stream && is_openai(a) ? setup->heartbeat_ms : 0;
    a->text = BUF(TEXT_MAX);
    a->thinking = BUF(TEXT_MAX);
    a->calls = BUF(TEXT_MAX);
    a->logprobs = r->options.top_logprobs >= 0;
    for (size_t i = 0; i < ODDS_LISTS; i++) {
        a->odds[i] = BUF(ODDS_MAX);
    }
    a->line = BUF(TEXT_MAX * 24 + ODDS_LISTS * ODDS_MAX + KIB(4)); /* every byte may be escaped */
    if (!random_bytes(&a->id, sizeof a->id, &err) || !choices_ask(a, b, r, setup->choices, &err)) {
        answer_free(a);
        return refusal_of(why, &err);
    }
    a->id %= 999;
    reply_on_gone(reply, on_gone, a);
    heartbeat_set(a);
    return true;
}

void answer_send_loaded(enum answer_form form, bool stream, const char *model, const char *reason, struct reply *reply)
{
    struct buf body = BUF(KIB(4));
    struct err err;

    if (ollama_begin(form, model, &(const struct said){{0}, {0}, {0}}, true, &body, &err) &&
        buf_printf(&body, &err, ",\"done_reason\":\"%s\"}%s", reason, stream ? "\n" : "")) {
        /* Ollama sends it whole, as JSON, whether a stream was asked for or not. */
        reply_send(reply, 200, content_json, buf_bytes(&body));
    } else {
        reply_send_error(reply, &err);
    }
    buf_done(&body);
}
