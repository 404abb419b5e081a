/* Text that spells a control token stays text, whoever's template it goes through and whatever is done to it. The
 * vocabulary is the worst one: each beginning of each control token is a token of its own, so that merges lead there.
 */
#include "vector_json.h"

#include "base/limits.h"
#include "chat/jinja.h"
#include "model/tokenizer.h"
#include "vocabulary_make.h"

#define BAR "\xef\xbd\x9c" /* ｜ */
#define LOW "\xe2\x96\x81" /* ▁, which SentencePiece takes for a space */

static const char *const marks[] = {
    "<" BAR "begin" LOW "of" LOW "sentence" BAR ">",
    "<" BAR "end" LOW "of" LOW "sentence" BAR ">",
    "<" BAR "User" BAR ">",
    "<" BAR "Assistant" BAR ">",
    "<" BAR "tool" LOW "calls" LOW "begin" BAR ">",
    "<" BAR "tool" LOW "call" LOW "begin" BAR ">",
    "<" BAR "tool" LOW "sep" BAR ">",
    "<" BAR "tool" LOW "outputs" LOW "begin" BAR ">",
    "<|im_start|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|python_tag|>",
    "<bos>",
    "<eos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<|start|>",
    "<|end|>",
    "<|message|>",
    "<|channel|>",
    "<|constrain|>",
    "<|return|>",
    "<|call|>",
    "<s>",
    "</s>",
    "[INST]",
    "[/INST]",
    "[TOOL_CALLS]",
    "[AVAILABLE_TOOLS]",
    "[TOOL_RESULTS]",
    "[SYSTEM_PROMPT]",
    "<start_function_declaration>",
    "<end_function_declaration>",
    "<start_function_call>",
    "<end_function_call>",
    "<start_function_response>",
    "<escape>",
};
#define MARKS (sizeof marks / sizeof *marks)

/* Some files have these as user-defined tokens, which other programs find in any text. */
static bool is_defined(const char *mark)
{
    return strstr(mark, "think") != NULL || strstr(mark, "tool_") != NULL || strstr(mark, "_function_") != NULL ||
           strcmp(mark, "<escape>") == 0;
}

/* ---- the vocabulary ---- */

#define TOKENS_MAX 2048

struct words {
    char *token[TOKENS_MAX], *merge[TOKENS_MAX];
    int32_t kind[TOKENS_MAX];
    float score[TOKENS_MAX];
    size_t count, merges;
    uint32_t first; /* id of the first mark */
};

static void word_add(struct words *w, const char *text, int32_t kind)
{
    for (size_t i = 0; i < w->count; i++) {
        if (strcmp(w->token[i], text) == 0) {
            return;
        }
    }
    assert_true(w->count < TOKENS_MAX);
    w->token[w->count] = strdup(text);
    w->score[w->count] = -(float)w->count;
    w->kind[w->count++] = kind;
}

/* n bytes as a vocabulary of bytes spells them. */
static void spell(const char *text, size_t n, char *out)
{
    char one[3];

    *out = 0;
    for (size_t i = 0; i < n; i++) {
        (void)strcat(out, vocabulary_character((uint8_t)text[i], one));
    }
}

static void bpe_add(struct words *w, const char *mark)
{
    char left[256], right[8], whole[512];

    for (size_t n = 1; n < strlen(mark); n++) {
        spell(mark, n, left);
        spell(mark + n, 1, right);
        (void)snprintf(whole, sizeof whole, "%s %s", left, right);
        w->merge[w->merges++] = strdup(whole);
        (void)snprintf(whole, sizeof whole, "%s%s", left, right);
        if (n + 1 < strlen(mark)) {
            word_add(w, whole, 1);
        }
    }
}

static void spm_add(struct words *w, const char *mark)
{
    for (size_t n = 1; n < strlen(mark); n++) {
        char part[256];

        if (((uint8_t)mark[n] & 0xc0) != 0x80) {
            (void)snprintf(part, sizeof part, "%.*s", (int)n, mark);
            word_add(w, part, 1);
            (void)snprintf(part, sizeof part, "%s", mark + n);
            word_add(w, part, 1);
        }
    }
}

