/* Bare quotes in every form that there is, by the simulator, and what has to come from elsewhere with some of them. */
#include "row.h"

#include "codec/pem.h"

static void sgx(struct world *w)
{
    w->setup.tcb_info_id = "SGX";
    w->setup.qe_id = "QE";
}

static void sgx_v3(struct world *w)
{
    w->version = 3;
    sgx(w);
}

static void sgx_v4(struct world *w)
{
    w->version = 4;
    w->setup.body_type = QUOTE_BODY_SGX;
    sgx(w);
}

static void sgx_v5(struct world *w)
{
    w->setup.body_type = QUOTE_BODY_SGX;
    sgx(w);
}

static void td10_v4(struct world *w)
{
    w->version = 4;
}

static void td10_v5(struct world *w)
{
    w->setup.body_type = QUOTE_BODY_TD10;
}

static void td15(struct world *w)
{
    w->setup.body_type = QUOTE_BODY_TD15;
}

static void td15ex(struct world *w)
{
    w->setup.body_type = QUOTE_BODY_TD15EX;
}

static void sgx_debug(struct world *w)
{
    sgx_v3(w);
    w->setup.sgx_attributes |= SGX_ATTRIBUTE_DEBUG;
}

static void sgx_by_td_identity(struct world *w)
{
    sgx_v3(w);
    w->setup.qe_id = "TD_QE";
}

static void sgx_by_td_info(struct world *w)
{
    sgx_v3(w);
    w->setup.tcb_info_id = "TDX";
}

static void sgx_behind(struct world *w)
{
    sgx_v3(w);
    w->setup.svn[7] -= 2;
}

/* An enclave has no TDX components. */
static void sgx_tdx_components(struct world *w)
{
    sgx_v3(w);
    w->setup.level_tdx_svn[2] = 200;
}

static void type_1(struct world *w)
{
    w->setup.certification_type = QUOTE_CERTIFICATION_PPID;
}

static void type_2(struct world *w)
{
    w->setup.certification_type = QUOTE_CERTIFICATION_PPID_RSA2048;
}

static void type_3(struct world *w)
{
    sgx_v3(w);
    w->setup.certification_type = QUOTE_CERTIFICATION_PPID_RSA3072;
}

static void type_4(struct world *w)
{
    w->setup.certification_type = QUOTE_CERTIFICATION_PCK_LEAF;
}

static struct buf pck_text;

static void pck_add(struct world *w, bool leaf_alone)
{
    struct err err = {0};

    pck_text = BUF(LIMIT_CHAIN);
    world_must(leaf_alone ? pem_add(&pck_text, "CERTIFICATE", buf_bytes(&w->platform.pki.certs[PKI_PCK]), &err)
                          : pki_chain(&w->platform.pki, PKI_PCK, &pck_text, &err),
               &err);
    w->files[w->file_count++] = (struct document_file){.name = "pck_cert.pem", .content = buf_bytes(&pck_text)};
}

/* The issuers are those of the CRL's chain. */
static void with_leaf(struct world *w)
{
    pck_add(w, true);
}

static void with_chain(struct world *w)
{
    pck_add(w, false);
}

static void without_issuers(struct world *w)
{
    for (size_t i = 0; i < w->file_count; i++) {
        if (strcmp(w->files[i].name, "pck_crl_issuer_chain.pem") == 0) {
            w->files[i] = w->files[--w->file_count];
        }
    }
}

static void with_leaf_alone(struct world *w)
{
    pck_add(w, true);
    without_issuers(w);
}

static void with_chain_alone(struct world *w)
{
    pck_add(w, false);
    without_issuers(w);
}

static size_t certification_at(const struct world *w)
{
    struct err err = {0};
    struct quote q;

    world_must(quote_parse(buf_bytes(&w->quote), &q, &err), &err);
    return (size_t)(q.certification.p - w->quote.p);
}

/* Nothing signs the certification data: a lie there is found by what it names. */
static void other_ppid(struct world *w)
{
    pck_add(w, true);
    w->quote.p[certification_at(w)] ^= 1;
}

static void other_pceid(struct world *w)
{
    pck_add(w, true);
    w->quote.p[w->quote.len - 1] ^= 1;
}

static struct platform other;

