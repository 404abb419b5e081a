#include "cli/collateral_import.h"

#include "codec/json.h"
#include "collateral/item.h"
#include "evidence/bundle.h"
#include "os/file.h"

#include <stdio.h>
#include <sys/stat.h>

static bool item_import(const char *name, struct bytes content, struct directory *set, struct err *err)
{
    struct buf plain = BUF(LIMIT_COLLATERAL);
    char room[ITEM_NAME_SIZE];
    const char *to;
    struct item item;
    bool ok = item_read(content, &item, &plain, err);

    for (unsigned nth = 0; ok && (to = item_name(&item, strstr(name, "_early") != NULL, nth, room)) != NULL; nth++) {
        ok = directory_add(set, to, buf_bytes(&plain), err);
    }
    if (!ok) {
        err_prefix(err, name);
    }
    buf_done(&plain);
    return ok;
}

static bool files_import(const struct document_file *files, size_t count, struct directory *set, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (directory_is_name(files[i].name) && !item_import(files[i].name, files[i].content, set, err)) {
            return false;
        }
    }
    return true;
}

/* {"tcb_info":text,"tcb_info_signature":hex,...}: the signed text and its signature apart, which are joined again. */
static bool joined_import(const json_t *o, const char *member, const char *outer, struct directory *set,
                          struct err *err)
{
    struct buf text = BUF(LIMIT_COLLATERAL);
    const char *inner, *signature;
    char name[40];
    bool ok;

    (void)snprintf(name, sizeof name, "%s_signature", member);
    ok = json_get_str(o, member, &inner, err) && json_get_str(o, name, &signature, err) &&
         buf_printf(&text, err, "{\"%s\":", outer) && buf_str(&text, inner, err) &&
         buf_printf(&text, err, ",\"signature\":\"%.128s\"}", signature) &&
         item_import(member, buf_bytes(&text), set, err);
    buf_done(&text);
    return ok;
}

static bool one_file_import(const json_t *o, struct directory *set, struct err *err)
{
    static const char *const plain[] = {"tcb_info_issuer_chain", "pck_crl_issuer_chain", "root_ca_crl", "pck_crl"};
    const char *value;

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        if (!json_get_str(o, plain[i], &value, err) || !item_import(plain[i], bytes_of_str(value), set, err)) {
            return false;
        }
    }
    return joined_import(o, "tcb_info", "tcbInfo", set, err) &&
           joined_import(o, "qe_identity", "enclaveIdentity", set, err);
}

static bool evidence_import(struct bytes text, struct directory *set, struct err *err)
{
    struct document d;
    struct bundle b;
    bool ok;

    if (bundle_is(text)) {
        ok = bundle_parse(text, &b, err);
        if (ok) {
            ok = files_import(b.files, b.file_count, set, err);
            bundle_done(&b);
        }
        return ok;
    }
    ok = document_parse(text, &d, err);
    if (ok) {
        ok = files_import(d.files, d.file_count, set, err);
        document_done(&d);
    }
    return ok;
}

static bool content_import(const char *path, struct bytes content, struct directory *set, struct err *err)
{
    struct err ignored;
    json_t *o = NULL;
    bool ok;

    if (!json_parse(content, &o, &ignored)) {
        return item_import(path, content, set, err);
    }
    if (json_object_get(o, "tcb_info_signature") != NULL) {
        ok = one_file_import(o, set, err);
    } else if (json_object_get(o, "quote") != NULL || json_object_get(o, "evidence") != NULL) {
        ok = evidence_import(content, set, err);
    } else {
        ok = item_import(path, content, set, err);
    }
    json_decref(o);
    return ok;
}

bool collateral_import(const char *path, struct directory *set, struct err *err)
{
    struct directory from = {.count = 0};
    struct buf file = BUF(LIMIT_EVIDENCE);
    struct stat st;
    bool ok;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        ok = directory_open(path, &from, err) && files_import(from.files, from.count, set, err);
        directory_close(&from);
        return ok;
    }
    ok = file_read(path, &file, err) && content_import(path, buf_bytes(&file), set, err);
    buf_done(&file);
    return ok;
}

bool collateral_pck(const char *path, struct directory *set, struct err *err)
{
    struct buf file = BUF(LIMIT_CHAIN), plain = BUF(LIMIT_CHAIN);
    struct item item;
    const bool read = file_read(path, &file, err);
    bool ok = read && item_read(buf_bytes(&file), &item, &plain, err);

    if (ok && (item.kind != ITEM_CHAIN || item.ca != ITEM_CA_PCK)) {
        ok = FAIL(err, REASON_COLLATERAL_OTHER, ERR_NOWHERE, "%s, where a PCK certificate is wanted",
                  item_kind_name(&item));
    }
    ok = ok && directory_add(set, "pck_cert.pem", buf_bytes(&plain), err);
    if (!ok && read) {
        err_prefix(err, path);
    }
    buf_done(&file);
    buf_done(&plain);
    return ok;
}
