#include "cli/logs_text.h"

#include "base/limits.h"
#include "codec/json.h"
#include "tdx/eventlog.h"

#include <stdio.h>

#define COLUMNS 80
#define PRINTED_MAX (16 * LIMIT_LOG)

static const char *member(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));

    return s != NULL ? s : "";
}

static const char *coverage(const json_t *event)
{
    const json_t *covered = json_object_get(event, "covered");

    return json_is_object(json_object_get(event, "covers")) ? "part"
           : json_is_true(covered)                          ? "covered"
           : json_is_null(covered)                          ? "unknown"
                                                            : "NOT";
}

/* "   3  rtmr_0  covered  EV_EFI_VARIABLE_DRIVER_CONFIG  variable PK" */
static bool event_print(const json_t *event, struct buf *out, struct err *err)
{
    const char *event_name = member(event, "event");
    char line[COLUMNS + 1];

    (void)snprintf(line, sizeof line, "%6lld  %-6s  %-7s  %s  %s%s%s",
                   (long long)json_integer_value(json_object_get(event, "number")), member(event, "register"),
                   coverage(event), member(event, "name"), event_name, event_name[0] != '\0' ? " " : "",
                   member(event, "text"));
    for (char *p = line; *p != '\0'; p++) {
        *p = (unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f ? '?' : *p;
    }
    return buf_printf(out, err, "%s\n", line);
}

static bool log_print(struct bytes log, size_t number, struct buf *out, struct err *err)
{
    struct buf text = BUF(PRINTED_MAX);
    struct err why = {0};
    json_t *o = NULL;
    const json_t *events;
    bool ok;

    if (!eventlog_print_json(log, &text, &why)) {
        ok = buf_printf(out, err, "\n  log %zu cannot be read: %.200s (%s)\n", number, why.detail,
                        reason_name(why.reason));
    } else if (!json_parse(buf_bytes(&text), &o, &why)) {
        ok = buf_printf(out, err, "\n  log %zu is too long to be shown here; sotto inspect log shows it\n", number);
    } else {
        events = json_object_get(o, "events");
        ok = buf_printf(out, err, "\n  log %zu: %s, %zu events, and whether their digests cover what is shown\n",
                        number, member(o, "format"), json_array_size(events));
        for (size_t i = 0; ok && i < json_array_size(events); i++) {
            ok = event_print(json_array_get(events, i), out, err);
        }
    }
    json_decref(o);
    buf_done(&text);
    return ok;
}

bool logs_text_print(const struct bytes *logs, size_t count, struct buf *out, struct err *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++) {
        ok = log_print(logs[i], i + 1, out, err);
    }
    return ok;
}

bool logs_text_json(const struct bytes *logs, size_t count, struct buf *out, struct err *err)
{
    bool ok = buf_u8(out, '[', err);

    for (size_t i = 0; ok && i < count; i++) {
        struct err why = {0};

        ok = (i == 0 || buf_u8(out, ',', err)) &&
             (eventlog_print_json(logs[i], out, &why) ||
              (buf_printf(out, err, "{\"error\":{\"reason\":\"%s\",\"text\":", reason_name(why.reason)) &&
               json_print_str(bytes_of_str(why.detail), out, err) && buf_str(out, "}}", err)));
    }
    return ok && buf_u8(out, ']', err);
}
