#include "vector_json.h"

#include "chat/jinja.h"
#include "codec/json.h"

static const uint8_t bos_text[] = "<s>", eos_text[] = "</s>";

/* The rendering of a template with these variables (JSON). NULL: it failed, and err says why. free() it. */
static char *render(const char *text, const char *variables, struct err *err)
{
    struct template_rendered out;
    struct jinja *t = NULL;
    json_t *vars = NULL;
    char *copy = NULL;

    assert_ok(json_parse(bytes_of_str(variables), &vars, err), *err);
    if (jinja_parse(bytes_of_str(text), &t, err)) {
        const struct jinja_input in = {.variables = vars,
                                       .add_generation_prompt = true,
                                       .bos = bytes_of(bos_text, 3),
                                       .eos = bytes_of(eos_text, 4),
                                       .now = 1700000000};

        if (jinja_render(t, &in, &out, err)) {
            copy = strndup((const char *)out.text.p, out.text.len);
            if (out.text.len == 0) {
                free(copy);
                copy = strdup("");
            }
            template_rendered_done(&out);
        }
    }
    jinja_free(t);
    json_decref(vars);
    return copy;
}

static const char usual[] =
    "{\"messages\": [{\"role\": \"user\", \"content\": \" H\\u00e9 <b> \\n\"}, {\"role\": \"assistant\", \"content\": "
    "\"a,b,,c\", \"n\": 3, \"f\": 0.5, \"none\": null, \"list\": [1, \"x\", [true, null]], \"d\": {\"k\": \"v\", "
    "\"a\": 1}}], \"s\": \"abc\", \"empty\": [], \"t\": true}";

