/* What a model writes, parted: what it says, what it thinks, and the tools that it calls. Each family marks these in
 * its own way; which one a model has is seen in its chat template. As it comes: a piece is given out as soon as no mark
 * can begin in it any more.
 *
 *     output_init(&o, &format, tools, thinking, emit, arg);
 *     output_add(&o, text, err) ... output_mark(&o, "<|channel|>", err) ... output_end(&o, err);
 *     output_done(&o);
 *
 * One thread at a time. Memory: the text of a call, and of what may become one; at most OUTPUT_CALL_MAX. */
#ifndef SOTTO_CHAT_OUTPUT_H
#define SOTTO_CHAT_OUTPUT_H

#include "base/buf.h"
#include "base/limits.h"

#define OUTPUT_CALL_MAX MIB(4)

enum output_style {
    OUTPUT_PLAIN,  /* no tools */
    OUTPUT_TAGGED, /* Qwen, Hermes: <tool_call>{"name":...,"arguments":...}</tool_call> */
    OUTPUT_BARE,   /* Llama 3: the answer begins with {"name":...,"parameters":...}, perhaps behind <|python_tag|> */
    OUTPUT_LIST,   /* Mistral: [TOOL_CALLS][{"name":...,"arguments":...}], or [TOOL_CALLS]NAME[ARGS]{...} */
    OUTPUT_DEEPSEEK, /* <｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>NAME, and the arguments in a
                        fence */
    OUTPUT_GEMMA, /* FunctionGemma: <start_function_call>call:NAME{KEY:VALUE}<end_function_call> (chat/call_gemma.h) */
    OUTPUT_HARMONY, /* gpt-oss: <|channel|>NAME<|message|>TEXT<|end|> */
};

struct output_format {
    enum output_style style;
    bool thinks; /* <think>...</think>, or Harmony's analysis */
    bool tools;  /* the template tells the model of tools */
    bool named;  /* Mistral's later models: NAME[ARGS]{...} */
};
void output_format_find(struct bytes chat_template, struct output_format *out);

/* How one call is written: open NAME between ARGUMENTS close. Control tokens stand there by their names. */
struct output_call {
    bool marked; /* open begins with a control token, and is no call where it is spelled by others */
    const char *open, *between, *close;
};
/* NULL: its arguments are not JSON (FunctionGemma), it is not one text (gpt-oss), or there are no tools. */
const struct output_call *output_call_form(const struct output_format *format);

enum output_part {
    OUTPUT_CONTENT,
    OUTPUT_THINKING,
    OUTPUT_CALL, /* {"name":text,"arguments":object} */
};

/* False, with err: it ends there. */
typedef bool output_emit(void *arg, enum output_part part, struct bytes text, struct err *err);

struct output {
    struct output_format format;
    bool tools;         /* calls are looked for */
    int state;          /* enum state of output.c */
    bool begun;         /* something but white space was said */
    bool skip;          /* white space that comes now is the marks', not the text's */
    struct buf pending; /* not given out yet */
    struct buf call;    /* of a call, or of a header */
    char name[256];     /* Harmony: of the tool */
    output_emit *emit;
    void *arg;
};

/* tools: the request names some. thinking: the prompt ended behind <think>. */
void output_init(struct output *o, const struct output_format *format, bool tools, bool thinking, output_emit *emit,
                 void *arg);
MUST_USE bool output_add(struct output *o, struct bytes text, struct err *err);
/* A control token, by its name; those that mean nothing here are passed over. */
MUST_USE bool output_mark(struct output *o, struct bytes name, struct err *err);
/* What was held back is given out; a call that is none is content. */
MUST_USE bool output_end(struct output *o, struct err *err);
void output_done(struct output *o); /* wipes */

/* What comes next is said, not thought, nor a mark's. */
bool output_is_content(const struct output *o);
/* A control token of that name is looked for as text is. */
bool output_is_tag(const struct output *o, struct bytes name);
/* Where nothing was said yet: what would be said if no more than this text were held back, the rest of it being
 * thoughts and their marks; may_think: it may begin one itself. Empty: nothing yet. White space alone is nothing, up to
 * OUTPUT_SPACE_MAX of it. */
#define OUTPUT_SPACE_MAX 64
struct bytes output_says(const struct output *o, bool may_think, struct bytes text);

#endif
