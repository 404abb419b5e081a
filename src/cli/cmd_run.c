#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/report.h"
#include "cli/session.h"

#include "codec/json.h"
#include "explain/verdict_print.h"
#include "os/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_URL "https://127.0.0.1:8443"
#define BODY_MAX LIMIT_HTTP_BODY

static const struct args_option options[] = {
    {"url", 'u', "URL", "the service (default: $SOTTO_URL, then " DEFAULT_URL ")"},
    {"policy", 'p', "FILE", "the policy to judge by (default: $SOTTO_POLICY, then ~/.config/sotto/policy.json)"},
    {"collateral", 'c', "DIR|FILE|URL", "collateral to judge with, before that which the service sends"},
    {"system", 0, "TEXT", "the chat's system message"},
    {"seed", 0, "N", "the sampler's seed"},
    {"temperature", 0, "X", "the sampler's temperature"},
    {"num-predict", 0, "N", "tokens of an answer at most"},
    {"options", 'o', "JSON",
     "an object of sampling options by the API's names: '{\"top_k\": 20, \"stop\": [\"\\n\"]}'"},
    {"think", 0, "YES", "whether the model thinks first: true, false, or how much: low, medium, high"},
    {"format", 0, "json|FILE", "the answer is JSON, or JSON of the schema in FILE"},
    {"json", 0, NULL, "print one JSON object an answer: verdict, answer, counts"},
    {"verbose", 'v', NULL, "list every fact, and say how long an answer took"},
    {NULL, 0, NULL, NULL},
};

static const struct args_form form = {
    .usage = "sotto run MODEL [QUESTION] [options]",
    .about =
        "Verifies a service, and asks its model. Nothing is sent before the verdict; the question goes out on the\n"
        "connection that the verdict covers, and names the model that it covers. Without QUESTION: a chat, a line a\n"
        "question, with /? for help and /bye to leave.\n"
        "Exit code: 0 answered, 11 refused, 12 undecided (nothing was sent), 1 anything else.",
    .options = options,
    .operands_min = 1,
    .operands_max = 2,
};

struct run {
    struct session session;
    json_t *messages, *options;
    json_t *think, *form; /* NULL: as the service does without */
    bool json, verbose;
    bool thought; /* the last text was one */
    struct buf answer, thoughts;
    json_t *last; /* the answer's last object: reason and counts */
};

/* --- the answer --- */

/* What a terminal would act upon is left out: the model's text is only text. FILE_IO: nobody reads it any more, so it
 * need not be computed either. */
static bool text_write(FILE *to, const char *text, size_t len, struct err *err)
{
    const bool terminal = isatty(fileno(to)) == 1;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && ((unsigned char)text[i + 1] & 0xe0) == 0x80;

        if (terminal && ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c1)) {
            i += c1 ? 1 : 0;
            continue;
        }
        (void)putc(c, to);
    }
    return fflush(to) == 0 || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "standard %s: %s",
                                   to == stderr ? "error" : "output", strerror(errno));
}

/* Between thoughts, which go to standard error, dim where it has colours, and the answer. */
static void thought_turn(struct run *r, bool thought)
{
    if (r->thought != thought) {
        r->thought = thought;
        (void)fputs(!report_colour(2) ? "" : thought ? "\033[2m" : "\033[0m", stderr);
        (void)fputs(thought ? "" : "\n\n", stderr);
    }
}

/* A member of the answer's message, if it has it: kept, and shown. */
static bool part_take(struct run *r, const json_t *v, const char *name, struct err *err)
{
    const json_t *part = json_object_get(json_object_get(v, "message"), name);
    const bool thought = strcmp(name, "thinking") == 0;

    if (json_string_length(part) == 0) {
        return true;
    }
    if (!buf_add(thought ? &r->thoughts : &r->answer, json_string_value(part), json_string_length(part), err)) {
        return false;
    }
    if (r->json) {
        return true;
    }
    thought_turn(r, thought);
    return text_write(thought ? stderr : stdout, json_string_value(part), json_string_length(part), err);
}

/* Ctrl-C in a chat ends the answer, not the chat; a second one, before the answer has ended, ends both. */
static volatile sig_atomic_t stopped;