/* What Python's Jinja2 3.1.6 makes of them (trim_blocks, lstrip_blocks, tojson as json.dumps with ensure_ascii off). */
static const struct {
    const char *text, *want;
} rows[] = {
    {"a\n{% if t %}\n  b\n{% endif %}\nc\n", "a\n  b\nc"},
    {"  {%- if t -%}  x  {%- endif -%}  ", "x"},
    {"{{ s }}\n{{ s }}\n\n", "abc\nabc\n"},
    {"{# c #}\nx {#- y -#} z", "xz"},
    {"{%+ if t %}a{% endif +%}\nb", "a\nb"},
    {"   {% set x = 1 %}\n{{ x }}", "1"},
    {"{{ 'a' 'b' + \"c\\n\\t\\u00e9\\x41\\q\" }}", "abc\n\t\xc3\xa9"
                                                   "A\\q"},
    {"{{ 1 + 2 * 3 - 7 // 2 % 2 }} {{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 2.5 * 2 }}", "6 3.5 -4 2 5.0"},
    {"{{ not t or s == 'abc' and 1 < 2 <= 2 != 3 }} {{ 'b' in s }} {{ 5 not in [1,2] }} {{ s is string and x is not "
     "defined }}",
     "True True True True"},
    {"{{ 'x' if s is undefined else 'y' }} [{{ 'x' if false }}] {{ none }} {{ true }} {{ [1, 'a\\'b', none, 2.0] }} {{ "
     "{'a': [1], 'b': 'c'} }}",
     "y [] None True [1, \"a'b\", None, 2.0] {'a': [1], 'b': 'c'}"},
    {"{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ "
     "loop.revindex }} {{ loop.previtem is defined }}{{ loop.nextitem is defined }};{% endfor %}",
     "10TrueFalse22 FalseTrue;21FalseTrue21 TrueFalse;"},
    {"{% for k, v in messages[1].d.items() %}{{ k }}={{ v }} {% endfor %}{% for k in messages[1].d %}{{ k }}{% endfor "
     "%}{% for x in empty %}{% else %}none{% endfor %}",
     "k=v a=1 kanone"},
    {"{% for i in range(5) if i % 2 == 0 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}{% for i in range(1, "
     "9, 3) %}{% if i == 4 %}{% continue %}{% endif %}{% if i == 9 %}{% break %}{% endif %}{{ i }}{% endfor %}",
     "1:0/3 2:2/3 3:4/3 17"},
    {"{% set ns = namespace(a=1, b='x') %}{% for i in [1,2] %}{% set ns.a = ns.a + i %}{% set q = i %}{% endfor %}{{ "
     "ns.a }}{{ ns.b }}{{ q is defined }}",
     "4xFalse"},
    {"{% set a, b = 1, 'z' %}{{ b }}{{ a }}{% set c %}<{{ s }}>{% endset %}{{ c }}{% if t %}{% set d = 5 %}{% endif "
     "%}{{ d }}",
     "z1<abc>5"},
    {"{% macro m(a, b='d', c=none) %}[{{ a }}{{ b }}{{ c }}{{ s }}]{% endmacro %}{{ m('x') }}{{ m('x', c=2) }}{{ "
     "m(b='q', a=1) | length }}",
     "[xdNoneabc][xd2abc]11"},
    {"{{ messages[0].content | trim }}|{{ messages[0]['content'].strip() }}|{{ 'xxaxx'.strip('x') }}{{ "
     "'xxaxx'.lstrip('x') }}{{ 'xyaxx'.rstrip('xa') }}|{{ '  b ' | trim | upper }}",
     "H\xc3\xa9 <b>|H\xc3\xa9 <b>|aaxxxy|B"},
    {"{{ messages[1].content.split(',') }}{{ messages[1].content.split(',')[-1] }}{{ 'a  b c'.split() }}{{ "
     "'a,b,c'.split(',', 1) }}{{ s[1] }}{{ s[::-1] }}{{ s[1:] }}{{ s[-2:-1] }}{{ [1,2,3,4][::2] }}{{ [1,2,3][5:] }}",
     "['a', 'b', '', 'c']c['a', 'b', 'c']['a', 'b,c']bcbabcb[1, 3][]"},
    {"{{ s.startswith('ab') }}{{ s.endswith(('x', 'bc')) }}{{ s.replace('b', 'XX') }}{{ s.find('c') }}{{ s.upper() "
     "}}{{ 'aBc dE'.title() }}{{ 'aBC'.capitalize() }}{{ 'ABC'.lower() }}{{ ', '.join(['a','b']) }}",
     "TrueTrueaXXc2ABCAbc DeAbcabca, b"},
    {"{{ messages[1].d.get('k') }}{{ messages[1].d.get('zz') }}{{ messages[1].d.get('zz', 5) }}{{ messages[1].d.keys() "
     "| list }}{{ messages[1].d.values() | list }}{{ messages[1].zz }}{{ messages[1]['zz'] is defined }}",
     "vNone5['k', 'a']['v', 1]False"},
    {"{{ messages[1] | tojson }}", "{\"role\": \"assistant\", \"content\": \"a,b,,c\", \"n\": 3, \"f\": 0.5, \"none\": "
                                   "null, \"list\": [1, \"x\", [true, null]], \"d\": {\"k\": \"v\", \"a\": 1}}"},
    {"{{ messages[1].d | tojson(indent=2) }}{{ [] | tojson(indent=4) }}{{ messages[1].list | tojson(indent=1) }}",
     "{\n  \"k\": \"v\",\n  \"a\": 1\n}[][\n 1,\n \"x\",\n [\n  true,\n  null\n ]\n]"},
    {"{{ messages[0] | tojson(ensure_ascii=true) }}{{ messages[1].d | tojson(separators=(',', ':'), sort_keys=true) }}",
     "{\"role\": \"user\", \"content\": \" H\\u00e9 <b> \\n\"}{\"a\":1,\"k\":\"v\"}"},
    {"{{ '\\n\\t\\\\\"/\\u2028<\xc3\xa9\xf0\x9f\x98\x80' | tojson }}{{ '\xf0\x9f\x98\x80\xc3\xa9' | "
     "tojson(ensure_ascii=true) }}{{ 1e-05 if false else 0.00001 }}{{ 100000000000000000000.0 }}{{ 123456.789 | tojson "
     "}}",
     "\"\\n\\t\\\\\\\"/\xe2\x80\xa8<\xc3\xa9\xf0\x9f\x98\x80\"\"\\ud83d\\ude00\\u00e9\"1e-051e+20123456.789"},
    {"{{ zz | default('d') }}{{ '' | default('e', true) }}{{ none | default('f') }}{{ s | length }}{{ 'h\xc3\xa9' | "
     "count }}{{ messages | length }}{{ empty | first is defined }}{{ [3,1] | first }}{{ [3,1] | last }}{{ 'abc' | "
     "reverse }}{{ [1,2] | reverse | list }}",
     "deNone322False31cba[2, 1]"},
    {"{{ [1,'a',none] | join('-') }}{{ messages | map(attribute='role') | join(',') }}{{ ['a','b'] | map('upper') | "
     "list }}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('n', "
     "'defined') | list | length }}{{ [1,0,2] | select | list }}{{ ['a','b'] | reject('equalto', 'a') | list }}{{ "
     "messages[1:] | selectattr('d.k', 'defined') | list | length }}",
     "1-a-Noneuser,assistant['A', 'B']11[1, 2]['b']1"},
    {"{{ '12' | int + 1 }}{{ '1.5' | float }}{{ 3.9 | int }}{{ -3 | abs }}{{ 'x' | int }}{{ 5 | string + 'a' }}{{ 1 ~ "
     "'b' ~ none }}{{ 'ab' * 3 }}{{ [1] + [2] }}",
     "131.53305a1bNoneababab[1, 2]"},
    {"{{ 'a\nb\n\nc' | indent }}|{{ 'a\nb' | indent(2, true) }}|{{ 'a\n\nb' | indent(1, blank=true) }}",
     "a\n    b\n\n    c|  a\n  b|a\n \n b"},
    {"{{ 3 is odd }}{{ 4 is even }}{{ 9 is divisibleby 3 }}{{ s is iterable }}{{ messages[1].d is mapping }}{{ 3 is "
     "number }}{{ none is none }}{{ t is true }}{{ t is false }}{{ 1 is boolean }}{{ s is sequence }}{{ 2 is eq 2 }}{{ "
     "1 is in [1] }}{{ 2 is gt 1 }}{{ 1.0 is float }}{{ 1 is integer }}{{ range is callable }}",
     "TrueTrueTrueTrueTrueTrueTrueTrueFalseFalseTrueTrueTrueTrueTrueTrueTrue"},
    {"{{ strftime_now('%Y-%m-%d %d %B %b %A %a %H:%M:%S %I %p %j %y %-d %%') }}",
     "2023-11-14 14 November Nov Tuesday Tue 22:13:20 10 PM 318 23 14 %"},
    {"{{ bos_token }}{{ eos_token }}{{ add_generation_prompt }}", "<s></s>True"},
    {"{{ none | selectattr('a') | list }}{{ zz | map('trim') | list }}{{ '' | reject('odd') | list }}{{ 0 | select | "
     "list | length }}",
     "[][][]0"},
    {"{{ [3, 1, 2] | min }}{{ ['b', 'A', 'c'] | min }}{{ ['b', 'A', 'B'] | max }}{{ [] | max is undefined }}{{ [{'a': "
     "2}, {'a': 5}] | max(attribute='a') }}",
     "1AbTrue{'a': 5}"},
    {"{% filter trim | upper %}  a{{ 1 + 1 }} {% endfilter %}!", "A2!"},
    {"{% set b | trim %}  y {% endset %}[{{ b }}]{% set b %}{% set z = 1 %}{{ z }}{% endset %}{{ b }}{{ z is defined "
     "}}",
     "[y]1False"},
    {"{{ '<{}|{}>'.format('a', 1) }}{{ '{1}{0}{{x}}'.format(1, [2]) }}{{ '{k}'.format(k='v') }}", "<a|1>[2]1{x}v"},
    {"{{ 'a\xe2\x80\xa8"
     "b\x0b"
     "c\r\nd\n' | indent(1) }}|{{ '\n\na' | indent(2, first=true) }}|{{ 'a\n\nb' | indent(2, blank=true) }}|{{ 'a\\r' "
     "| indent }}|{{ '' | indent(2, true) }}.",
     "a\n b\n c\n d\n|  \n\n  a|a\n  \n  b|a|  ."},
    {"{{ ['a\xe2\x80\xa8\xc2\x85\xc2\xa0\xe2\x80\x8b\xf3\xa0\x80\x81\xc3\xa9\xf0\x9f\x98\x80\x7f'] }}",
     "['a\\u2028\\x85\\xa0\\u200b\\U000e0001\xc3\xa9\xf0\x9f\x98\x80\\x7f']"},
    {"{{ '\xe6\x97\xa5 A' | capitalize }}", "\xe6\x97\xa5 a"},
    {"{{ '<x>' | int(5) }}{{ '' | float(1.5) }}{{ '7' | int(5) }}{{ '2.5' | float(1) }}{{ none | int(default=3) }}{{ "
     "'x' | float }}",
     "51.572.530.0"},
    {"{{ '\xc3\x84\xc3\x96\xc3\x9f \xef\xac\x81 \xc4\x80\xe2\xb1\xa5\xc4\xb0\xc7\x84' | lower }}{{ "
     "'\xc3\xa4\xc3\xb6\xc3\x9f \xef\xac\x81 \xc4\x81\xc8\xba' | upper }}{{ 'a\xc3\x89\xc3\x96'.capitalize() }}",
     "\xc3\xa4\xc3\xb6\xc3\x9f \xef\xac\x81 \xc4\x81\xe2\xb1\xa5i\xcc\x87\xc7\x86\xc3\x84\xc3\x96SS FI \xc4\x80\xc8\xba"
     "A\xc3\xa9\xc3\xb6"},
    {"{{ 1 == 1.0 }}{{ true == 1 }}{{ [1,2] == [1,2.0] }}{{ {'a':1} == {'a':1} }}{{ 'a' < 'b' }}{{ none == zz }}{{ 'a' "
     "== 1 }}{{ 'k' in messages[1].d }}{{ 1 in zz }}",
     "TrueTrueTrueTrueTrueFalseFalseTrueFalse"},
    {"{% generation %}g{% endgeneration %}{{ (1, 2)[0] }}{{ [1, 2,][1] }}{{ dict(a=1) }}{{ messages.0.role }}{{ -(2) "
     "}}{{ not not t }}",
     "g12{'a': 1}user-2True"},
    {"{% if s == 'x' %}1{% elif s == 'abc' %}2{% else %}3{% endif %}{% if empty %}a{% else %}b{% endif %}{{ {'a': "
     "{'b': 1}} }}{{ {} }}{{ '}}' }}{{ '%}' }}",
     "2b{'a': {'b': 1}}{}}}%}"},
    {"{{ [3,1,2] | sort }}{{ ['b','A','a'] | sort }}{{ ['b','A','a'] | sort(case_sensitive=true, reverse=true) }}{{ "
     "{'b': 1, 'A': 2} | dictsort | map('first') | list }}{{ ['a','A','b','a'] | unique | list }}{{ messages | "
     "sort(attribute='role') | "
     "map(attribute='role') | list }}",
     "[1, 2, 3]['A', 'a', 'b']['b', 'a', 'A']['A', 'b']['a', 'b']['assistant', 'user']"},
    {"{{ ['\xc2\xa0\xe2\x80\x8d\xf3\xa0\x80\x81\xc3\xa9\xe2\x80\xa8', zz] }}{{ '\x7f' | tojson(ensure_ascii=true) }}",
     "['\\xa0\\u200d\\U000e0001\xc3\xa9\\u2028', Undefined]\"\\u007f\""},
    {"{{ -(messages[1].f * 0) }} {{ -0.0 | abs }} {{ (-0.0) | abs }} {{ -10000000000000002.0 }} {{ 1000000000000000.0 "
     "}}",
     "-0.0 0.0 0.0 -1.0000000000000002e+16 1000000000000000.0"},
    {"{% for x in [1] %}{% break %}{% else %}e{% endfor %}{% for x in [1, 2] %}{% if x == 2 %}{% break %}{% endif %}{% "
     "else %}f{% endfor %}",
     "e"},
    {"{{ [{'r': 'x', 'n': 1}, {'r': 'X', 'n': 2}, {'r': 'y', 'n': 3}] | unique(attribute='r') | map(attribute='n') | "
     "list }}",
     "[1, 3]"},
};

