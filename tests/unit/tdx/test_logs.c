/* Logs of every form: what each event is, what its digest covers, and the registers; against values of other programs,
 * and real logs with the quotes that belong to them (the vectors' INDEX.md says from where). */
#include "test.h"

#include "base/hex.h"
#include "base/limits.h"
#include "codec/json.h"
#include "tdx/eventlog.h"
#include "tdx/quote.h"

static struct bytes vector(const char *name)
{
    static uint8_t bytes[2][4 << 20]; /* a log and a quote at a time */
    static size_t turn;
    FILE *f = fopen(vector_path(name), "rb");
    size_t len;

    assert_non_null(f);
    turn ^= 1;
    len = fread(bytes[turn], 1, sizeof bytes[turn], f);
    (void)fclose(f);
    return bytes_of(bytes[turn], len);
}

#define ZEROS_8 "00000000"
#define ZEROS_96 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8 ZEROS_8

/* Each text is one event, the last where there are several; covered: one of "null", "false", "true". */
static void events_of_text(void **state)
{
    static const struct {
        const char *what, *log, *format, *reg, *name, *digest, *covered, *event, *text;
    } rows[] = {
        {"dstack, version 1, digest given",
         "[{\"imr\":3,\"event_type\":134217729,\"digest\":"
         "\"1a76b2a80a0be71eae59f80945d876351a7a3fb8e9fd1ff1cede5734aa84ea"
         "11fd72b4edfbb6f04e5a85edd114c751bd\",\"event\":\"system-ready\",\"event_payload\":\"\"}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "1a76b2a80a0b", "true", "system-ready", ""},
        {"dstack, version 1, digest computed",
         "[{\"imr\":3,\"event_type\":134217729,\"event\":\"system-ready\",\"event_payload\":\"\"}]", "dstack", "rtmr_3",
         "DSTACK_RUNTIME_EVENT", "1a76b2a80a0b", "true", "system-ready", ""},
        {"dstack, another event's digest",
         "[{\"imr\":3,\"event_type\":134217729,\"digest\":"
         "\"1a76b2a80a0be71eae59f80945d876351a7a3fb8e9fd1ff1cede5734aa84ea"
         "11fd72b4edfbb6f04e5a85edd114c751bd\",\"event\":\"system-ready\",\"event_payload\":\"00\"}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "1a76b2a80a0b", "false", "system-ready", "00"},
        {"dstack, version 2 computed: sha384 of {\"name\":\"compose-hash\",\"payload\":\"abcd\",\"type\":134217729}",
         "[{\"imr\":3,\"event_type\":134217729,\"event\":\"compose-hash\",\"event_payload\":\"ABCD\",\"version\":2}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "V2_COMPOSE_", "true", "compose-hash", "abcd"},
        {"dstack, version 2, named version 1",
         "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"V2_FULL\",\"event\":\"compose-hash\",\"event_payload\":"
         "\"abcd\","
         "\"version\":1}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "V2_COMPOSE_", "false", "compose-hash", "abcd"},
        {"dstack, version 2, without its number",
         "[{\"imr\":3,\"event_type\":134217729,\"digest\":\"V2_FULL\",\"event\":\"compose-hash\",\"event_payload\":"
         "\"abcd\"}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "V2_COMPOSE_", "true", "compose-hash", "abcd"},
        {"dstack, version 2 before its release",
         "[{\"imr\":3,\"event_type\":134217729,\"digest\":"
         "\"11f83e5a93c47732e3945a0157a1d22f96ca06cbf6ffb7b2170164f5cbae0612174f74c4809203e126743e0ed06d7c1f\","
         "\"event\":\"compose-hash\",\"event_payload\":\"abcd\",\"version\":2}]",
         "dstack", "rtmr_3", "DSTACK_RUNTIME_EVENT", "", "true", "compose-hash", "abcd"},
        {"dstack, a name with a colon could be a shorter one",
         "[{\"imr\":3,\"event_type\":134217729,\"event\":\"a:b\",\"event_payload\":\"63\"}]", "dstack", "rtmr_3",
         "DSTACK_RUNTIME_EVENT", "COLON_", "false", "a:b", "c"},
        {"dstack, an event of the firmware without its data",
         "[{\"imr\":1,\"event_type\":4,\"digest\":"
         "\"394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4"
         "b971c9effc60e1ad9f1289f0\",\"event\":\"\",\"event_payload\":\"\"}]",
         "dstack", "rtmr_1", "EV_SEPARATOR", "394341b7182c", "null", NULL, ""},
        {"dstack, an event of the firmware with its data",
         "[{\"imr\":1,\"event_type\":4,\"digest\":"
         "\"394341b7182cd227c5c6b07ef8000cdfd86136c4292b8e576573ad7ed9ae41019f5818b4"
         "b971c9effc60e1ad9f1289f0\",\"event\":\"\",\"event_payload\":\"00000000\"}]",
         "dstack", "rtmr_1", "EV_SEPARATOR", "394341b7182c", "true", NULL, "00000000"},
        {"IMA, of another path", " 2 " ZEROS_96 " ima-ng sha256:00 /bin/true\n", "ima", "rtmr_2", "ima", "ffffffffffff",
         "false", NULL, " 2 " ZEROS_96 " ima-ng sha256:00 /bin/true"},
        {"IMA, a template whose fields are not known", "10 " ZEROS_96 " ima-cgpath a b\n", "ima", "rtmr_2", "ima",
         "ffffffffffff", "null", NULL, "10 " ZEROS_96 " ima-cgpath a b"},
        {"AAEL", "INIT sha384/" ZEROS_96 "\ndomain operation content", "aael", "rtmr_3", "aael", "26d944cb", "true",
         NULL, "domain operation content"},
    };
    uint8_t v2[SHA384_SIZE], colon[SHA384_SIZE];
    char v2_hex[2 * SHA384_SIZE + 1], colon_hex[2 * SHA384_SIZE + 1];

    (void)state;
    hash_bytes(HASH_SHA384, bytes_of_str("{\"name\":\"compose-hash\",\"payload\":\"abcd\",\"type\":134217729}"), v2);
    hash_bytes(HASH_SHA384, bytes_of("\1\0\0\10:a:b:c", 10), colon);
    hex_encode(bytes_of(v2, sizeof v2), v2_hex);
    hex_encode(bytes_of(colon, sizeof colon), colon_hex);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *full = strstr(rows[i].log, "V2_FULL"), *digest = rows[i].digest;
        struct buf log = BUF(4096), out = BUF(65536);
        struct err err = {0};
        struct buf text = BUF(100);
        json_t *v = NULL, *e;

        assert_ok(full == NULL ? buf_str(&log, rows[i].log, &err)
                               : buf_add(&log, rows[i].log, (size_t)(full - rows[i].log), &err) &&
                                     buf_str(&log, v2_hex, &err) && buf_str(&log, full + strlen("V2_FULL"), &err),
                  err);
        assert_ok(eventlog_print_json(buf_bytes(&log), &out, &err) && json_parse(buf_bytes(&out), &v, &err), err);
        e = json_object_get(v, "events");
        e = json_array_get(e, json_array_size(e) - 1);
        digest = strcmp(digest, "V2_COMPOSE_") == 0 ? v2_hex : strcmp(digest, "COLON_") == 0 ? colon_hex : digest;
        assert_ok(json_print(json_object_get(e, "covered"), &text, &err) && buf_u8(&text, 0, &err), err);
        if (strcmp((const char *)text.p, rows[i].covered) != 0 ||
            strncmp(json_string_value(json_object_get(e, "digest")), digest, strlen(digest)) != 0) {
            fail_msg("%s: covered %s, %s", rows[i].what, (const char *)text.p,
                     json_string_value(json_object_get(e, "digest")));
        }
        buf_done(&text);
        assert_string_equal(json_string_value(json_object_get(v, "format")), rows[i].format);
        assert_string_equal(json_string_value(json_object_get(e, "register")), rows[i].reg);
        assert_string_equal(json_string_value(json_object_get(e, "name")), rows[i].name);
        assert_string_equal(json_string_value(json_object_get(e, "text")), rows[i].text);
        if (rows[i].event != NULL) {
            assert_string_equal(json_string_value(json_object_get(e, "event")), rows[i].event);
        } else {
            assert_true(json_is_null(json_object_get(e, "event")));
        }
        json_decref(v);
        buf_done(&out);
        buf_done(&log);
    }
}

static void file_get(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    struct err err = {0};
    uint8_t *room;

    assert_non_null(f);
    assert_ok(buf_room(out, 1 << 20, &room, &err), err);
    buf_grew(out, fread(room, 1, 1 << 20, f));
    (void)fclose(f);
}

static void replay_is(struct bytes log, const char *const rtmr[EVENTLOG_REGISTERS])
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    char hex[2 * SHA384_SIZE + 1];
    struct err err = {0};
    size_t count;

    assert_ok(eventlog_replay(log, registers, &count, &err), err);
    for (size_t i = 0; i < EVENTLOG_REGISTERS; i++) {
        hex_encode(bytes_of(registers[i], SHA384_SIZE), hex);
        assert_memory_equal(hex, rtmr[i] != NULL ? rtmr[i] : ZEROS_96, strlen(rtmr[i] != NULL ? rtmr[i] : ZEROS_96));
    }
}

/* The good files of tests/bad/log: the registers and the coverage that the script which wrote them computed. */
static void files_replay(void **state)
{
    const char *source = getenv("SOTTO_SOURCE");
    char path[4096], name[128], rtmr[EVENTLOG_REGISTERS][128], letters[64];
    FILE *table;
    int rows = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/bad/log_registers.txt", source != NULL ? source : ".");
    table = fopen(path, "r");
    assert_non_null(table);
    while (fscanf(table, "%127s %127s %127s %127s %127s %63s", name, rtmr[0], rtmr[1], rtmr[2], rtmr[3], letters) ==
           6) {
        const char *const want[] = {rtmr[0], rtmr[1], rtmr[2], rtmr[3]};
        struct buf file = BUF(1 << 20);
        struct err err = {0};
        char seen[64] = "-";
        struct eventlog_event e;
        struct bytes part;
        struct eventlog log;
        bool more = true;

        (void)snprintf(path, sizeof path, "%s/tests/bad/log/%s", source != NULL ? source : ".", name);
        file_get(path, &file);
        replay_is(buf_bytes(&file), want);
        assert_ok(eventlog_open_any(buf_bytes(&file), &log, &err), err);
        for (size_t n = 0; more && n < sizeof seen - 1; n++) {
            assert_ok(eventlog_next(&log, &e, &more, &err), err);
            if (more) {
                seen[n] = "unpw"[eventlog_coverage(&e, &part)];
                seen[n + 1] = '\0';
            }
        }
        eventlog_done(&log);
        if (strcmp(seen, letters) != 0) {
            fail_msg("%s: coverage %s, expected %s", name, seen, letters);
        }
        buf_done(&file);
        rows++;
    }
    (void)fclose(table);
    assert_true(rows > 40);
}

/* The second value is one that an Intel project (ACON) asserts for such a text; the first was computed by Python. */
static void agent_logs(void **state)
{
    static const char *const two[] = {NULL, NULL, NULL,
                                      "5a6dd3b3c7eb3f0912d134aa30fab05893e91c78650af4fb"
                                      "ce23411bc4b1d40011a2a530c1149a5bff6c5eb106b5a012"};
    static const char *const acon[] = {NULL, NULL, NULL,
                                       "e7d7d201073316d7e782aa1db45f91a572321053001fb67793d88351770e4c3455253340909174"
                                       "8f39b367c5e254a013"};

    (void)state;
    replay_is(bytes_of_str("INIT sha384/" ZEROS_96 "\ndomain event operation\ndomain event2 operation"), two);
    replay_is(
        bytes_of_str("INIT sha384/" ZEROS_96 "\ngithub.com/intel/ACON AddManifest "
                     "sha384/7ec795c3fe89687d4514a1e4f95b2421012fd0b877eba9d5d5f33a1314fe7e10a5b38b0890d890df59b71"
                     "6f55f41e2ff/1be479a625d00cc800da463a19baf111a5f69fa1858d78d124813236bc5b198bd551648273a0f658"
                     "24b13490263362ef\n"),
        acon);
}

/* A failed replay leaves the registers alone; a good one goes on from what they held. */
static void replays_follow_one_another(void **state)
{
    static const char one[] = "INIT sha384/" ZEROS_96 "\n";
    uint8_t r[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}}, before[EVENTLOG_REGISTERS][SHA384_SIZE];
    uint8_t want[2 * SHA384_SIZE] = {0};
    struct err err = {0};
    size_t count;

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_ok(eventlog_replay(bytes_of_str(one), r, &count, &err), err);
        assert_int_equal(count, 1);
        hash_bytes(HASH_SHA384, bytes_of(one, sizeof one - 2), want + SHA384_SIZE);
        hash_bytes(HASH_SHA384, bytes_of(want, sizeof want), want);
        assert_memory_equal(r[3], want, SHA384_SIZE);
    }
    memcpy(before, r, sizeof r);
    assert_fails(eventlog_replay(bytes_of_str("INIT sha384/" ZEROS_96 "\n\n"), r, &count, &err), err, REASON_LOG_FORM,
                 strlen(one));
    assert_memory_equal(before, r, sizeof r);
}

static void real_pairs(void **state)
{
    static const struct {
        const char *logs[2], *quote; /* "": the quote in the log's own file */
    } pairs[] = {
        {{"eventlog/dstack_verifier_quote-report.json", NULL}, ""},
        {{"eventlog/dstack_verifier_tdx-lite-getquote.json", NULL}, ""},
        {{"tdx/eventlogs/dstack_quote-report.json", NULL}, ""},
        {{"tdx/eventlogs/dstack_tdx-lite-getquote.json", NULL}, ""},
        {{"eventlog/gotdx_ccel_data.dat", NULL}, "eventlog/gotdx_cos-113-tdx-quote.dat"},
        {{"tdx/eventlogs/gotdx_ccel_data.bin", NULL}, "tdx/quotes/tdx4_00806F050000_gotdx_gcp-cos113.bin"},
        {{"eventlog/cctrusted_ccel_data.bin", "eventlog/cctrusted_ima_log.bin"}, "eventlog/cctrusted_quote.bin"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
        struct buf raw = BUF(LIMIT_QUOTE);
        struct err err = {0};
        struct bytes quote = bytes_of(NULL, 0);
        struct quote q;
        size_t count;

        for (size_t n = 0; n < 2 && pairs[i].logs[n] != NULL; n++) {
            assert_ok(eventlog_replay(vector(pairs[i].logs[n]), registers, &count, &err), err);
        }
        if (pairs[i].quote[0] != '\0') {
            quote = vector(pairs[i].quote);
        } else {
            json_t *v = NULL;

            assert_ok(json_parse(vector(pairs[i].logs[0]), &v, &err), err);
            assert_ok(hex_decode_all(bytes_of_str(json_string_value(json_object_get(v, "quote"))), &raw, &err), err);
            quote = buf_bytes(&raw);
            json_decref(v);
        }
        assert_ok(quote_parse(quote, &q, &err), err);
        assert_memory_equal(registers, q.td.rtmr, sizeof registers);
        buf_done(&raw);
    }
}

/* A TD report of 1,024 bytes: RTMR0 to RTMR2 at 720. */
static void real_report(void **state)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct err err = {0};
    size_t count;

    (void)state;
    assert_ok(eventlog_replay(vector("tdx/eventlogs/attestationrs_ccel_live.bin"), registers, &count, &err), err);
    assert_memory_equal(registers, vector("tdx/eventlogs/attestationrs_tdreport_live.bin").p + 720, 3 * SHA384_SIZE);
}

/* How many events of each coverage a log has, counted by another program. */
static void real_coverage(void **state)
{
    static const struct {
        const char *log;
        size_t count[4]; /* unknown, not, part, whole */
    } logs[] = {
        {"eventlog/gotdx_ccel_data.dat", {0, 12, 18, 13}},
        {"eventlog/cctrusted_ccel_data.bin", {0, 25, 60, 13}},
        {"eventlog/trustee_CCEL_AAEL_alibabacloud.bin", {0, 13, 60, 14}},
        {"eventlog/trustee_CCEL_data_grub.bin", {0, 18, 3, 16}},
        {"eventlog/trustee_CCEL_data_gcp.bin", {0, 7, 3, 11}},
        {"eventlog/trustee_CCEL_data_csv.bin", {82, 0, 0, 0}},
        {"eventlog/dstack_verifier_tdx-lite-getquote.json", {17, 3, 0, 9}},
        {"eventlog/cctrusted_ima_log.bin", {0, 0, 0, 1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        size_t count[4] = {0};
        struct eventlog_event e;
        struct bytes part;
        struct err err = {0};
        struct eventlog log;
        bool more = true;

        assert_ok(eventlog_open_any(vector(logs[i].log), &log, &err), err);
        for (;;) {
            assert_ok(eventlog_next(&log, &e, &more, &err), err);
            if (!more) {
                break;
            }
            count[eventlog_coverage(&e, &part)]++;
        }
        eventlog_done(&log);
        assert_memory_equal(count, logs[i].count, sizeof count);
    }
}

/* SM3 alone: shown, and led to no register. */
static void sm3_is_shown(void **state)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct buf json = BUF(1 << 20), text = BUF(1 << 20);
    struct err err = {0};
    const json_t *e;
    size_t count;
    json_t *v = NULL;

    (void)state;
    assert_ok(eventlog_print_json(vector("eventlog/trustee_CCEL_data_csv.bin"), &json, &err), err);
    assert_ok(eventlog_print_text(vector("eventlog/trustee_CCEL_data_csv.bin"), &text, &err), err);
    assert_ok(json_parse(buf_bytes(&json), &v, &err), err);
    assert_true(json_is_null(json_object_get(v, "registers")));
    e = json_array_get(json_object_get(v, "events"), 0);
    assert_true(json_is_null(json_object_get(e, "digest")));
    assert_memory_equal(json_string_value(json_object_get(json_object_get(e, "digests"), "sm3")), "b4ca5cb300a44b54",
                        16);
    assert_fails(eventlog_replay(vector("eventlog/trustee_CCEL_data_csv.bin"), registers, &count, &err), err,
                 REASON_LOG_ALGORITHM, 65);
    json_decref(v);
    buf_done(&json);
    buf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_of_text), cmocka_unit_test(files_replay),
        cmocka_unit_test(agent_logs),     cmocka_unit_test(replays_follow_one_another),
        cmocka_unit_test(real_pairs),     cmocka_unit_test(real_report),
        cmocka_unit_test(real_coverage),  cmocka_unit_test(sm3_is_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