static void on_interrupt(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static void interrupts_catch(bool catch)
{
    struct sigaction a = {.sa_handler = catch ? on_interrupt : SIG_DFL, .sa_flags = (int)SA_RESETHAND};

    stopped = 0;
    (void)sigaction(SIGINT, &a, NULL);
}

static bool on_line(void *arg, struct bytes line, struct err *err)
{
    struct run *r = arg;
    json_t *v = NULL;
    const char *error;
    bool ok;

    if (stopped) {
        return FAIL(err, REASON_CANCELLED, ERR_NOWHERE, "the answer was stopped");
    }
    if (!json_parse(line, &v, err)) {
        return false;
    }
    error = json_string_value(json_object_get(v, "error"));
    if (error != NULL) {
        err_set(err, REASON_ENGINE_GONE, ERR_NOWHERE, "%s", error);
        json_decref(v);
        return false;
    }
    ok = part_take(r, v, "thinking", err) && part_take(r, v, "content", err);
    if (ok && json_is_true(json_object_get(v, "done"))) {
        json_decref(r->last);
        r->last = json_incref(v);
    }
    json_decref(v);
    return ok;
}

static double seconds(const json_t *last, const char *name)
{
    return (double)json_integer_value(json_object_get(last, name)) / 1e9;
}

static void counts_print(const json_t *last)
{
    long long prompt = json_integer_value(json_object_get(last, "prompt_eval_count"));
    long long answer = json_integer_value(json_object_get(last, "eval_count"));
    double prompt_s = seconds(last, "prompt_eval_duration"), answer_s = seconds(last, "eval_duration");

    (void)fprintf(stderr, "prompt: %lld tokens, %.2f s; answer: %lld tokens, %.2f s (%.1f tokens/s)\n", prompt,
                  prompt_s, answer, answer_s, answer_s > 0 ? (double)answer / answer_s : 0);
}

/* {"verdict":{...}, and where there is an answer:
 * "model","answer","thinking","done_reason","prompt_eval_count","eval_count","truncated"} */
static bool json_write(const struct run *r, bool answered, struct err *err)
{
    struct buf out = BUF(MIB(64));
    bool ok = buf_str(&out, "{\"verdict\":", err) && verdict_print_json(&r->session.verdict, &out, err);

    if (ok && answered) {
        const char *reason = json_string_value(json_object_get(r->last, "done_reason"));

        ok = buf_str(&out, ",\"model\":", err) && json_print_str(bytes_of_str(r->session.model), &out, err) &&
             buf_str(&out, ",\"answer\":", err) && json_print_str(buf_bytes(&r->answer), &out, err) &&
             (r->thoughts.len == 0 ||
              (buf_str(&out, ",\"thinking\":", err) && json_print_str(buf_bytes(&r->thoughts), &out, err))) &&
             buf_str(&out, ",\"done_reason\":", err) &&
             json_print_str(bytes_of_str(reason != NULL ? reason : ""), &out, err) &&
             buf_printf(&out, err, ",\"prompt_eval_count\":%lld,\"eval_count\":%lld",
                        (long long)json_integer_value(json_object_get(r->last, "prompt_eval_count")),
                        (long long)json_integer_value(json_object_get(r->last, "eval_count")));
    }
    if (ok && answered && json_is_true(json_object_get(r->last, "truncated"))) {
        ok = buf_str(&out, ",\"truncated\":true", err);
    }
    ok = ok && buf_str(&out, "}\n", err) && file_write_fd(1, "standard output", buf_bytes(&out), err);
    buf_done(&out);
    return ok;
}

/* --- the verdict --- */

static bool verdict_show(const struct run *r, struct err *err)
{
    struct buf out = BUF(MIB(1));
    bool ok = verdict_print_text(&r->session.verdict, r->verbose, report_colour(2), &out, err) &&
              file_write_fd(2, "standard error", buf_bytes(&out), err);

    buf_done(&out);
    return ok;
}

/* Verified, and shown. false: nothing may be sent; *code is the exit code. */
static bool verified(struct run *r, int *code, struct err *err)
{
    bool fresh, may;

    if (!session_verify(&r->session, &fresh, err)) {
        *code = report_error(err);
        return false;
    }
    may = session_may_ask(&r->session);
    *code = verdict_exit_code(r->session.verdict.result);
    if (r->json ? !may && !json_write(r, false, err) : fresh && !verdict_show(r, err)) {
        *code = report_error(err);
        return false;
    }
    if (!may) {
        (void)fprintf(stderr, "sotto: nothing was sent (%s)%s\n", *code == 12 ? "VERDICT_UNDECIDED" : "VERDICT_REFUSED",
                      r->session.url.tls ? "" : "; only an https:// address can be verified");
    } else if (!session_check_model(&r->session, err)) {
        *code = report_error(err);
        return false;
    }
    return may;
}

/* --- questions --- */

static bool message_add(struct run *r, const char *role, struct bytes text, struct err *err)
{
    return json_array_append_new(r->messages,
                                 json_object_of({"role", json_string(role)},
                                                {"content", json_stringn((const char *)text.p, text.len)})) == 0 ||
           FAIL(err, REASON_REQUEST_FORM, ERR_NOWHERE, "the question is not UTF-8 text");
}

static bool body_print(const struct run *r, struct buf *out, struct err *err)
{
    json_t *v = json_object_of({"model", json_string(r->session.model)}, {"messages", json_incref(r->messages)},
                               {"stream", json_boolean(true)}, {"options", json_incref(r->options)});
    bool ok = (v != NULL && (r->think == NULL || json_object_set(v, "think", r->think) == 0) &&
               (r->form == NULL || json_object_set(v, "format", r->form) == 0)) ||
              FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a request");

    ok = ok && json_print(v, out, err);

    json_decref(v);
    return ok;
}

/* One question and its answer, or its error, on the terminal. The exit code. */
static int ask(struct run *r, const char *question, struct err *err)
{
    struct buf body = BUF(BODY_MAX);
    size_t before = json_array_size(r->messages);
    int code;
    bool ok;

    if (!verified(r, &code, err)) {
        return code;
    }
    r->answer.len = 0;
    r->thoughts.len = 0;
    ok = message_add(r, "user", bytes_of_str(question), err) && body_print(r, &body, err) &&
         session_ask(&r->session, buf_bytes(&body), on_line, r, err);
    buf_done(&body);
    thought_turn(r, false);
    if (ok && r->json) {
        ok = json_write(r, true, err);
    } else if (r->answer.len > 0) {
        (void)putchar('\n');
        (void)fflush(stdout);
    }
    if (ok && !r->json && json_is_true(json_object_get(r->last, "truncated"))) {
        (void)fputs("sotto: the context does not hold all of the chat: a part of it was left out\n", stderr);
    }
    if (ok && r->verbose) {
        counts_print(r->last);
    }
    if (!ok || !message_add(r, "assistant",
                            bytes_of(r->answer.p != NULL ? r->answer.p : (const uint8_t *)"", r->answer.len), err)) {
        json_array_truncate(r->messages, before); /* a question without an answer is not part of the chat */
        return report_error(err) == 2 ? 1 : report_exit_code(err->reason);
    }
    return 0;
}

static const char help[] = "  /bye    leave\n"
                           "  /clear  forget what was said\n"
                           "  /facts  every fact of the verdict\n"
                           "  /?      this text\n";

/* True: it was a command. */
static bool command(struct run *r, const char *line, struct err *err)
{
    if (line[0] != '/') {
        return false;
    }
    if (strcmp(line, "/clear") == 0) {
        json_array_truncate(r->messages, 0);
    } else if (strcmp(line, "/facts") == 0) {
        struct buf out = BUF(MIB(1));

        if (verdict_print_text(&r->session.verdict, true, report_colour(2), &out, err)) {
            (void)fwrite(out.p, 1, out.len, stderr);
        }
        buf_done(&out);
    } else {
        (void)fputs(help, stderr);
    }
    return true;
}

/* The line without its end. */
static void line_trim(char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r' || line[len - 1] == ' ')) {
        line[--len] = '\0';
    }
}