static void test_language(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct err err = {0};
        char *got = render(rows[i].text, usual, &err);

        if (got == NULL) {
            fail_msg("%s: %s", rows[i].text, err.detail);
        }
        assert_string_equal(got, rows[i].want);
        free(got);
    }
}

/* The chat does not have what the template asks for. */
static void test_refused(void **state)
{
    static const char *const texts[] = {"{{ zz.a }}",
                                        "{{ zz + 1 }}",
                                        "{{ '{}'.format() }}",
                                        "{{ '{0.a}'.format(s) }}",
                                        "{{ '{:>3}'.format(1) }}",
                                        "{{ '}'.format() }}",
                                        "{{ '{'.format() }}",
                                        "{{ [1, 'a'] | min }}",
                                        "{{ 'a' + 1 }}",
                                        "{{ 1 // 0 }}",
                                        "{{ 'a' < 1 }}",
                                        "{{ raise_exception('no ' + 'way') }}",
                                        "{{ zz() }}",
                                        "{% for x in 5 %}{% endfor %}",
                                        "{% set s.x = 1 %}",
                                        "{{ messages[1].zz.y }}",
                                        "{{ 1 in 5 }}",
                                        "{{ '\xce\xa3' | lower }}",
                                        "{{ '\xc3\xa9' | title }}",
                                        "{% macro m(a) %}{% endmacro %}{{ m(b=1) }}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct err err = {0};
        char *got = render(texts[i], usual, &err);

        if (got != NULL) {
            fail_msg("%s: %s", texts[i], got);
        }
        assert_int_equal(err.reason, REASON_CHAT_FORM);
    }
}

