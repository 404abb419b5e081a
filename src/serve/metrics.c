/* /metrics in Prometheus' text form. Numbers of the service alone: no label that a user could choose, no content. */
#include "serve/routes_parts.h"

struct row {
    const char *name, *type, *help;
    double value;
};

static bool rows_print(const struct row *rows, size_t count, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (!buf_printf(out, err, "# HELP sotto_%s %s\n# TYPE sotto_%s %s\nsotto_%s %.17g\n", rows[i].name,
                        rows[i].help, rows[i].name, rows[i].type, rows[i].name, rows[i].value)) {
            return false;
        }
    }
    return true;
}

void metrics_send(struct routes *rs, const struct request *r, struct reply *p)
{
    struct backend_counts b = {0};
    struct server_counts s = {0};
    struct buf out = BUF(KIB(64));
    struct err err;

    (void)r;
    backend_counts(rs->backend, &b);
    if (rs->server != NULL) {
        server_counts(rs->server, &s);
    }
    {
        const struct row rows[] = {
            {"ready", "gauge", "Whether the service is ready.", backend_is_ready(rs->backend) ? 1 : 0},
            {"num_requests_running", "gauge", "Answers that are being computed.", (double)b.computing},
            {"num_requests_waiting", "gauge", "Answers that wait for the engine.", (double)b.waiting},
            {"answers_total", "counter", "Answers that came to their end.", (double)b.answers},
            {"answers_failed_total", "counter", "Answers that ended in an error.", (double)b.answers_failed},
            {"answers_cancelled_total", "counter", "Answers whose client left.", (double)b.answers_cancelled},
            {"prompt_tokens_total", "counter", "Tokens of prompts.", (double)b.prompt_tokens},
            {"generation_tokens_total", "counter", "Tokens of answers.", (double)b.answer_tokens},
            {"compute_seconds_total", "counter", "Time spent computing.", (double)b.compute_ns / 1e9},
            {"evidence_total", "counter", "Evidence documents given.", (double)b.evidence},
            {"evidence_failed_total", "counter", "Requests for evidence that failed.", (double)b.evidence_failed},
            {"quotes_total", "counter", "Quotes fetched from the device.", (double)b.quotes},
            {"engine_starts_total", "counter", "Starts of the engine.", (double)b.engine_starts},
            {"keeper_starts_total", "counter", "Starts of the keeper.", (double)b.keeper_starts},
            {"connections_open", "gauge", "Connections that are open.", (double)s.open},
            {"connections_accepted_total", "counter", "Connections accepted.", (double)s.accepted},
            {"connections_refused_total", "counter", "Connections refused.", (double)s.refused},
            {"http_requests_total", "counter", "Requests that reached a route.", (double)s.requests},
            {"http_malformed_total", "counter", "Messages that were refused before.", (double)s.malformed},
        };

        if (rows_print(rows, sizeof rows / sizeof *rows, &out, &err)) {
            reply_send(p, 200, "text/plain; version=0.0.4; charset=utf-8", buf_bytes(&out));
        } else {
            reply_send_error(p, &err);
        }
    }
    buf_done(&out);
}
