/* tdx/ against its own layout, and against real quotes, reports and logs (the vectors' INDEX.md says from where). */
#include "test.h"

#include "base/hex.h"
#include "base/limits.h"
#include "tdx/eventlog.h"
#include "tdx/pck.h"
#include "tdx/td_report.h"

#include "codec/pem.h"
#include "explain/quote_print.h"

static struct bytes vector(const char *name)
{
    static uint8_t bytes[4 << 20];
    FILE *f = fopen(vector_path(name), "rb");
    size_t len;

    assert_non_null(f);
    len = fread(bytes, 1, sizeof bytes, f);
    (void)fclose(f);
    return bytes_of(bytes, len);
}

/* Each field of a body holds its own offset, so that a field read from another place shows. */
static void body_layout(void **state)
{
    static const struct {
        size_t offset, at, len;
    } fields[] = {
        {TD_TEE_TCB_SVN, offsetof(struct td_body, tee_tcb_svn), 16},
        {TD_MRSEAM, offsetof(struct td_body, mrseam), 48},
        {TD_MRSIGNERSEAM, offsetof(struct td_body, mrsignerseam), 48},
        {TD_MRTD, offsetof(struct td_body, mrtd), 48},
        {TD_MRCONFIGID, offsetof(struct td_body, mrconfigid), 48},
        {TD_MROWNER, offsetof(struct td_body, mrowner), 48},
        {TD_MROWNERCONFIG, offsetof(struct td_body, mrownerconfig), 48},
        {TD_RTMR0, offsetof(struct td_body, rtmr), 192},
        {TD_REPORTDATA, offsetof(struct td_body, report_data), 64},
        {TD_TEE_TCB_SVN_2, offsetof(struct td_body, tee_tcb_svn_2), 16},
        {TD_MRSERVICETD, offsetof(struct td_body, mrservicetd), 48},
        {TD_VMID, offsetof(struct td_body, vmid), 1},
        {TD_ID, offsetof(struct td_body, td_id), 32},
        {TD_DEVINFO, offsetof(struct td_body, devinfo), 48},
        {TD_INIT_SERVTD_HASH, offsetof(struct td_body, init_servtd_hash), 48},
        {TD_INIT_SERVTD_ATTR, offsetof(struct td_body, init_servtd_attr), 8},
        {TD_INIT_CPUSVN, offsetof(struct td_body, init_cpusvn), 16},
        {TD_INIT_TEE_TCB_SVN, offsetof(struct td_body, init_tee_tcb_svn), 16},
        {TD_INIT_TEE_FMSPC, offsetof(struct td_body, init_tee_fmspc), 12},
        {TD_CUR_SERVTD_HASH, offsetof(struct td_body, cur_servtd_hash), 48},
        {TD_CUR_SERVTD_ATTR, offsetof(struct td_body, cur_servtd_attr), 8},
    };
    uint8_t bytes[TD_BODY_15EX_SIZE];
    struct td_body b;
    struct cursor c;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    c = cursor_init(bytes, sizeof bytes);
    assert_ok(td_body_parse(&c, TD_BODY_15EX_SIZE, &b, &err), err);
    assert_int_equal(c.left, 0);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        assert_memory_equal((const uint8_t *)&b + fields[i].at, bytes + fields[i].offset, fields[i].len);
    }
    assert_int_equal(b.td_attributes & 0xff, bytes[TD_TDATTRIBUTES]);
    assert_int_equal(b.xfam & 0xff, bytes[TD_XFAM]);
    assert_int_equal(b.seam_attributes & 0xff, bytes[TD_SEAMATTRIBUTES]);
    c = cursor_init(bytes, TD_BODY_SIZE - 1);
    assert_fails(td_body_parse(&c, TD_BODY_SIZE, &b, &err), err, REASON_BYTES_SHORT, 0);
}

static void sgx_layout(void **state)
{
    uint8_t bytes[SGX_BODY_SIZE];
    struct sgx_body b;
    struct cursor c;
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    c = cursor_init(bytes, sizeof bytes);
    assert_ok(sgx_body_parse(&c, &b, &err), err);
    assert_int_equal(c.left, 0);
    assert_memory_equal(b.cpusvn, bytes + SGX_BODY_CPUSVN, 16);
    assert_memory_equal(b.isvextprodid, bytes + SGX_BODY_ISVEXTPRODID, 16);
    assert_memory_equal(b.attributes, bytes + SGX_BODY_ATTRIBUTES, 16);
    assert_memory_equal(b.mrenclave, bytes + SGX_BODY_MRENCLAVE, 32);
    assert_memory_equal(b.mrsigner, bytes + SGX_BODY_MRSIGNER, 32);
    assert_memory_equal(b.configid, bytes + SGX_BODY_CONFIGID, 64);
    assert_memory_equal(b.isvfamilyid, bytes + SGX_BODY_ISVFAMILYID, 16);
    assert_memory_equal(b.report_data, bytes + SGX_BODY_REPORT_DATA, 64);
    assert_int_equal(b.miscselect & 0xff, bytes[SGX_BODY_MISCSELECT]);
    assert_int_equal(b.isvprodid & 0xff, bytes[SGX_BODY_ISVPRODID]);
    assert_int_equal(b.isvsvn & 0xff, bytes[SGX_BODY_ISVSVN]);
    assert_int_equal(b.configsvn & 0xff, bytes[SGX_BODY_CONFIGSVN]);
}

