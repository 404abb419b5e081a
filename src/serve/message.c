#include "serve/message.h"

#include "base/cursor.h"
#include "base/limits.h"
#include "os/secret.h"

#include <float.h>
#include <stdlib.h>

static const char *const role_names[] = {"parent", "keeper", "engine", "gateway"};

const char *role_name(enum role r)
{
    return role_names[r];
}

bool message_err_print(const struct err *e, struct buf *out, struct err *err)
{
    return buf_u16le(out, (uint16_t)e->reason, err) && buf_u64le(out, e->offset, err) && buf_str(out, e->detail, err);
}

bool message_err_parse(struct bytes b, struct err *out, struct err *err)
{
    struct cursor c = cursor_init(b.p, b.len);
    uint16_t reason;
    uint64_t offset;

    if (!cursor_u16le(&c, &reason, err) || !cursor_u64le(&c, &offset, err)) {
        return false;
    }
    if (reason == REASON_OK || reason >= REASON_COUNT) {
        return FAIL(err, REASON_FRAME_FORM, 0, "reason %u", reason);
    }
    err_set(out, (enum reason)reason, (size_t)offset, "%.*s", (int)(c.left < 239 ? c.left : 239),
            c.left > 0 ? (const char *)c.next : "");
    return true;
}

static bool bits_add(struct buf *out, const void *four_bytes, struct err *err)
{
    uint32_t bits;

    memcpy(&bits, four_bytes, sizeof bits);
    return buf_u32le(out, bits, err);
}

static bool bits_get(struct cursor *c, void *four_bytes, struct err *err)
{
    uint32_t bits;

    if (!cursor_u32le(c, &bits, err)) {
        return false;
    }
    memcpy(four_bytes, &bits, sizeof bits);
    return true;
}

static bool run_add(struct buf *out, struct bytes b, struct err *err)
{
    if (b.len > LIMIT_HTTP_BODY) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "a text of %zu bytes", b.len);
    }
    return buf_u32le(out, (uint32_t)b.len, err) && buf_add(out, b.p, b.len, err);
}

static bool run_get(struct cursor *c, struct bytes *out, struct err *err)
{
    struct cursor sub;
    uint32_t len;

    if (!cursor_u32le(c, &len, err) || !cursor_take(c, len, &sub, err)) {
        return false;
    }
    *out = cursor_rest(&sub);
    return true;
}

static bool options_print(const struct engine_options *o, struct buf *out, struct err *err)
{
    if (o->stop_count > ENGINE_STOPS_MAX) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "stop: %zu texts, at most %d", o->stop_count,
                    ENGINE_STOPS_MAX);
    }
    if (o->bias_count > ENGINE_BIAS_MAX) {
        return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "logit_bias: %zu tokens, at most %d", o->bias_count,
                    ENGINE_BIAS_MAX);
    }
    for (size_t i = 0; i < engine_option_count; i++) {
        if (!bits_add(out, (const char *)o + engine_option_rows[i].place, err)) {
            return false;
        }
    }
    if (!buf_u64le(out, o->seed, err) || !buf_u32le(out, o->choice, err) ||
        !buf_u32le(out, (uint32_t)o->bias_count, err)) {
        return false;
    }
    for (size_t i = 0; i < o->bias_count; i++) {
        if (!buf_u32le(out, o->bias[i].id, err) || !bits_add(out, &o->bias[i].value, err)) {
            return false;
        }
    }
    if (!buf_u8(out, (uint8_t)o->stop_count, err)) {
        return false;
    }
    for (size_t i = 0; i < o->stop_count; i++) {
        if (strlen(o->stop[i]) >= ENGINE_STOP_SIZE) {
            return FAIL(err, REASON_OPTION_RANGE, ERR_NOWHERE, "stop: a text of %zu bytes, at most %d",
                        strlen(o->stop[i]), ENGINE_STOP_SIZE - 1);
        }
        if (!run_add(out, bytes_of_str(o->stop[i]), err)) {
            return false;
        }
    }
    return true;
}

/* As text; nothing for NULL. */
static bool json_add(struct buf *out, const json_t *v, struct err *err)
{
    struct buf text = BUF(LIMIT_HTTP_BODY);
    const bool ok = (v == NULL || json_print(v, &text, err)) && run_add(out, buf_bytes(&text), err);

    buf_done(&text);
    return ok;
}

static bool json_of(struct cursor *c, json_t **out, struct err *err)
{
    struct bytes text;

    *out = NULL;
    return run_get(c, &text, err) && (text.len == 0 || json_parse(text, out, err));
}

bool message_request_print(const struct engine_request *r, struct buf *out, struct err *err)
{
    return options_print(&r->options, out, err) && json_add(out, r->form, err) && buf_u8(out, (uint8_t)r->wish, err) &&
           json_add(out, r->chat, err) && buf_u64le(out, (uint64_t)r->now, err) &&
           (r->chat != NULL || run_add(out, r->prompt, err));
}

