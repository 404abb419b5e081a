/* The simulated platform in memory: that what it makes has its form, holds together, and is made by no one else. */
#include "test.h"

#include "codec/json.h"
#include "codec/pem.h"
#include "crypto/sig.h"
#include "device/qgs.h"
#include "device/td_frame.h"
#include "sim/answer.h"
#include "sim/bootlog.h"
#include "tdx/eventlog.h"
#include "tdx/pck.h"

#define NOW INT64_C(1795521600) /* 2026-11-24T12:00:00Z */

static const uint8_t seed[PKI_SEED_SIZE] = {1, 2, 3};
static struct platform platform;
static struct err err;

static int platform_make(void **state)
{
    struct setup s;

    (void)state;
    setup_default(NOW, &s);
    return platform_new(seed, &s, &platform, &err) ? 0 : 1;
}

static int platform_end(void **state)
{
    (void)state;
    platform_done(&platform);
    return 0;
}

static void cert_get(const struct pki *p, enum pki_role role, struct x509 *out)
{
    assert_ok(x509_parse(buf_bytes(&p->certs[role]), out, &err), err);
}

static void assert_signed_by(const struct x509 *x, const struct x509 *issuer)
{
    assert_ok(sig_check(SIG_P256, bytes_of(issuer->key_xy, 64), x->tbs, bytes_of(x->signature, 64), &err), err);
    assert_true(bytes_equal(x->issuer, issuer->subject));
    assert_true(bytes_equal(x->authority_key_id, issuer->subject_key_id));
}

static void certificates_have_the_profile(void **state)
{
    struct x509 root, ca, pck, signer;

    (void)state;
    cert_get(&platform.pki, PKI_ROOT, &root);
    cert_get(&platform.pki, PKI_CA, &ca);
    cert_get(&platform.pki, PKI_PCK, &pck);
    cert_get(&platform.pki, PKI_SIGNER, &signer);
    assert_signed_by(&root, &root);
    assert_signed_by(&ca, &root);
    assert_signed_by(&pck, &ca);
    assert_signed_by(&signer, &root);
    assert_string_equal(root.common_name, "SIMULATED SGX Root CA");
    assert_true(root.ca && root.path_len == 1 && root.key_usage == (X509_KEY_CERT_SIGN | X509_CRL_SIGN));
    assert_true(ca.ca && ca.path_len == 0);
    assert_true(!pck.ca && pck.has_basic_constraints && (pck.key_usage & X509_DIGITAL_SIGNATURE) != 0);
    assert_true(!signer.ca && signer.extension_count == 5 && pck.extension_count == 6);
    assert_true(pck.not_before < NOW && pck.not_after > NOW + 3600 * SETUP_DAY);
}

static void pck_says_what_the_setup_has(void **state)
{
    const struct setup *s = &platform.setup;
    struct x509 x;
    struct pck pck;

    (void)state;
    cert_get(&platform.pki, PKI_PCK, &x);
    assert_ok(pck_parse(&x, &pck, &err), err);
    assert_memory_equal(pck.fmspc, "SIMUL1", 6);
    assert_memory_equal(pck.ppid, "SIMULATED-PPID\0", 16);
    assert_memory_equal(pck.svn, s->svn, 16);
    assert_memory_equal(pck.cpusvn, s->cpusvn, 16);
    assert_int_equal(pck.pcesvn, s->pcesvn);
    assert_true(pck.has_instance);
    assert_memory_equal(pck.instance, platform.pki.id, 16);
    assert_int_equal(pck.dynamic, PCK_FLAG_CLEAR);
    assert_int_equal(pck.cached_keys, PCK_FLAG_CLEAR);
    assert_int_equal(pck.smt, PCK_FLAG_SET);
}

