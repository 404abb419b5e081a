#include "sim/pcs.h"

#include "collateral/pccs.h"
#include "os/clock.h"

/* Nothing that is sent is older than a day. */
static bool refresh(struct pcs *s, struct err *err)
{
    int64_t now = clock_unix();
    struct collateral fresh;
    struct setup setup;

    if (s->issued != 0 && now >= s->issued && now - s->issued < SETUP_DAY) {
        return true;
    }
    setup_default(now, &setup);
    if (!collateral_new(&s->platform->pki, &setup, &fresh, err)) {
        return false;
    }
    collateral_done(&s->collateral);
    s->collateral = fresh;
    s->issued = now;
    return true;
}

void pcs_handle(void *arg, const struct request *r, struct reply *p)
{
    struct pcs *s = arg;
    struct pccs source = {.files = s->collateral.list, .count = COLLATERAL_FILES, .as_pcs = true, .one_ca = true};
    struct pccs_reply answer;
    struct err err = {0};

    if (r->method != HTTP_GET && r->method != HTTP_HEAD) {
        err_set(&err, REASON_ROUTE_METHOD, ERR_NOWHERE, "%s", http_method_name(r->method));
        reply_send_error(p, &err);
        return;
    }
    if (!refresh(s, &err)) {
        reply_send_error(p, &err);
        return;
    }
    pccs_answer(&source, r->path, r->query, &answer);
    if (answer.header != NULL) {
        reply_header(p, answer.header, (const char *)answer.chain.p);
    }
    reply_send(p, answer.status, answer.type, buf_bytes(&answer.body));
    pccs_reply_done(&answer);
}

void pcs_done(struct pcs *p)
{
    collateral_done(&p->collateral);
}
