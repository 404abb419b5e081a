/* Contract: what replays prints, prints the registers that it replays to, and reads the same with its end cut off; an
 * error's offset lies within the input. */
#include "tdx/anylog.h"

#include "base/hex.h"
#include "codec/json.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t events_end(const uint8_t *data, size_t size)
{
    struct eventlog_event e;
    struct eventlog log;
    struct err err = {0};
    bool more = true;

    if (!eventlog_open(bytes_of(data, size), &log, &err)) {
        abort();
    }
    while (more) {
        if (!eventlog_next(&log, &e, &more, &err)) {
            abort();
        }
    }
    return log.rest.offset;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE], again[EVENTLOG_REGISTERS][SHA384_SIZE];
    struct buf json = BUF(64 << 20);
    char hex[2 * SHA384_SIZE + 1];
    struct err err = {0};
    size_t count, count_again;
    json_t *v;

    if (!eventlog_replay(bytes_of(data, size), registers, &count, &err)) {
        if (err.reason == REASON_OK || (err.offset != ERR_NOWHERE && err.offset > size)) {
            abort();
        }
        return 0;
    }
    if (!eventlog_replay(bytes_of(data, events_end(data, size)), again, &count_again, &err) || count != count_again ||
        memcmp(registers, again, sizeof again) != 0) {
        abort();
    }
    if (!anylog_print_json(bytes_of(data, size), &json, &err) || !json_parse(buf_bytes(&json), &v, &err)) {
        abort();
    }
    hex_encode(bytes_of(registers[3], SHA384_SIZE), hex);
    if (json_array_size(json_object_get(v, "events")) != count ||
        strcmp(json_string_value(json_object_get(json_object_get(v, "registers"), "rtmr_3")), hex) != 0) {
        abort();
    }
    json_decref(v);
    buf_done(&json);
    return 0;
}
