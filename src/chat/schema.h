/* JSON Schema (draft 2020-12, the part that asks for a form) as a grammar of the JSON that it allows;
 * docs/structured.md has the list. What asks for something that is not done is SCHEMA_UNSUPPORTED and names it: an
 * answer never has less of a form than was asked for. Members come in the schema's order. */
#ifndef SOTTO_CHAT_SCHEMA_H
#define SOTTO_CHAT_SCHEMA_H

#include "chat/grammar.h"
#include "codec/json.h"

/* schema NULL: any JSON object ("JSON mode"). SCHEMA_FORM, SCHEMA_UNSUPPORTED, NO_MEMORY. */
MUST_USE bool schema_compile(const json_t *schema, struct grammar **out, struct err *err);

#endif
