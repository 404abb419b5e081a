#include "chat/output.h"

#include "chat/call_gemma.h"
#include "codec/json.h"

#include <stdlib.h>

#define THINK "<think>"
#define THINK_END "</think>"
#define CALL "<tool_call>"
#define CALL_END "</tool_call>"
#define CALLS "<｜tool▁calls▁begin｜>"
#define CALLS_END "<｜tool▁calls▁end｜>"
#define CALL_BEGIN "<｜tool▁call▁begin｜>"
#define SEP "<｜tool▁sep｜>"
#define CALL_CLOSE "<｜tool▁call▁end｜>"
#define CALL_ID "[CALL_ID]"
#define ARGS "[ARGS]"
#define TOOL_CALLS "[TOOL_CALLS]"

/* The texts between which a call stands, where they are looked for in the text. */
static const struct {
    const char *open, *close;
} call_tags[] = {
    [OUTPUT_TAGGED] = {CALL, CALL_END},
    [OUTPUT_DEEPSEEK] = {CALLS, CALLS_END},
    [OUTPUT_GEMMA] = {CALL_GEMMA, CALL_GEMMA_END},
    [OUTPUT_HARMONY] = {NULL, NULL},
};

enum state {
    STATE_CONTENT,
    STATE_THINKING,
    STATE_CALL,   /* into o->call, up to its end mark or the end */
    STATE_HEADER, /* Harmony: into o->call, up to <|message|> */
};

static bool contains(struct bytes text, const char *part)
{
    return text.len > 0 && memmem(text.p, text.len, part, strlen(part)) != NULL;
}

void output_format_find(struct bytes t, struct output_format *out)
{
    static const struct {
        const char *mark;
        enum output_style style;
    } styles[] = {{"<|channel|>", OUTPUT_HARMONY}, {CALLS, OUTPUT_DEEPSEEK},  {CALL_GEMMA, OUTPUT_GEMMA},
                  {CALL, OUTPUT_TAGGED},           {TOOL_CALLS, OUTPUT_LIST}, {"\"parameters\": ", OUTPUT_BARE}};

    *out = (struct output_format){.style = OUTPUT_PLAIN};
    for (size_t i = 0; out->style == OUTPUT_PLAIN && i < sizeof styles / sizeof *styles; i++) {
        out->style = contains(t, styles[i].mark) ? styles[i].style : OUTPUT_PLAIN;
    }
    out->tools = out->style != OUTPUT_PLAIN && contains(t, "tools");
    out->named = out->style == OUTPUT_LIST && contains(t, ARGS);
    out->thinks = out->style == OUTPUT_HARMONY || contains(t, THINK) || contains(t, THINK_END);
}

const struct output_call *output_call_form(const struct output_format *format)
{
    static const struct output_call forms[] = {
        [OUTPUT_TAGGED] = {false, CALL "\n{\"name\": \"", "\", \"arguments\": ", "}\n" CALL_END},
        [OUTPUT_BARE] = {false, "{\"name\": \"", "\", \"parameters\": ", "}"},
        [OUTPUT_LIST] = {true, TOOL_CALLS "[{\"name\": \"", "\", \"arguments\": ", "}]"},
        [OUTPUT_DEEPSEEK] = {false, CALLS CALL_BEGIN "function" SEP, "\n```json\n", "\n```" CALL_CLOSE CALLS_END},
    };
    static const struct output_call named = {true, TOOL_CALLS, ARGS, ""};

    if (!format->tools || format->style == OUTPUT_HARMONY || format->style == OUTPUT_GEMMA) {
        return NULL;
    }
    return format->named ? &named : &forms[format->style];
}

void output_init(struct output *o, const struct output_format *format, bool tools, bool thinking, output_emit *emit,
                 void *arg)
{
    *o = (struct output){.format = *format,
                         .tools = tools && format->tools,
                         .state = format->style == OUTPUT_HARMONY ? STATE_HEADER
                                  : thinking                      ? STATE_THINKING
                                                                  : STATE_CONTENT,
                         .skip = thinking,
                         .pending = BUF(OUTPUT_CALL_MAX),
                         .call = BUF(OUTPUT_CALL_MAX),
                         .emit = emit,
                         .arg = arg};
}

