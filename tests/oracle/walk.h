/* A tree of JSON as text in which what differs is spelled differently: by the functions that jansson and codec/json.h
 * both have, so that each can print what it read. Included behind the header of one of them. */
#ifndef SOTTO_TESTS_WALK_H
#define SOTTO_TESTS_WALK_H

#include <stdio.h>
#include <string.h>

static void walk_string(FILE *out, const char *s, size_t len)
{
    (void)fprintf(out, "%zu:", len);
    (void)fwrite(s, 1, len, out);
}

static void walk(FILE *out, const json_t *v)
{
    const char *name;
    json_t *member;
    size_t i;
    double d;

    if (json_is_object(v)) {
        (void)fprintf(out, "%zu{", json_object_size(v));
        json_object_foreach((json_t *)(size_t)v, name, member)
        {
            walk_string(out, name, strlen(name));
            walk(out, json_object_get(v, name) == member ? member : NULL); /* also found by its name */
        }
    } else if (json_is_array(v)) {
        (void)fprintf(out, "%zu[", json_array_size(v));
        json_array_foreach(v, i, member)
        {
            walk(out, member);
        }
    } else if (json_is_string(v)) {
        walk_string(out, json_string_value(v), json_string_length(v));
    } else if (json_is_integer(v)) {
        (void)fprintf(out, "%lld,", (long long)json_integer_value(v));
    } else if (json_is_real(v)) {
        d = json_number_value(v);
        (void)fprintf(out, "%a,", d);
    } else {
        (void)fputs(json_is_true(v) ? "true" : json_is_false(v) ? "false" : json_is_null(v) ? "null" : "nothing", out);
    }
}

#endif
