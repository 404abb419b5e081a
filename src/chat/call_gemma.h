/* The arguments of a call of FunctionGemma, {KEY:VALUE,...}, as JSON: a text stands between two <escape>, other values
 * are objects of that form, lists, numbers, true, false and null. What is none of these is a text of which the marks
 * were forgotten. Whether it is an object in the end, the reader of JSON says. */
#ifndef SOTTO_CHAT_CALL_GEMMA_H
#define SOTTO_CHAT_CALL_GEMMA_H

#include "base/buf.h"

#define CALL_GEMMA "<start_function_call>"
#define CALL_GEMMA_END "<end_function_call>"
#define CALL_GEMMA_ESCAPE "<escape>"

/* Appends. BUF_FULL: it becomes longer than out may. NO_MEMORY. */
MUST_USE bool call_gemma_json(struct bytes text, struct buf *out, struct err *err);

#endif