void output_done(struct output *o)
{
    struct buf *const all[] = {&o->pending, &o->call};

    for (size_t i = 0; i < 2; i++) {
        buf_done(all[i]);
    }
}

bool output_is_content(const struct output *o)
{
    return o->state == STATE_CONTENT || o->state == STATE_CALL;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct bytes trim_begin(struct bytes t)
{
    while (t.len > 0 && is_space(t.p[0])) {
        t = bytes_of(t.p + 1, t.len - 1);
    }
    return t;
}

static struct bytes trim(struct bytes t)
{
    t = trim_begin(t);
    while (t.len > 0 && is_space(t.p[t.len - 1])) {
        t.len--;
    }
    return t;
}

struct bytes output_says(const struct output *o, bool may_think, struct bytes text)
{
    const struct bytes none = {0}, begin = bytes_of_str(THINK), end = bytes_of_str(THINK_END);
    bool thinking = o->state == STATE_THINKING;

    if (o->format.style == OUTPUT_HARMONY) {
        return output_is_content(o) ? text : none;
    }
    may_think = may_think && o->format.thinks;
    while (thinking || may_think) {
        struct bytes said;

        if (thinking) {
            const uint8_t *behind = memmem(text.p, text.len, end.p, end.len);

            if (behind == NULL) {
                return none;
            }
            behind += end.len;
            text = bytes_of(behind, text.len - (size_t)(behind - text.p));
        }
        said = trim_begin(text);
        if (said.len < (may_think ? begin.len : 1) && memcmp(said.p, begin.p, said.len) == 0 &&
            text.len <= OUTPUT_SPACE_MAX) {
            return none;
        }
        if (!may_think || said.len < begin.len || memcmp(said.p, begin.p, begin.len) != 0) {
            return said.len > 0 ? said : text;
        }
        text = bytes_of(said.p + begin.len, said.len - begin.len);
        thinking = true;
    }
    return text;
}

/* Text of the state that it is in. */
static bool give(struct output *o, struct bytes text, struct err *err)
{
    text = o->skip ? trim_begin(text) : text;
    if (text.len == 0) {
        return true;
    }
    o->skip = false;
    if (o->state == STATE_CALL || o->state == STATE_HEADER) {
        return buf_add(&o->call, text.p, text.len, err);
    }
    o->begun = o->begun || (o->state == STATE_CONTENT && trim(text).len > 0);
    return o->emit(o->arg, o->state == STATE_THINKING ? OUTPUT_THINKING : OUTPUT_CONTENT, text, err);
}

/* ---- calls ---- */

/* Arguments as an object; some models write them as a text that holds one. */
static json_t *arguments_get(json_t *v)
{
    json_t *inner = NULL;
    struct err err;

    if (json_is_string(v) && json_parse(bytes_of(json_string_value(v), json_string_length(v)), &inner, &err)) {
        return inner;
    }
    return json_incref(v);
}

static bool call_print(struct output *o, const char *name, json_t *arguments, bool *done, struct err *err)
{
    struct buf out = BUF(2 * OUTPUT_CALL_MAX);
    bool ok = true;

    *done = name != NULL && json_is_object(arguments);
    if (*done) {
        ok = buf_str(&out, "{\"name\":", err) && json_print_str(bytes_of_str(name), &out, err) &&
             buf_str(&out, ",\"arguments\":", err) && json_print(arguments, &out, err) && buf_str(&out, "}", err) &&
             o->emit(o->arg, OUTPUT_CALL, buf_bytes(&out), err);
        buf_done(&out);
    }
    return ok;
}

/* {"name":...,"arguments" or "parameters":...}. *done: it was one. Without arguments it is one only between marks:
 * {"name":"Ann"} alone may be an answer. */
static bool call_object(struct output *o, const json_t *v, bool *done, struct err *err)
{
    json_t *given = json_object_get(v, "arguments"), *arguments;
    bool ok;

    given = given != NULL ? given : json_object_get(v, "parameters");
    arguments =
        (given == NULL || json_is_null(given)) && o->format.style != OUTPUT_BARE ? json_object() : arguments_get(given);
    ok = call_print(o, json_string_value(json_object_get(v, "name")), arguments, done, err);
    json_decref(arguments);
    return ok;
}

/* One object, or a list of them, all of them calls. */
static bool calls_json(struct output *o, struct bytes text, bool *done, struct err *err)
{
    json_t *v = NULL, *item;
    struct err why;
    size_t i;
    bool ok = true;

    *done = json_parse(text, &v, &why);
    if (json_is_array(v)) {
        *done = json_array_size(v) > 0;
        json_array_foreach(v, i, item)
        {
            ok = ok && *done && call_object(o, item, done, err);
        }
    } else if (*done) {
        ok = call_object(o, v, done, err);
    }
    json_decref(v);
    return ok;
}

/* What stands between two marks; the rest behind the second, or empty where there is none. */
static struct bytes between(struct bytes *rest, const char *from, const char *to)
{
    const size_t from_len = strlen(from), to_len = strlen(to);
    const uint8_t *begin = from_len == 0 ? rest->p : memmem(rest->p, rest->len, from, from_len), *end;
    struct bytes out = {0};

    if (begin == NULL) {
        *rest = out;
        return out;
    }
    begin += from_len;
    out = bytes_of(begin, rest->len - (size_t)(begin - rest->p));
    end = memmem(out.p, out.len, to, to_len);
    if (end == NULL) {
        *rest = (struct bytes){0};
        return out;
    }
    *rest = bytes_of(end + to_len, out.len - (size_t)(end - out.p) - to_len);
    out.len = (size_t)(end - out.p);
    return out;
}

static bool call_named(struct output *o, struct bytes name, struct bytes arguments, bool *done, struct err *err)
{
    char text[256];
    json_t *v = NULL;
    struct err why;
    bool ok = true;

    name = trim(name);
    *done = name.len > 0 && name.len < sizeof text && memchr(name.p, 0, name.len) == NULL &&
            json_parse(trim(arguments), &v, &why);
    if (*done) {
        memcpy(text, name.p, name.len);
        text[name.len] = 0;
        ok = call_print(o, text, v, done, err);
    }
    json_decref(v);
    return ok;
}

/* function SEP name \n ```json \n {...} \n ```, or name SEP {...}. */
static bool calls_deepseek(struct output *o, struct bytes all, bool *done, struct err *err)
{
    bool ok = true;

    *done = false;
    while (ok && contains(all, CALL_BEGIN)) {
        struct bytes one = between(&all, CALL_BEGIN, CALL_CLOSE), rest = one;
        const struct bytes head = between(&rest, "", SEP);
        struct bytes fence = rest;

        if (contains(rest, "```json")) {
            const struct bytes name = between(&fence, "", "```json");

            ok = call_named(o, name, between(&fence, "", "```"), done, err);
        } else {
            ok = call_named(o, head, rest, done, err);
        }
    }
    return ok;
}

/* call:NAME{...} */
static bool calls_gemma(struct output *o, struct bytes all, bool *done, struct err *err)
{
    const struct bytes name = between(&all, "call:", "{");
    struct buf json = BUF(OUTPUT_CALL_MAX);
    bool ok = true;

    *done = false;
    if (all.p != NULL) {
        const struct bytes arguments = bytes_of(all.p - 1, all.len + 1); /* with the brace */

        ok = call_gemma_json(arguments, &json, err) ? call_named(o, name, buf_bytes(&json), done, err)
                                                    : err->reason == REASON_BUF_FULL; /* too large for a call */
    }
    buf_done(&json);
    return ok;
}

/* NAME[CALL_ID]...[ARGS]{...}, as Mistral's later models write it, or a list of objects. */
static bool calls_mistral(struct output *o, struct bytes all, bool *done, struct err *err)
{
    struct bytes rest = all, head;

    if (!contains(all, ARGS)) {
        return calls_json(o, all, done, err);
    }
    head = between(&rest, "", ARGS);
    return call_named(o, between(&head, "", CALL_ID), rest, done, err);
}

/* The end of the object that the text begins with: behind its last brace, or where the text ends. */
static size_t object_end(struct bytes text)
{
    bool quoted = false;
    size_t depth = 0;

    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.p[i];

        if (quoted && c == '\\') {
            i++;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == '{') {
            depth++;
        } else if (!quoted && c == '}' && --depth == 0) {
            return i + 1;
        }
    }
    return text.len;
}

