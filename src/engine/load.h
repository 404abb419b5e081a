/* Whole regular files into private memory, hashed while they are read. */
#ifndef SOTTO_ENGINE_LOAD_H
#define SOTTO_ENGINE_LOAD_H

#include "engine/engine.h"

struct load {
    uint8_t *p;
    size_t length;
};

/* The source's files into out[] and identity[], more_count + 1 of each. need: bytes that loading takes in all, per byte
 * of the files; more than there are is MODEL_MEMORY before a byte is read. A file that is another one after reading
 * than it was before is FILE_CHANGED. */
MUST_USE bool load_files(const struct engine_source *source, uint64_t available, double need, struct load *out,
                         struct identity *identity, struct err *err);
void load_done(struct load *l);

/* Bytes from..from+size-1 are not needed any more: whole pages among them go back to the system. */
void load_release(struct load *l, size_t from, size_t size);

#endif
