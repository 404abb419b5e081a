/* Models in several files, as llama.cpp's gguf-split writes them: NAME-00001-of-00003.gguf and so on. The first has the
 * metadata; each says which part it is, how many there are, and how many tensors all have together. */
#include "model/gguf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX "-00001-of-00002.gguf"
#define SUFFIX_LENGTH (sizeof SUFFIX - 1)

static bool digits(const char *p, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < 5; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        *out = *out * 10 + (uint32_t)(p[i] - '0');
    }
    return true;
}

uint32_t gguf_split_count(const char *name)
{
    size_t length = strlen(name);
    const char *end;
    uint32_t first, count;

    if (length < SUFFIX_LENGTH) {
        return 1;
    }
    end = name + length - SUFFIX_LENGTH;
    return end[0] == '-' && digits(end + 1, &first) && first == 1 && memcmp(end + 6, "-of-", 4) == 0 &&
                   digits(end + 10, &count) && strcmp(end + 15, ".gguf") == 0 && count > 1
               ? count
               : 1;
}

void gguf_split_name(const char *first, uint32_t index, char *out)
{
    size_t length = strlen(first);
    char number[8];

    memcpy(out, first, length + 1);
    if (index != 0) {
        (void)snprintf(number, sizeof number, "%05u", index + 1 < 100000 ? index + 1 : 99999);
        memcpy(out + length - SUFFIX_LENGTH + 1, number, 5);
    }
}

void gguf_part_name(uint32_t index, uint32_t count, char out[GGUF_PART_NAME_SIZE])
{
    if (count == 1) {
        (void)snprintf(out, GGUF_PART_NAME_SIZE, "model.gguf");
    } else {
        (void)snprintf(out, GGUF_PART_NAME_SIZE, "model-%05u-of-%05u.gguf", index + 1, count);
    }
}

/* What a part says of itself. */
static bool part_check(const struct gguf *g, size_t index, size_t count, uint64_t tensors, struct err *err)
{
    uint32_t no = 0, all = 1, total = 0;

    if ((gguf_find(g, "split.count") != NULL && !gguf_get_u32(g, "split.count", &all, err)) ||
        (gguf_find(g, "split.no") != NULL && !gguf_get_u32(g, "split.no", &no, err)) ||
        (gguf_find(g, "split.tensors.count") != NULL && !gguf_get_u32(g, "split.tensors.count", &total, err))) {
        return false;
    }
    if (all == 0 && count == 1) { /* a file that was put together again says so */
        return true;
    }
    if (all != count || no != index || (count > 1 && total != tensors)) {
        return FAIL(err, REASON_GGUF_SPLIT, ERR_NOWHERE,
                    "file %zu of %zu says it is part %u of %u, of %u tensors; there are %llu", index + 1, count,
                    no < UINT32_MAX ? no + 1 : no, all, total, (unsigned long long)tensors);
    }
    return true;
}

bool gguf_join(const struct gguf *parts, size_t count, struct gguf *out, struct err *err)
{
    struct gguf g = parts[0];
    struct gguf_tensor *tensors;
    struct bytes *files;
    uint64_t all = 0;
    void *p, *q;

    for (size_t i = 0; i < count; i++) {
        all += parts[i].tensor_count;
    }
    for (size_t i = 0; i < count; i++) {
        if (!part_check(&parts[i], i, count, all, err)) {
            return false;
        }
    }
    if (all > LIMIT_GGUF_TENSORS) {
        return FAIL(err, REASON_GGUF_COUNT, ERR_NOWHERE, "%llu tensors, at most %u are allowed",
                    (unsigned long long)all, LIMIT_GGUF_TENSORS);
    }
    g.memory = ARENA(SIZE_MAX / 2);
    if (!arena_alloc(&g.memory, (size_t)all, sizeof *tensors, &p, err) ||
        !arena_alloc(&g.memory, count, sizeof *files, &q, err)) {
        arena_done(&g.memory);
        return false;
    }
    tensors = p;
    files = q;
    g.tensor_count = 0;
    for (size_t i = 0; i < count; i++) {
        files[i] = parts[i].file;
        for (size_t t = 0; t < parts[i].tensor_count; t++) {
            tensors[g.tensor_count] = parts[i].tensors[t];
            tensors[g.tensor_count++].part = (uint32_t)i;
        }
    }
    g.tensors = tensors;
    g.files = files;
    if (!gguf_index_tensors(&g, err)) {
        arena_done(&g.memory);
        return false;
    }
    *out = g;
    return true;
}