/* Objects behind each other, with a semicolon or a comma between; what follows the last call is content. */
static bool calls_bare(struct output *o, struct bytes all, bool *done, struct err *err)
{
    bool ok = true, one = true;

    *done = false;
    while (ok && one && all.len > 0 && all.p[0] == '{') {
        const size_t end = object_end(all);

        ok = calls_json(o, bytes_of(all.p, end), &one, err);
        if (one) {
            *done = true;
            all = trim(bytes_of(all.p + end, all.len - end));
            if (all.len > 1 && (all.p[0] == ';' || all.p[0] == ',')) {
                all = trim(bytes_of(all.p + 1, all.len - 1));
            }
        }
    }
    return ok && (!*done || give(o, all, err));
}

/* What was collected is given out as calls, or, where it is none, as content with the marks around it. */
static bool call_finish(struct output *o, const char *open, const char *close, struct err *err)
{
    struct buf text = o->call;
    const struct bytes all = trim(buf_bytes(&text));
    bool done = false, ok;

    o->call = BUF(OUTPUT_CALL_MAX);
    o->state = STATE_CONTENT;
    if (o->format.style == OUTPUT_HARMONY) {
        ok = call_named(o, bytes_of_str(o->name), all, &done, err);
    } else if (o->format.style == OUTPUT_DEEPSEEK) {
        ok = calls_deepseek(o, all, &done, err);
    } else if (o->format.style == OUTPUT_LIST) {
        ok = calls_mistral(o, all, &done, err);
    } else if (o->format.style == OUTPUT_GEMMA) {
        ok = calls_gemma(o, all, &done, err);
    } else if (o->format.style == OUTPUT_BARE) {
        ok = calls_bare(o, all, &done, err);
    } else {
        ok = calls_json(o, all, &done, err);
    }
    o->skip = done;
    if (ok && !done) {
        ok = give(o, bytes_of_str(open), err) && give(o, buf_bytes(&text), err) && give(o, bytes_of_str(close), err);
    }
    buf_done(&text);
    return ok;
}