static void lists_list_what_is_revoked(void **state)
{
    struct setup s = platform.setup;
    struct buf ca_list = BUF(65536), root_list = BUF(65536);
    struct x509_crl crl;
    struct x509 root, ca, pck, signer;

    (void)state;
    s.revoke_pck = s.revoke_signer = true;
    cert_get(&platform.pki, PKI_ROOT, &root);
    cert_get(&platform.pki, PKI_CA, &ca);
    cert_get(&platform.pki, PKI_PCK, &pck);
    cert_get(&platform.pki, PKI_SIGNER, &signer);
    assert_ok(pki_crl(&platform.pki, PKI_CA, &s, &ca_list, &err), err);
    assert_ok(pki_crl(&platform.pki, PKI_ROOT, &s, &root_list, &err), err);
    assert_ok(x509_crl_parse(buf_bytes(&ca_list), &crl, &err), err);
    assert_true(crl.revoked_count == 1 && x509_crl_lists(&crl, pck.serial));
    assert_ok(sig_check(SIG_P256, bytes_of(ca.key_xy, 64), crl.tbs, bytes_of(crl.signature, 64), &err), err);
    assert_ok(x509_crl_parse(buf_bytes(&root_list), &crl, &err), err);
    assert_true(crl.revoked_count == 1 && x509_crl_lists(&crl, signer.serial) && !x509_crl_lists(&crl, ca.serial));
    assert_true(crl.this_update <= NOW && crl.next_update > NOW + 29 * SETUP_DAY);
    assert_ok(sig_check(SIG_P256, bytes_of(root.key_xy, 64), crl.tbs, bytes_of(crl.signature, 64), &err), err);
    buf_done(&ca_list);
    ca_list = BUF(65536);
    assert_ok(pki_crl(&platform.pki, PKI_CA, &platform.setup, &ca_list, &err), err);
    assert_ok(x509_crl_parse(buf_bytes(&ca_list), &crl, &err), err);
    assert_int_equal(crl.revoked_count, 0);
    buf_done(&ca_list);
    buf_done(&root_list);
}

static void document_check(const struct document_file *f, const char *member, const char *id)
{
    struct x509 signer;
    struct bytes body;
    const char *text;
    uint8_t rs[64];
    json_t *o, *inner;

    cert_get(&platform.pki, PKI_SIGNER, &signer);
    assert_ok(json_parse_span(f->content, member, &o, &body, &err), err);
    assert_ok(json_get_hex(o, "signature", rs, 64, &err), err);
    assert_ok(sig_check(SIG_P256, bytes_of(signer.key_xy, 64), body, bytes_of(rs, 64), &err), err);
    assert_ok(json_get(o, member, JSON_OBJECT, &inner, &err), err);
    assert_ok(json_get_str(inner, "id", &text, &err), err);
    assert_string_equal(text, id);
    assert_ok(json_get_str(inner, "issueDate", &text, &err), err);
    assert_string_equal(text, "2026-11-24T11:59:00Z");
    json_decref(o);
}

static void collateral_is_signed(void **state)
{
    struct collateral c;
    struct pem chain;

    (void)state;
    assert_ok(collateral_new(&platform.pki, &platform.setup, &c, &err), err);
    document_check(&c.list[COLLATERAL_TCB_INFO], "tcbInfo", "TDX");
    document_check(&c.list[COLLATERAL_QE_IDENTITY], "enclaveIdentity", "TD_QE");
    for (size_t i = 0; i < COLLATERAL_FILES; i++) {
        assert_string_equal(c.list[i].name, collateral_name((enum collateral_file)i));
    }
    assert_ok(pem_parse(c.list[COLLATERAL_TCB_CHAIN].content, "CERTIFICATE", &chain, &err), err);
    assert_int_equal(chain.count, 2);
    assert_true(bytes_equal(chain.blocks[1], buf_bytes(&platform.pki.certs[PKI_ROOT])));
    pem_done(&chain);
    collateral_done(&c);
}