/* The certificate of another platform under the same CA: the key of the QE report's signature is not its. */
static void with_other_platform(struct world *w)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {9};
    struct setup s = w->setup;
    struct err err = {0};

    s.certification_type = QUOTE_CERTIFICATION_PCK_CHAIN;
    world_must(platform_new(seed, &s, &other, &err), &err);
    pck_text = BUF(LIMIT_CHAIN);
    world_must(pki_chain(&other.pki, PKI_PCK, &pck_text, &err), &err);
    w->files[w->file_count++] = (struct document_file){.name = "pck_cert.pem", .content = buf_bytes(&pck_text)};
}

static void garbage(struct world *w)
{
    w->files[w->file_count++] = (struct document_file){.name = "pck_cert.pem", .content = bytes_of_str("PCK\n")};
}

static void trail_zeros(struct world *w)
{
    struct err err = {0};

    world_must(buf_zero(&w->quote, 70, &err), &err);
}

/* ---- standard and early data together ---- */

static struct collateral early;

static void early_add(struct world *w, const struct setup *s)
{
    struct err err = {0};

    world_must(collateral_new(&w->platform.pki, s, &early, &err), &err);
    w->files[w->file_count++] =
        (struct document_file){.name = "tcb_info_early.json", .content = early.list[COLLATERAL_TCB_INFO].content};
    w->files[w->file_count++] =
        (struct document_file){.name = "qe_identity_early.json", .content = early.list[COLLATERAL_QE_IDENTITY].content};
}

static void early_same(struct world *w)
{
    early_add(w, &w->setup);
}

static void early_out_of_date(struct world *w)
{
    struct setup s = w->setup;

    s.tcb_status = "OutOfDate";
    early_add(w, &s);
}

static void early_expired(struct world *w)
{
    struct setup s = w->setup;

    s.tcb_info.to = w->time - 1;
    early_add(w, &s);
}

static void early_of_other(struct world *w)
{
    struct setup s = w->setup;

    s.tcb_fmspc[0] ^= 1;
    early_add(w, &s);
}

static void early_enclave(struct world *w)
{
    struct setup s = w->setup;

    s.identity_isvprodid++;
    early_add(w, &s);
}

static void early_signature(struct world *w)
{
    struct buf *b;

    early_add(w, &w->setup);
    b = &early.files[COLLATERAL_TCB_INFO];
    b->p[b->len - 4] = b->p[b->len - 4] == '0' ? '1' : '0';
}

static void early_garbage(struct world *w)
{
    early_add(w, &w->setup);
    early.files[COLLATERAL_TCB_INFO].p[0] = '[';
}

/* Without standard data they are what decides. */
static void early_alone(struct world *w)
{
    struct setup s = w->setup;

    s.tcb_status = "OutOfDate";
    early_add(w, &s);
    for (size_t i = 0; i < w->file_count; i++) {
        if (strcmp(w->files[i].name, "tcb_info.json") == 0) {
            w->files[i] = w->files[--w->file_count];
        }
    }
}

/* ---- TCB info of version 2 ---- */

static struct buf info_text;

/* start: what stands before the version; count: of components; version. */
static void info_put(struct world *w, const char *start, unsigned count, unsigned version)
{
    const struct setup *s = &w->setup;
    struct buf body = BUF(LIMIT_COLLATERAL);
    struct err err = {0};

    info_text = BUF(LIMIT_COLLATERAL);
    world_must(buf_printf(&body, &err,
                          "{%s\"version\":%u,\"issueDate\":\"2026-11-01T00:00:00Z\",\"nextUpdate\":"
                          "\"2026-12-01T00:00:00Z\",\"fmspc\":\"%s\",\"pceId\":\"0000\",\"tcbType\":0,"
                          "\"tcbEvaluationDataNumber\":19,\"tcbLevels\":[{\"tcb\":{",
                          start, version, world_hex(s->fmspc, 6)),
               &err);
    for (unsigned i = 0; i < count; i++) {
        world_must(buf_printf(&body, &err, "\"sgxtcbcomp%02usvn\":%u,", i + 1, s->svn[i]), &err);
    }
    world_must(
        buf_printf(&body, &err, "\"pcesvn\":13},\"tcbDate\":\"2026-01-01T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]}"),
        &err);
    world_must(collateral_sign(&w->platform.pki, "tcbInfo", buf_bytes(&body), &info_text, &err), &err);
    buf_done(&body);
    for (size_t i = 0; i < w->file_count; i++) {
        if (strcmp(w->files[i].name, "tcb_info.json") == 0) {
            w->files[i].content = buf_bytes(&info_text);
        }
    }
}

