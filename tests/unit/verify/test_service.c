/* verify/ over a signed world: what the evidence document says of the service, and what the policy demands of it. */
#include "base/base64.h"
#include "row.h"

static void other_program(struct world *w)
{
    world_event(
        w, WORLD_EVENT_PROGRAM,
        "{\"files\":[{\"backing\":\"memfd\",\"name\":\"sotto\",\"sha384\":\"%096u\"}],\"kind\":\"program\",\"v\":1}",
        5);
}

static void second_program(struct world *w)
{
    world_event(
        w, WORLD_EVENT_PROGRAM,
        "{\"files\":[{\"backing\":\"memfd\",\"name\":\"sotto\",\"sha384\":\"%s\"},{\"backing\":\"memfd\",\"name\":"
        "\"libx.so\",\"sha384\":\"%096u\"}],\"kind\":\"program\",\"v\":1}",
        world_hex(w->program, 48), 5);
}

static void disk_program(struct world *w)
{
    world_event(
        w, WORLD_EVENT_PROGRAM,
        "{\"files\":[{\"backing\":\"disk\",\"name\":\"sotto\",\"sha384\":\"%s\"}],\"kind\":\"program\",\"v\":1}",
        world_hex(w->program, 48));
}

static void no_program(struct world *w)
{
    world_event(w, WORLD_EVENT_PROGRAM, "{\"files\":[],\"kind\":\"program\",\"v\":1}");
}

static void other_config(struct world *w)
{
    world_event(w, WORLD_EVENT_CONFIG, "{\"kind\":\"config\",\"settings\":{\"context\":8192},\"v\":1}");
}

static void other_web(struct world *w)
{
    world_event(w, WORLD_EVENT_WEB, "{\"kind\":\"web\",\"sha384\":\"%096u\",\"v\":1}", 5);
}

static void keyset_web(struct world *w)
{
    w->keyset.web_sha384[0] ^= 1;
}

/* Another model, while the policy names the first one. */
static void other_model(struct world *w)
{
    uint8_t manifest[48];

    memcpy(manifest, w->manifest_sha384, sizeof manifest);
    world_model_event(w, WORLD_EVENT_MODEL, 0x32);
    memcpy(w->manifest_sha384, manifest, sizeof manifest);
}

static void model_by_file(struct world *w)
{
    memcpy(w->manifest_sha384, w->model_id, sizeof w->manifest_sha384);
}

static void other_model_later(struct world *w)
{
    uint8_t manifest[48];

    memcpy(manifest, w->manifest_sha384, sizeof manifest);
    world_model_event(w, WORLD_EVENT_READY + 1, 0x32);
    memcpy(w->manifest_sha384, manifest, sizeof manifest);
}

static void unloaded(struct world *w)
{
    world_event(w, WORLD_EVENT_READY + 1, "{\"kind\":\"unload\",\"model_id\":\"%s\",\"v\":1}",
                world_hex(w->model_id, 48));
}

static void unloaded_twice(struct world *w)
{
    unloaded(w);
    world_event(w, WORLD_EVENT_READY + 2, "%s", w->events[WORLD_EVENT_READY + 1]);
}

static void key_epoch(struct world *w)
{
    world_event(w, WORLD_EVENT_READY + 1, "{\"keyset_sha384\":\"%096u\",\"kind\":\"key-epoch\",\"v\":1}", 1);
}

static void second_start(struct world *w)
{
    for (size_t i = 0; i <= WORLD_EVENT_READY; i++) {
        world_event(w, WORLD_EVENT_READY + 1 + i, "%s", w->events[i]);
    }
    world_start_event(w, WORLD_EVENT_READY + 1, 2);
}

static void second_start_same_number(struct world *w)
{
    second_start(w);
    world_start_event(w, WORLD_EVENT_READY + 1, 1);
}

static void first_start_other_program(struct world *w)
{
    second_start(w);
    other_program(w);
}

/* The first start broke off behind its configuration. */
static void broken_start(struct world *w)
{
    second_start(w);
    for (size_t i = WORLD_EVENT_READY + 1; i < w->event_count; i++) {
        (void)memmove(w->events[i - 4], w->events[i], sizeof w->events[i]);
    }
    w->event_count -= 4;
}

