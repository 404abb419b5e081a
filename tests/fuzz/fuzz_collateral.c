/* What services and operators write, by its first byte: a percent-encoded header (H), a service's address (U), a QCNL
 * configuration (Q), a piece of collateral (I), a request to the PCCS routes (R, over the piece behind a zero byte).
 * Each is refused with its output untouched, or comes out in a form that is read as the same again. */
#include "base/limits.h"
#include "collateral/pccs.h"
#include "collateral/pcs.h"
#include "collateral/percent.h"
#include "collateral/qcnl.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool contract)
{
    if (!contract) {
        abort();
    }
}

static void header(struct bytes in)
{
    struct buf once = BUF(MIB(1)), printed = BUF(MIB(4)), twice = BUF(MIB(1));
    struct err err = {0};

    if (percent_decode(in, &once, &err)) {
        hold(percent_add(&printed, buf_bytes(&once), &err) && percent_decode(buf_bytes(&printed), &twice, &err));
        hold(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
    } else {
        hold((err.reason == REASON_HTTP_HEADER && err.offset < in.len) || err.reason == REASON_BUF_FULL);
    }
    buf_done(&once);
    buf_done(&printed);
    buf_done(&twice);
}

static void address(const char *text)
{
    const struct pcs_wanted w = {.tdx = true};
    struct buf url = BUF(8192);
    struct pcs_source s = {.version = 77};
    struct err err = {0};
    bool more;

    if (!pcs_source_parse(text, &s, &err)) {
        hold(err.reason == REASON_COLLATERAL_URL && s.version == 77);
    } else {
        hold(s.version == 3 || s.version == 4);
        hold(pcs_url(&s, PCS_TCB_INFO, &w, 0, &url, &more, &err));
        hold(strncmp((const char *)url.p, text, 7) == 0 && strpbrk((const char *)url.p, " \"<>{}$") == NULL);
    }
    buf_done(&url);
}

static void configuration(struct bytes in)
{
    struct err err = {0};
    static struct qcnl q;

    if (!qcnl_parse(in, &q, &err)) {
        hold(err.reason == REASON_QCNL_FORM);
        return;
    }
    hold(q.finding_count <= QCNL_FINDINGS_MAX && (q.pccs_url[0] != '\0' || q.finding_count > 0));
    for (size_t i = 0; i < q.finding_count; i++) {
        hold(q.findings[i].reason != REASON_OK && strlen(q.findings[i].text) < sizeof q.findings[i].text);
    }
}

static bool same(const struct item *a, const struct item *b)
{
    return a->kind == b->kind && a->ca == b->ca && a->id == b->id && a->tdx == b->tdx && a->issued == b->issued &&
           a->next_update == b->next_update && memcmp(a->fmspc, b->fmspc, sizeof a->fmspc) == 0;
}

static void piece(struct bytes in)
{
    struct buf once = BUF(MIB(4)), twice = BUF(MIB(4));
    struct item a = {.evaluation = 77}, b;
    struct err err = {0};

    if (!item_read(in, &a, &once, &err)) {
        hold(err.reason != REASON_OK && a.evaluation == 77 && once.len == 0);
    } else {
        hold(item_read(buf_bytes(&once), &b, &twice, &err) && same(&a, &b));
        hold(bytes_equal(buf_bytes(&once), buf_bytes(&twice)));
        (void)!item_check(&a, buf_bytes(&once), buf_bytes(&once), &err);
    }
    buf_done(&once);
    buf_done(&twice);
}

/* "PATH?QUERY" NUL a file */
static void request(char *text, size_t size)
{
    const size_t n = strlen(text);
    const struct document_file f = {.name = "x.json", .content = bytes_of(text + n, size - n)};
    const struct pccs p = {.files = &f, .count = 1};
    char *query = strchr(text, '?');
    struct pccs_reply r;

    if (query != NULL) {
        *query++ = '\0';
    }
    pccs_answer(&p, text, query != NULL ? bytes_of_str(query) : bytes_of(NULL, 0), &r);
    hold(r.status == 200 || r.status == 400 || r.status == 404);
    hold((r.status == 200) == (r.why == REASON_OK) && r.type != NULL);
    hold(r.header == NULL || memchr(r.chain.p, 0, r.chain.len) == r.chain.p + r.chain.len - 1);
    pccs_reply_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text;

    if (size == 0 || size > MIB(1) || (text = malloc(size)) == NULL) {
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    switch (data[0]) {
    case 'H':
        header(bytes_of(text, size - 1));
        break;
    case 'U':
        address(text);
        break;
    case 'Q':
        configuration(bytes_of(text, size - 1));
        break;
    case 'I':
        piece(bytes_of(text, size - 1));
        break;
    case 'R':
        request(text, size - 1);
        break;
    default:
        break;
    }
    free(text);
    return 0;
}
