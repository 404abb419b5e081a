/* sotto serve: the service. */
#include "cli/args.h"
#include "cli/cmd.h"
#include "cli/report.h"
#include "cli/service_config.h"

#include "base/hex.h"
#include "base/limits.h"
#include "crypto/hash.h"
#include "os/log.h"
#include "serve/reference.h"
#include "serve/role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct args_option options[] = {
    {"config", 'c', "FILE", "the configuration: lines `key = value`; flags and the environment win over it"},
    {"tee", 0, "tdx|none", "whether there is a TEE to give evidence of"},
    {"device", 0, "NAME", "quote device: auto, configfs-tsm, or sim:DIR"},
    {"model", 'm', "NAME", "the model of the store to serve"},
    {"context", 0, "N", "tokens of context"},
    {"kv", 0, "f16|bf16|f32|q8_0", "form of the KV cache"},
    {"threads", 't', "N", "threads that compute"},
    {"listen", 0, "HOST:PORT", "plain HTTP, loopback only; none: no such listener"},
    {"tls-listen", 0, "HOST:PORT", "TLS 1.3; none: no such listener"},
    {"origins", 0, "LIST", "origins, besides localhost, whose pages may call the API"},
    {"attestation", 0, "URL", "attestation service that the page asks"},
    {"state", 0, "DIR", "folder of the event log"},
    {"store", 0, "DIR", "folder of the models"},
    {"policy", 'p', "FILE", "policy by which the service judges itself before it listens"},
    {"collateral", 0, "DIR", "collateral that is handed out with the evidence"},
    {"print-reference", 0, NULL, "print what a policy's `service` must list for this installation, and end"},
    {"print-config-digest", 0, NULL, "print SHA-384 of the measured configuration, and end"},
    {0},
};

static const struct args_form form = {
    .usage = "sotto serve [--config FILE] [options]",
    .about =
        "Measures itself, verifies its own evidence, and only then serves a model: Ollama's and OpenAI's APIs and\n"
        "the chat page. SIGTERM lets answers finish.",
    .options = options,
    .operands_min = 0,
    .operands_max = 0,
};

static const struct {
    const char *name;
    int (*main)(void);
} roles[] = {
    {"--role=keeper", keeper_main},
    {"--role=engine", engine_main},
    {"--role=gateway", gateway_main},
};

static bool digest_print(const struct config *c, struct buf *out, struct err *err)
{
    struct buf event = BUF(LIMIT_LOG_EVENT);
    uint8_t digest[SHA384_SIZE];
    bool ok = config_event(c, &event, err);

    if (ok) {
        hash_bytes(HASH_SHA384, buf_bytes(&event), digest);
        ok = hex_add(out, bytes_of(digest, sizeof digest), err);
    }
    buf_done(&event);
    return ok;
}

static bool print(const struct args *a, const struct config *c, struct err *err)
{
    struct buf out = BUF(MIB(1));
    bool ok = args_flag(a, "print-reference") ? reference_print(c, &out, err) : digest_print(c, &out, err);

    if (ok) {
        (void)printf("%.*s\n", (int)out.len, (const char *)out.p);
    }
    buf_done(&out);
    return ok;
}

int cmd_serve(int argc, char **argv)
{
    static struct config c;
    struct args a;
    struct err err;
    char **whole = NULL; /* as this program was started, to be started so again */
    static char name[] = "sotto";
    bool ok;
    int code;

    for (size_t i = 0; argc == 2 && i < sizeof roles / sizeof *roles; i++) {
        if (strcmp(argv[1], roles[i].name) == 0) {
            return roles[i].main();
        }
    }
    whole = calloc((size_t)argc + 2, sizeof *whole);
    if (whole == NULL) {
        return 1;
    }
    whole[0] = name;
    memcpy(whole + 1, argv, (size_t)argc * sizeof *argv);
    if (!args_parse(argc, argv, &form, &a, &code)) {
        free(whole);
        return code;
    }
    log_init("parent", LOG_LEVEL_INFO);
    ok = service_config_read(&a, &c, &err);
    if (ok && (args_flag(&a, "print-reference") || args_flag(&a, "print-config-digest"))) {
        ok = print(&a, &c, &err);
    } else if (ok) {
        ok = parent_run(&(struct parent_setup){.config = &c, .argv = whole}, &err);
    }
    free(whole);
    return ok ? 0 : report_error(&err);
}