/* ---- marks in the text ---- */

struct tag {
    const char *text;
    enum state to;
};

/* Those that may come now; returns their number. */
static size_t awaited(const struct output *o, struct tag out[2])
{
    const enum output_style style = o->format.style;
    size_t n = 0;

    if (o->state == STATE_THINKING && style != OUTPUT_HARMONY) {
        out[n++] = (struct tag){THINK_END, STATE_CONTENT};
    } else if (o->state == STATE_CALL && call_tags[style].close != NULL) {
        out[n++] = (struct tag){call_tags[style].close, STATE_CONTENT};
    } else if (o->state == STATE_CONTENT && style != OUTPUT_HARMONY) {
        if (o->format.thinks && !o->begun) {
            out[n++] = (struct tag){THINK, STATE_THINKING};
        }
        if (o->tools && call_tags[style].open != NULL) {
            out[n++] = (struct tag){call_tags[style].open, STATE_CALL};
        }
    }
    return n;
}

/* How much of the text's end may be the beginning of a tag. */
static size_t held(struct bytes text, const struct tag *tags, size_t count)
{
    size_t most = 0;

    for (size_t i = 0; i < count; i++) {
        const size_t len = strlen(tags[i].text);

        for (size_t n = len - 1 < text.len ? len - 1 : text.len; n > most; n--) {
            if (memcmp(text.p + text.len - n, tags[i].text, n) == 0) {
                most = n;
            }
        }
    }
    return most;
}