/* What a guest's device answers: its size and its type. */
static void reports_of_guests(void **state)
{
    uint8_t report[TDREPORT_SIZE + 1] = {0x81};
    struct td_body b;
    struct err err = {0};

    (void)state;
    assert_ok(td_report_parse(bytes_of(report, TDREPORT_SIZE), &b, &err), err);
    assert_fails(td_report_parse(bytes_of(report, TDREPORT_SIZE + 1), &b, &err), err, REASON_TD_REPORT_FORM,
                 TDREPORT_SIZE + 1);
    assert_fails(td_report_parse(bytes_of(report, TDREPORT_SIZE - 1), &b, &err), err, REASON_TD_REPORT_FORM,
                 TDREPORT_SIZE - 1);
    report[3] = 1;
    assert_fails(td_report_parse(bytes_of(report, TDREPORT_SIZE), &b, &err), err, REASON_TD_REPORT_FORM, 0);
    report[3] = 0;
    report[0] = 0; /* an enclave's */
    assert_fails(td_report_parse(bytes_of(report, TDREPORT_SIZE), &b, &err), err, REASON_TD_REPORT_FORM, 0);
}

static void real_quotes(void **state)
{
    static const struct {
        const char *name, *tee_tcb_svn, *td_attributes, *xfam, *fmspc;
        unsigned version, body_type;
        size_t trailing;
    } quotes[] = {
        {"tdx/quotes/tdx4_B0C06F_dcapqvl_uptodate.bin", "060103", "0000001000000000", "e702060000000000",
         "b0c06f000000", 4, 2, 70},
        {"tdx/quotes/tdx5_90C06F_gotdx_v5.bin", "0b0104", "0000001000000000", "e702060000000000", "90c06f000000", 5, 3,
         0},
        {"tdx/quotes/tdx4_00806F050000_automata_gcp.bin", "040107", "0000001000000000", "e700060000000000",
         "00806f050000", 4, 2, 3065},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof quotes / sizeof *quotes; i++) {
        struct quote q;
        struct pem pem;
        struct x509 x;
        struct pck p;
        struct bytes bytes = vector(quotes[i].name); /* skips where there are none: before anything is allocated */
        json_t *v = json_object();
        char hex[13];

        assert_ok(quote_parse(bytes, &q, &err), err);
        assert_int_equal(q.version, quotes[i].version);
        assert_int_equal(q.body_type, quotes[i].body_type);
        assert_int_equal(q.trailing.len, quotes[i].trailing);
        assert_memory_equal(q.vendor, quote_vendor_intel, 16);
        assert_ok(quote_claims(&q, v, &err), err);
        assert_memory_equal(json_string_value(json_object_get(v, "tee_tcb_svn")), quotes[i].tee_tcb_svn, 6);
        assert_string_equal(json_string_value(json_object_get(v, "td_attributes")), quotes[i].td_attributes);
        assert_string_equal(json_string_value(json_object_get(v, "xfam")), quotes[i].xfam);
        json_decref(v);
        assert_int_equal(q.certification_type, QUOTE_CERTIFICATION_PCK_CHAIN);
        assert_ok(pem_parse(q.certification, "CERTIFICATE", &pem, &err), err);
        assert_ok(x509_parse(pem.blocks[0], &x, &err), err);
        assert_ok(pck_parse(&x, &p, &err), err);
        hex_encode(bytes_of(p.fmspc, 6), hex);
        assert_string_equal(hex, quotes[i].fmspc);
        assert_true(p.has_instance && p.smt != PCK_FLAG_UNKNOWN);
        assert_ok(x509_parse(pem.blocks[1], &x, &err), err);
        assert_false(pck_parse(&x, &p, &err)); /* a CA has no such extension */
        assert_int_equal(err.reason, REASON_PCK_EXTENSION);
        pem_done(&pem);
    }
}

