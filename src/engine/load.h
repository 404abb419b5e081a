/* A regular file into private memory, hashed while it is read: its header first, the rest once that was judged. Every
 * byte is read once, and what is judged is what was hashed. */
#ifndef SOTTO_ENGINE_LOAD_H
#define SOTTO_ENGINE_LOAD_H

#include "engine/engine.h"
#include "model/gguf.h"
#include "model/identity.h"

#include <sys/stat.h>

struct load {
    uint8_t *p;
    size_t length, done; /* bytes of the file, of those that are read */
    struct engine_part part;
    struct stat before;
    struct identity_reader *reader;
};

/* Of all files of a source together. */
struct load_progress {
    const struct engine_source *source;
    uint64_t done, total;
};

/* Address space for the file; nothing is read. FILE_IO, GGUF_MAGIC of what is no file. */
MUST_USE bool load_begin(struct engine_part part, struct load *out, struct err *err);
/* Reads as far as the metadata and the tensor table go. GGUF_*, FILE_*. */
MUST_USE bool load_header(struct load *l, struct load_progress *progress, struct gguf *out, struct err *err);
/* Reads the rest. A file that is another one now than it was in the beginning is FILE_CHANGED. */
MUST_USE bool load_end(struct load *l, struct load_progress *progress, struct identity *identity, struct err *err);
void load_done(struct load *l); /* an empty one is accepted */

/* Bytes that a model may take: memory, or as many as the machine has. */
uint64_t load_available(uint64_t memory);

/* Bytes from..from+size-1 are not needed any more: whole pages among them go back to the system. */
void load_release(struct load *l, size_t from, size_t size);

#endif