/* Refused at load, by name and line. */
static void test_unsupported(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"\n\n{{ x | frobnicate }}", "line 3 of the chat template: the filter \"frobnicate\""},
        {"{% if x is frobnicated %}", "line 1 of the chat template: the test \"frobnicated\""},
        {"{% include 'x' %}", "line 1 of the chat template: the statement \"include\""},
        {"{% raw %}{% endraw %}", "line 1 of the chat template: the statement \"raw\""},
        {"{% call f() %}{% endcall %}", "line 1 of the chat template: the statement \"call\""},
        {"{% for x in y recursive %}{% endfor %}", "line 1 of the chat template: a recursive loop"},
        {"{{ 2 ** 3 }}", "line 1 of the chat template: the operator **"},
        {"{{ f(*x) }}", "line 1 of the chat template: * in a call"},
        {"{% if x %}", "line 1 of the chat template: a block without its end"},
        {"{{ x", "line 1 of the chat template: a tag without its end"},
        {"{{ 'x }}", "line 1 of the chat template: a text without its end"},
        {"{{ '\\ud800' }}", "line 1 of the chat template: an escape of no character"},
        {"{# x", "line 1 of the chat template: a comment without its end"},
        {"{{ }}", "line 1 of the chat template: an expression is missing"},
        {"{{ x y }}", "line 1 of the chat template: not expected: \"y\""},
        {"{{ x | groupby('a') }}", "line 1 of the chat template: the filter \"groupby\""},
        {"{% endif %}", "line 1 of the chat template: the statement \"endif\""},
        {"{{ 12345678901234567890 }}", "line 1 of the chat template: a number that is too long"},
        {"{{ x ? }}", "line 1 of the chat template: a sign that is none of the language"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = {0};

        assert_null(render(bad[i].text, "{}", &err));
        assert_int_equal(err.reason, REASON_TEMPLATE_UNSUPPORTED);
        assert_string_equal(err.detail, bad[i].why);
    }
}