/* Llama 3: the whole answer is an object, which nobody can tell from its first character alone. */
static bool bare_begins(struct output *o, struct bytes text)
{
    return o->format.style == OUTPUT_BARE && o->tools && o->state == STATE_CONTENT && !o->begun && trim(text).len > 0 &&
           trim(text).p[0] == '{';
}

/* White space at the very beginning goes with the mark that may follow it. */
static bool space_waits(const struct output *o)
{
    return o->state == STATE_CONTENT && !o->begun &&
           (o->format.style == OUTPUT_BARE ? o->tools : o->format.thinks && o->format.style != OUTPUT_HARMONY);
}

static bool tag_passed(struct output *o, const struct tag *tag, struct err *err)
{
    if (o->state == STATE_CALL) {
        return call_finish(o, call_tags[o->format.style].open, tag->text, err);
    }
    o->state = (int)tag->to;
    o->skip = true;
    return true;
}

static bool pending_walk(struct output *o, struct err *err)
{
    struct tag tags[2];

    for (;;) {
        const struct bytes all = buf_bytes(&o->pending);
        const bool bare = bare_begins(o, all);
        const size_t count = bare ? 0 : awaited(o, tags);
        const struct tag *first = NULL;
        size_t at = all.len;

        o->state = bare ? STATE_CALL : o->state;
        for (size_t i = 0; i < count; i++) {
            const uint8_t *p = all.len == 0 ? NULL : memmem(all.p, all.len, tags[i].text, strlen(tags[i].text));

            if (p != NULL && (size_t)(p - all.p) < at) {
                at = (size_t)(p - all.p);
                first = &tags[i];
            }
        }
        /* A tag that only may stand at the beginning does not behind something else. */
        if (first != NULL && first->to == STATE_THINKING && trim(bytes_of(all.p, at)).len > 0) {
            if (!give(o, bytes_of(all.p, at + 1), err)) {
                return false;
            }
            buf_drop(&o->pending, at + 1);
            continue;
        }
        if (first == NULL) {
            at = all.len - held(all, tags, count);
        }
        if (at > 0 && space_waits(o) && trim(bytes_of(all.p, at)).len == 0) {
            if (first == NULL) {
                return true;
            }
            o->skip = true;
        }
        if (!give(o, bytes_of(all.p, at), err)) {
            return false;
        }
        buf_drop(&o->pending, at + (first != NULL ? strlen(first->text) : 0));
        if (first == NULL) {
            return true;
        }
        if (!tag_passed(o, first, err)) {
            return false;
        }
    }
}

bool output_add(struct output *o, struct bytes text, struct err *err)
{
    return text.len == 0 || (buf_add(&o->pending, text.p, text.len, err) && pending_walk(o, err));
}

/* ---- control tokens ---- */

/* "assistant<|channel|>commentary to=functions.f <|constrain|>json", without the marks. */
static bool header_read(struct output *o, struct err *err)
{
    static const char to[] = "to=functions.";
    const struct bytes head = buf_bytes(&o->call);
    const uint8_t *name = head.len == 0 ? NULL : memmem(head.p, head.len, to, sizeof to - 1);
    size_t len = 0;

    o->name[0] = 0;
    if (name != NULL) {
        const size_t left = head.len - (size_t)(name - head.p) - (sizeof to - 1);

        name += sizeof to - 1;
        while (len < left && !is_space(name[len])) {
            len++;
        }
        if (len >= sizeof o->name) {
            return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "a tool's name of %zu bytes", len);
        }
        memcpy(o->name, name, len);
        o->name[len] = 0;
    }
    o->state = len > 0 && o->tools ? STATE_CALL : contains(head, "analysis") ? STATE_THINKING : STATE_CONTENT;
    o->call.len = 0;
    return true;
}

