/* Every member of a policy (docs/formats.md, section 7) over a signed world that meets it, and over one that does not.
 * What service.* demands is in test_service.c. */
#include "row.h"

#define ZERO48 "000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
#define ZERO16 "00000000000000000000000000000000"
#define SEPT "0000001000000000" /* SEPT_VE_DISABLE, in the order of the quote */

static void version_4(struct world *w)
{
    w->version = 4;
}

static void service_td(struct world *w)
{
    memset(w->setup.mrservicetd, 0xab, sizeof w->setup.mrservicetd);
}

static void debug(struct world *w)
{
    w->setup.td_attributes |= TD_ATTRIBUTE_DEBUG;
}

static void profiled(struct world *w)
{
    w->setup.td_attributes |= 2;
}

static void migratable(struct world *w)
{
    w->setup.td_attributes |= TD_ATTRIBUTE_MIGRATABLE;
}

static void smt_off(struct world *w)
{
    w->setup.smt = false;
}

/* Its certificates state no flags and no instance: what is unknown is never taken for clear. */
static void processor(struct world *w)
{
    w->setup.processor = true;
}

static void cached_keys(struct world *w)
{
    w->setup.cached_keys = true;
}

static void dynamic(struct world *w)
{
    w->setup.dynamic = true;
}

static void trail_text(struct world *w)
{
    struct err err = {0};

    world_must(buf_add(&w->quote, "x", 1, &err), &err);
}

static void trail_zeros(struct world *w)
{
    struct err err = {0};

    world_must(buf_zero(&w->quote, 4096, &err), &err);
}

static void info_expired(struct world *w)
{
    w->setup.tcb_info.to = w->time - 1;
}

/* The world's own value in a list of the policy: behind another one, as the second of two. */
static void list_with(struct world *w, const char *object, const char *member, const uint8_t *value, size_t size)
{
    char text[600];

    if (strcmp(object, "td") == 0) {
        (void)snprintf(text, sizeof text, ",\"%s\":[\"%0*u\",\"%s\"]", member, (int)(2 * size), 5,
                       world_hex(value, size));
        world_policy(w, text, "", "", w->policy_text);
    } else {
        (void)snprintf(text, sizeof text, "\"%s\":{\"%s\":[\"%0*u\",\"%s\"]},", object, member, (int)(2 * size), 5,
                       world_hex(value, size));
        world_policy(w, "", "", text, w->policy_text);
    }
}

static void mrseam_listed(struct world *w)
{
    list_with(w, "td", "mrseam", w->setup.mrseam, 48);
}

static void mrservicetd_listed(struct world *w)
{
    list_with(w, "td", "mrservicetd", w->setup.mrservicetd, 48);
}

static void ppid_listed(struct world *w)
{
    list_with(w, "platform", "ppid", w->setup.ppid, 16);
}

static void instance_listed(struct world *w)
{
    list_with(w, "platform", "instance", w->platform.pki.id, 16);
}

/* Hexadecimal digits count as bytes, whatever their letters. */
static void mrtd_in_capitals(struct world *w)
{
    char *at;

    world_policy(w, "", "", "", w->policy_text);
    at = strstr(w->policy_text, "\"mrtd\":[\"") + 9;
    for (size_t i = 0; i < 96; i++) {
        at[i] = (char)(at[i] >= 'a' ? at[i] - 32 : at[i]);
    }
}