static void unready(struct world *w)
{
    w->event_count--;
}

static void no_events(struct world *w)
{
    w->event_count = 0;
}

static void order(struct world *w)
{
    char one[2048];

    memcpy(one, w->events[WORLD_EVENT_CONFIG], sizeof one);
    memcpy(w->events[WORLD_EVENT_CONFIG], w->events[WORLD_EVENT_WEB], sizeof one);
    memcpy(w->events[WORLD_EVENT_WEB], one, sizeof one);
}

static void start_missing(struct world *w)
{
    memcpy(w->events[0], w->events[WORLD_EVENT_PROGRAM], sizeof w->events[0]);
}

static void ready_twice(struct world *w)
{
    world_event(w, WORLD_EVENT_READY + 1, "%s", w->events[WORLD_EVENT_READY]);
}

static void kind_unknown(struct world *w)
{
    world_event(w, WORLD_EVENT_READY + 1, "{\"kind\":\"party\",\"v\":1}");
}

static void foreign(struct world *w)
{
    world_event(w, WORLD_EVENT_READY + 1, "cryptpilot load_config {}");
}

static void unextended(struct world *w)
{
    key_epoch(w);
    w->unextended = 1;
}

/* The register was extended with one more event than the log shows. */
static void log_cut(struct world *w)
{
    w->log.len -= 4 + 4 + 4 + 2 + 48 + 4 + 8 + strlen(w->events[w->event_count - 1]);
}

static void log_padded(struct world *w)
{
    struct err err = {0};

    world_must(buf_zero(&w->log, 16, &err), &err);
}

/* The first record, which no register covers. */
static void log_header(struct world *w)
{
    w->log.p[8] ^= 1;
}

/* ... says that each event has a SHA-256 digest too. */
static void log_two_algorithms(struct world *w)
{
    static const uint8_t sha256[] = {0x0b, 0, 32, 0};
    struct buf log = BUF(LIMIT_LOG);
    struct err err = {0};

    world_must(buf_add(&log, w->log.p, 64, &err) && buf_add(&log, sha256, sizeof sha256, &err) &&
                   buf_add(&log, w->log.p + 64, w->log.len - 64, &err),
               &err);
    log.p[28] += sizeof sha256;
    log.p[56] = 2;
    buf_done(&w->log);
    w->log = log;
}

static void log_bit(struct world *w)
{
    w->log.p[w->log.len - 3] ^= 1;
}

/* Where the last event of the log begins. */
static size_t last_event(const struct world *w)
{
    return w->log.len - (4 + 4 + 4 + 2 + 48 + 4 + 8 + strlen(w->events[w->event_count - 1]));
}

/* It is one of RTMR2, which RTMR3 does not cover. */
static void log_other_register(struct world *w)
{
    w->log.p[last_event(w)] = 3;
}

/* EV_EFI_ACTION, whose digest is over its data too. */
static void log_other_type(struct world *w)
{
    static const uint8_t action[4] = {7, 0, 0, 0x80};

    memcpy(w->log.p + last_event(w) + 4, action, sizeof action);
}

/* A settings' digit in the log, of which the digest in the register knows nothing. */
static void log_digit(struct world *w)
{
    uint8_t *at = memmem(w->log.p, w->log.len, "4096", 4);

    assert_non_null(at);
    at[3] = '7';
}

static void bound_by_data(struct world *w)
{
    w->bind_log = true;
}

/* ... while RTMR3 holds something. */
static void bound_twice(struct world *w)
{
    uint8_t digest[48] = {1}, report_data[64];
    struct err err = {0};

    world_must(guest_extend(&w->platform.guest, 3, digest, &err), &err);
    report_data_form(&w->parts, report_data);
    w->quote.len = 0;
    world_must(platform_quote(&w->platform, w->version, report_data, &w->quote, &err), &err);
}

static void other_firmware(struct world *w)
{
    w->platform.guest.mrtd[0] ^= 1;
}

static void other_kernel(struct world *w)
{
    w->platform.guest.rtmr[1][0] ^= 1;
}

static void other_drawn_nonce(struct world *w)
{
    static const uint8_t drawn[32] = {1};

    w->input.nonce = drawn;
}

