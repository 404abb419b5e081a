/* verify/ over a signed world: quote, platform, TCB levels, certificates and collateral. */
#include "row.h"

/* ---- the quote and its platform ---- */

static void version_4(struct world *w)
{
    w->version = 4;
}

static void flip(struct world *w, size_t at)
{
    w->quote.p[at] ^= 1;
}

static size_t body_at(const struct world *w)
{
    return w->version == 4 ? 48 : 54;
}

static size_t signature_at(const struct world *w)
{
    return body_at(w) + (w->version == 4 ? TD_BODY_SIZE : TD_BODY_15_SIZE) + 4;
}

static void flip_version(struct world *w)
{
    w->quote.p[0] = 6;
}

static void flip_key_type(struct world *w)
{
    flip(w, 2);
}

static void flip_vendor(struct world *w)
{
    flip(w, 12);
}

static void flip_owner(struct world *w)
{
    flip(w, body_at(w) + TD_MROWNER);
}

static void flip_signature(struct world *w)
{
    flip(w, signature_at(w) + 40);
}

static void flip_key(struct world *w)
{
    w->quote.p[signature_at(w) + 64] ^= 1;
}

static void flip_qe_report(struct world *w)
{
    flip(w, signature_at(w) + 134 + SGX_BODY_MRENCLAVE);
}

static void flip_qe_auth(struct world *w)
{
    flip(w, signature_at(w) + 134 + SGX_BODY_SIZE + 64 + 2);
}

static void cut(struct world *w)
{
    w->quote.len--;
}

static void trail_zeros(struct world *w)
{
    struct err err = {0};

    world_must(buf_zero(&w->quote, 70, &err), &err);
}

static void trail_text(struct world *w)
{
    struct err err = {0};

    world_must(buf_add(&w->quote, "\0\0x", 3, &err), &err);
}

static void debug(struct world *w)
{
    w->setup.td_attributes |= TD_ATTRIBUTE_DEBUG;
}

static void migratable(struct world *w)
{
    w->setup.td_attributes |= TD_ATTRIBUTE_MIGRATABLE;
}

static void no_sept_ve(struct world *w)
{
    w->setup.td_attributes = 0;
}

static void reserved_bit(struct world *w)
{
    w->setup.td_attributes |= UINT64_C(1) << 40;
}

static void service_td(struct world *w)
{
    w->setup.mrservicetd[0] = 1;
}

static void qe_signer(struct world *w)
{
    w->setup.qe_mrsigner[0] ^= 1;
}

static void qe_product(struct world *w)
{
    w->setup.qe_isvprodid = 1;
}

static void qe_other_id(struct world *w)
{
    w->setup.qe_id = "QE";
}

static void qe_old(struct world *w)
{
    w->setup.qe_isvsvn = 3;
}

static void qe_out_of_date(struct world *w)
{
    w->setup.qe_status = "OutOfDate";
}

static void qe_revoked(struct world *w)
{
    w->setup.qe_status = "Revoked";
}

static void module_signer(struct world *w)
{
    w->setup.module_mrsigner[0] = 1;
}

static void module_unknown(struct world *w)
{
    w->setup.tee_tcb_svn[1] = 2;
}

static void module_out_of_date(struct world *w)
{
    w->setup.module_status = "OutOfDate";
}

static void seam_attributes(struct world *w)
{
    w->setup.seam_attributes = 1;
}

static void tcb_fmspc(struct world *w)
{
    w->setup.tcb_fmspc[5] = '2';
}

static void tcb_pceid(struct world *w)
{
    w->setup.tcb_pceid[0] = 1;
}

static void tcb_sgx(struct world *w)
{
    w->setup.tcb_info_id = "SGX";
}

static void out_of_date(struct world *w)
{
    w->setup.tcb_status = "OutOfDate";
}

static void revoked(struct world *w)
{
    w->setup.tcb_status = "Revoked";
}

static void configuration_needed(struct world *w)
{
    w->setup.tcb_status = "ConfigurationNeeded";
}

static void hardening(struct world *w)
{
    w->setup.tcb_status = "SWHardeningNeeded";
}

static void status_nonsense(struct world *w)
{
    w->setup.tcb_status = "Fine";
}

static void component_below(struct world *w)
{
    w->setup.svn[4]--;
}

