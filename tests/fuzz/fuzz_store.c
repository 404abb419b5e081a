/* What lies in a model store, and Modelfiles. Contract: whatever is accepted has one model layer, printable fields and
 * a path that is one line. */
#include "store/layout.h"
#include "store/modelfile.h"

#include <stdlib.h>

static void must(bool ok)
{
    if (!ok) {
        abort();
    }
}

static void name_try(const uint8_t *data, size_t size)
{
    struct store_name n, again;
    struct err err;
    char text[STORE_NAME_SIZE], printed[STORE_NAME_SIZE], twice[STORE_NAME_SIZE];

    if (size >= sizeof text || (size != 0 && memchr(data, 0, size) != NULL)) {
        return;
    }
    if (size != 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    if (name_parse(text, &n, &err)) {
        name_print(&n, printed);
        must(strchr(n.model, '/') == NULL && strchr(n.tag, '/') == NULL && n.model[0] != '.' && n.tag[0] != '.' &&
             n.host[0] != '.' && n.namespace[0] != '.');
        must(name_parse(printed, &again, &err));
        name_print(&again, twice);
        must(strcmp(printed, twice) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct store_model m = {0};
    struct store_layer config;
    struct bytes text = bytes_of(data, size);
    char from[MODELFILE_FROM_SIZE];
    struct err err;

    if (layout_manifest_parse(text, &m, &config, &err)) {
        must(m.file_count >= 1 && m.size >= m.files[0].size && m.size >= config.size);
    } else {
        must(err.reason == REASON_STORE_FORM);
    }
    if (!layout_config_parse(text, &m, &err)) {
        must(err.reason == REASON_STORE_FORM);
    }
    must(memchr(m.family, 0, sizeof m.family) != NULL && memchr(m.unused, 0, sizeof m.unused) != NULL);
    if (modelfile_parse(text, from, &err)) {
        must(from[0] != '\0' && strlen(from) < sizeof from && strchr(from, '\n') == NULL);
    } else {
        must(err.reason == REASON_MODELFILE_FORM && err.offset <= size);
    }
    name_try(data, size);
    return 0;
}
