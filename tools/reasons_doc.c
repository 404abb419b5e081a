/* Prints docs/reasons.md from the table of base/reasons.h. */
#include "base/reasons.h"

#include <stdio.h>

int main(void)
{
    (void)printf("# Reasons\n\n"
                 "Every reason that Sotto can give for a refusal. The names are stable: programs may match on them. "
                 "They are the same in the\n"
                 "command line, in JSON, in tokens and in HTTP replies. This page is made from the table in "
                 "`src/base/reasons.h`.\n\n"
                 "| kind | what it means | exit code | HTTP |\n|---|---|---|---|\n"
                 "| USAGE | asked for something that cannot be asked for | 2 | 400 |\n"
                 "| INPUT | bytes that somebody sent do not have their form | 1 | 400 |\n"
                 "| REFUTED | checked, and not so | 11 | 403 |\n"
                 "| UNKNOWN | could not be checked; never the same as checked | 12 | 503 |\n"
                 "| ABSENT | there is no such thing | 1 | 404 |\n"
                 "| CONFLICT | it is there, but not as demanded | 1 | 409 |\n"
                 "| LIMIT | more than is allowed | 1 | 413 |\n"
                 "| BUSY | not now | 1 | 503 |\n"
                 "| SYSTEM | the operating system or a device said no | 1 | 500 |\n"
                 "| INTERNAL | a defect of Sotto's own: please report it | 1 | 500 |\n"
                 "| ADVICE | said beside a result; never ends anything | 0 | - |\n\n"
                 "| reason | kind | what happened | what to do |\n|---|---|---|---|\n");
    for (int i = 1; i < REASON_COUNT; i++) {
        enum reason r = (enum reason)i;

        (void)printf("| `%s` | %s | %s | %s |\n", reason_name(r), reason_kind_name(reason_kind(r)), reason_text(r),
                     reason_todo(r));
    }
    return 0;
}