static void component_far_below(struct world *w)
{
    w->setup.svn[4] -= 2;
}

static void pcesvn_far_below(struct world *w)
{
    w->setup.pcesvn -= 2;
}

/* Of the first two TDX components the module's own levels decide (TEE_TCB_SVN[1] > 0). */
static void tdx_component_1_above(struct world *w)
{
    w->setup.level_tdx_svn[1] = 200;
}

static void tdx_component_2_above(struct world *w)
{
    w->setup.level_tdx_svn[2] = 200;
}

static void status_name_in_case(struct world *w)
{
    w->setup.tcb_status = "uptodate";
}

static void other_user_data(struct world *w)
{
    memset(w->setup.user_data, 0, sizeof w->setup.user_data);
}

static const struct row quotes[] = {
    {"nothing", NULL, NULL, NULL, NULL, NULL, AFFIRMS("quote_signature")},
    {"a version 4 quote", version_4, NULL, NULL, NULL, NULL, AFFIRMS("form")},
    {"version", NULL, flip_version, NULL, NULL, NULL, REFUTES("form", QUOTE_VERSION)},
    {"key type", NULL, flip_key_type, NULL, NULL, NULL, REFUTES("form", QUOTE_KEY_TYPE)},
    {"vendor", NULL, flip_vendor, NULL, NULL, NULL, REFUTES("form", QE_IDENTITY)},
    {"a bit of the body", NULL, flip_owner, NULL, NULL, NULL, REFUTES("quote_signature", QUOTE_SIGNATURE)},
    {"a bit of the signature", NULL, flip_signature, NULL, NULL, NULL, REFUTES("quote_signature", QUOTE_SIGNATURE)},
    {"a bit of the key", NULL, flip_key, NULL, NULL, NULL, REFUTES("qe_binding", QE_BINDING)},
    {"a bit of the QE report", NULL, flip_qe_report, NULL, NULL, NULL, REFUTES("qe_report_signature", QE_SIGNATURE)},
    {"a bit of the QE's data", NULL, flip_qe_auth, NULL, NULL, NULL, REFUTES("qe_binding", QE_BINDING)},
    {"a byte less", NULL, cut, NULL, NULL, NULL, REFUTES("form", BYTES_SHORT)},
    {"zeros behind", NULL, trail_zeros, NULL, NULL, NULL, AFFIRMS("trailing")},
    {"text behind", NULL, trail_text, NULL, NULL, NULL, REFUTES("trailing", QUOTE_TRAILING)},
    {"text behind, allowed", NULL, trail_text, NULL, NULL, "\"quote\":{\"trailing\":\"any\"},", AFFIRMS("trailing")},
    {"no words of the simulator in the header", other_user_data, NULL, NULL, NULL, NULL, AFFIRMS("root")},
};

