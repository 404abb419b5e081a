/* JSON Schema (draft 2020-12, the part that asks for a form) as a grammar of the JSON that it allows;
 * docs/structured.md has the list. What asks for something that is not done is SCHEMA_UNSUPPORTED and names it: an
 * answer never has less of a form than was asked for. Members come in the schema's order. */
#ifndef SOTTO_CHAT_SCHEMA_H
#define SOTTO_CHAT_SCHEMA_H

#include "chat/grammar.h"
#include "chat/output.h"
#include "codec/json.h"

/* schema NULL: any JSON object ("JSON mode"). SCHEMA_FORM, SCHEMA_UNSUPPORTED, NO_MEMORY. */
MUST_USE bool schema_compile(const json_t *schema, struct grammar **out, struct err *err);

/* One call of a tool, written as form says: of the one of that name, or of any where the name is "". Its arguments are
 * held to the tool's "parameters". SCHEMA_FORM: no such tool, or a name of other than letters, digits and "_.:-". */
MUST_USE bool schema_compile_call(const json_t *tools, const char *name, const struct output_call *form,
                                  struct grammar **out, struct err *err);

#endif