static void printed(void **state)
{
    struct buf json = BUF(65536), text = BUF(65536);
    struct err err = {0};
    struct quote q;
    json_t *v;

    (void)state;
    assert_ok(quote_parse(vector("tdx/quotes/tdx5_90C06F_gotdx_v5.bin"), &q, &err), err);
    assert_ok(quote_print_json(&q, &json, &err), err);
    assert_ok(json_parse(buf_bytes(&json), &v, &err), err);
    assert_int_equal(strlen(json_string_value(json_object_get(v, "mr_servicetd"))), 96);
    assert_int_equal(strlen(json_string_value(json_object_get(v, "rtmr_3"))), 96);
    assert_int_equal(json_integer_value(json_object_get(v, "quote_version")), 5);
    json_decref(v);
    assert_ok(quote_print_text(&q, &text, &err), err);
    assert_non_null(memmem(text.p, text.len, "mr_td: ", 7));
    buf_done(&json);
    buf_done(&text);
}

static void real_reports(void **state)
{
    struct td_body b;
    struct err err = {0};

    (void)state;
    assert_ok(td_report_parse(vector("eventlog/coco_tdx_report_1.bin"), &b, &err), err);
    assert_true(b.is_15);
    assert_fails(td_report_parse(bytes_of("x", 1), &b, &err), err, REASON_TD_REPORT_FORM, 1);
}

/* First bytes of each register; "" where the log does not touch it. */
static void real_logs(void **state)
{
    static const struct {
        const char *name, *rtmr[4];
    } logs[] = {
        {"eventlog/trustee_CCEL_AAEL_alibabacloud.bin",
         {"b796e1c11396", "3b0b906140fc", "35f2801338c1", "5e4ecd49d3c7"}},
        {"eventlog/trustee_CCEL_data.bin", {"2dc712306a96", "0fa3be56af61", "", ""}},
        {"eventlog/trustee_CCEL_data_grub.bin", {"cec0a104f691", "6c289e0c6218", "08919d017ba0", ""}},
        {"eventlog/trustee_CCEL_data_gcp.bin", {"3300980705ad", "204d49f78d29", "", ""}},
        {"eventlog/dstack_ccel.bin", {"274c2344116d", "bdcf4ee0f7fd", "", ""}},
        {"eventlog/goeventlog_CCEL_unpadded.data.bin", {"8083cd6898cc", "6484f0d72c03", "c3e7ed9d7e90", ""}},
        {"eventlog/goeventlog_cos-113-intel-tdx-dupe-separator.bin",
         {"a4de2df23e96", "0ee9366c928a", "4969684dc873", ""}},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
        size_t count;

        assert_ok(eventlog_replay(vector(logs[i].name), registers, &count, &err), err);
        for (size_t n = 0; n < EVENTLOG_REGISTERS; n++) {
            char hex[13];

            hex_encode(bytes_of(registers[n], 6), hex);
            assert_string_equal(hex, logs[i].rtmr[n][0] != '\0' ? logs[i].rtmr[n] : "000000000000");
        }
    }
}

static void log_and_quote(void **state)
{
    uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
    struct buf json = BUF(MIB(8)), text = BUF(MIB(8));
    struct err err = {0};
    struct quote q;
    size_t count;
    json_t *v;

    (void)state;
    assert_ok(eventlog_replay(vector("eventlog/gotdx_ccel_data.dat"), registers, &count, &err), err);
    assert_ok(eventlog_print_json(vector("eventlog/gotdx_ccel_data.dat"), &json, &err), err);
    assert_ok(eventlog_print_text(vector("eventlog/gotdx_ccel_data.dat"), &text, &err), err);
    assert_ok(json_parse(buf_bytes(&json), &v, &err), err);
    assert_int_equal(json_array_size(json_object_get(v, "events")), count);
    json_decref(v);
    assert_ok(quote_parse(vector("eventlog/gotdx_cos-113-tdx-quote.dat"), &q, &err), err);
    assert_memory_equal(registers, q.td.rtmr, sizeof registers);
    buf_done(&json);
    buf_done(&text);
}

/* Logs of other platforms: refused by name, never read wrongly. */
static void other_logs(void **state)
{
    static const struct {
        const char *name;
        enum reason reason;
    } logs[] = {
        {"eventlog/trustee_CCEL_data_csv.bin", REASON_LOG_ALGORITHM},
        {"eventlog/goeventlog_tpm_debian-10.bin", REASON_LOG_FORM},
        {"eventlog/goeventlog_tpm_ubuntu-2104-no-secure-boot.bin", REASON_LOG_REGISTER},
    };
    struct err err = {0};

    (void)state;
    for (size_t i = 0; i < sizeof logs / sizeof *logs; i++) {
        uint8_t registers[EVENTLOG_REGISTERS][SHA384_SIZE] = {{0}};
        size_t count;

        assert_false(eventlog_replay(vector(logs[i].name), registers, &count, &err));
        assert_string_equal(reason_name(err.reason), reason_name(logs[i].reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(body_layout), cmocka_unit_test(sgx_layout),    cmocka_unit_test(reports_of_guests),
        cmocka_unit_test(real_quotes), cmocka_unit_test(printed),       cmocka_unit_test(real_reports),
        cmocka_unit_test(real_logs),   cmocka_unit_test(log_and_quote), cmocka_unit_test(other_logs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