static const struct row platforms[] = {
    {"debug", debug, NULL, NULL, NULL, NULL, REFUTES("debug", TD_DEBUG)},
    {"debug, allowed for a simulator", debug, NULL,
     ",\"attributes\":{\"mask\":\"0100000000000000\",\"value\":\"0100000000000000\"}", NULL, NULL, AFFIRMS("debug")},
    {"debug, which the attributes say too", debug, NULL, NULL, NULL, NULL, REFUTES("td_attributes", TD_DEBUG)},
    {"migratable", migratable, NULL, NULL, NULL, NULL, REFUTES("td_attributes", TD_ATTRIBUTES)},
    {"SEPT_VE_DISABLE clear", no_sept_ve, NULL, NULL, NULL, NULL, REFUTES("td_attributes", TD_ATTRIBUTES)},
    {"a reserved attribute", reserved_bit, NULL, NULL, NULL, NULL, REFUTES("td_attributes", TD_ATTRIBUTES)},
    {"a service TD", service_td, NULL, NULL, NULL, NULL, REFUTES("td_attributes", TD_SERVICE)},
    {"a service TD, of which a policy with attributes does not speak", service_td, NULL,
     ",\"attributes\":{\"mask\":\"0000001000000000\",\"value\":\"0000001000000000\"}", NULL, NULL,
     REFUTES("td_attributes", TD_SERVICE)},
    {"MRSEAM not listed", NULL, NULL,
     ",\"mrseam\":[\""
     "000000000000000000000000000000000000000000000000"
     "000000000000000000000000000000000000000000000000\"]",
     NULL, NULL, REFUTES("mrseam", MRSEAM_MISMATCH)},
    {"XFAM", NULL, NULL, ",\"xfam\":{\"mask\":\"0000000000000001\",\"value\":\"0000000000000001\"}", NULL, NULL,
     REFUTES("xfam", TD_XFAM)},
    {"SMT is on", NULL, NULL, NULL, NULL, "\"platform\":{\"smt\":false},", REFUTES("platform", PLATFORM_FLAG)},
    {"cached keys are off", NULL, NULL, NULL, NULL, "\"platform\":{\"cached_keys\":false},", AFFIRMS("platform")},
    {"another PPID", NULL, NULL, NULL, NULL, "\"platform\":{\"ppid\":[\"00000000000000000000000000000000\"]},",
     REFUTES("platform", PLATFORM_MISMATCH)},
    {"QE's MRSIGNER", qe_signer, NULL, NULL, NULL, NULL, REFUTES("qe_identity", QE_IDENTITY)},
    {"QE's product", qe_product, NULL, NULL, NULL, NULL, REFUTES("qe_identity", QE_IDENTITY)},
    {"identity of another enclave", qe_other_id, NULL, NULL, NULL, NULL, REFUTES("qe_identity", QE_IDENTITY)},
    {"QE below every level", qe_old, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_NOT_SUPPORTED)},
    {"QE out of date", qe_out_of_date, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"QE below every level, accepted", qe_old, NULL, NULL, NULL, "\"tcb\":{\"accept\":[\"TcbNotSupported\"]},",
     AFFIRMS("tcb_status")},
    {"QE revoked", qe_revoked, NULL, NULL, NULL, "\"tcb\":{\"accept\":[\"UpToDate\",\"OutOfDate\"]},",
     REFUTES("tcb_status", TCB_REVOKED)},
    {"module's signer", module_signer, NULL, NULL, NULL, NULL, REFUTES("tdx_module", TDX_MODULE)},
    {"module unknown", module_unknown, NULL, NULL, NULL, NULL, REFUTES("tdx_module", TDX_MODULE)},
    {"module out of date", module_out_of_date, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"SEAMATTRIBUTES", seam_attributes, NULL, NULL, NULL, NULL, REFUTES("tdx_module", TDX_MODULE)},
};

static const struct row levels[] = {
    {"FMSPC", tcb_fmspc, NULL, NULL, NULL, NULL, REFUTES("tcb_info", FMSPC_MISMATCH)},
    {"PCEID", tcb_pceid, NULL, NULL, NULL, NULL, REFUTES("tcb_info", PCEID_MISMATCH)},
    {"TCB info of SGX", tcb_sgx, NULL, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"out of date", out_of_date, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"out of date, accepted", out_of_date, NULL, NULL, NULL, "\"tcb\":{\"accept\":[\"OutOfDate\"]},",
     AFFIRMS("tcb_status")},
    {"out of date, in grace", out_of_date, NULL, NULL, NULL, "\"tcb\":{\"grace\":{\"OutOfDate\":\"2026-11-18\"}},",
     AFFIRMS("tcb_status")},
    {"out of date, grace is over", out_of_date, NULL, NULL, NULL, "\"tcb\":{\"grace\":{\"OutOfDate\":\"2026-11-17\"}},",
     REFUTES("tcb_status", TCB_STATUS)},
    {"revoked", revoked, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_REVOKED)},
    {"revoked, and listed", revoked, NULL, NULL, NULL,
     "\"tcb\":{\"accept\":[\"UpToDate\",\"Revoked\"],\"grace\":{\"Revoked\":\"2030-01-01\"}},",
     REFUTES("tcb_status", TCB_REVOKED)},
    {"configuration needed", configuration_needed, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"software hardening needed", hardening, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"a status that nobody knows", status_nonsense, NULL, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"a status in other letters", status_name_in_case, NULL, NULL, NULL, NULL, REFUTES("tcb_info", COLLATERAL_FORM)},
    {"a component at the second level", component_below, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_STATUS)},
    {"a component below", component_far_below, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_NOT_SUPPORTED)},
    {"PCESVN below", pcesvn_far_below, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_NOT_SUPPORTED)},
    {"TDX component 1", tdx_component_1_above, NULL, NULL, NULL, NULL, AFFIRMS("tcb_status")},
    {"TDX component 2", tdx_component_2_above, NULL, NULL, NULL, NULL, REFUTES("tcb_status", TCB_NOT_SUPPORTED)},
    {"evaluation number", NULL, NULL, NULL, NULL, "\"tcb\":{\"min_evaluation\":20},",
     REFUTES("tcb_evaluation", TCB_EVALUATION)},
    {"evaluation number reached", NULL, NULL, NULL, NULL, "\"tcb\":{\"min_evaluation\":19},",
     AFFIRMS("tcb_evaluation")},
};