static void info_v2(struct world *w)
{
    info_put(w, "", 16, 2);
}

static void info_v2_sgx(struct world *w)
{
    info_put(w, "\"id\":\"SGX\",", 16, 2);
}

static void info_v2_tdx(struct world *w)
{
    info_put(w, "\"id\":\"TDX\",", 16, 2);
}

static void info_v2_number(struct world *w)
{
    info_put(w, "\"id\":2,", 16, 2);
}

static void info_v2_short(struct world *w)
{
    info_put(w, "", 15, 2);
}

static void info_v1(struct world *w)
{
    info_put(w, "", 16, 1);
}

static void info_v3_nameless(struct world *w)
{
    info_put(w, "", 16, 3);
}

/* Not required: the result stays. */
#define EARLY_REFUTED(reason) "tcb_early", FACT_REFUTED, REASON_##reason, VERDICT_SIMULATED

static const struct row rows[] = {
    {"TCB info of version 2", sgx_v3, info_v2, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"TCB info of version 2, signed", sgx_v3, info_v2, NULL, NULL, NULL, AFFIRMS("tcb_info_signature")},
    {"version 2, with an id", sgx_v3, info_v2_sgx, NULL, NULL, NULL, AFFIRMS("tcb_info")},
    {"version 2 of TDX", sgx_v3, info_v2_tdx, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"version 2, an id that is a number", sgx_v3, info_v2_number, NULL, NULL, NULL, REFUTES("tcb_info", JSON_TYPE)},
    {"version 2 for a TD", td15, info_v2, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"version 2, 15 components", sgx_v3, info_v2_short, NULL, NULL, NULL, REFUTES("tcb_info", JSON_MEMBER)},
    {"version 1", sgx_v3, info_v1, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"version 3 without an id", sgx_v3, info_v3_nameless, NULL, NULL, NULL, REFUTES("tcb_info", JSON_MEMBER)},
    {"early data", td15, early_same, NULL, NULL, NULL, AFFIRMS("tcb_early")},
    {"early data for an enclave", sgx_v3, early_same, NULL, NULL, NULL, AFFIRMS("tcb_early")},
    {"early: out of date", td15, early_out_of_date, NULL, NULL, NULL, EARLY_REFUTED(TCB_STATUS)},
    {"early: out of date, the standard not", td15, early_out_of_date, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"early: expired", td15, early_expired, NULL, NULL, NULL, EARLY_REFUTED(COLLATERAL_EXPIRED)},
    {"early: expired, the standard not", td15, early_expired, NULL, NULL, NULL, AFFIRMS("time")},
    {"early: FMSPC", td15, early_of_other, NULL, NULL, NULL, EARLY_REFUTED(FMSPC_MISMATCH)},
    {"early: another enclave", td15, early_enclave, NULL, NULL, NULL, EARLY_REFUTED(QE_IDENTITY)},
    {"early: signature", td15, early_signature, NULL, NULL, NULL, EARLY_REFUTED(COLLATERAL_SIGNATURE)},
    {"early: no JSON", td15, early_garbage, NULL, NULL, NULL, EARLY_REFUTED(JSON_FORM)},
    {"early alone", td15, early_alone, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"SGX, version 3", sgx_v3, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"SGX, version 4", sgx_v4, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"SGX, version 5", sgx_v5, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"SGX, zeros behind", sgx_v3, trail_zeros, NULL, NULL, NULL, AFFIRMS("trailing")},
    {"TD 1.0, version 4", td10_v4, NULL, NULL, NULL, NULL, AFFIRMS("tdx_module")},
    {"TD 1.0, version 5", td10_v5, NULL, NULL, NULL, NULL, AFFIRMS("tdx_module")},
    {"TD 1.5", td15, NULL, NULL, NULL, NULL, AFFIRMS("tdx_module")},
    {"TD 1.5Ex", td15ex, NULL, NULL, NULL, NULL, AFFIRMS("tdx_module")},
    {"a debug enclave", sgx_debug, NULL, NULL, NULL, NULL, REFUTES("debug", TD_DEBUG)},
    {"SGX, the identity of TDX", sgx_by_td_identity, NULL, NULL, NULL, NULL, REFUTES("qe_identity", QE_IDENTITY)},
    {"SGX, TCB info of TDX", sgx_by_td_info, NULL, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"SGX, a component below", sgx_behind, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_NOT_SUPPORTED)},
    {"SGX, TDX components", sgx_tdx_components, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"type 1, nothing given", type_1, NULL, NULL, NULL, NULL, LEAVES("pck_chain", COLLATERAL_ABSENT)},
    {"type 1, nothing given, its signature", type_1, NULL, NULL, NULL, NULL,
     LEAVES("qe_report_signature", FACT_UNKNOWN)},
    {"type 1", type_1, with_leaf, NULL, NULL, NULL, AFFIRMS("qe_report_signature")},
    {"type 1, the chain given", type_1, with_chain_alone, NULL, NULL, NULL, AFFIRMS("pck_chain")},
    {"type 1, no issuers", type_1, with_leaf_alone, NULL, NULL, NULL, REFUTES("pck_chain", PEM_FORM)},
    {"type 1, another PPID", type_1, other_ppid, NULL, NULL, NULL, REFUTES("pck_chain", PCK_MISMATCH)},
    {"type 1, another PCEID", type_1, other_pceid, NULL, NULL, NULL, REFUTES("pck_chain", PCK_MISMATCH)},
    {"type 2", type_2, with_chain, NULL, NULL, NULL, AFFIRMS("pck_chain")},
    {"type 2, another PCEID", type_2, other_pceid, NULL, NULL, NULL, REFUTES("pck_chain", PCK_MISMATCH)},
    {"type 2, another platform's certificate", type_2, with_other_platform, NULL, NULL, NULL,
     REFUTES("qe_report_signature", QE_SIGNATURE)},
    {"type 2, no certificate", type_2, garbage, NULL, NULL, NULL, REFUTES("pck_chain", PEM_FORM)},
    {"type 3, SGX", type_3, with_leaf, NULL, NULL, NULL, AFFIRMS("pck_chain")},
    {"type 4", type_4, NULL, NULL, NULL, NULL, AFFIRMS("pck_chain")},
    {"type 4, no issuers", type_4, without_issuers, NULL, NULL, NULL, REFUTES("pck_chain", PEM_FORM)},
    /* What the quote itself carries counts. */
    {"type 5, another one given", td15, with_other_platform, NULL, NULL, NULL, AFFIRMS("pck_chain")},
};

