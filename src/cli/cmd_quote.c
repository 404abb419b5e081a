#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/report.h"

#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "device/device.h"
#include "os/file.h"
#include "os/random.h"

#include <stdio.h>

static const struct args_option options[] = {
    {"device", 'd', "NAME", "auto (the default), configfs-tsm, configfs-tsm:DIR or sim:DIR"},
    {"report-data", 0, "HEX", "the 64 bytes that the quote is over, as 128 hexadecimal digits"},
    {"nonce", 0, NULL, "64 fresh random bytes instead (the default)"},
    {"output", 'o', "FILE", "write the quote's bytes to FILE; without it, hexadecimal digits to standard output"},
    {"json", 0, NULL, "print device, report data and quote as JSON"},
    {NULL, 0, NULL, NULL},
};

static const struct args_form form = {
    .usage = "sotto quote [options]",
    .about =
        "Asks this machine's quote device for one quote. Refused (DEVICE_HELD) while a service owns the device: what\n"
        "a service's quotes are over, nobody chooses.",
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
};

static bool report_data_get(const struct args *a, uint8_t out[64], struct err *err)
{
    const char *digits = args_get(a, "report-data");

    if (digits == NULL) {
        return random_bytes(out, 64, err);
    }
    if (args_flag(a, "nonce")) {
        return FAIL(err, REASON_USAGE, ERR_NOWHERE, "--report-data and --nonce exclude each other");
    }
    if (!hex_decode(bytes_of_str(digits), out, 64, err)) {
        err_prefix(err, "--report-data");
        err->reason = REASON_USAGE;
        return false;
    }
    return true;
}

static bool json_add(const struct device *d, const uint8_t report_data[64], struct bytes quote, struct buf *out,
                     struct err *err)
{
    return buf_printf(out, err, "{\"device\":\"%s\",\"report_data\":\"", device_name(d)) &&
           hex_add(out, bytes_of(report_data, 64), err) && buf_str(out, "\",\"quote\":\"", err) &&
           base64_add(out, BASE64_STANDARD, quote, err) && buf_str(out, "\"}\n", err);
}

static bool quote_deliver(const struct args *a, const struct device *d, const uint8_t report_data[64],
                          struct bytes quote, struct err *err)
{
    const char *path = args_get(a, "output");
    struct buf out = BUF(4 * LIMIT_QUOTE);
    bool ok = path == NULL || file_put(path, 0644, quote, err);

    if (args_flag(a, "json")) {
        ok = ok && json_add(d, report_data, quote, &out, err);
    } else if (path == NULL) {
        ok = ok && hex_add(&out, quote, err) && buf_str(&out, "\n", err);
    }
    if (ok && out.len > 0) {
        (void)fwrite(out.p, 1, out.len, stdout);
        ok = fflush(stdout) == 0 || FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "standard output");
    }
    buf_done(&out);
    return ok;
}

int cmd_quote(int argc, char **argv)
{
    struct err err = {.reason = REASON_INTERNAL, .offset = ERR_NOWHERE};
    struct buf quote = BUF(LIMIT_QUOTE);
    struct device *d = NULL;
    uint8_t report_data[64];
    const char *name;
    struct args a;
    bool ok;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    name = args_get(&a, "device");
    ok = report_data_get(&a, report_data, &err) && device_open(name != NULL ? name : "auto", &d, &err) &&
         device_quote(d, report_data, &quote, &err) && quote_deliver(&a, d, report_data, buf_bytes(&quote), &err);
    device_close(d);
    buf_done(&quote);
    if (ok) {
        return 0;
    }
    /* Exit codes 11 and 12 are of verdicts, and none was made here. */
    return report_error(&err) == 2 ? 2 : 1;
}