static struct tokenizer *tokenizer_make(bool spm, uint32_t *first)
{
    static struct words w;
    struct buf b = BUF(MIB(4));
    struct tokenizer *t = NULL;
    struct gguf g;
    struct err err = {0};
    char text[16];

    w = (struct words){.count = 0};
    for (unsigned i = 0; i < 256; i++) {
        (void)snprintf(text, sizeof text, "<0x%02X>", i);
        word_add(&w, spm ? text : vocabulary_character(i, text), spm ? 6 : 1);
    }
    for (size_t i = 0; i < MARKS; i++) {
        spm ? spm_add(&w, marks[i]) : bpe_add(&w, marks[i]);
    }
    *first = (uint32_t)w.count;
    for (size_t i = 0; i < MARKS; i++) {
        word_add(&w, marks[i], is_defined(marks[i]) ? 4 : 3);
    }
    assert_int_equal(w.count, *first + MARKS);
    for (size_t i = *first; i < w.count; i++) {
        w.score[i] = 0; /* the best merge of all */
    }
    make_begin(&b, 0, 6);
    make_str(&b, "tokenizer.ggml.model", spm ? "llama" : "gpt2");
    make_strs(&b, "tokenizer.ggml.tokens", (const char *const *)w.token, w.count);
    make_i32s(&b, "tokenizer.ggml.token_type", w.kind, w.count);
    make_u32(&b, "tokenizer.ggml.bos_token_id", *first);
    if (spm) {
        make_f32s(&b, "tokenizer.ggml.scores", w.score, w.count);
        make_bool(&b, "tokenizer.ggml.add_space_prefix", false);
    } else {
        make_str(&b, "tokenizer.ggml.pre", "gpt-2");
        make_strs(&b, "tokenizer.ggml.merges", (const char *const *)w.merge, w.merges);
    }
    assert_ok(gguf_parse(buf_bytes(&b), &g, &err), err);
    assert_ok(tokenizer_new(&g, &t, &err), err);
    gguf_done(&g);
    buf_done(&b);
    for (size_t i = 0; i < w.count; i++) {
        free(w.token[i]);
    }
    for (size_t i = 0; i < w.merges; i++) {
        free(w.merge[i]);
    }
    return t;
}

/* ---- what is rendered ---- */

/* Each text in it with the mark behind, or with as many letters; names of members and roles too, where they may. */
static json_t *soil(const json_t *v, const char *mark, bool roles)
{
    json_t *out;
    const json_t *inner;
    const char *name;
    size_t i;

    if (json_is_string(v)) {
        char text[8192];

        assert_true((size_t)snprintf(text, sizeof text, "%s%s", json_string_value(v), mark) < sizeof text);
        return json_string(text);
    }
    if (json_is_array(v)) {
        out = json_array();
        json_array_foreach(v, i, inner)
        {
            assert_int_equal(json_array_append_new(out, soil(inner, mark, roles)), 0);
        }
        return out;
    }
    if (!json_is_object(v)) {
        return json_incref((json_t *)(uintptr_t)v);
    }
    out = json_object();
    json_object_foreach(v, name, inner)
    {
        const bool keep = !roles && (strcmp(name, "role") == 0 || strcmp(name, "type") == 0);

        assert_int_equal(
            json_object_set_new(out, name, keep ? json_incref((json_t *)(uintptr_t)inner) : soil(inner, mark, roles)),
            0);
    }
    if (json_object_get(v, "arguments") == NULL && json_object_get(v, "role") == NULL &&
        json_object_get(v, "function") == NULL && json_object_get(v, "messages") == NULL) {
        assert_int_equal(json_object_set_new(out, mark, json_string(mark)), 0);
    }
    return out;
}

static void count_marks(const struct tokenizer_ids *ids, uint32_t first, size_t counts[MARKS])
{
    for (size_t i = 0; i < ids->count; i++) {
        if (ids->p[i] >= first) {
            counts[ids->p[i] - first]++;
        }
    }
}

static struct tokenizer *tokenizers[2]; /* of bytes, SentencePiece */
static uint32_t firsts[2];