static void other_shown_nonce(struct world *w)
{
    w->nonce[0] ^= 1;
}

static void no_drawn_nonce(struct world *w)
{
    w->input.nonce = NULL;
}

static void other_keyset(struct world *w)
{
    struct err err = {0};

    w->keyset.tls_spki_sha256[0] ^= 1;
    w->keys.len = 0;
    world_must(keyset_print(&w->keyset, &w->keys, &err), &err);
}

static void keyset_expired(struct world *w)
{
    w->keyset.not_after = w->time - 1;
}

static void keyset_not_yet(struct world *w)
{
    w->keyset.not_before = w->time + 1;
}

static void keyset_first_second(struct world *w)
{
    w->keyset.not_before = w->time;
}

static void keyset_last_second(struct world *w)
{
    w->keyset.not_after = w->time;
}

static void keyset_form(struct world *w)
{
    w->keys.p[1] ^= 1;
}

static void relay(struct world *w)
{
    w->connection[0] ^= 1;
}

static void no_tls(struct world *w)
{
    w->input.connection_spki = NULL;
}

static void no_tls_and_nothing_sent(struct world *w)
{
    w->input.connection_spki = NULL;
    w->input.connection_required = false;
}

static const struct row services[] = {
    {"a disk under the program, allowed", disk_program, NULL, NULL, ",\"backing\":[\"disk\"]", NULL,
     AFFIRMS("program")},
    {"program", other_program, NULL, NULL, NULL, NULL, REFUTES("program", PROGRAM_MISMATCH)},
    {"a library that is not listed", second_program, NULL, NULL, NULL, NULL, REFUTES("program", PROGRAM_MISMATCH)},
    {"a disk under the program", disk_program, NULL, NULL, NULL, NULL, REFUTES("program", PROGRAM_BACKING)},
    {"no program", no_program, NULL, NULL, NULL, NULL, REFUTES("program", PROGRAM_MISMATCH)},
    {"configuration", other_config, NULL, NULL, NULL, NULL, REFUTES("config", CONFIG_MISMATCH)},
    {"page", other_web, NULL, NULL, NULL, NULL, REFUTES("web", WEB_MISMATCH)},
    {"page in the key set alone", keyset_web, NULL, NULL, NULL, NULL, REFUTES("web", WEB_MISMATCH)},
    {"model", other_model, NULL, NULL, NULL, NULL, REFUTES("model", MODEL_MISMATCH)},
    {"model named by its file", model_by_file, NULL, NULL, NULL, NULL, AFFIRMS("model")},
    {"another model later", other_model_later, NULL, NULL, NULL, NULL, REFUTES("model", MODEL_MISMATCH)},
    {"no model any more", unloaded, NULL, NULL, NULL, NULL, LEAVES("model", FACT_UNKNOWN)},
    {"unloaded twice", unloaded_twice, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_ORDER)},
    {"keys replaced", key_epoch, NULL, NULL, NULL, NULL, AFFIRMS("event_log")},
    {"second start", second_start, NULL, NULL, NULL, NULL, AFFIRMS("event_log")},
    {"second start says it is the first", second_start_same_number, NULL, NULL, NULL, NULL,
     REFUTES("event_log", EVENT_LOG_ORDER)},
    {"the first start was of another program", first_start_other_program, NULL, NULL, NULL, NULL,
     REFUTES("program", PROGRAM_MISMATCH)},
    {"a start that broke off", broken_start, NULL, NULL, NULL, NULL, AFFIRMS("event_log")},
    {"not ready", unready, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_UNREADY)},
    {"no event", no_events, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_EMPTY)},
    {"order", order, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_ORDER)},
    {"no start", start_missing, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_ORDER)},
    {"ready twice", ready_twice, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_ORDER)},
    {"unknown kind", kind_unknown, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_KIND)},
    {"foreign event", foreign, NULL, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"an event that is not in the register", unextended, NULL, NULL, NULL, NULL,
     REFUTES("event_log", EVENT_LOG_REPLAY)},
    {"an event that is not in the log", ready_twice, log_cut, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_REPLAY)},
    {"bytes behind the log", NULL, log_padded, NULL, NULL, NULL, REFUTES("event_log", LOG_FORM)},
    {"a bit of the log's first record", NULL, log_header, NULL, NULL, NULL, REFUTES("event_log", EVENT_FORM)},
    {"two algorithms in the log's first record", NULL, log_two_algorithms, NULL, NULL, NULL,
     REFUTES("event_log", EVENT_FORM)},
    {"a bit of an event", NULL, log_bit, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"bound by the report data, which the policy does not name", bound_by_data, NULL, NULL, NULL, NULL,
     REFUTES("event_log", EVENT_LOG_PLACE)},
    {"bound by the report data", bound_by_data, NULL, ",\"log_in\":[\"report-data\"]", NULL, NULL,
     AFFIRMS("event_log")},
    {"bound by the report data, with something in RTMR3", bound_by_data, bound_twice,
     ",\"log_in\":[\"report-data\",\"rtmr3\"]", NULL, NULL, REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"bound by RTMR3, which the policy does not name", NULL, NULL, ",\"log_in\":[\"report-data\"]", NULL, NULL,
     REFUTES("event_log", EVENT_LOG_PLACE)},
    {"MRTD", NULL, other_firmware, NULL, NULL, NULL, REFUTES("boot", MRTD_MISMATCH)},
    {"RTMR1", NULL, other_kernel, NULL, NULL, NULL, REFUTES("boot", RTMR_MISMATCH)},
    {"then the log proves nothing", NULL, other_kernel, NULL, NULL, NULL, "program", FACT_IS_UNKNOWN,
     REASON_BOOT_NOT_AFFIRMED, VERDICT_REFUSED},
    {"nonce drawn", NULL, other_drawn_nonce, NULL, NULL, NULL, REFUTES("nonce", NONCE_PATH)},
    {"nonce shown", NULL, other_shown_nonce, NULL, NULL, NULL, REFUTES("report_data", REPORT_DATA_MISMATCH)},
    {"no nonce drawn", NULL, no_drawn_nonce, NULL, NULL, NULL, LEAVES("nonce", FACT_UNKNOWN)},
    {"key set", NULL, other_keyset, NULL, NULL, NULL, REFUTES("report_data", REPORT_DATA_MISMATCH)},
    {"key set's end", keyset_expired, NULL, NULL, NULL, NULL, REFUTES("keyset", KEYSET_TIME)},
    {"its last second", keyset_last_second, NULL, NULL, NULL, NULL, AFFIRMS("keyset")},
    {"key set from the future", keyset_not_yet, NULL, NULL, NULL, NULL, REFUTES("keyset", KEYSET_TIME)},
    {"its first second", keyset_first_second, NULL, NULL, NULL, NULL, AFFIRMS("keyset")},
    {"key set where time is ignored", NULL, NULL, NULL, NULL, "\"ignore_time\":true,", LEAVES("keyset", TIME_IGNORED)},
    {"a nonce that the quote does not bind", NULL, other_keyset, NULL, NULL, NULL, "nonce", FACT_IS_UNKNOWN,
     REASON_FACT_UNKNOWN, VERDICT_REFUSED},
    {"a log that the quote does not bind", NULL, other_keyset, NULL, NULL, NULL, "event_log", FACT_IS_UNKNOWN,
     REASON_FACT_UNKNOWN, VERDICT_REFUSED},
    {"what a log says that does not replay", ready_twice, log_cut, NULL, NULL, NULL, "program", FACT_IS_UNKNOWN,
     REASON_FACT_UNKNOWN, VERDICT_REFUSED},
    {"an event of another register", unextended, log_other_register, NULL, NULL, NULL,
     REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"an event of another type", key_epoch, log_other_type, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"a digit of the settings in the log", NULL, log_digit, NULL, NULL, NULL, REFUTES("event_log", EVENT_LOG_FOREIGN)},
    {"key set's form", NULL, keyset_form, NULL, NULL, NULL, REFUTES("keyset", KEYSET_FORM)},
    {"a relay", NULL, relay, NULL, NULL, NULL, REFUTES("connection", KEYSET_SPKI)},
    {"no TLS", NULL, no_tls, NULL, NULL, NULL, LEAVES("connection", FACT_UNKNOWN)},
    {"no TLS, and nothing to send", NULL, no_tls_and_nothing_sent, NULL, NULL, NULL, AFFIRMS("nonce")},
    {"devices demanded", NULL, NULL, NULL, NULL, "\"gpu\":{\"count\":1},", LEAVES("devices", DEVICE_UNCHECKED)},
};

