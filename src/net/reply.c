#include "net/conn.h"

#include "base/civil.h"
#include "codec/json.h"
#include "os/clock.h"

#include <stdio.h>
#include <stdlib.h>

struct bytes request_header(const struct request *r, const char *name)
{
    size_t count;
    const struct http_header *h = http_header_get(r->head, name, &count);

    return h != NULL && count == 1 ? h->value : bytes_of(NULL, 0);
}

bool request_header_is(const struct request *r, const char *name, const char *value)
{
    struct bytes v = request_header(r, name);

    return v.p != NULL && http_token_equal(v, value);
}

void reply_free(struct reply *p)
{
    if (p != NULL) {
        buf_done(&p->body);
        buf_done(&p->head_bytes);
        buf_done(&p->extra);
        free(p);
    }
}

void reply_header(struct reply *p, const char *name, const char *value)
{
    struct err ignored;
    size_t was = p->extra.len;

    if (!http_header_print(&p->extra, name, value, &ignored)) {
        p->extra.len = was;
    }
}

/* IMF-fixdate (RFC 9110, 5.6.7). */
static void date_print(char out[32])
{
    static const char *const days[] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int64_t now = clock_unix();
    struct civil c;

    civil_from_unix(now, &c);
    (void)snprintf(out, 32, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[(now / 86400) % 7], (unsigned)c.day % 100,
                   months[(unsigned)(c.month - 1) % 12], (unsigned)c.year % 10000, (unsigned)c.hour % 100,
                   (unsigned)c.minute % 100, (unsigned)c.second % 100);
}

/* length: of the body, or SIZE_MAX for a chunked one. */
static bool head_print(struct reply *p, int status, const char *content_type, size_t length, struct err *err)
{
    struct conn *c = p->conn;
    struct buf *out = &c->out;
    char date[32];

    date_print(date);
    c->close = c->close || c->server->draining;
    return http_status_line_print(out, status, err) && http_header_print(out, "Date", date, err) &&
           (content_type == NULL || http_header_print(out, "Content-Type", content_type, err)) &&
           buf_add(out, p->extra.p, p->extra.len, err) &&
           (status == 204 || status == 304 ||
            (length == SIZE_MAX ? buf_str(out, "Transfer-Encoding: chunked\r\n", err)
                                : buf_printf(out, err, "Content-Length: %zu\r\n", length))) &&
           (!c->close || buf_str(out, "Connection: close\r\n", err)) && buf_str(out, "\r\n", err);
}

/* The client cannot be served any more: not even an error would reach it whole. */
static void give_up(struct conn *c)
{
    c->cut = true;
    conn_dirty(c);
}

static void end(struct reply *p)
{
    p->ended = true;
    p->gone = NULL;
    if (p->conn == NULL) {
        reply_free(p);
    } else {
        conn_dirty(p->conn);
    }
}

void reply_send(struct reply *p, int status, const char *content_type, struct bytes body)
{
    struct err ignored;

    if (p->conn != NULL && !p->begun) {
        p->begun = true;
        if (!head_print(p, status, content_type, body.len, &ignored) ||
            (p->request.method != HTTP_HEAD && body.len > 0 && !buf_add(&p->conn->out, body.p, body.len, &ignored))) {
            give_up(p->conn);
        }
    }
    end(p);
}

void reply_send_str(struct reply *p, int status, const char *content_type, const char *body)
{
    reply_send(p, status, content_type, bytes_of_str(body));
}

static bool error_print(struct buf *out, const struct err *e, struct err *err)
{
    char line[400];

    (void)snprintf(line, sizeof line, "%s%s%s (%s)", reason_text(e->reason), e->detail[0] != '\0' ? ": " : "",
                   e->detail, reason_name(e->reason));
    return buf_str(out, "{\"error\":", err) && json_print_str(bytes_of_str(line), out, err) && buf_str(out, "}", err);
}

void reply_send_error(struct reply *p, const struct err *err)
{
    struct buf body = BUF(4096);
    struct err ignored;

    if (!error_print(&body, err, &ignored)) {
        buf_done(&body);
    }
    reply_send(p, http_status_of(err->reason), "application/json; charset=utf-8", buf_bytes(&body));
    buf_done(&body);
}

void reply_refuse(struct conn *c, const struct err *err)
{
    struct reply *p = c->reply != NULL ? c->reply : calloc(1, sizeof *p);
    const struct server_setup *setup = &c->server->setup;

    c->close = true;
    if (p == NULL) {
        c->cut = true;
        return;
    }
    p->conn = c;
    p->extra.max = LIMIT_HTTP_HEAD;
    c->reply = p;
    c->state = CONN_ANSWER;
    c->server->counts.malformed++;
    if (p->request.path != NULL && setup->refused != NULL) {
        setup->refused(setup->arg, &p->request, err, p);
    } else {
        reply_send_error(p, err);
    }
}

void reply_begin(struct reply *p, int status, const char *content_type)
{
    struct err ignored;

    p->chunked = true;
    if (p->conn != NULL && !p->begun && !head_print(p, status, content_type, SIZE_MAX, &ignored)) {
        give_up(p->conn);
    }
    p->begun = true;
    if (p->conn != NULL) {
        conn_dirty(p->conn);
    }
}

bool reply_write(struct reply *p, struct bytes piece)
{
    struct err ignored;

    if (p->conn == NULL || p->conn->cut) {
        return false;
    }
    if (p->request.method == HTTP_HEAD) {
        return true;
    }
    if (reply_pending(p) + piece.len > LIMIT_HTTP_PENDING || !http_chunk_print(&p->conn->out, piece, &ignored)) {
        give_up(p->conn);
        return false;
    }
    conn_dirty(p->conn);
    return true;
}

void reply_end(struct reply *p)
{
    struct err ignored;

    if (p->conn != NULL && p->request.method != HTTP_HEAD && p->chunked &&
        !http_chunks_end_print(&p->conn->out, &ignored)) {
        give_up(p->conn);
    }
    end(p);
}

void reply_abort(struct reply *p)
{
    if (p->conn != NULL) {
        give_up(p->conn);
    }
    end(p);
}

bool reply_begun(const struct reply *p)
{
    return p->begun;
}

struct loop *reply_loop(const struct reply *p)
{
    return p->conn == NULL ? NULL : p->conn->server->loop;
}

bool reply_is_gone(const struct reply *p)
{
    return p->conn == NULL || p->conn->cut;
}

size_t reply_pending(const struct reply *p)
{
    return p->conn == NULL ? 0 : p->conn->out.len - p->conn->sent;
}

void reply_on_gone(struct reply *p, void (*gone)(void *arg), void *arg)
{
    p->gone = gone;
    p->gone_arg = arg;
}
