/* What a quote binds (docs/formats.md, section 4). The keeper forms it, the verifier computes it again: here, once.
 *
 *     report_data = TH(SHA-512, "sotto/report-data/v1", nonce_root, keyset_digest, device_digest, log_root) */
#ifndef SOTTO_EVIDENCE_REPORT_DATA_H
#define SOTTO_EVIDENCE_REPORT_DATA_H

#include "base/bytes.h"
#include "crypto/hash.h"

#define NONCE_SIZE 32

struct report_data_parts {
    uint8_t nonce_root[SHA256_SIZE];    /* RFC 6962 root over the waiting clients' nonces */
    uint8_t keyset_digest[SHA384_SIZE]; /* SHA-384 of the key set's exact bytes */
    uint8_t device_digest[SHA384_SIZE]; /* SHA-384 of the device list's exact bytes, or of nothing */
    uint8_t log_root[SHA384_SIZE];      /* 48 zero bytes where RTMR3 carries the log */
};

void report_data_form(const struct report_data_parts *parts, uint8_t out[64]);

/* TH(SHA-256, "sotto/device-nonce/v1", nonce_root, keyset_digest) */
void report_data_device_nonce(const uint8_t nonce_root[32], const uint8_t keyset_digest[48], uint8_t out[32]);

#endif