static void service_rows(void **state)
{
    (void)state;
    ROWS_RUN(services);
}

/* A policy without a value for one of them leaves that fact, and the result, open. */
static void demands(void **state)
{
    static const struct {
        const char *member, *fact;
    } lists[] = {{"\"mrtd\"", "boot"},       {"\"rtmr0\"", "boot"},    {"\"rtmr1\"", "boot"}, {"\"rtmr2\"", "boot"},
                 {"\"program\"", "program"}, {"\"config\"", "config"}, {"\"web\"", "web"},    {"\"model\"", "model"}};
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        char *at, *end;

        world_init(w);
        world_make(w);
        world_policy(w, "", "", "", w->policy_text);
        at = strstr(w->policy_text, lists[i].member); /* "name":["..."] becomes "name":[] */
        assert_non_null(at);
        at = strchr(at, '[') + 1;
        end = strchr(at, ']');
        memmove(at, end, strlen(end) + 1);
        world_judge(w);
        assert_int_equal(w->verdict.result, VERDICT_UNDECIDED);
        assert_int_equal(verdict_find(&w->verdict, lists[i].fact)->reason, REASON_NOT_DEMANDED);
        assert_true(world_consistent(&w->verdict));
        world_done(w);
    }
    free(w);
}

/* The built-in policy decides bare quotes only; a simulator's are refused by it, and documents stay open. */
static void builtin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    assert_ok(policy_builtin(&w->policy, &err), err);
    world_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_UNDECIDED);
    assert_int_equal(verdict_find(&w->verdict, "root")->reason, REASON_NOT_DEMANDED);
    verdict_done(&w->verdict);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_REFUSED);
    assert_int_equal(verdict_find(&w->verdict, "root")->reason, REASON_ROOT_UNTRUSTED);
    assert_null(verdict_find(&w->verdict, "program"));
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "tee")), "tdx-sim");
    world_done(w);
    free(w);
}