static void quote_check(unsigned version)
{
    uint8_t report_data[64] = {7};
    struct buf b = BUF(65536);
    struct x509 pck;
    struct quote q;
    struct pem chain;

    assert_ok(platform_quote(&platform, version, report_data, &b, &err), err);
    assert_ok(quote_parse(buf_bytes(&b), &q, &err), err);
    assert_int_equal(q.version, version);
    assert_int_equal(q.body_type, version == 4 ? QUOTE_BODY_TD10 : QUOTE_BODY_TD15);
    assert_memory_equal(q.user_data, "SIMULATED-QUOTE\0\0\0\0\0", 20);
    assert_memory_equal(q.td.mrseam, "SIMULATED-MRSEAM", 16);
    assert_memory_equal(q.td.report_data, report_data, 64);
    assert_memory_equal(q.td.mrtd, platform.guest.mrtd, 48);
    assert_memory_equal(q.td.rtmr, platform.guest.rtmr, sizeof q.td.rtmr);
    assert_int_equal(q.td.td_attributes, TD_ATTRIBUTE_SEPT_VE_DISABLE);
    assert_int_equal(q.trailing.len, 0);
    assert_ok(sig_check(SIG_P256, q.key, q.signed_part, q.signature, &err), err);
    cert_get(&platform.pki, PKI_PCK, &pck);
    assert_ok(sig_check(SIG_P256, bytes_of(pck.key_xy, 64), q.qe_report_part, q.qe_signature, &err), err);
    assert_ok(pem_parse(q.certification, "CERTIFICATE", &chain, &err), err);
    assert_int_equal(chain.count, 3);
    assert_true(bytes_equal(chain.blocks[0], buf_bytes(&platform.pki.certs[PKI_PCK])));
    pem_done(&chain);
    buf_done(&b);
}

static void quotes_are_whole(void **state)
{
    uint8_t report_data[64] = {0};
    struct buf b = BUF(65536);

    (void)state;
    quote_check(4);
    quote_check(5);
    assert_fails(platform_quote(&platform, 2, report_data, &b, &err), err, REASON_QUOTE_VERSION, ERR_NOWHERE);
    assert_fails(platform_quote(&platform, 6, report_data, &b, &err), err, REASON_QUOTE_VERSION, ERR_NOWHERE);
}

static void installations_differ(void **state)
{
    const uint8_t other_seed[PKI_SEED_SIZE] = {9};
    struct buf saved = BUF(65536);
    struct platform same, other;
    struct pki p;
    uint8_t a[32], b[32];

    (void)state;
    assert_ok(platform_new(seed, &platform.setup, &same, &err), err);
    assert_ok(platform_new(other_seed, &platform.setup, &other, &err), err);
    assert_memory_equal(same.pki.id, platform.pki.id, 32);
    assert_memory_equal(&same.guest, &platform.guest, sizeof same.guest);
    assert_memory_not_equal(other.pki.id, platform.pki.id, 32);
    assert_memory_not_equal(other.guest.mrtd, platform.guest.mrtd, 48);
    assert_memory_not_equal(other.guest.rtmr[0], platform.guest.rtmr[0], 48);

    assert_ok(pki_save(&platform.pki, &saved, &err), err);
    assert_ok(pki_load(seed, buf_bytes(&saved), &p, &err), err);
    pki_root_sha256(&platform.pki, a);
    pki_root_sha256(&p, b);
    assert_memory_equal(a, b, 32);
    pki_done(&p);
    assert_fails(pki_load(other_seed, buf_bytes(&saved), &p, &err), err, REASON_SIM_STATE, ERR_NOWHERE);
    platform_done(&same);
    platform_done(&other);
    buf_done(&saved);
}