static bool numbers_parse(struct cursor *c, struct message_request *m, struct err *err)
{
    struct engine_options *o = &m->request.options;
    uint32_t count;

    for (size_t i = 0; i < engine_option_count; i++) {
        if (!bits_get(c, (char *)o + engine_option_rows[i].place, err)) {
            return false;
        }
    }
    if (!cursor_u64le(c, &o->seed, err) || !cursor_u32le(c, &o->choice, err) || !cursor_u32le(c, &count, err)) {
        return false;
    }
    if (count > ENGINE_BIAS_MAX) {
        return FAIL(err, REASON_FRAME_FORM, c->offset, "%u biases", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!cursor_u32le(c, &m->bias[i].id, err) || !bits_get(c, &m->bias[i].value, err)) {
            return false;
        }
    }
    o->bias = m->bias;
    o->bias_count = count;
    return true;
}

static bool options_parse(struct cursor *c, struct message_request *m, struct err *err)
{
    struct engine_options *o = &m->request.options;
    struct bytes text;
    uint8_t count;

    if (!numbers_parse(c, m, err) || !cursor_u8(c, &count, err)) {
        return false;
    }
    if (count > ENGINE_STOPS_MAX) {
        return FAIL(err, REASON_FRAME_FORM, c->offset, "%u stop texts", count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!run_get(c, &text, err)) {
            return false;
        }
        if (text.len >= ENGINE_STOP_SIZE || memchr(text.p, 0, text.len) != NULL) {
            return FAIL(err, REASON_FRAME_FORM, c->offset, "a stop text of %zu bytes", text.len);
        }
        memcpy(m->stop_text[i], text.p, text.len); /* zeroed before */
        m->stops[i] = m->stop_text[i];
    }
    o->stop = m->stops;
    o->stop_count = count;
    return true;
}

/* The chat, or else the raw prompt. */
static bool chat_parse(struct cursor *c, struct message_request *m, struct err *err)
{
    uint64_t now;

    if (!json_of(c, &m->chat, err) || !cursor_u64le(c, &now, err)) {
        return false;
    }
    m->request.now = (int64_t)now;
    m->request.chat = m->chat;
    if (m->chat == NULL) {
        return run_get(c, &m->request.prompt, err);
    }
    return json_is_object(m->chat) || FAIL(err, REASON_FRAME_FORM, c->offset, "a chat that is no object");
}

bool message_request_parse(struct bytes b, struct message_request **out, struct err *err)
{
    struct message_request *m = calloc(1, sizeof *m);
    struct cursor c;
    uint8_t wish = 0;

    if (m == NULL || (m->payload = malloc(b.len > 0 ? b.len : 1)) == NULL) {
        free(m);
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a request");
    }
    if (b.len > 0) {
        memcpy(m->payload, b.p, b.len);
    }
    m->len = b.len;
    c = cursor_init(m->payload, m->len);
    if (options_parse(&c, m, err) && json_of(&c, &m->form, err) && cursor_u8(&c, &wish, err) &&
        chat_parse(&c, m, err) && cursor_end(&c, err) &&
        (wish <= (m->chat != NULL ? ENGINE_ANSWER_WHOLE : ENGINE_EMBED_CUT) ||
         FAIL(err, REASON_FRAME_FORM, c.offset, "a wish that is none"))) {
        m->request.form = m->form;
        m->request.wish = (enum engine_wish)wish;
        *out = m;
        return true;
    }
    message_request_free(m);
    return false;
}

void message_request_free(struct message_request *m)
{
    if (m == NULL) {
        return;
    }
    secret_wipe(m->payload, m->len);
    free(m->payload);
    json_decref(m->chat);
    json_decref(m->form);
    free(m);
}

static bool logprob_print(const struct engine_logprob *l, struct buf *out, struct err *err)
{
    uint64_t bits;

    memcpy(&bits, &l->value, sizeof bits);
    return buf_u64le(out, bits, err) && run_add(out, l->token, err);
}

static bool logprob_parse(struct cursor *c, struct engine_logprob *out, struct err *err)
{
    uint64_t bits;

    if (!cursor_u64le(c, &bits, err)) {
        return false;
    }
    memcpy(&out->value, &bits, sizeof bits);
    return (out->value <= 0 && out->value >= -DBL_MAX) || FAIL(err, REASON_FRAME_FORM, c->offset, "a log probability")
               ? run_get(c, &out->token, err)
               : false;
}