/* What a policy demands of a service, a bare quote cannot show; without those demands the same quote is accepted. */
static void demands_on_quotes(void **state)
{
    static const char *const members[] = {"program", "config", "web", "model"};
    struct world *w = calloc(1, sizeof *w);
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_judge(w);
    verdict_done(&w->verdict);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_UNDECIDED);
    for (size_t i = 0; i < 4; i++) {
        const struct fact *f = verdict_find(&w->verdict, members[i]);

        assert_true(f != NULL && f->required && f->state == FACT_IS_UNKNOWN);
    }
    verdict_done(&w->verdict);
    world_quote_policy(w);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    assert_null(verdict_find(&w->verdict, "program"));
    world_done(w);
    free(w);
}

/* The document's own collateral serves where the caller has none of the kind, and only there. */
static void own_collateral(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct document d;
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    d = (struct document){.quote = buf_bytes(&w->quote),
                          .event_log = buf_bytes(&w->log),
                          .keyset = buf_bytes(&w->keys),
                          .nonce_count = 1,
                          .files = w->files,
                          .file_count = w->file_count};
    memcpy(d.nonce, w->nonce, sizeof d.nonce);
    assert_ok(document_print(&d, &w->document, &err), err);
    w->file_count = 0;
    world_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    verdict_done(&w->verdict);
    w->files[0] = (struct document_file){.name = "tcb_info.json", .content = bytes_of_str("{}")};
    w->file_count = 1;
    world_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_REFUSED);
    assert_int_equal(verdict_find(&w->verdict, "tcb_info")->state, FACT_REFUTED);
    world_done(w);
    free(w);
}

static void base64_member(struct buf *out, const char *name, struct bytes b)
{
    struct err err = {0};

    assert_ok(buf_printf(out, &err, ",\"%s\":\"", name) && base64_add(out, BASE64_STANDARD, b, &err) &&
                  buf_u8(out, '"', &err),
              err);
}