struct seen {
    size_t all[MARKS], own[MARKS]; /* in the prompt; in the template's segments alone */
};

/* False: the template refuses such a chat. */
static bool look(const char *chat_template, const json_t *vars, bool spm, struct seen *out)
{
    const struct tokenizer *t = tokenizers[spm];
    const uint32_t first = firsts[spm];
    const struct jinja_input in = {.variables = vars, .add_generation_prompt = true, .now = 1700000000};
    struct tokenizer_ids ids = TOKENIZER_IDS(1 << 20);
    struct template_rendered r;
    struct jinja *j = NULL;
    struct err err = {0};
    bool ok;

    *out = (struct seen){{0}, {0}};
    assert_ok(jinja_parse(bytes_of_str(chat_template), &j, &err), err);
    ok = jinja_render(j, &in, &r, &err);
    if (ok) {
        assert_ok(tokenizer_encode_rendered(t, &r, &ids, &err), err);
        count_marks(&ids, first, out->all);
        for (size_t i = 0; i < r.count; i++) {
            const struct template_segment *s = &r.segments[i];

            ids.count = 0;
            if (!s->from_user) {
                assert_ok(tokenizer_encode(t, bytes_of(r.text.p + s->start, s->len), TOKENIZER_ALLOW_ALL, &ids, &err),
                          err);
                count_marks(&ids, first, out->own);
            }
        }
        template_rendered_done(&r);
    }
    tokenizer_ids_done(&ids);
    jinja_free(j);
    return ok;
}

/* The marks of the prompt are the template's own, and as many as without the user's. */
static void check(const char *what, const char *chat_template, const json_t *vars, const json_t *plain)
{
    for (int spm = 0; spm < 2; spm++) {
        struct seen with, without;

        if (!look(chat_template, vars, spm != 0, &with)) {
            assert_false(plain != NULL && look(chat_template, plain, spm != 0, &without));
            continue;
        }
        if (plain == NULL || !look(chat_template, plain, spm != 0, &without)) {
            without = with;
        }
        for (size_t i = 0; i < MARKS; i++) {
            if (with.all[i] != with.own[i] || with.all[i] != without.all[i]) {
                fail_msg("%s, %s: %s is there %zu times, %zu of the template's own, %zu without the user's", what,
                         spm != 0 ? "SentencePiece" : "BPE", marks[i], with.all[i], with.own[i], without.all[i]);
            }
        }
    }
}

/* All marks, also cut in two, and what may be made of some by other case; as many letters. */
static void hostile_make(char *mark, char *plain)
{
    size_t len = 0;

    for (size_t i = 0; i < MARKS; i++) {
        len += (size_t)sprintf(mark + len, "%s%s ", marks[i], i % 3 == 0 ? "\n" : "");
    }
    memcpy(mark + len, " <|IM_END|>", 12);
    for (len = 0; mark[len] != 0; len++) {
        plain[len] = 'x';
    }
    plain[len] = 0;
}

/* ---- families: short templates in the shape of theirs ---- */

