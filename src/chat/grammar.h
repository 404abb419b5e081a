/* A language of bytes, and which byte may come next: what holds an answer to a form (chat/schema.h).
 *
 * A rule is a list of alternatives, an alternative a list of elements, an element a set of bytes or a rule. Rules may
 * be used by themselves, but not as the first element of their own alternatives.
 *
 *     grammar_new(&g, err); r = grammar_rule(g); grammar_text(g, "true"); grammar_or(g); ...; grammar_end(g);
 *     grammar_close(g, r, err);
 *     grammar_start(g, &s, err); while (...) grammar_advance(s, text);
 *
 * While it is made: one thread. A closed one does not change. Errors while it is made are kept and given by
 * grammar_close(). */
#ifndef SOTTO_CHAT_GRAMMAR_H
#define SOTTO_CHAT_GRAMMAR_H

#include "base/bytes.h"
#include "base/err.h"

struct grammar;

#define GRAMMAR_ELEMENTS_MAX 400000
#define GRAMMAR_SETS_MAX 1024   /* of bytes, that differ */
#define GRAMMAR_STACKS_MAX 1024 /* ways that a text can be read at once */
#define GRAMMAR_FRAMES_MAX 16384
#define GRAMMAR_POINTS_MAX 512

MUST_USE bool grammar_new(struct grammar **out, struct err *err);
void grammar_free(struct grammar *g); /* NULL is accepted */

/* A rule that is said later, by grammar_begin() .. grammar_end(); rules are said one at a time. */
uint32_t grammar_rule(struct grammar *g);
void grammar_begin(struct grammar *g, uint32_t rule);
void grammar_or(struct grammar *g); /* the next alternative */
void grammar_end(struct grammar *g);
void grammar_text(struct grammar *g, struct bytes text);
void grammar_range(struct grammar *g, uint8_t from, uint8_t to); /* one byte */
void grammar_set(struct grammar *g, const uint8_t set[32]);      /* one byte: bit n of byte n / 8 */
void grammar_use(struct grammar *g, uint32_t rule);

/* Nothing is added any more: it is too large, or memory is. */
bool grammar_failed(const struct grammar *g);
/* SCHEMA_UNSUPPORTED: it is too large. NO_MEMORY. */
MUST_USE bool grammar_close(struct grammar *g, uint32_t root, struct err *err);

/* All the ways in which a text can be read so far: about 750 KB. One thread at a time. SCHEMA_UNSUPPORTED: more ways
 * than are followed; SCHEMA_FORM: a rule that no text can be of, since it begins with itself in every way. */
struct grammar_state;
MUST_USE bool grammar_start(const struct grammar *g, struct grammar_state **out, struct err *err);
void grammar_state_free(struct grammar_state *s); /* NULL is accepted */

/* Whether the text may come next. False too where there are more ways to read it than are followed, or more than
 * GRAMMAR_POINTS_MAX bytes of it lead to places that all differ: what it costs is bounded, whatever the grammar. What
 * was asked before makes it faster, and no difference. */
bool grammar_accepts(struct grammar_state *s, struct bytes text);
/* Takes the text; false: it cannot come, and nothing has changed. */
MUST_USE bool grammar_advance(struct grammar_state *s, struct bytes text);
/* The text so far is one of the language, and: no byte can follow. */
bool grammar_is_whole(const struct grammar_state *s);
bool grammar_is_over(const struct grammar_state *s);

#endif