/* Every bit that a quote is made of is covered by the MAC. */
static void reports_of_others_are_refused(void **state)
{
    const uint8_t other_seed[PKI_SEED_SIZE] = {9};
    uint8_t report_data[64] = {1}, report[TDREPORT_SIZE];
    struct platform other;
    struct td_body body;

    (void)state;
    guest_report(&platform.guest, &platform.pki, &platform.setup, report_data, report);
    assert_ok(guest_check(&platform.pki, bytes_of(report, sizeof report), &body, &err), err);
    for (size_t i = 0; i < sizeof report; i++) {
        bool reserved = i >= TDREPORT_TEE_TCB_INFO + TDREPORT_TEE_TCB_INFO_SIZE &&
                        i < TDREPORT_TDINFO; /* in no hash, in no quote */

        report[i] ^= 0x10;
        err.reason = REASON_OK;
        if (guest_check(&platform.pki, bytes_of(report, sizeof report), &body, &err) != reserved ||
            (!reserved && err.reason != REASON_SIM_MAC)) {
            fail_msg("byte %zu: %s", i, reason_name(err.reason));
        }
        report[i] ^= 0x10;
    }
    assert_fails(guest_check(&platform.pki, bytes_of(report, 1023), &body, &err), err, REASON_TD_REPORT_FORM,
                 ERR_NOWHERE);
    assert_ok(platform_new(other_seed, &platform.setup, &other, &err), err);
    assert_fails(guest_check(&other.pki, bytes_of(report, sizeof report), &body, &err), err, REASON_SIM_MAC,
                 TDREPORT_MAC);
    platform_done(&other);
}

static void boot_log_explains_the_registers(void **state)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct eventlog_event e;
    struct eventlog log;
    struct buf b = BUF(65536);
    size_t count;
    bool more = true;

    (void)state;
    assert_ok(bootlog_print(platform.pki.id, &b, &err), err);
    assert_ok(eventlog_replay(buf_bytes(&b), registers, &count, &err), err);
    assert_int_equal(count, 8);
    assert_memory_equal(registers, platform.guest.rtmr, sizeof registers);
    assert_ok(eventlog_open(buf_bytes(&b), &log, &err), err);
    for (;;) {
        assert_ok(eventlog_next(&log, &e, &more, &err), err);
        if (!more) {
            break;
        }
        assert_true(eventlog_covered(&e));
    }
    buf_done(&b);
}

/* ---- answers ---- */

static bool kept;
static bool keep_fails;

static bool keep(void *arg, const struct guest *g, struct err *e)
{
    (void)arg;
    (void)g;
    kept = true;
    return !keep_fails || FAIL(e, REASON_FILE_IO, ERR_NOWHERE, "the disk is full");
}

static void ask(unsigned kind, const void *payload, size_t len, unsigned *reply, struct buf *out)
{
    const struct answer_world w = {.platform = &platform, .quote_version = 4, .keep = keep};
    struct td_frame_header h;
    struct err why = {0};

    buf_done(out);
    *out = BUF(1 << 20);
    assert_ok(answer_td(&w, kind, bytes_of(payload, len), out, &why), why);
    assert_ok(td_frame_parse(out->p, 1 << 20, &h, &err), err);
    assert_int_equal(h.len, out->len - TD_FRAME_HEADER_SIZE);
    *reply = h.kind;
    buf_drop(out, TD_FRAME_HEADER_SIZE);
}

static void td_requests_are_answered(void **state)
{
    uint8_t extend[49] = {3, 5}, index = 3;
    struct guest before = platform.guest;
    struct buf out = BUF(1 << 20);
    unsigned reply;

    (void)state;
    ask(TD_FRAME_REPORT, extend, 64 - 15, &reply, &out);
    assert_int_equal(reply, TD_FRAME_ERROR);
    ask(TD_FRAME_REPORT, platform.pki.certs[0].p, 64, &reply, &out);
    assert_true(reply == (TD_FRAME_REPORT | TD_FRAME_REPLY) && out.len == TDREPORT_SIZE);
    ask(TD_FRAME_BOOT_LOG, NULL, 0, &reply, &out);
    assert_true(reply == (TD_FRAME_BOOT_LOG | TD_FRAME_REPLY) && out.len > 500);

    keep_fails = true;
    ask(TD_FRAME_EXTEND, extend, sizeof extend, &reply, &out);
    assert_int_equal(reply, TD_FRAME_ERROR);
    assert_memory_equal(&platform.guest, &before, sizeof before); /* not kept, so not done */
    keep_fails = kept = false;
    ask(TD_FRAME_EXTEND, extend, sizeof extend, &reply, &out);
    assert_true(reply == (TD_FRAME_EXTEND | TD_FRAME_REPLY) && kept);
    assert_ok(guest_extend(&before, 3, extend + 1, &err), err);
    assert_memory_equal(out.p, before.rtmr[3], 48);
    ask(TD_FRAME_READ, &index, 1, &reply, &out);
    assert_true(reply == (TD_FRAME_READ | TD_FRAME_REPLY) && out.len == 48);
    assert_memory_equal(out.p, before.rtmr[3], 48);
    buf_done(&out);
}

