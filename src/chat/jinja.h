/* Chat templates as model files carry them: the subset of Jinja (https://jinja.palletsprojects.com, 3.1) that they use,
 * with trim_blocks and lstrip_blocks as their other users set them (docs/templates.md has the list). What is not in the
 * subset is TEMPLATE_UNSUPPORTED, with its name and line, when the template is parsed and not when a chat arrives.
 *
 * Templates and chats are both hostile: nesting, steps, memory and output are bounded. Pure; a parsed template may be
 * used by several threads. */
#ifndef SOTTO_CHAT_JINJA_H
#define SOTTO_CHAT_JINJA_H

#include "codec/json.h"
#include "model/template.h"

#define JINJA_STEPS_MAX 20000000  /* of one rendering; a step is a node, or 64 bytes of text that are worked on */
#define JINJA_MEMORY_MAX MIB(256) /* of one rendering */
#define JINJA_OUTPUT_MAX MIB(64)  /* bytes */
#define JINJA_TEMPLATE_MAX MIB(1) /* bytes */
#define JINJA_DEPTH_MAX 200       /* of expressions, statements and macro calls */

struct jinja;

/* TEMPLATE_UNSUPPORTED, ARENA_FULL. The text may go afterwards. */
MUST_USE bool jinja_parse(struct bytes text, struct jinja **out, struct err *err);
void jinja_free(struct jinja *t); /* NULL is accepted */

struct jinja_input {         /* borrowed */
    const json_t *variables; /* an object: messages, tools, enable_thinking, ...; every text in it is a user's */
    bool add_generation_prompt;
    struct bytes bos, eos; /* texts of the tokens: bos_token, eos_token */
    int64_t now;           /* seconds since 1970, for strftime_now() */
};

/* The bytes, in segments that say which came from the variables, character by character. CHAT_FORM: the template
 * refuses the chat (of what it says, the parts that are its own), or cannot go on with it. ARENA_FULL, BUF_FULL: too
 * large. */
MUST_USE bool jinja_render(const struct jinja *t, const struct jinja_input *in, struct template_rendered *out,
                           struct err *err);

#endif