/* The world as an archiver leaves it, his verdict included. */
static void bundle_make(const struct world *w, struct bytes verdict, struct buf *out)
{
    struct err err = {0};

    out->len = 0;
    assert_ok(buf_printf(out, &err, "{\"v\":1,\"time\":%lld", (long long)w->time), err);
    base64_member(out, "evidence", buf_bytes(&w->document));
    base64_member(out, "policy", bytes_of_str("{\"v\":1}"));
    base64_member(out, "verdict", verdict);
    assert_ok(buf_str(out, ",\"collateral\":{\"none\":\"\"", &err), err);
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        base64_member(out, w->collateral.list[i].name, w->collateral.list[i].content);
    }
    assert_ok(buf_str(out, "}}", &err), err);
}

static void bundle_is_judged(struct world *w, const struct buf *text, bool its_time, enum verdict_result result,
                             enum fact_state archived)
{
    struct err err = {0};

    verdict_done(&w->verdict);
    assert_true(bundle_is(buf_bytes(text)));
    assert_ok(verify_bundle(buf_bytes(text), &w->input, its_time, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, result);
    assert_int_equal(verdict_find(&w->verdict, "archived_verdict")->state, archived);
    assert_false(verdict_find(&w->verdict, "archived_verdict")->required);
    assert_int_equal(json_object_get(w->verdict.claims, "time_source") != NULL, its_time);
}

/* What an archiver says of his bundle judges nothing: the caller's policy and the time do. */
static void bundles(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf verdict = BUF(MIB(4)), text = BUF(LIMIT_EVIDENCE);
    struct policy *builtin_policy = NULL;
    struct err err = {0};
    char *word;

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_judge(w);
    assert_ok(verdict_print_json(&w->verdict, &verdict, &err) && buf_u8(&verdict, 0, &err), err);
    verdict.len--;
    bundle_make(w, buf_bytes(&verdict), &text);
    w->input.files = NULL;
    w->input.file_count = 0;
    bundle_is_judged(w, &text, false, VERDICT_SIMULATED, FACT_AFFIRMED);
    w->input.nonce = NULL; /* nobody draws one for an archive */
    w->input.nonce_required = w->input.connection_required = false;
    bundle_is_judged(w, &text, false, VERDICT_SIMULATED, FACT_AFFIRMED);
    w->input.time += INT64_C(86400) * 365 * 5;
    bundle_is_judged(w, &text, false, VERDICT_REFUSED, FACT_REFUTED);
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_AFFIRMED);
    assert_int_equal(w->verdict.time, w->time);
    word = strstr((char *)verdict.p, "simulated");
    assert_non_null(word);
    memcpy(word, "verified ", 9);
    bundle_make(w, buf_bytes(&verdict), &text);
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_REFUTED);
    bundle_make(w, bytes_of_str("no JSON"), &text);
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_REFUTED);
    assert_ok(policy_builtin(&builtin_policy, &err), err);
    w->input.policy = builtin_policy;
    bundle_is_judged(w, &text, true, VERDICT_UNDECIDED, FACT_REFUTED);
    text.p[5] ^= 1;
    verdict_done(&w->verdict);
    assert_ok(verify_bundle(buf_bytes(&text), &w->input, true, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_REFUSED);
    assert_int_equal(verdict_find(&w->verdict, "form")->state, FACT_REFUTED);
    policy_free(builtin_policy);
    buf_done(&verdict);
    buf_done(&text);
    world_done(w);
    free(w);
}

/* What sotto verify --bundle writes: read back as it was, and judged as on the day, from the same sources in the same
 * order. */