/* The segments as text: what came from the user stands between < and >. */
static void assert_marked(const char *text, const char *variables, const char *want)
{
    struct template_rendered out;
    struct buf marked = BUF(65536);
    struct jinja_input in = {.now = 1700000000};
    struct jinja *t;
    json_t *vars;
    struct err err;

    assert_ok(json_parse(bytes_of_str(variables), &vars, &err), err);
    assert_ok(jinja_parse(bytes_of_str(text), &t, &err), err);
    in.variables = vars;
    assert_ok(jinja_render(t, &in, &out, &err), err);
    for (size_t i = 0; i < out.count; i++) {
        const struct template_segment *s = &out.segments[i];

        assert_ok((!s->from_user || buf_u8(&marked, '<', &err)) &&
                      buf_add(&marked, out.text.p + s->start, s->len, &err) &&
                      (!s->from_user || buf_u8(&marked, '>', &err)),
                  err);
    }
    assert_ok(buf_u8(&marked, 0, &err), err);
    assert_string_equal((const char *)marked.p, want);
    buf_done(&marked);
    template_rendered_done(&out);
    jinja_free(t);
    json_decref(vars);
}

/* Whatever is done to a text, each character still knows whose it is. */
static void test_segments(void **state)
{
    static const char vars[] = "{\"c\":\" a|b \",\"d\":{\"k\":\"v\\\"\"},\"l\":[\"x\",\"y\"]}";

    (void)state;
    assert_marked("[{{ c }}]", vars, "[< a|b >]");
    assert_marked("{{ '(' + c.strip() + ')' }}", vars, "(<a|b>)");
    assert_marked("{{ c.split('|')[1] ~ '!' ~ c | trim }}", vars, "<b >!<a|b>");
    assert_marked("{{ c | replace('|', '+') | upper }}", vars, "< A>+<B >");
    assert_marked("{{ d | tojson }}", vars, "{\"<k>\": \"<v\\\">\"}");
    assert_marked("{{ d }}{{ l }}", vars, "{'<k>': '<v\">'}['<x>', '<y>']");
    assert_marked("{{ l | join(', ') }}{{ ','.join(l) }}{{ c[1:4][::-1] }}", vars, "<x>, <yx>,<yb|a>");
    assert_marked("{% set s %}-{{ c }}-{% endset %}{% macro m(x) %}{{ x }}.{% endmacro %}{{ m(s) }}", vars,
                  "-< a|b >-.");
    assert_marked("{% for m in d %}{{ m }}={{ d[m] }}{% endfor %}{{ c | indent(2, true) }}", vars,
                  "<k>=<v\">  < a|b >");
    assert_marked("{% if c == ' a|b ' %}{{ 'same' }}{% endif %}{{ 'x' if c else c }}{{ c | length }}", vars, "samex5");
}

