#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/model_json.h"
#include "cli/report.h"

#include "os/clock.h"

#include <stdio.h>
#include <stdlib.h>

static const struct args_option options[] = {
    {"json", 0, NULL, "print JSON"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto list [--json]",
    .about = "Lists the models in the store.",
    .options = options,
};

static void size_print(uint64_t size, char out[32])
{
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double v = (double)size;
    size_t unit = 0;

    while (v >= 1000 && unit + 1 < sizeof units / sizeof units[0]) {
        v /= 1000;
        unit++;
    }
    (void)snprintf(out, 32, v >= 10 || unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

static void age_print(int64_t seconds, char out[48])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{31536000, "year"}, {2592000, "month"}, {604800, "week"}, {86400, "day"},
                 {3600, "hour"},     {60, "minute"},     {1, "second"}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        int64_t n = seconds / units[i].seconds;

        if (n > 0) {
            (void)snprintf(out, 48, "%lld %s%s ago", (long long)n, units[i].name, n == 1 ? "" : "s");
            return;
        }
    }
    (void)snprintf(out, 48, "just now");
}

static void table_print(const struct store_model *models, size_t count)
{
    int width = 4;

    for (size_t i = 0; i < count; i++) {
        int len = (int)strlen(models[i].name);

        width = len > width ? len : width;
    }
    printf("%-*s    %-12s    %-8s  %s\n", width, "NAME", "ID", "SIZE", "MODIFIED");
    for (size_t i = 0; i < count; i++) {
        char id[MODEL_ID_SIZE], size[32], age[48];

        model_id_print(&models[i], id);
        size_print(models[i].size, size);
        age_print(clock_unix() - models[i].modified, age);
        printf("%-*s    %-12s    %-8s  %s\n", width, models[i].name, id, size, age);
    }
}

static bool json_list(const struct store_model *models, size_t count, struct err *err)
{
    struct buf out = BUF(MIB(64));
    bool ok = buf_str(&out, "{\"models\":[", err);

    for (size_t i = 0; ok && i < count; i++) {
        ok = buf_str(&out, i != 0 ? "," : "", err) && model_json_open(&models[i], &out, err) && buf_str(&out, "}", err);
    }
    ok = ok && buf_str(&out, "]}\n", err);
    if (ok) {
        (void)fwrite(out.p, 1, out.len, stdout);
    }
    buf_done(&out);
    return ok;
}

int cmd_list(int argc, char **argv)
{
    struct store_model *models = NULL;
    struct err err, damaged;
    struct store store;
    struct args a;
    size_t count;
    bool ok = true;
    int code;

    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    if (!store_open(NULL, &store, &err) || !store_list(&store, &models, &count, &damaged, &err)) {
        return report_error(&err);
    }
    if (args_flag(&a, "json")) {
        ok = json_list(models, count, &err);
    } else {
        table_print(models, count);
    }
    free(models);
    if (!ok) {
        return report_error(&err);
    }
    return damaged.reason == REASON_OK ? 0 : report_error(&damaged);
}