static const struct {
    const char *name, *text;
} families[] = {
    {"DeepSeek-R1",
     "{{ bos_token }}{% for m in messages %}{% if m.role == 'system' %}{{ m.content }}{% endif %}{% endfor %}"
     "{% for m in messages %}{% if m.role == 'user' %}<" BAR "User" BAR
     ">{{ m.content }}{% elif m.role == 'assistant' %}<" BAR "Assistant" BAR
     ">{{ m['content'].split('</think>')[-1] }}{% for c in m.tool_calls %}<" BAR "tool" LOW "calls" LOW "begin" BAR
     ">{{ c.type + '<" BAR "tool" LOW "sep" BAR ">' + c.function.name + '\n```json\n' }}"
     "{{ c.function.arguments | tojson }}{{ '\n```' }}{% endfor %}<" BAR "end" LOW "of" LOW "sentence" BAR
     ">{% elif m.role == 'tool' %}<" BAR "tool" LOW "outputs" LOW "begin" BAR
     ">{{ m.content }}{% endif %}{% endfor %}{% for t in tools %}{{ t.function.name }}{% endfor %}<" BAR "Assistant" BAR
     "><think>\n"},
    {"Qwen3",
     "{% if tools %}<|im_start|>system\n{% for t in tools %}{{ t | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
     "{% for m in messages %}{% set content = m.content %}{% if m.role == 'tool' %}<|im_start|>user\n<tool_response>\n"
     "{{ content }}\n</tool_response><|im_end|>\n{% else %}<|im_start|>{{ m.role + '\n' + content.strip('\n') }}"
     "{% for c in m.tool_calls %}\n<tool_call>\n{\"name\": \"{{ c.function.name }}\", \"arguments\": "
     "{{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
     "<|im_start|>assistant\n"},
    {"Llama 3",
     "<|begin_of_text|>{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
     "{% if m.tool_calls %}{{ '{\"name\": \"' + m.tool_calls[0].function.name + '\", ' }}{{ '\"parameters\": ' }}"
     "{{ m.tool_calls[0].function.arguments | tojson }}}{% else %}{{ m['content'] | trim }}{% endif %}<|eot_id|>"
     "{% endfor %}{% for t in tools %}{{ t | tojson(indent=4) }}{% endfor %}{{ date_string }}"
     "<|start_header_id|>assistant<|end_header_id|>\n\n"},
    {"Gemma", "<bos>{% set first = messages[0]['content'] + '\n\n' %}{% for m in messages %}<start_of_turn>"
              "{{ 'model' if m.role == 'assistant' else m.role }}\n{{ first if loop.first }}{{ m['content'] | trim }}"
              "<end_of_turn>\n{% endfor %}<start_of_turn>model\n"},
    {"FunctionGemma",
     "<bos>{% macro value(v) %}{% if v is string %}<escape>{{ v }}<escape>{% elif v is mapping %}"
     "{{ '{' }}{% for k, x in v | dictsort %}{{ k }}:{{ value(x) }}{{ ',' if not loop.last }}{% endfor %}}{% else %}{{ "
     "v }}"
     "{% endif %}{% endmacro %}{% if tools %}<start_of_turn>developer\n{% for t in tools %}"
     "<start_function_declaration>declaration:{{ t.function.name }}{description:{{ value(t.function.description) }},"
     "parameters:{{ value(t.function.parameters) }}}<end_function_declaration>{% endfor %}<end_of_turn>\n{% endif %}"
     "{% for m in messages %}{% if m.role == 'tool' %}<start_function_response>response:{{ m.name }}{value:"
     "{{ value(m.content) }}}<end_function_response>{% else %}<start_of_turn>{{ m.role }}\n{{ m.content }}"
     "{% for c in m.tool_calls %}<start_function_call>call:{{ c.function.name }}{{ value(c.function.arguments) }}"
     "<end_function_call>{% endfor %}<end_of_turn>\n{% endif %}{% endfor %}<start_of_turn>model\n"},
    {"gpt-oss",
     "<|start|>system<|message|>{{ model_identity }}{{ '\nReasoning: ' + reasoning_effort }}<|end|>"
     "{% macro f(t) %}// {{ t.function.description }}\ntype {{ t.function.name }} = (_: { "
     "{% for k, v in t.function.parameters.properties.items() %}{{ k }}: {{ v.type }},{% endfor %}}){% endmacro %}"
     "{% if tools %}<|start|>developer<|message|>{% for t in tools %}{{ f(t) }}{% endfor %}<|end|>{% endif %}"
     "{% for m in messages %}{% if m.tool_calls %}<|start|>assistant to=functions.{{ m.tool_calls[0].function.name }}"
     "<|channel|>commentary <|constrain|>json<|message|>{{ m.tool_calls[0].function.arguments | tojson }}<|call|>"
     "{% else %}<|start|>{{ m.role }}<|channel|>final<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
     "<|start|>assistant"},
    {"Mistral",
     "<s>{% if tools %}[AVAILABLE_TOOLS]{{ tools | tojson }}[/AVAILABLE_TOOLS]{% endif %}{% for m in messages %}"
     "{% if m.role == 'user' %}[INST]{{ m.content }}[/INST]{% elif m.tool_calls %}[TOOL_CALLS][{\"name\": \""
     "{{ m.tool_calls[0].function.name }}\", \"arguments\": {{ m.tool_calls[0].function.arguments | tojson }}}]</s>"
     "{% elif m.role == 'tool' %}[TOOL_RESULTS]{{ {'content': m.content} }}{% else %}{{ ' ' ~ m.content ~ '</s>' }}"
     "{% endif %}{% endfor %}"},
    {"SmolLM2",
     "{% for m in messages %}{% if loop.first and m.role != 'system' %}<|im_start|>system\nHelp.<|im_end|>\n{% endif %}"
     "<|im_start|>{{ m['role'] ~ '\n' ~ m['content'] ~ '<|im_end|>' ~ '\n' }}{% endfor %}<|im_start|>assistant\n"},
};

