#include "base/reasons.h"

#include <string.h>

static const struct {
    const char *name;
    enum reason_kind kind;
    const char *text, *todo;
} table[] = {
#define R(name, kind, text, todo) {#name, REASON_KIND_##kind, text, todo},
    REASONS(R)
#undef R
};

static const char *const kind_names[] = {
#define K(name) #name,
    REASON_KINDS(K)
#undef K
};

const char *reason_name(enum reason r)
{
    return table[r].name;
}

enum reason_kind reason_kind(enum reason r)
{
    return table[r].kind;
}

const char *reason_text(enum reason r)
{
    return table[r].text;
}

const char *reason_todo(enum reason r)
{
    return table[r].todo;
}

const char *reason_kind_name(enum reason_kind k)
{
    return kind_names[k];
}

bool reason_find(const char *name, enum reason *out)
{
    for (size_t i = 0; i < REASON_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0) {
            *out = (enum reason)i;
            return true;
        }
    }
    return false;
}