static const struct row tds[] = {
    {"td.mrseam met", NULL, mrseam_listed, NULL, NULL, NULL, AFFIRMS("mrseam")},
    {"td.mrseam missed", NULL, NULL, ",\"mrseam\":[\"" ZERO48 "\"]", NULL, NULL, REFUTES("mrseam", MRSEAM_MISMATCH)},
    {"td.mrtd in capitals", NULL, mrtd_in_capitals, NULL, NULL, NULL, AFFIRMS("boot")},
    {"td.attributes met", NULL, NULL, ",\"attributes\":{\"mask\":\"ffffffffffffffff\",\"value\":\"" SEPT "\"}", NULL,
     NULL, AFFIRMS("td_attributes")},
    {"td.attributes missed", migratable, NULL, ",\"attributes\":{\"mask\":\"ffffffffffffffff\",\"value\":\"" SEPT "\"}",
     NULL, NULL, REFUTES("td_attributes", TD_ATTRIBUTES)},
    {"td.attributes missed in a bit that must be set", NULL, NULL,
     ",\"attributes\":{\"mask\":\"0000002000000000\",\"value\":\"0000002000000000\"}", NULL, NULL,
     REFUTES("td_attributes", TD_ATTRIBUTES)},
    {"td.attributes outside of the mask", migratable, NULL,
     ",\"attributes\":{\"mask\":\"" SEPT "\",\"value\":\"" SEPT "\"}", NULL, NULL, AFFIRMS("td_attributes")},
    {"td.attributes that say nothing of debug", debug, NULL,
     ",\"attributes\":{\"mask\":\"" SEPT "\",\"value\":\"" SEPT "\"}", NULL, NULL, REFUTES("debug", TD_DEBUG)},
    {"td.attributes that allow debug, and not profiling", profiled, NULL,
     ",\"attributes\":{\"mask\":\"0100000000000000\",\"value\":\"0000000000000000\"}", NULL, NULL,
     REFUTES("debug", TD_DEBUG)},
    {"td.xfam met", NULL, NULL, ",\"xfam\":{\"mask\":\"ffffffffffffffff\",\"value\":\"e71a060000000000\"}", NULL, NULL,
     AFFIRMS("xfam")},
    {"td.xfam missed", NULL, NULL, ",\"xfam\":{\"mask\":\"ffffffffffffffff\",\"value\":\"e71a070000000000\"}", NULL,
     NULL, REFUTES("xfam", TD_XFAM)},
    {"td.xfam outside of the mask", NULL, NULL,
     ",\"xfam\":{\"mask\":\"0300000000000000\",\"value\":\"0300000000000000\"}", NULL, NULL, AFFIRMS("xfam")},
    {"td.mrservicetd met", service_td, mrservicetd_listed, NULL, NULL, NULL, AFFIRMS("mrservicetd")},
    {"td.mrservicetd met, and so no default", service_td, mrservicetd_listed, NULL, NULL, NULL,
     AFFIRMS("td_attributes")},
    {"td.mrservicetd missed", service_td, NULL, ",\"mrservicetd\":[\"" ZERO48 "\"]", NULL, NULL,
     REFUTES("mrservicetd", TD_SERVICE)},
    {"td.mrservicetd of a TD that has none", NULL, NULL, ",\"mrservicetd\":[\"" ZERO48 "\"]", NULL, NULL,
     AFFIRMS("mrservicetd")},
    {"td.mrservicetd of a body without it", version_4, NULL, ",\"mrservicetd\":[\"" ZERO48 "\"]", NULL, NULL,
     LEAVES("mrservicetd", FACT_UNKNOWN)},
};

static const struct row platforms[] = {
    {"platform.ppid met", NULL, ppid_listed, NULL, NULL, NULL, AFFIRMS("platform")},
    {"platform.ppid missed", NULL, NULL, NULL, NULL, "\"platform\":{\"ppid\":[\"" ZERO16 "\"]},",
     REFUTES("platform", PLATFORM_MISMATCH)},
    {"platform.instance met", NULL, instance_listed, NULL, NULL, NULL, AFFIRMS("platform")},
    {"platform.instance missed", NULL, NULL, NULL, NULL, "\"platform\":{\"instance\":[\"" ZERO16 "\"]},",
     REFUTES("platform", PLATFORM_MISMATCH)},
    {"platform.smt met", smt_off, NULL, NULL, NULL, "\"platform\":{\"smt\":false},", AFFIRMS("platform")},
    {"platform.smt missed", NULL, NULL, NULL, NULL, "\"platform\":{\"smt\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.cached_keys met", NULL, NULL, NULL, NULL, "\"platform\":{\"cached_keys\":false},", AFFIRMS("platform")},
    {"platform.cached_keys missed", cached_keys, NULL, NULL, NULL, "\"platform\":{\"cached_keys\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.dynamic met", NULL, NULL, NULL, NULL, "\"platform\":{\"dynamic\":false},", AFFIRMS("platform")},
    {"platform.dynamic missed", dynamic, NULL, NULL, NULL, "\"platform\":{\"dynamic\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.smt not stated", processor, NULL, NULL, NULL, "\"platform\":{\"smt\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.cached_keys not stated", processor, NULL, NULL, NULL, "\"platform\":{\"cached_keys\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.dynamic not stated", processor, NULL, NULL, NULL, "\"platform\":{\"dynamic\":false},",
     REFUTES("platform", PLATFORM_FLAG)},
    {"platform.instance of a certificate without", processor, NULL, NULL, NULL,
     "\"platform\":{\"instance\":[\"" ZERO16 "\"]},", REFUTES("platform", PLATFORM_MISMATCH)},
    {"quote.trailing zero met", NULL, trail_zeros, NULL, NULL, "\"quote\":{\"trailing\":\"zero\"},",
     AFFIRMS("trailing")},
    {"quote.trailing zero missed", NULL, trail_text, NULL, NULL, "\"quote\":{\"trailing\":\"zero\"},",
     REFUTES("trailing", QUOTE_TRAILING)},
    {"quote.trailing any", NULL, trail_text, NULL, NULL, "\"quote\":{\"trailing\":\"any\"},", AFFIRMS("trailing")},
    {"ignore_time false", info_expired, NULL, NULL, NULL, "\"ignore_time\":false,",
     REFUTES("time", COLLATERAL_EXPIRED)},
    {"ignore_time", info_expired, NULL, NULL, NULL, "\"ignore_time\":true,", LEAVES("time", TIME_IGNORED)},
    {"ignore_time where nothing is out of its time", NULL, NULL, NULL, NULL, "\"ignore_time\":true,",
     LEAVES("time", TIME_IGNORED)},
};