bool message_text_print(const struct engine_event *e, struct buf *out, struct err *err)
{
    bool ok = e->token_count <= MESSAGE_TOKENS_MAX ||
              FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "an event of %zu tokens", e->token_count);

    ok = ok && run_add(out, e->text, err) && run_add(out, e->thinking, err) && run_add(out, e->calls, err) &&
         buf_u32le(out, (uint32_t)e->token_count, err);
    for (size_t i = 0; ok && i < e->token_count; i++) {
        const struct engine_token *t = &e->tokens[i];

        ok = buf_u8(out, (uint8_t)t->best_count, err) && logprob_print(&t->self, out, err);
        for (size_t k = 0; ok && k < t->best_count; k++) {
            ok = logprob_print(&t->best[k], out, err);
        }
    }
    return ok;
}

static bool tokens_parse(struct cursor *c, struct engine_token *tokens, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t best;

        if (!cursor_u8(c, &best, err) || !logprob_parse(c, &tokens[i].self, err)) {
            return false;
        }
        if (best > ENGINE_LOGPROBS_MAX) {
            return FAIL(err, REASON_FRAME_FORM, c->offset, "%u alternatives", best);
        }
        tokens[i].best_count = best;
        for (size_t k = 0; k < best; k++) {
            if (!logprob_parse(c, &tokens[i].best[k], err)) {
                return false;
            }
        }
    }
    return cursor_end(c, err);
}

bool message_text_parse(struct bytes b, struct engine_event *out, struct engine_token **tokens, struct err *err)
{
    struct cursor c = cursor_init(b.p, b.len);
    struct engine_event e = {.end = ENGINE_END_NOT};
    struct engine_token *t;
    uint32_t count;

    if (!run_get(&c, &e.text, err) || !run_get(&c, &e.thinking, err) || !run_get(&c, &e.calls, err) ||
        !cursor_u32le(&c, &count, err)) {
        return false;
    }
    if (count > MESSAGE_TOKENS_MAX || count > c.left / 13) {
        return FAIL(err, REASON_FRAME_FORM, c.offset, "%u tokens in %zu bytes", count, c.left);
    }
    t = calloc(count > 0 ? count : 1, sizeof *t);
    if (t == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "%u tokens", count);
    }
    if (!tokens_parse(&c, t, count, err)) {
        free(t);
        return false;
    }
    e.tokens = t;
    e.token_count = count;
    *out = e;
    *tokens = t;
    return true;
}

bool message_vector_print(const float *v, size_t n, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!bits_add(out, &v[i], err)) {
            return false;
        }
    }
    return true;
}

bool message_vector_parse(struct bytes b, float **out, size_t *n, struct err *err)
{
    struct cursor c = cursor_init(b.p, b.len);
    float *v;

    if (b.len == 0 || b.len % 4 != 0) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a vector of %zu bytes", b.len);
    }
    v = calloc(b.len / 4, sizeof *v);
    if (v == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a vector");
    }
    for (size_t i = 0; i < b.len / 4; i++) {
        if (!bits_get(&c, &v[i], err) || !(v[i] >= -FLT_MAX && v[i] <= FLT_MAX)) {
            free(v);
            return FAIL(err, REASON_FRAME_FORM, 4 * i, "no finite number");
        }
    }
    *out = v;
    *n = b.len / 4;
    return true;
}

bool message_end_print(const struct message_end *e, struct buf *out, struct err *err)
{
    return buf_u8(out, (uint8_t)e->end, err) && buf_u32le(out, e->stats.prompt_tokens, err) &&
           buf_u32le(out, e->stats.answer_tokens, err) && buf_u64le(out, e->stats.prompt_ns, err) &&
           buf_u64le(out, e->stats.answer_ns, err) && buf_u8(out, e->stats.truncated ? 1 : 0, err) &&
           buf_u64le(out, e->queue_ns, err);
}

bool message_end_parse(struct bytes b, struct message_end *out, struct err *err)
{
    struct cursor c = cursor_init(b.p, b.len);
    struct message_end e = {0};
    uint32_t prompt, answer;
    uint8_t end, truncated;

    if (!cursor_u8(&c, &end, err) || !cursor_u32le(&c, &prompt, err) || !cursor_u32le(&c, &answer, err) ||
        !cursor_u64le(&c, &e.stats.prompt_ns, err) || !cursor_u64le(&c, &e.stats.answer_ns, err) ||
        !cursor_u8(&c, &truncated, err) || !cursor_u64le(&c, &e.queue_ns, err) || !cursor_end(&c, err)) {
        return false;
    }
    if (end == ENGINE_END_NOT || end > ENGINE_END_CANCELLED) {
        return FAIL(err, REASON_FRAME_FORM, 0, "end %u", end);
    }
    e.end = (enum engine_end)end;
    e.stats.prompt_tokens = prompt;
    e.stats.answer_tokens = answer;
    e.stats.truncated = truncated != 0;
    *out = e;
    return true;
}