/* The bare quote, by a policy that names the root. */
static void quote_judge(struct world *w)
{
    struct err err = {0};
    uint8_t sha256[32];

    pki_root_sha256(&w->platform.pki, sha256);
    (void)snprintf(w->policy_text, sizeof w->policy_text, "{\"v\":1,\"anchors\":{\"simulated\":[\"%s\"]}}",
                   world_hex(sha256, 32));
    assert_ok(policy_parse(bytes_of_str(w->policy_text), &w->policy, &err), err);
    w->input.policy = w->policy;
    w->input.files = w->files;
    w->input.file_count = w->file_count;
    assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
}

static void row_judge(const struct row *r)
{
    struct world *w = calloc(1, sizeof *w);
    const struct fact *f;
    struct err err = {0};

    assert_non_null(w);
    world_init(w);
    r->before(w);
    world_make(w);
    if (r->after != NULL) {
        r->after(w);
    }
    quote_judge(w);
    f = verdict_find(&w->verdict, r->fact);
    if (f == NULL || f->state != r->state || f->reason != r->reason || w->verdict.result != r->result ||
        !world_consistent(&w->verdict)) {
        struct buf text = BUF(1 << 20);

        assert_ok(verdict_print_text(&w->verdict, true, false, &text, &err), err);
        print_error("%.*s\n", (int)text.len, (const char *)text.p);
        buf_done(&text);
        fail_msg("%s: %s", r->name, r->fact);
    }
    buf_done(&pck_text);
    buf_done(&info_text);
    collateral_done(&early);
    platform_done(&other);
    memset(&other, 0, sizeof other);
    world_done(w);
    free(w);
}

static void form_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        row_judge(&rows[i]);
    }
}