static void bad_td_requests_are_refused(void **state)
{
    static const uint8_t payload[65] = {4};
    static const struct {
        unsigned kind;
        size_t len;
    } bad[] = {{0, 0},
               {5, 0},
               {TD_FRAME_REPORT, 0},
               {TD_FRAME_REPORT, 63},
               {TD_FRAME_REPORT, 65},
               {TD_FRAME_READ, 0},
               {TD_FRAME_READ, 1}, /* RTMR4 */
               {TD_FRAME_READ, 2},
               {TD_FRAME_EXTEND, 48},
               {TD_FRAME_EXTEND, 49}, /* RTMR4 */
               {TD_FRAME_EXTEND, 50},
               {TD_FRAME_BOOT_LOG, 1},
               {TD_FRAME_ERROR, 0},
               {TD_FRAME_READ | TD_FRAME_REPLY, 1}};
    struct guest before = platform.guest;
    struct buf out = BUF(1 << 20);
    unsigned reply;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ask(bad[i].kind, payload, bad[i].len, &reply, &out);
        assert_int_equal(reply, TD_FRAME_ERROR);
        assert_true(bytes_equal(buf_bytes(&out), bytes_of_str("SIM_FORM")));
    }
    assert_memory_equal(&platform.guest, &before, sizeof before);
    buf_done(&out);
}

static void qgs_quotes_own_reports_alone(void **state)
{
    const struct answer_world w = {.platform = &platform, .quote_version = 5, .keep = keep};
    uint8_t report_data[64] = {3}, report[TDREPORT_SIZE];
    struct buf request = BUF(4096), answer = BUF(1 << 20);
    struct bytes quote;
    struct quote q;

    (void)state;
    guest_report(&platform.guest, &platform.pki, &platform.setup, report_data, report);
    assert_ok(qgs_request_print(bytes_of(report, sizeof report), &request, &err), err);
    buf_drop(&request, QGS_PREFIX_SIZE);
    assert_ok(answer_qgs(&w, buf_bytes(&request), &answer, &err), err);
    buf_drop(&answer, QGS_PREFIX_SIZE);
    assert_ok(qgs_response_parse(buf_bytes(&answer), &quote, &err), err);
    assert_ok(quote_parse(quote, &q, &err), err);
    assert_int_equal(q.version, 5);

    request.p[QGS_HEADER_SIZE + 8 + TDREPORT_TDINFO + TDINFO_RTMR0] ^= 1;
    answer.len = 0;
    err.reason = REASON_OK;
    assert_ok(answer_qgs(&w, buf_bytes(&request), &answer, &err), err);
    assert_int_equal(err.reason, REASON_SIM_MAC);
    buf_drop(&answer, QGS_PREFIX_SIZE);
    assert_fails(qgs_response_parse(buf_bytes(&answer), &quote, &err), err, REASON_DEVICE_FAILED, 12);
    buf_done(&request);
    buf_done(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(certificates_have_the_profile),
        cmocka_unit_test(pck_says_what_the_setup_has),
        cmocka_unit_test(lists_list_what_is_revoked),
        cmocka_unit_test(collateral_is_signed),
        cmocka_unit_test(quotes_are_whole),
        cmocka_unit_test(installations_differ),
        cmocka_unit_test(reports_of_others_are_refused),
        cmocka_unit_test(boot_log_explains_the_registers),
        cmocka_unit_test(td_requests_are_answered),
        cmocka_unit_test(bad_td_requests_are_refused),
        cmocka_unit_test(qgs_quotes_own_reports_alone),
    };

    return cmocka_run_group_tests_name("sim", tests, platform_make, platform_end);
}
