/* What the program is: this process's executable and every file that it maps, with what backs them (docs/formats.md,
 * section 3). All roles are one program; each maps what every other maps. */
#ifndef SOTTO_SERVE_MEASURE_H
#define SOTTO_SERVE_MEASURE_H

#include "codec/json.h"
#include "crypto/hash.h"
#include "model/identity.h"

#define MEASURE_FILES_MAX 64

/* The content of the `program` event: {"files":[{"backing","name","sha384"}...],"kind":"program","v":1}, the
 * executable first, names without folders. Appended. FILE_*. */
MUST_USE bool measure_program_event(struct buf *out, struct err *err);

/* The contents of the other events of a start. */
MUST_USE bool measure_start_event(uint64_t number, const char *boot_id, struct buf *out, struct err *err);
MUST_USE bool measure_web_event(struct buf *out, struct err *err);
MUST_USE bool measure_policy_event(struct bytes policy /* p NULL: none */, struct buf *out, struct err *err);
MUST_USE bool measure_model_event(struct bytes manifest, struct buf *out, struct err *err);
MUST_USE bool measure_keyset_event(struct bytes keyset, struct buf *out, struct err *err);

/* The manifest of a model in count files (docs/formats.md, section 2), RFC 8785 bytes. There are no default options and
 * no system message of the service's own: `{}`. */
MUST_USE bool measure_manifest(const char *name, const struct identity *ids, size_t count,
                               uint8_t model_id[SHA384_SIZE], struct buf *out, struct err *err);

/* 32 hex digits of /proc/sys/kernel/random/boot_id. */
MUST_USE bool measure_boot_id(char out[33], struct err *err);

#endif
