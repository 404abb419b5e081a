#include "sim/answer.h"

#include "base/limits.h"
#include "device/qgs.h"
#include "device/td_frame.h"
#include "sim/bootlog.h"

/* The key id that TDX quoting enclaves of Intel's give. */
static const uint8_t key_id[16] = {0xe8, 0x6c, 0x04, 0x6e, 0x8c, 0xc4, 0x4d, 0x95,
                                   0x81, 0x73, 0xfc, 0x43, 0xc1, 0xfa, 0x4f, 0x3f};

static bool index_check(const struct bytes payload, size_t size, struct err *err)
{
    if (payload.len != size) {
        return FAIL(err, REASON_SIM_FORM, TD_FRAME_HEADER_SIZE, "%zu bytes, not %zu", payload.len, size);
    }
    return payload.p[0] < TD_REGISTERS ||
           FAIL(err, REASON_SIM_FORM, TD_FRAME_HEADER_SIZE, "there is no RTMR%u", payload.p[0]);
}

static bool do_report(const struct answer_world *w, struct bytes payload, struct buf *out, struct err *err)
{
    const struct platform *p = w->platform;
    uint8_t report[TDREPORT_SIZE];

    if (payload.len != 64) {
        return FAIL(err, REASON_SIM_FORM, TD_FRAME_HEADER_SIZE, "%zu bytes of report data, not 64", payload.len);
    }
    guest_report(&p->guest, &p->pki, &p->setup, payload.p, report);
    return buf_add(out, report, sizeof report, err);
}

static bool do_read(const struct answer_world *w, struct bytes payload, struct buf *out, struct err *err)
{
    return index_check(payload, 1, err) && buf_add(out, w->platform->guest.rtmr[payload.p[0]], SHA384_SIZE, err);
}

static bool do_extend(const struct answer_world *w, struct bytes payload, struct buf *out, struct err *err)
{
    struct guest next = w->platform->guest;

    if (!index_check(payload, 1 + SHA384_SIZE, err) || !guest_extend(&next, payload.p[0], payload.p + 1, err) ||
        !buf_add(out, next.rtmr[payload.p[0]], SHA384_SIZE, err) || !w->keep(w->arg, &next, err)) {
        return false;
    }
    w->platform->guest = next;
    return true;
}

static bool do_boot_log(const struct answer_world *w, struct bytes payload, struct buf *out, struct err *err)
{
    if (payload.len != 0) {
        return FAIL(err, REASON_SIM_FORM, TD_FRAME_HEADER_SIZE, "%zu bytes, not 0", payload.len);
    }
    return bootlog_print(w->platform->pki.id, out, err);
}

static const struct request {
    unsigned kind;
    bool (*answer)(const struct answer_world *w, struct bytes payload, struct buf *out, struct err *err);
} requests[] = {
    {TD_FRAME_REPORT, do_report},
    {TD_FRAME_READ, do_read},
    {TD_FRAME_EXTEND, do_extend},
    {TD_FRAME_BOOT_LOG, do_boot_log},
};

static bool td_do(const struct answer_world *w, unsigned kind, struct bytes payload, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        if (requests[i].kind == kind) {
            return requests[i].answer(w, payload, out, err);
        }
    }
    return FAIL(err, REASON_SIM_FORM, 2, "there is no request of kind %u", kind);
}

bool answer_td(const struct answer_world *w, unsigned kind, struct bytes payload, struct buf *out, struct err *why)
{
    struct buf answer = BUF(LIMIT_LOG);
    bool ok;

    if (td_do(w, kind, payload, &answer, why)) {
        ok = td_frame_print(kind | TD_FRAME_REPLY, buf_bytes(&answer), out, why);
    } else {
        struct err second;

        ok = td_frame_print(TD_FRAME_ERROR, bytes_of_str(reason_name(why->reason)), out, &second);
    }
    buf_done(&answer);
    return ok;
}

/* The service's own error code for a reason. */
static uint32_t error_code(enum reason r)
{
    return r == REASON_SIM_FORM || r == REASON_SIM_MAC || r == REASON_TD_REPORT_FORM ? QGS_ERROR_INVALID_PARAMETER
                                                                                     : QGS_ERROR_UNEXPECTED;
}

bool answer_qgs(const struct answer_world *w, struct bytes message, struct buf *out, struct err *why)
{
    const struct platform *p = w->platform;
    struct buf quote = BUF(LIMIT_QUOTE);
    struct td_body body;
    struct bytes report;
    bool ok;

    if (qgs_request_parse(message, &report, why) && guest_check(&p->pki, report, &body, why) &&
        quoting_quote(&p->pki, &p->setup, &body, w->quote_version, &quote, why)) {
        ok = qgs_response_print(QGS_SUCCESS, bytes_of(key_id, sizeof key_id), buf_bytes(&quote), out, why);
    } else {
        struct err second;

        ok = qgs_response_print(error_code(why->reason), bytes_of(NULL, 0), bytes_of(NULL, 0), out, &second);
    }
    buf_done(&quote);
    return ok;
}
