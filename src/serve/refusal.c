#include "serve/refusal.h"

#include "codec/json.h"

#include <stdarg.h>
#include <stdio.h>

bool refusal_set(struct refusal *r, int status, const char *fmt, ...)
{
    va_list ap;

    r->status = status;
    r->reason = REASON_OK;
    va_start(ap, fmt);
    (void)vsnprintf(r->text, sizeof r->text, fmt, ap);
    va_end(ap);
    return false;
}

bool refusal_of(struct refusal *r, const struct err *err)
{
    r->status = http_status_of(err->reason);
    r->reason = err->reason;
    if (err->reason == REASON_QUEUE_FULL) { /* Ollama's words, by which clients know it */
        return refusal_set(r, 503, "server busy, please try again.  maximum pending requests exceeded");
    }
    (void)snprintf(r->text, sizeof r->text, "%s%s%s (%s)", reason_text(err->reason), err->detail[0] != '\0' ? ": " : "",
                   err->detail, reason_name(err->reason));
    return false;
}

static const char *openai_type(int status)
{
    return status == 404 ? "not_found_error" : status >= 500 ? "api_error" : "invalid_request_error";
}

bool refusal_print(const struct refusal *r, enum dialect d, struct buf *out, struct err *err)
{
    if (d == DIALECT_OLLAMA) {
        return buf_str(out, "{\"error\":", err) && json_print_str(bytes_of_str(r->text), out, err) &&
               buf_str(out, "}", err);
    }
    return buf_str(out, "{\"error\":{\"message\":", err) && json_print_str(bytes_of_str(r->text), out, err) &&
           buf_printf(out, err, ",\"type\":\"%s\",\"param\":null,\"code\":", openai_type(r->status)) &&
           (r->reason == REASON_OK ? buf_str(out, "null", err)
                                   : buf_printf(out, err, "\"%s\"", reason_name(r->reason))) &&
           buf_str(out, "}}", err);
}

void refusal_send(const struct refusal *r, enum dialect d, struct reply *p)
{
    struct buf body = BUF(KIB(8));
    struct err ignored;

    if (!refusal_print(r, d, &body, &ignored)) {
        buf_done(&body);
    }
    reply_send(p, r->status, "application/json; charset=utf-8", buf_bytes(&body));
    buf_done(&body);
}