static void bundles_written(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf verdict = BUF(MIB(1)), text = BUF(LIMIT_EVIDENCE);
    struct bundle b, again;
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_judge(w);
    assert_ok(verdict_print_json(&w->verdict, &verdict, &err), err);
    b = (struct bundle){.evidence = buf_bytes(&w->document),
                        .files = w->files,
                        .file_count = w->file_count,
                        .policy = bytes_of_str(w->policy_text),
                        .verdict = buf_bytes(&verdict),
                        .time = w->time};
    assert_ok(bundle_print(&b, &text, &err), err);
    assert_ok(bundle_parse(buf_bytes(&text), &again, &err), err);
    assert_true(bytes_equal(again.evidence, b.evidence) && bytes_equal(again.policy, b.policy) &&
                bytes_equal(again.verdict, b.verdict) && again.time == b.time && again.file_count == b.file_count);
    for (size_t i = 0; i < b.file_count; i++) {
        assert_string_equal(again.files[i].name, b.files[i].name);
        assert_true(bytes_equal(again.files[i].content, b.files[i].content));
    }
    bundle_done(&again);
    w->input.files = NULL;
    w->input.file_count = 0;
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_AFFIRMED);

    /* A part of the collateral given, the rest the document's own: also later. */
    verdict_done(&w->verdict);
    w->document.len = 0;
    {
        struct document d = {.quote = buf_bytes(&w->quote),
                             .event_log = buf_bytes(&w->log),
                             .keyset = buf_bytes(&w->keys),
                             .nonce_count = 1,
                             .files = w->files + 1,
                             .file_count = w->file_count - 1};

        memcpy(d.nonce, w->nonce, sizeof d.nonce);
        assert_ok(document_print(&d, &w->document, &err), err);
    }
    b.evidence = buf_bytes(&w->document);
    b.file_count = 1;
    text.len = 0;
    assert_ok(bundle_print(&b, &text, &err), err);
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_AFFIRMED);

    b.time = -1;
    assert_fails(bundle_print(&b, &text, &err), err, REASON_DOCUMENT_FORM, ERR_NOWHERE);
    b.time = w->time;
    b.policy.len = LIMIT_POLICY + 1;
    assert_fails(bundle_print(&b, &text, &err), err, REASON_BUF_FULL, ERR_NOWHERE);
    buf_done(&verdict);
    buf_done(&text);
    world_done(w);
    free(w);
}

/* A bundle of a bare quote: by a policy that is given, and undecided by the built-in one, under which the quote itself
 * would be judged to the end. */
static void bundles_of_quotes(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf verdict = BUF(MIB(1)), text = BUF(LIMIT_EVIDENCE);
    struct policy *builtin_policy = NULL;
    struct bundle b;
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_quote_policy(w);
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    assert_ok(verdict_print_json(&w->verdict, &verdict, &err), err);
    b = (struct bundle){.evidence = buf_bytes(&w->quote),
                        .files = w->files,
                        .file_count = w->file_count,
                        .verdict = buf_bytes(&verdict),
                        .time = w->time};
    assert_ok(bundle_print(&b, &text, &err), err);
    w->input.files = NULL;
    w->input.file_count = 0;
    w->input.time += INT64_C(86400) * 365 * 5;
    bundle_is_judged(w, &text, true, VERDICT_SIMULATED, FACT_AFFIRMED);
    bundle_is_judged(w, &text, false, VERDICT_REFUSED, FACT_REFUTED);
    assert_ok(policy_builtin(&builtin_policy, &err), err);
    w->input.policy = builtin_policy;
    bundle_is_judged(w, &text, true, VERDICT_REFUSED, FACT_REFUTED);
    assert_true(verdict_find(&w->verdict, "measurements")->required);
    assert_int_equal(verdict_find(&w->verdict, "measurements")->reason, REASON_NOT_DEMANDED);
    policy_free(builtin_policy);
    buf_done(&verdict);
    buf_done(&text);
    world_done(w);
    free(w);
}

/* Many clients, one quote: each by its own path. */
static void nonce_paths(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    uint8_t nonces[5][32], leaves[5][32], report_data[64];
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    for (size_t i = 0; i < 5; i++) {
        memset(nonces[i], (int)i, 32);
        tree_leaf(bytes_of(nonces[i], 32), leaves[i]);
    }
    tree_root((const uint8_t(*)[32])leaves, 5, w->parts.nonce_root);
    report_data_form(&w->parts, report_data);
    w->quote.len = 0;
    assert_ok(platform_quote(&w->platform, 5, report_data, &w->quote, &err), err);
    for (size_t i = 0; i < 5; i++) {
        struct document d = {.quote = buf_bytes(&w->quote),
                             .event_log = buf_bytes(&w->log),
                             .keyset = buf_bytes(&w->keys),
                             .nonce_count = 5,
                             .nonce_index = i};

        memcpy(d.nonce, nonces[i], 32);
        d.nonce_path_len = tree_path((const uint8_t(*)[32])leaves, 5, i, d.nonce_path);
        w->input.nonce = nonces[i];
        w->document.len = 0;
        assert_ok(document_print(&d, &w->document, &err), err);
        world_judge(w);
        assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
        verdict_done(&w->verdict);
        d.nonce_index = (i + 1) % 5; /* another place */
        w->document.len = 0;
        assert_ok(document_print(&d, &w->document, &err), err);
        world_judge(w);
        assert_int_equal(w->verdict.result, VERDICT_REFUSED);
        verdict_done(&w->verdict);
    }
    world_done(w);
    free(w);
}