/* true in a flag demands nothing: there is no fact. */
static void flags_that_allow(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    world_init(w);
    w->setup.cached_keys = w->setup.dynamic = true;
    world_make(w);
    world_policy(w, "", "",
                 "\"platform\":{\"smt\":true,\"cached_keys\":true,\"dynamic\":true,\"ppid\":[],\"instance\":[]},",
                 w->policy_text);
    world_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    assert_null(verdict_find(&w->verdict, "platform"));
    world_done(w);
    free(w);
}

/* The statuses that a level can have: each accepted by its name alone, refused by every other, and accepted in its
 * grace to the last second; Revoked never. */

static enum verdict_result status_result(const char *status, const char *tcb)
{
    struct world *w = calloc(1, sizeof *w);
    enum verdict_result result;
    char root[300];

    assert_non_null(w);
    world_init(w);
    w->setup.tcb_status = status;
    world_make(w);
    (void)snprintf(root, sizeof root, "\"tcb\":{%s},", tcb);
    world_policy(w, "", "", root, w->policy_text);
    world_judge(w);
    assert_true(world_consistent(&w->verdict));
    assert_string_equal(json_string_value(json_object_get(w->verdict.claims, "tcb_status")), status);
    result = w->verdict.result;
    world_done(w);
    free(w);
    return result;
}

static void statuses(void **state)
{
    static const char *const names[] = {"UpToDate",
                                        "SWHardeningNeeded",
                                        "ConfigurationNeeded",
                                        "ConfigurationAndSWHardeningNeeded",
                                        "OutOfDate",
                                        "OutOfDateConfigurationNeeded",
                                        "Revoked"};
    const size_t count = sizeof names / sizeof *names;
    char tcb[200];

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const bool revoked = i + 1 == count;

        (void)snprintf(tcb, sizeof tcb, "\"accept\":[\"%s\"]", names[i]);
        assert_int_equal(status_result(names[i], tcb), revoked ? VERDICT_REFUSED : VERDICT_SIMULATED);
        (void)snprintf(tcb, sizeof tcb, "\"accept\":[\"%s\",\"TDRelaunchAdvised\"]", names[(i + 1) % count]);
        assert_int_equal(status_result(names[i], tcb), VERDICT_REFUSED);
        (void)snprintf(tcb, sizeof tcb,
                       "\"accept\":[\"TDRelaunchAdvised\"],\"grace\":{\"%s\":\"2026-11-18T11:06:40Z\"}", names[i]);
        assert_int_equal(status_result(names[i], tcb), revoked ? VERDICT_REFUSED : VERDICT_SIMULATED);
        (void)snprintf(tcb, sizeof tcb,
                       "\"accept\":[\"TDRelaunchAdvised\"],\"grace\":{\"%s\":\"2026-11-18T11:06:39Z\"}", names[i]);
        assert_int_equal(status_result(names[i], tcb), VERDICT_REFUSED);
    }
}

static void rows(void **state)
{
    (void)state;
    ROWS_RUN(tds);
    ROWS_RUN(platforms);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(flags_that_allow),
                                       cmocka_unit_test(statuses)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