/* ---- certificates, lists and documents ---- */

static void pck_revoked(struct world *w)
{
    w->setup.revoke_pck = true;
}

static void ca_revoked(struct world *w)
{
    w->setup.revoke_ca = true;
}

static void signer_revoked(struct world *w)
{
    w->setup.revoke_signer = true;
}

static void pck_expired(struct world *w)
{
    w->setup.pck.to = w->time - 1;
}

static void pck_last_second(struct world *w)
{
    w->setup.pck.to = w->time;
}

static void root_not_yet(struct world *w)
{
    w->setup.root.from = w->time + 1;
}

static void root_first_second(struct world *w)
{
    w->setup.root.from = w->time;
}

static void crl_expired(struct world *w)
{
    w->setup.ca_crl.to = w->time - 1;
}

static void crl_not_yet(struct world *w)
{
    w->setup.root_crl.from = w->time + 1;
}

static void info_expired(struct world *w)
{
    w->setup.tcb_info.to = w->time - 1;
}

static void info_last_second(struct world *w)
{
    w->setup.tcb_info.to = w->time;
}

static void identity_not_yet(struct world *w)
{
    w->setup.qe_identity.from = w->time + 1;
}

static struct document_file *file_get(struct world *w, const char *name)
{
    for (size_t i = 0; i < w->file_count; i++) {
        if (strcmp(w->files[i].name, name) == 0) {
            return &w->files[i];
        }
    }
    abort();
}

static void file_drop(struct world *w, const char *name)
{
    *file_get(w, name) = w->files[w->file_count - 1];
    w->file_count--;
}

static void no_pck_crl(struct world *w)
{
    file_drop(w, "pck_crl.der");
}

static void no_root_crl(struct world *w)
{
    file_drop(w, "root_ca_crl.der");
}

static void no_tcb_info(struct world *w)
{
    file_drop(w, "tcb_info.json");
}

static void no_identity(struct world *w)
{
    file_drop(w, "qe_identity.json");
}

static void no_signer(struct world *w)
{
    file_drop(w, "tcb_info_issuer_chain.pem");
}

static void no_files(struct world *w)
{
    w->file_count = 0;
}

/* The root's list where the platform CA's should be. */
static void crl_of_other(struct world *w)
{
    file_get(w, "pck_crl.der")->content = file_get(w, "root_ca_crl.der")->content;
}

/* Contents decide: a wrong list under a better name does no harm while the right one is there. */
static void crl_beside(struct world *w)
{
    w->files[w->file_count++] =
        (struct document_file){.name = "pck_crl_platform.der", .content = file_get(w, "root_ca_crl.der")->content};
}

static void file_flip(struct world *w, enum collateral_file f, const char *what, size_t at)
{
    struct buf *b = &w->collateral.files[f];
    uint8_t *p = memmem(b->p, b->len, what, strlen(what));

    assert_non_null(p);
    p[at] ^= 1;
}

static void info_changed(struct world *w)
{
    file_flip(w, COLLATERAL_TCB_INFO, "\"svn\":", 6);
}

static void identity_changed(struct world *w)
{
    file_flip(w, COLLATERAL_QE_IDENTITY, "\"isvsvn\":", 9);
}

static void info_garbage(struct world *w)
{
    file_flip(w, COLLATERAL_TCB_INFO, "\"tcbInfo\":{", 10);
}

static void crl_changed(struct world *w)
{
    struct buf *b = &w->collateral.files[COLLATERAL_CA_CRL];

    b->p[b->len - 1] ^= 1;
}