/* No chat takes the place of what the file says, and none of its words gets into an error. */
static void test_own(void **state)
{
    struct err err = {0};
    char *got =
        render("{{ bos_token }}{{ add_generation_prompt }}", "{\"bos_token\":\"X\",\"add_generation_prompt\":0}", &err);

    (void)state;
    assert_string_equal(got, "<s>True");
    free(got);
    assert_null(render("{{ raise_exception('bad role: ' + r + '!') }}", "{\"r\":\"secret\"}", &err));
    assert_string_equal(err.detail, "the model's template refuses the chat: bad role: !");
    assert_null(render("{{ strftime_now(f) }}", "{\"f\":\"%Y\"}", &err));
    assert_int_equal(err.reason, REASON_CHAT_FORM);
}

/* Hostile templates and chats end, and say why. */
static void test_bounds(void **state)
{
    static const char *const endless[] = {
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% "
        "endfor %}",
        "{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}{% for a in range(100) %}{% set ns.s = ns.s + ns.s %}{% endfor "
        "%}",
        "{{ 'a' * 100001 }}",
        "{{ range(10000000) }}",
        "{{ 900000000000000000 * 900000000000000000 }}",
    };
    char deep[4096];

    (void)state;
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++) {
        struct err err = {0};
        char *got = render(endless[i], "{}", &err);

        if (got != NULL ||
            (err.reason != REASON_CHAT_FORM && err.reason != REASON_ARENA_FULL && err.reason != REASON_BUF_FULL)) {
            fail_msg("%s: %s", endless[i], got != NULL ? got : reason_name(err.reason));
        }
    }
    for (int kind = 0; kind < 4; kind++) { /* nested: refused, not a stack that is full */
        static const char *const heads[] = {"{{ ", "{{ ", "", "{{ "}, *const parts[] = {"(", "-", "{% if 1 %}", "not "};
        struct err err = {0};

        deep[0] = 0;
        (void)strcat(deep, heads[kind]);
        for (int i = 0; i < 300; i++) {
            (void)strcat(deep, parts[kind]);
        }
        assert_null(render(deep, "{}", &err));
        assert_int_equal(err.reason, REASON_TEMPLATE_UNSUPPORTED);
        assert_non_null(strstr(err.detail, "nested too deeply"));
    }
}

