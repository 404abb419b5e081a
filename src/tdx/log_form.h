/* Inside of tdx/: what the reader of one form of log is, and what the readers share. */
#ifndef SOTTO_TDX_LOG_FORM_H
#define SOTTO_TDX_LOG_FORM_H

#include "tdx/eventlog.h"

struct eventlog_form {
    const char *name;
    bool typed; /* events have types: else the form's name stands for them */
    bool (*is)(struct bytes log);
    bool (*open)(struct eventlog *log, struct err *err); /* log->rest: the whole input; NULL: nothing is to be done */
    /* The event behind the last one, whose number and offset are set, or *more = false. */
    bool (*next)(struct eventlog *log, struct eventlog_event *e, bool *more, struct err *err);
};

extern const struct eventlog_form log_tcg, log_dstack, log_ima, log_aael;

/* The registry of algorithms, by the sizes that a log may state for them. */
struct log_algorithm {
    uint16_t id, size;
    bool computed; /* here, as `hash` */
    enum hash_alg hash;
    const char *name;
};
#define LOG_ALGORITHMS 5
extern const struct log_algorithm log_algorithms[LOG_ALGORITHMS];

/* Up to the next byte `stop`, which is passed over, or to the end. */
struct bytes log_field_take(struct cursor *c, char stop);
/* IMA's "[TYPE:]ALG:FILE-HASH" at its last colon, which stays with the algorithm. */
void log_file_hash_split(struct bytes word, struct bytes *algorithm, struct bytes *hash);

/* One more digest of an event; EVENTLOG_ALGORITHMS at most. */
void log_digest_add(struct eventlog_event *e, uint16_t alg, uint16_t size, const uint8_t *value);

#endif