static const char chat[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\" u \"},"
    "{\"role\":\"assistant\",\"content\":\"a\",\"thinking\":\"t\",\"tool_calls\":[{\"id\":\"i\",\"type\":\"function\","
    "\"function\":{\"name\":\"f\",\"arguments\":{\"k\":\"v\"}}}]},{\"role\":\"tool\",\"name\":\"f\",\"tool_call_id\":"
    "\"i\","
    "\"content\":\"r\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":\"user\",\"content\":\"\"}],"
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\",\"parameters\":{\"type\":"
    "\"object\","
    "\"properties\":{\"k\":{\"type\":\"string\"}}}}}],\"date_string\":\"1 Jan\",\"model_identity\":\"I\","
    "\"reasoning_effort\":\"low\"}";

static void test_families(void **state)
{
    char mark[4096], plain[4096];
    json_t *v = NULL;
    struct err err = {0};

    (void)state;
    hostile_make(mark, plain);
    assert_ok(json_parse(bytes_of_str(chat), &v, &err), err);
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct seen seen;

        assert_true(look(families[i].text, v, false, &seen)); /* the template works, and has marks of its own */
        assert_false(memcmp(seen.all, (size_t[MARKS]){0}, sizeof seen.all) == 0);
        for (int roles = 0; roles < 2; roles++) {
            json_t *with = soil(v, mark, roles != 0), *without = soil(v, plain, roles != 0);

            check(families[i].name, families[i].text, with, without);
            json_decref(with);
            json_decref(without);
        }
    }
    json_decref(v);
}

/* What templates do to texts, with one mark after the other. */
static void test_operations(void **state)
{
    static const char *const operations[] = {
        "{{ c }}",
        "{{ c | trim }}",
        "{{ c.strip() ~ '\n' }}",
        "{{ c | replace('Q', '') }}",
        "{{ q | replace('Q', '') }}",
        "{{ q.replace('Q', e) }}",
        "{{ q.split('Q') | join }}",
        "{{ q.split('Q') | join('') }}",
        "{{ ''.join(q.split('Q')) }}",
        "{{ c | list | join }}",
        "{{ c[::-1][::-1] }}",
        "{{ c | reverse | list | reverse | join }}",
        "{{ c[:1] + c[1:] }}",
        "{{ c[:3] ~ c[3:] }}",
        "{{ c | lower }}",
        "{{ c | upper | lower }}",
        "{{ c | tojson }}",
        "{{ [c] }}{{ {c: c} }}",
        "{{ {c: [c]} | tojson(indent=2) }}",
        "{{ d.items() | list }}",
        "{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}",
        "{{ l | first }}{{ l | last }}{{ l | join('') }}",
        "{{ l | map('trim') | join }}",
        "{% set x %}{{ c }}{% endset %}{{ x }}",
        "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(c) }}{{ m(x=c) | trim }}",
        "{% set n = namespace(s='') %}{% for x in c %}{% set n.s = n.s + x %}{% endfor %}{{ n.s }}",
        "{{ c if c in l else '' }}{{ c | default('') | safe | string }}",
        "{{ a }}{{ b }}{{ a + b }}{{ [a, b] | join }}",
        "{{ c | indent(2) }}",
        "{{ '{}{}'.format(a, b) }}{{ q.format(c) }}",
        "{% filter trim %}{{ a }}{{ b }}{% endfilter %}{{ [c] | max }}",
        "{{ (c + ' ' + c) | unique | join if false else c + c }}",
    };

    (void)state;
    for (size_t i = 0; i < MARKS; i++) {
        const char *mark = marks[i];
        const size_t half = mark[1] == '|' || mark[1] == '/' ? 2 : 1;
        char q[128], first[8];
        json_t *vars = json_object(), *list = json_array(), *d = json_object();

        (void)snprintf(first, sizeof first, "%.*s", (int)half, mark);
        (void)snprintf(q, sizeof q, "%sQ%s", first, mark + half);
        assert_int_equal(json_array_append_new(list, json_string(mark)), 0);
        assert_int_equal(json_array_append_new(list, json_string(first)), 0);
        assert_int_equal(json_array_append_new(list, json_string(mark + half)), 0);
        assert_int_equal(json_object_set_new(d, mark, json_string(mark)), 0);
        assert_int_equal(json_object_set_new(vars, "c", json_string(mark)) | json_object_set_new(vars, "l", list) |
                             json_object_set_new(vars, "d", d) | json_object_set_new(vars, "q", json_string(q)) |
                             json_object_set_new(vars, "e", json_string("")) |
                             json_object_set_new(vars, "a", json_string(first)) |
                             json_object_set_new(vars, "b", json_string(mark + half)),
                         0);
        for (size_t k = 0; k < sizeof operations / sizeof *operations; k++) {
            check(operations[k], operations[k], vars, NULL);
        }
        json_decref(vars);
    }
}