/* Devices' evidence that nobody demands: shown as what was not checked. */
static void devices(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct document d = {.nonce_count = 1, .devices = bytes_of_str("[]"), .log_in = LOG_IN_RTMR3};
    const struct fact *f;
    uint8_t report_data[64];
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    hash_bytes(HASH_SHA384, d.devices, w->parts.device_digest);
    report_data_form(&w->parts, report_data);
    w->quote.len = 0;
    assert_ok(platform_quote(&w->platform, 5, report_data, &w->quote, &err), err);
    d.quote = buf_bytes(&w->quote);
    d.event_log = buf_bytes(&w->log);
    d.keyset = buf_bytes(&w->keys);
    memcpy(d.nonce, w->nonce, sizeof d.nonce);
    assert_ok(document_print(&d, &w->document, &err), err);
    world_judge(w);
    f = verdict_find(&w->verdict, "devices");
    assert_non_null(f);
    assert_true(f->state == FACT_IS_UNKNOWN && f->reason == REASON_DEVICE_UNCHECKED && !f->required);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    world_done(w);
    free(w);
}

/* A log with a model more than are kept, 64. */
static void models_without_end(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const struct fact *f;
    uint8_t report_data[64];
    struct err err = {0};

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    for (unsigned i = 0; i < 64; i++) {
        uint8_t digest[48];

        world_model_event(w, WORLD_EVENT_READY + 1, (uint8_t)(0x40 + i));
        assert_ok(event_add(&w->log, bytes_of_str(w->events[WORLD_EVENT_READY + 1]), digest, &err) &&
                      guest_extend(&w->platform.guest, 3, digest, &err),
                  err);
    }
    report_data_form(&w->parts, report_data);
    w->quote.len = 0;
    assert_ok(platform_quote(&w->platform, 5, report_data, &w->quote, &err), err);
    world_judge(w);
    f = verdict_find(&w->verdict, "event_log");
    assert_true(f->state == FACT_REFUTED && f->reason == REASON_LOG_LIMIT);
    world_done(w);
    free(w);
}

static void claims(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    const json_t *model;

    (void)state;
    assert_non_null(w);
    world_init(w);
    world_make(w);
    world_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    assert_int_equal(verdict_exit_code(w->verdict.result), 10);
    assert_null(verdict_first_failure(&w->verdict));
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "tee")), "tdx-sim");
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "tcb_status")), "UpToDate");
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "tcb_date")), "2026-01-01");
    assert_int_equal(json_integer_value(json_object_get(w->verdict.claims, "tcb_evaluation_data_number")), 19);
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "mr_td")),
                        world_hex(w->platform.guest.mrtd, 48));
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "td_attributes")), "0000001000000000");
    assert_int_equal(json_array_size(json_object_get(w->verdict.claims, "sotto_models")), 1);
    model = json_array_get(json_object_get(w->verdict.claims, "sotto_models"), 0);
    assert_string_equal(json_string_value(json_object_get(model, "model_id")), world_hex(w->model_id, 48));
    assert_string_equal(json_string_value(json_object_get(model, "manifest_sha384")),
                        world_hex(w->manifest_sha384, 48));
    world_done(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(service_rows),
                                       cmocka_unit_test(demands),
                                       cmocka_unit_test(builtin),
                                       cmocka_unit_test(own_collateral),
                                       cmocka_unit_test(demands_on_quotes),
                                       cmocka_unit_test(bundles),
                                       cmocka_unit_test(bundles_written),
                                       cmocka_unit_test(bundles_of_quotes),
                                       cmocka_unit_test(nonce_paths),
                                       cmocka_unit_test(devices),
                                       cmocka_unit_test(models_without_end),
                                       cmocka_unit_test(claims)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