/* One bit of every byte. from, to: what nothing covers, and changes no verdict. */
static void every_bit_run(struct world *w, size_t from, size_t to)
{
    struct err err = {0};

    quote_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_SIMULATED);
    verdict_done(&w->verdict);
    for (size_t i = 0; i < w->quote.len; i++) {
        const uint8_t bit = (uint8_t)(1u << (i % 8));
        const bool covered = i < from || i >= to;

        w->quote.p[i] ^= bit;
        assert_ok(verify_quote(buf_bytes(&w->quote), &w->input, &w->verdict, &err), err);
        if (w->verdict.result != (covered ? VERDICT_REFUSED : VERDICT_SIMULATED)) {
            fail_msg("byte %zu of %zu: %s", i, w->quote.len, verdict_result_name(w->verdict.result));
        }
        verdict_done(&w->verdict);
        w->quote.p[i] ^= bit;
    }
}

static void every_byte_of_v3(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    world_init(w);
    sgx_v3(w);
    world_make(w);
    every_bit_run(w, 0, 0);
    world_done(w);
    free(w);
}

/* CPUSVN and PCESVN of the certification data are the platform's word; the PCK certificate's count. */
static void every_byte_of_type_1(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    (void)state;
    assert_non_null(w);
    world_init(w);
    td15ex(w);
    type_1(w);
    world_make(w);
    pck_add(w, true);
    every_bit_run(w, certification_at(w) + 16, certification_at(w) + 34);
    buf_done(&pck_text);
    world_done(w);
    free(w);
}

/* ---- how far it is from up to date ---- */

#define DISTANCE(behind) "{\"status\":\"UpToDate\",\"tcb_date\":\"2026-01-01\",\"behind\":[" behind "]}"
#define BEHIND(component, needed, seen, advisories) \
    "{\"advisory_ids\":[" advisories "],\"component\":\"" component "\",\"seen\":" #seen ",\"needed\":" #needed \
    ",\"since\":\"2026-01-01\"}"

static void two_behind(struct world *w)
{
    w->setup.svn[4]--;
    w->setup.pcesvn--;
}

static void tdx_behind(struct world *w)
{
    w->setup.tee_tcb_svn[2]--;
    w->setup.tee_tcb_svn[0]--; /* of the module, and not of the platform */
}

/* Without a version of its own the module is a component like the others. */
static void old_module_behind(struct world *w)
{
    w->setup.tee_tcb_svn[1] = 0;
    w->setup.tee_tcb_svn[0]--;
}

static void qe_behind(struct world *w)
{
    w->setup.qe_isvsvn--;
}

static const struct {
    const char *name;
    void (*before)(struct world *w);
    const char *distance;
} distances[] = {
    {"nothing", td15, DISTANCE("")},
    {"two", two_behind,
     DISTANCE(BEHIND("sgxtcbcomponents[4]", 4, 3, "\"SIMULATED-SA-00001\"") "," BEHIND("pcesvn", 13, 12,
                                                                                       "\"SIMULATED-SA-00001\""))},
    {"TDX", tdx_behind,
     DISTANCE(BEHIND("tdxtcbcomponents[2]", 3, 2, "\"SIMULATED-SA-00001\"") "," BEHIND("tdx_module", 5, 4, ""))},
    {"a module of version 0", old_module_behind,
     DISTANCE(BEHIND("tdxtcbcomponents[0]", 5, 4, "\"SIMULATED-SA-00001\""))},
    {"the quoting enclave", qe_behind, DISTANCE(BEHIND("qe", 4, 3, ""))},
    {"an enclave", sgx_v3, DISTANCE("")},
};

/* ---- what was expected, and what was seen ---- */

static void other_fmspc(struct world *w)
{
    w->setup.tcb_fmspc[0] ^= 1;
}

static void other_pce(struct world *w)
{
    w->setup.tcb_pceid[0] ^= 1;
}

static void other_qe_signer(struct world *w)
{
    w->setup.qe_mrsigner[0] ^= 1;
}

static void other_qe_product(struct world *w)
{
    w->setup.qe_isvprodid++;
}

static void other_module_signer(struct world *w)
{
    w->setup.mrsignerseam[0] ^= 1;
}

static void other_module(struct world *w)
{
    w->setup.tee_tcb_svn[1] = 3;
}

static void seam_attributes(struct world *w)
{
    w->setup.seam_attributes = 1;
}

