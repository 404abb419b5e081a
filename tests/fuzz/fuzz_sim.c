/* Contract: whatever the guest sends, the simulated platform answers with one whole frame or message; a register moves
 * by extension alone; and a state that is read is written as the same state. The first byte chooses. */
#include "device/qgs.h"
#include "device/td_frame.h"
#include "sim/answer.h"
#include "sim/state.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct platform platform;

static bool keep(void *arg, const struct guest *g, struct err *err)
{
    (void)arg;
    (void)g;
    (void)err;
    return true;
}

static const struct answer_world world = {.platform = &platform, .quote_version = 4, .keep = keep};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void platform_ready(void)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {1};
    struct setup s;
    struct err err;

    if (platform.pki.attestation == NULL) {
        setup_default(INT64_C(1795521600), &s);
        must(platform_new(seed, &s, &platform, &err));
    }
}

static void td(unsigned kind, struct bytes payload)
{
    struct guest before = platform.guest;
    struct buf out = BUF(1 << 20);
    struct td_frame_header h = {0};
    struct err why = {0};

    must(answer_td(&world, kind, payload, &out, &why) && out.len >= TD_FRAME_HEADER_SIZE &&
         td_frame_parse(out.p, 1 << 20, &h, &why) && out.len == TD_FRAME_HEADER_SIZE + h.len);
    must(h.kind == TD_FRAME_ERROR || h.kind == (kind | TD_FRAME_REPLY));
    must(h.kind == (TD_FRAME_EXTEND | TD_FRAME_REPLY) || memcmp(&before, &platform.guest, sizeof before) == 0);
    buf_done(&out);
}

static void qgs(struct bytes message)
{
    struct buf out = BUF(1 << 20);
    struct err why = {0};
    struct bytes quote;

    must(answer_qgs(&world, message, &out, &why));
    buf_drop(&out, QGS_PREFIX_SIZE);
    /* A fuzzer does not find the platform's MAC. */
    must(!qgs_response_parse(buf_bytes(&out), &quote, &why) && why.reason == REASON_DEVICE_FAILED);
    buf_done(&out);
}

static void state(struct bytes text)
{
    struct guest g = {{0}, {{0}}, {0}}, again = g;
    struct buf out = BUF(4096);
    struct err err = {0};

    if (state_parse(text, &g, &err)) {
        must(state_print(&g, &out, &err) && state_parse(buf_bytes(&out), &again, &err) &&
             memcmp(&g, &again, sizeof g) == 0);
    }
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    platform_ready();
    if (size == 0) {
        return 0;
    }
    if (data[0] < 0x10) {
        td(data[0], bytes_of(data + 1, size - 1));
    } else if (data[0] == 'q') {
        qgs(bytes_of(data + 1, size - 1));
    } else {
        state(bytes_of(data, size));
    }
    return 0;
}