static json_t *case_variables(const json_t *one)
{
    json_t *vars = json_object_copy(json_object_get(one, "vars"));
    const json_t *tools = json_object_get(one, "tools");

    assert_int_equal(json_object_set(vars, "messages", json_object_get(one, "messages")), 0);
    if (!json_is_null(tools)) {
        assert_int_equal(json_object_set(vars, "tools", json_object_get(one, "tools")), 0);
    }
    return vars;
}

static bool case_run(const json_t *one)
{
    const json_t *expected = json_object_get(one, "expected");
    const char *family = json_string_value(json_object_get(one, "family"));
    const char *name = json_string_value(json_object_get(one, "name"));
    json_t *vars = case_variables(one);
    const struct jinja_input in = {.variables = vars,
                                   .add_generation_prompt = json_is_true(json_object_get(one, "add_generation_prompt")),
                                   .bos = bytes_of_str(json_string_value(json_object_get(one, "bos"))),
                                   .eos = bytes_of_str(json_string_value(json_object_get(one, "eos"))),
                                   .now = json_integer_value(json_object_get(one, "now_unix"))};
    struct template_rendered out;
    struct jinja *t;
    struct err err = {0};
    bool ok;

    assert_ok(jinja_parse(bytes_of_str(json_string_value(json_object_get(one, "template"))), &t, &err), err);
    ok = jinja_render(t, &in, &out, &err);
    if (ok != json_is_string(expected)) {
        print_message("%s, %s: %s\n", family, name, ok ? "rendered" : err.detail);
        ok = false;
    } else if (!ok) {
        ok = err.reason == REASON_CHAT_FORM;
    } else {
        ok = bytes_equal(buf_bytes(&out.text), bytes_of_str(json_string_value(expected)));
        if (!ok) {
            print_message("%s, %s:\n%.*s\n---\n%s\n", family, name, (int)out.text.len, (const char *)out.text.p,
                          json_string_value(expected));
        }
        template_rendered_done(&out);
    }
    jinja_free(t);
    json_decref(vars);
    return ok;
}

/* What two other programs' Jinja make of the same templates. */
static void test_vectors(void **state)
{
    json_t *list = vector_json("engine/template/cases.json");
    const json_t *one;
    size_t i, wrong = 0;

    (void)state;
    json_array_foreach(list, i, one)
    {
        wrong += !case_run(one);
    }
    assert_int_equal(i, 250);
    assert_int_equal(wrong, 0);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language), cmocka_unit_test(test_refused), cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_segments), cmocka_unit_test(test_own),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_vectors),
    };

    return cmocka_run_group_tests_name("jinja", tests, NULL, NULL);
}