static bool section_end(struct output *o, struct err *err)
{
    if (o->state == STATE_CALL && !call_finish(o, "", "", err)) {
        return false;
    }
    o->state = STATE_HEADER;
    o->skip = false;
    return true;
}

/* Those that are looked for in the text: in some files they are control tokens, in others not. */
bool output_is_tag(const struct output *o, struct bytes name)
{
    static const char *const thoughts[] = {THINK, THINK_END}, *const calls[] = {CALL,           CALL_END,
                                                                                CALLS,          CALLS_END,
                                                                                CALL_BEGIN,     SEP,
                                                                                CALL_CLOSE,     CALL_GEMMA,
                                                                                CALL_GEMMA_END, CALL_GEMMA_ESCAPE};
    bool tag = false;

    for (size_t i = 0; i < 2; i++) {
        tag = tag || (o->format.thinks && bytes_equal(name, bytes_of_str(thoughts[i])));
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        tag = tag || (o->tools && bytes_equal(name, bytes_of_str(calls[i])));
    }
    return tag && o->format.style != OUTPUT_HARMONY;
}

/* One call ends and another begins. */
static bool call_next(struct output *o, struct err *err)
{
    if (!call_finish(o, "", "", err)) {
        return false;
    }
    o->state = STATE_CALL;
    return true;
}

bool output_mark(struct output *o, struct bytes name, struct err *err)
{
    const enum output_style style = o->format.style;
    const bool harmony = style == OUTPUT_HARMONY;

    if (harmony && bytes_equal(name, bytes_of_str("<|message|>"))) {
        return header_read(o, err);
    }
    if (harmony && (bytes_equal(name, bytes_of_str("<|start|>")) || bytes_equal(name, bytes_of_str("<|end|>")) ||
                    bytes_equal(name, bytes_of_str("<|call|>")) || bytes_equal(name, bytes_of_str("<|return|>")))) {
        return section_end(o, err);
    }
    if (harmony && o->state == STATE_HEADER) { /* <|channel|>, <|constrain|>: a word ends */
        return buf_u8(&o->call, ' ', err);
    }
    if (output_is_tag(o, name)) {
        return output_add(o, name, err);
    }
    if (style == OUTPUT_LIST && o->state == STATE_CALL) {
        if (!bytes_equal(name, bytes_of_str(TOOL_CALLS))) {
            return buf_add(&o->call, name.p, name.len, err); /* between a call's name and its arguments */
        }
        return call_next(o, err);
    }
    if (o->tools && o->state == STATE_CONTENT &&
        ((style == OUTPUT_LIST && bytes_equal(name, bytes_of_str(TOOL_CALLS))) ||
         (style == OUTPUT_BARE && bytes_equal(name, bytes_of_str("<|python_tag|>"))))) {
        o->state = STATE_CALL;
    }
    return true;
}

bool output_end(struct output *o, struct err *err)
{
    struct buf rest = o->pending;
    bool ok;

    o->pending = BUF(OUTPUT_CALL_MAX);
    ok = give(o, buf_bytes(&rest), err);
    if (ok && o->state == STATE_CALL) {
        const char *open = call_tags[o->format.style].open;

        ok = call_finish(o, open != NULL ? open : "", "", err);
    } else if (ok && o->state == STATE_HEADER) { /* no message came of it */
        struct buf head = o->call;

        o->call = BUF(OUTPUT_CALL_MAX);
        o->state = STATE_CONTENT;
        ok = head.len == 0 || give(o, buf_bytes(&head), err);
        buf_done(&head);
    }
    buf_done(&rest);
    return ok;
}
