#include "evidence/report_data.h"

#include "crypto/tagged.h"

void report_data_form(const struct report_data_parts *parts, uint8_t out[64])
{
    const struct bytes fields[] = {
        bytes_of(parts->nonce_root, sizeof parts->nonce_root),
        bytes_of(parts->keyset_digest, sizeof parts->keyset_digest),
        bytes_of(parts->device_digest, sizeof parts->device_digest),
        bytes_of(parts->log_root, sizeof parts->log_root),
    };

    tagged_hash(HASH_SHA512, "sotto/report-data/v1", fields, sizeof fields / sizeof *fields, out);
}

void report_data_device_nonce(const uint8_t nonce_root[32], const uint8_t keyset_digest[48], uint8_t out[32])
{
    const struct bytes fields[] = {bytes_of(nonce_root, 32), bytes_of(keyset_digest, 48)};

    tagged_hash(HASH_SHA256, "sotto/device-nonce/v1", fields, sizeof fields / sizeof *fields, out);
}
