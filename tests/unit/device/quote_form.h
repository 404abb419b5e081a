/* A quote that has its form and no genuine signature: devices judge the form and the report data alone. */
#ifndef SOTTO_TESTS_QUOTE_FORM_H
#define SOTTO_TESTS_QUOTE_FORM_H

#include "test.h"

#include "base/buf.h"
#include "tdx/quote.h"

static inline void quote_form(const uint8_t report_data[64], uint32_t tee_type, struct buf *out)
{
    const uint32_t inner = SGX_BODY_SIZE + 64 + 2 + 6, outer = 128 + 6 + inner;
    struct err err = {0};

    assert_ok(buf_u16le(out, 4, &err) && buf_u16le(out, QUOTE_KEY_P256, &err) && buf_u32le(out, tee_type, &err) &&
                  buf_zero(out, 4, &err) && buf_add(out, quote_vendor_intel, 16, &err) && buf_zero(out, 20, &err) &&
                  buf_zero(out, TD_REPORTDATA, &err) && buf_add(out, report_data, 64, &err) &&
                  buf_u32le(out, outer, &err) && buf_zero(out, 128, &err) &&
                  buf_u16le(out, QUOTE_CERTIFICATION_QE_REPORT, &err) && buf_u32le(out, inner, &err) &&
                  buf_zero(out, SGX_BODY_SIZE + 64, &err) && buf_u16le(out, 0, &err) &&
                  buf_u16le(out, QUOTE_CERTIFICATION_PCK_CHAIN, &err) && buf_u32le(out, 0, &err),
              err);
}

#endif