/* Both documents are signed by the same signer: each other's chain will do, the PCK's will not. */
static void signer_is_pck(struct world *w)
{
    file_get(w, "tcb_info_issuer_chain.pem")->content = file_get(w, "pck_crl_issuer_chain.pem")->content;
}

static struct platform other_platform;
static struct collateral other_collateral;

/* A second installation, whose root is another one. */
static void other_make(struct world *w)
{
    static const uint8_t seed[PKI_SEED_SIZE] = {9};
    struct err err = {0};

    if (other_collateral.files[0].p == NULL) {
        world_must(platform_new(seed, &w->setup, &other_platform, &err), &err);
        world_must(collateral_new(&other_platform.pki, &w->setup, &other_collateral, &err), &err);
    }
}

static void other_collateral_used(struct world *w)
{
    other_make(w);
    memcpy(w->files, other_collateral.list, sizeof other_collateral.list);
}

static void other_signer(struct world *w)
{
    other_make(w);
    file_get(w, "tcb_info.json")->content = other_collateral.list[COLLATERAL_TCB_INFO].content;
    file_get(w, "tcb_info_issuer_chain.pem")->content = other_collateral.list[COLLATERAL_TCB_CHAIN].content;
}

static void other_root(struct world *w)
{
    struct world other = *w;

    other_make(w);
    other.platform.pki = other_platform.pki;
    world_policy(&other, "", "", "", w->policy_text);
}

static void intel_root(struct world *w)
{
    (void)snprintf(w->policy_text, sizeof w->policy_text, "{\"v\":1,\"anchors\":{\"intel\":true}}");
}

static void no_root(struct world *w)
{
    (void)snprintf(w->policy_text, sizeof w->policy_text, "{\"v\":1}");
}

static const struct row chains[] = {
    {"PCK certificate revoked", pck_revoked, NULL, NULL, NULL, NULL, REFUTES("pck_crl", CERT_REVOKED)},
    {"platform CA revoked", ca_revoked, NULL, NULL, NULL, NULL, REFUTES("root_crl", CERT_REVOKED)},
    {"TCB signer revoked", signer_revoked, NULL, NULL, NULL, NULL, REFUTES("root_crl", CERT_REVOKED)},
    {"PCK certificate expired", pck_expired, NULL, NULL, NULL, NULL, REFUTES("time", CERT_EXPIRED)},
    {"its last second", pck_last_second, NULL, NULL, NULL, NULL, AFFIRMS("time")},
    {"root not yet valid", root_not_yet, NULL, NULL, NULL, NULL, REFUTES("time", CERT_NOT_YET)},
    {"its first second", root_first_second, NULL, NULL, NULL, NULL, AFFIRMS("time")},
    {"CRL expired", crl_expired, NULL, NULL, NULL, NULL, REFUTES("time", CRL_EXPIRED)},
    {"CRL from the future", crl_not_yet, NULL, NULL, NULL, NULL, REFUTES("time", CRL_NOT_YET)},
    {"TCB info expired", info_expired, NULL, NULL, NULL, NULL, REFUTES("time", COLLATERAL_EXPIRED)},
    {"TCB info's last second", info_last_second, NULL, NULL, NULL, NULL, AFFIRMS("time")},
    {"QE identity from the future", identity_not_yet, NULL, NULL, NULL, NULL, REFUTES("time", COLLATERAL_NOT_YET)},
    {"time ignored", info_expired, NULL, NULL, NULL, "\"ignore_time\":true,", LEAVES("time", TIME_IGNORED)},
    {"no PCK CRL", NULL, no_pck_crl, NULL, NULL, NULL, LEAVES("pck_crl", CRL_ABSENT)},
    {"no root CRL", NULL, no_root_crl, NULL, NULL, NULL, LEAVES("root_crl", CRL_ABSENT)},
    {"no TCB info", NULL, no_tcb_info, NULL, NULL, NULL, LEAVES("tcb_info", COLLATERAL_ABSENT)},
    {"no QE identity", NULL, no_identity, NULL, NULL, NULL, LEAVES("tcb_status", COLLATERAL_ABSENT)},
    {"no TCB signer", NULL, no_signer, NULL, NULL, NULL, LEAVES("tcb_info_signature", COLLATERAL_ABSENT)},
    {"no collateral", NULL, no_files, NULL, NULL, NULL, LEAVES("tcb_status", COLLATERAL_ABSENT)},
    {"no collateral, so no time", NULL, no_files, NULL, NULL, NULL, LEAVES("time", FACT_UNKNOWN)},
    {"CRL of another CA", NULL, crl_of_other, NULL, NULL, NULL, REFUTES("pck_crl", CRL_ISSUER)},
    {"CRL of another CA beside", NULL, crl_beside, NULL, NULL, NULL, AFFIRMS("pck_crl")},
    {"CRL's signature", NULL, crl_changed, NULL, NULL, NULL, REFUTES("pck_crl", SIGNATURE_WRONG)},
    {"TCB info changed", NULL, info_changed, NULL, NULL, NULL, REFUTES("tcb_info_signature", COLLATERAL_SIGNATURE)},
    {"QE identity changed", NULL, identity_changed, NULL, NULL, NULL,
     REFUTES("qe_identity_signature", COLLATERAL_SIGNATURE)},
    {"TCB info is no JSON", NULL, info_garbage, NULL, NULL, NULL, REFUTES("tcb_info", JSON_FORM)},
    {"a CA as TCB signer", NULL, signer_is_pck, NULL, NULL, NULL, REFUTES("tcb_info_signature", CERT_ROLE)},
    {"another installation's collateral", NULL, other_collateral_used, NULL, NULL, NULL,
     REFUTES("root_crl", CRL_ISSUER)},
    {"TCB info of another root", NULL, other_signer, NULL, NULL, NULL, REFUTES("tcb_info_signature", ROOT_UNTRUSTED)},
    {"another root in the policy", NULL, other_root, NULL, NULL, NULL, REFUTES("root", ROOT_UNTRUSTED)},
    {"Intel's root in the policy", NULL, intel_root, NULL, NULL, NULL, REFUTES("root", ROOT_UNTRUSTED)},
    {"no root in the policy", NULL, no_root, NULL, NULL, NULL, REFUTES("root", ROOT_UNTRUSTED)},
};