/* One half is the template's, the other a user's: together they are none. */
static void test_borders(void **state)
{
    (void)state;
    for (size_t i = 0; i < MARKS; i++) {
        for (size_t n = 1; n < strlen(marks[i]); n++) {
            json_t *vars = json_object();
            char text[256];

            if (((uint8_t)marks[i][n] & 0xc0) == 0x80) {
                json_decref(vars);
                continue;
            }
            assert_int_equal(json_object_set_new(vars, "c", json_string(marks[i] + n)), 0);
            (void)snprintf(text, sizeof text, "{{ '%.*s' ~ c }}", (int)n, marks[i]);
            check(text, text, vars, NULL);
            (void)snprintf(text, sizeof text, "%.*s", (int)n, marks[i]);
            assert_int_equal(json_object_set_new(vars, "c", json_string(text)), 0);
            (void)snprintf(text, sizeof text, "{{ c }}{{ '%s' }}", marks[i] + n);
            check(text, text, vars, NULL);
            json_decref(vars);
        }
    }
}

/* The real templates of the vectors, with their chats. */
static void test_real(void **state)
{
    json_t *list = vector_json("engine/template/cases.json");
    char mark[4096], plain[4096];
    const json_t *one;
    size_t i;

    (void)state;
    hostile_make(mark, plain);
    json_array_foreach(list, i, one)
    {
        for (int roles = 0; roles < 2; roles++) {
            json_t *vars = json_object_copy(json_object_get(one, "vars")), *with;
            const json_t *tools = json_object_get(one, "tools");

            assert_int_equal(json_object_set(vars, "messages", json_object_get(one, "messages")), 0);
            if (!json_is_null(tools)) {
                assert_int_equal(json_object_set(vars, "tools", json_object_get(one, "tools")), 0);
            }
            with = soil(vars, mark, roles != 0);
            /* Some part a content at </think> and write the mark anew: no comparison with a chat without it. */
            check(json_string_value(json_object_get(one, "name")), json_string_value(json_object_get(one, "template")),
                  with, NULL);
            json_decref(with);
            json_decref(vars);
        }
    }
    json_decref(list);
}

static int setup(void **state)
{
    (void)state;
    tokenizers[0] = tokenizer_make(false, &firsts[0]);
    tokenizers[1] = tokenizer_make(true, &firsts[1]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tokenizer_free(tokenizers[0]);
    tokenizer_free(tokenizers[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_operations),
        cmocka_unit_test(test_borders),
        cmocka_unit_test(test_real),
    };

    return cmocka_run_group_tests_name("control", tests, setup, teardown);
}