/* Until /bye or the end of the input. A refusal ends it: what is behind the address has changed. */
static int chat(struct run *r, struct err *err)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    int code = 0;
    bool terminal = isatty(0) == 1;

    if (!verified(r, &code, err)) {
        return code;
    }
    code = 0;
    for (;;) {
        if (terminal) {
            (void)fputs(">>> ", stderr);
        }
        n = getline(&line, &room, stdin);
        if (n < 0) {
            (void)fputs(terminal ? "\n" : "", stderr);
            break;
        }
        line_trim(line, (size_t)n);
        if (strcmp(line, "/bye") == 0) {
            break;
        }
        if (line[0] == '\0' || command(r, line, err)) {
            continue;
        }
        if (terminal) {
            interrupts_catch(true);
        }
        code = ask(r, line, err);
        if (terminal) {
            code = stopped ? 0 : code;
            interrupts_catch(false);
        }
        if (code == 11 || code == 12) {
            break;
        }
    }
    free(line);
    return code;
}

/* --- the command line --- */

static bool option_number(const struct args *a, const char *name, const char *option, bool fraction, json_t *out,
                          struct err *err)
{
    const char *text = args_get(a, name);
    char *end = NULL;
    double value;

    if (text == NULL) {
        return true;
    }
    value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= -9e15 && value <= 9e15) ||
        (!fraction && value != (double)(int64_t)value)) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--%s %.40s is no %s", name, text,
                    fraction ? "number" : "whole number");
    }
    return json_object_set_new(out, option, fraction ? json_real(value) : json_integer((int64_t)value)) == 0 ||
           FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "options");
}