static void quote_rows(void **state)
{
    (void)state;
    ROWS_RUN(quotes);
}

static void platform_rows(void **state)
{
    (void)state;
    ROWS_RUN(platforms);
}

static void level_rows(void **state)
{
    (void)state;
    ROWS_RUN(levels);
}

static void chain_rows(void **state)
{
    (void)state;
    ROWS_RUN(chains);
    collateral_done(&other_collateral);
    platform_done(&other_platform);
}

/* An error as a fact: what the machine lacks says nothing about the evidence; where it is, the text says. */
static void errors(void **state)
{
    static const struct {
        struct err err;
        enum fact_state state;
        const char *text;
    } rows[] = {
        {{.reason = REASON_DER_TAG, .offset = 7, .detail = "tag 0x31"}, FACT_REFUTED, ": tag 0x31 (byte 7)"},
        {{.reason = REASON_CHAIN_BROKEN, .offset = ERR_NOWHERE, .detail = "\"Leaf\""}, FACT_REFUTED, ": \"Leaf\""},
        {{.reason = REASON_NO_MEMORY, .offset = ERR_NOWHERE, .detail = "a chain"}, FACT_IS_UNKNOWN, ": a chain"},
        {{.reason = REASON_INTERNAL, .offset = ERR_NOWHERE, .detail = "a claim"}, FACT_IS_UNKNOWN, ": a claim"},
        {{.reason = REASON_CRL_ABSENT, .offset = ERR_NOWHERE, .detail = "pck_crl"}, FACT_IS_UNKNOWN, ": pck_crl"},
    };
    struct verify_input in = {.time = 1};
    struct policy *policy;
    struct err err = {0};

    (void)state;
    assert_ok(policy_builtin(&policy, &err), err);
    in.policy = policy;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct fact *f;
        struct verdict v;

        assert_ok(verify_undecodable(&rows[i].err, &in, &v, &err), err);
        f = verdict_find(&v, "form");
        assert_int_equal(f->state, rows[i].state);
        assert_int_equal(f->reason, rows[i].err.reason);
        assert_string_equal(strchr(f->text, ':'), rows[i].text);
        verdict_done(&v);
    }
    policy_free(policy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quote_rows), cmocka_unit_test(platform_rows),
                                       cmocka_unit_test(level_rows), cmocka_unit_test(chain_rows),
                                       cmocka_unit_test(errors)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
