/* Every limit on what comes from outside, in one place, each with its reason. In bytes unless the name says otherwise.
 */
#ifndef SOTTO_BASE_LIMITS_H
#define SOTTO_BASE_LIMITS_H

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* Quotes: 5 KiB with a chain; Google pads to 8,000; recent kernels allow 128 KiB. */
#define LIMIT_QUOTE KIB(128)
/* What a quote device may return, garbage behind the quote included. */
#define LIMIT_QUOTE_DEVICE MIB(1)
/* One DER certificate or PEM chain: Intel's chains are below 5 KiB. */
#define LIMIT_CERT KIB(16)
#define LIMIT_CHAIN KIB(64)
/* A CRL: Intel's largest is far below; room for a bad year. */
#define LIMIT_CRL MIB(4)
/* One collateral file: TCB info is 10 to 40 KB. */
#define LIMIT_COLLATERAL MIB(4)
#define LIMIT_COLLATERAL_FILES 64
/* Event logs: FORMATS and research/measurement 3.4. */
#define LIMIT_LOG MIB(16)
#define LIMIT_LOG_EVENT KIB(64)
#define LIMIT_LOG_EVENTS 100000
#define LIMIT_KEYSET KIB(8)
#define LIMIT_DEVICES MIB(4)
/* A document: logs, quote, devices and collateral, in base64. */
#define LIMIT_EVIDENCE MIB(48)
#define LIMIT_POLICY MIB(1)
#define LIMIT_TOKEN KIB(64)
#define LIMIT_NONCES 4096 /* clients that share one quote: a path of 12 nodes */
/* JSON nesting, far beyond any of our forms. */
#define LIMIT_JSON_DEPTH 64
/* Values of one text: a hundred thousand messages of a chat; in memory about 70 MB. */
#define LIMIT_JSON_VALUES 1048576

/* HTTP (research/dependencies-and-ui A1). */
#define LIMIT_HTTP_HEAD KIB(16)
#define LIMIT_HTTP_HEADERS 100
#define LIMIT_HTTP_BODY MIB(32)       /* chats with long histories */
#define LIMIT_HTTP_BODY_SMALL KIB(64) /* routes that take a few fields */
#define LIMIT_HTTP_CONNECTIONS 4096
#define LIMIT_HTTP_PENDING MIB(1) /* unsent bytes of one stream before its reader counts as slow */

/* GGUF (ggml docs/gguf.md): names are at most 64 bytes; DeepSeek's vocabulary has 129,280 entries, Gemma's 262,144. */
#define LIMIT_MODEL_FILES 128 /* of one model; their manifest fits into an event */
#define LIMIT_GGUF_KEYS 4096
#define LIMIT_GGUF_TENSORS 65536
#define LIMIT_GGUF_STRING MIB(4)
#define LIMIT_GGUF_HEADER MIB(256)
#define LIMIT_GGUF_DIMS 4
#define LIMIT_VOCABULARY 1048576
#define LIMIT_LAYERS 1024
#define LIMIT_CONTEXT 1048576 /* tokens */

/* One frame between two processes of the service. */
#define LIMIT_FRAME MIB(64)
#define LIMIT_CONFIG KIB(256)
#define LIMIT_MANIFEST KIB(256) /* of a model */
#define LIMIT_PAGE_MANIFEST KIB(64)

#endif