static void td_debug(struct world *w)
{
    w->setup.td_attributes |= TD_ATTRIBUTE_DEBUG;
}

static void info_over(struct world *w)
{
    w->setup.tcb_info.to = w->time - 1;
}

static void level_old(struct world *w)
{
    w->setup.tcb_status = "OutOfDate";
}

static const struct {
    void (*before)(struct world *w);
    const char *fact, *expected, *seen; /* how each begins */
} values[] = {
    {other_fmspc, "tcb_info", "53494d554c31", "52494d554c31"},
    {other_pce, "tcb_info", "0000", "0100"},
    {sgx_by_td_info, "tcb_info", "SGX", "TDX"},
    {sgx_by_td_identity, "qe_identity", "QE", "TD_QE"},
    {other_qe_signer, "qe_identity", "53494d", "52494d"},
    {other_qe_product, "qe_identity", "2", "3"},
    {other_module_signer, "tdx_module", "0000", "0100"},
    {other_module, "tdx_module", "TDX_01", "TDX_03"},
    {seam_attributes, "tdx_module", "0x0000000000000000", "0x0000000000000001"},
    {td_debug, "debug", "0000000000000000 under mask", "0100001000000000"},
    {sgx_debug, "debug", "bit 1 clear", "07000000"},
    {info_over, "time", "2026-11-18T11:05:40Z to 2026-11-18T11:06:39Z", "2026-11-18T11:06:40Z"},
    {level_old, "tcb_status", "UpToDate, SWHardeningNeeded", "OutOfDate"},
};

static void values_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct world *w = calloc(1, sizeof *w);
        const struct fact *f;

        assert_non_null(w);
        world_init(w);
        values[i].before(w);
        world_make(w);
        quote_judge(w);
        f = verdict_find(&w->verdict, values[i].fact);
        assert_non_null(f);
        if (f->state != FACT_REFUTED || strncmp(f->expected, values[i].expected, strlen(values[i].expected)) != 0 ||
            strncmp(f->seen, values[i].seen, strlen(values[i].seen)) != 0) {
            fail_msg("row %zu: %s expected \"%s\", seen \"%s\"", i, f->name, f->expected, f->seen);
        }
        world_done(w);
        free(w);
    }
}

static void distance_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof distances / sizeof *distances; i++) {
        struct world *w = calloc(1, sizeof *w);
        struct buf text = BUF(1 << 20);
        struct err err = {0};

        assert_non_null(w);
        world_init(w);
        distances[i].before(w);
        world_make(w);
        quote_judge(w);
        assert_ok(json_print(json_object_get(w->verdict.claims, "tcb_distance"), &text, &err), err);
        if (!bytes_equal(buf_bytes(&text), bytes_of_str(distances[i].distance))) {
            fail_msg("%s: %.*s", distances[i].name, (int)text.len, (const char *)text.p);
        }
        text.len = 0;
        assert_ok(verdict_print_text(&w->verdict, false, false, &text, &err), err);
        assert_int_equal(memmem(text.p, text.len, " needs ", 7) != NULL,
                         strstr(distances[i].distance, "needed") != NULL);
        buf_done(&text);
        world_done(w);
        free(w);
    }
}

/* Documents are anybody's until their signature was checked, and their words are printed all the same. */
static void hostile_words(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct buf text = BUF(1 << 20), *info;
    struct err err = {0};
    uint8_t *at;

    (void)state;
    assert_non_null(w);
    world_init(w);
    two_behind(w);
    world_make(w);
    info = &w->collateral.files[COLLATERAL_TCB_INFO];
    at = memmem(info->p, info->len, "SIMULATED-SA", 12);
    assert_non_null(at);
    memcpy(at, "\\n", 2); /* as JSON spells a line end */
    quote_judge(w);
    assert_int_equal(w->verdict.result, VERDICT_REFUSED);
    assert_ok(verdict_print_text(&w->verdict, true, false, &text, &err), err);
    assert_non_null(memmem(text.p, text.len, "?MULATED-SA-00001", 17));
    buf_done(&text);
    world_done(w);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(form_rows),        cmocka_unit_test(distance_rows),
                                       cmocka_unit_test(values_seen),      cmocka_unit_test(hostile_words),
                                       cmocka_unit_test(every_byte_of_v3), cmocka_unit_test(every_byte_of_type_1)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