/* --options, over which the options of their own go. The service reads them as it reads everyone's. */
static bool options_read(const struct args *a, json_t **out, struct err *err)
{
    const char *text = args_get(a, "options");
    json_t *given = NULL;

    if (text != NULL && !json_parse(bytes_of_str(text), &given, err)) {
        err->reason = REASON_USAGE;
        err_prefix(err, "--options");
        return false;
    }
    if (given != NULL && !json_is_object(given)) {
        json_decref(given);
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--options is no JSON object");
    }
    *out = given != NULL ? json_object_copy(given) : json_object();
    json_decref(given);
    return (*out != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "options")) &&
           option_number(a, "seed", "seed", false, *out, err) &&
           option_number(a, "temperature", "temperature", true, *out, err) &&
           option_number(a, "num-predict", "num_predict", false, *out, err);
}

static bool think_read(const struct args *a, json_t **out, struct err *err)
{
    static const char *const words[] = {"true", "false", "low", "medium", "high"};
    const char *text = args_get(a, "think");

    for (size_t i = 0; text != NULL && i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i < 2 ? json_boolean(i == 0) : json_string(text);
            return *out != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "options");
        }
    }
    return text == NULL ||
           FAIL(err, REASON_USAGE, ERR_NOWHERE, "--think %.40s: true, false, low, medium or high", text);
}

/* The schema goes to the service as it is in the file, which says what is wrong with it. */
static bool form_read(const struct args *a, json_t **out, struct err *err)
{
    const char *name = args_get(a, "format");
    struct buf text = BUF(MIB(1));
    bool ok = true;

    if (name != NULL && strcmp(name, "json") == 0) {
        *out = json_string(name);
        ok = *out != NULL || FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "options");
    } else if (name != NULL) {
        ok = file_read(name, &text, err) && json_parse(buf_bytes(&text), out, err);
        if (!ok) {
            err_prefix(err, "--format");
            err->reason = REASON_USAGE;
        }
    }
    buf_done(&text);
    return ok;
}

/* --policy, $SOTTO_POLICY, or the file in the user's configuration if it is there. NULL: the built-in policy, under
 * which no service is verified. */
static const char *policy_find(const struct args *a, char path[4096])
{
    const char *given = args_get(a, "policy"), *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

    if (given == NULL) {
        given = getenv("SOTTO_POLICY");
    }
    if (given != NULL && given[0] != '\0') {
        return given;
    }
    if (config != NULL && config[0] == '/') {
        (void)snprintf(path, 4096, "%s/sotto/policy.json", config);
    } else {
        (void)snprintf(path, 4096, "%s/.config/sotto/policy.json", home != NULL ? home : "");
    }
    return file_exists(path) ? path : NULL;
}

static bool run_init(const struct args *a, struct run *r, struct err *err)
{
    char path[4096];
    const char *url = args_get(a, "url"), *system = args_get(a, "system");
    struct session_setup setup = {.model = a->operands[0], .collateral = args_get(a, "collateral")};

    if (url == NULL) {
        url = getenv("SOTTO_URL");
    }
    setup.url = url != NULL && url[0] != '\0' ? url : DEFAULT_URL;
    setup.policy = policy_find(a, path);
    r->json = args_flag(a, "json");
    r->verbose = args_flag(a, "verbose");
    r->answer = BUF(MIB(16));
    r->thoughts = BUF(MIB(16));
    r->messages = json_array();
    return options_read(a, &r->options, err) && think_read(a, &r->think, err) && form_read(a, &r->form, err) &&
           session_init(&setup, &r->session, err) &&
           (system == NULL || message_add(r, "system", bytes_of_str(system), err));
}

int cmd_run(int argc, char **argv)
{
    struct err err = {.reason = REASON_INTERNAL, .offset = ERR_NOWHERE};
    struct run r = {0};
    struct args a;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    if (!run_init(&a, &r, &err)) {
        code = report_error(&err);
        code = code == 2 ? 2 : 1; /* a policy that cannot be read is no verdict */
    } else if (a.operand_count == 2) {
        code = ask(&r, a.operands[1], &err);
    } else {
        code = chat(&r, &err);
    }
    json_decref(r.messages);
    json_decref(r.options);
    json_decref(r.think);
    json_decref(r.form);
    json_decref(r.last);
    buf_done(&r.answer);
    buf_done(&r.thoughts);
    session_done(&r.session);
    return code;
}
