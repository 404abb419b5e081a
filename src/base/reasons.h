/* Every reason that Sotto can give for a refusal, once. The enum, the names, the page docs/reasons.md, the exit codes
 * and the HTTP statuses are made from this table.
 *
 * Names are stable: programs match on them. A reason that is no longer given stays in the table, its kind RETIRED.
 * The kind says what a program should make of it:
 *     OK         nothing happened
 *     USAGE      the caller asked for something that cannot be asked for           exit 2, HTTP 400
 *     INPUT      bytes that somebody sent do not have the form they must have      exit 1, HTTP 400
 *     REFUTED    checked, and not so                                               exit 11, HTTP 403
 *     UNKNOWN    could not be checked; never the same as checked                   exit 12, HTTP 503
 *     ABSENT     there is no such thing                                            exit 1, HTTP 404
 *     CONFLICT   it is there, but not as demanded                                  exit 1, HTTP 409
 *     LIMIT      more than is allowed                                              exit 1, HTTP 413
 *     BUSY       not now                                                           exit 1, HTTP 503
 *     SYSTEM     the operating system or a device said no                          exit 1, HTTP 500
 *     INTERNAL   a defect of Sotto's own                                           exit 1, HTTP 500
 *     ADVICE     said beside a result, and never ends anything                     exit 0 */
#ifndef SOTTO_BASE_REASONS_H
#define SOTTO_BASE_REASONS_H

#include <stdbool.h>
#include <stddef.h>

#define REASON_KINDS(K) \
    K(OK) \
    K(USAGE) \
    K(INPUT) K(REFUTED) K(UNKNOWN) K(ABSENT) K(CONFLICT) K(LIMIT) K(BUSY) K(SYSTEM) K(INTERNAL) K(ADVICE) K(RETIRED)

/* clang-format off */
/* R(name, kind, what happened, what to do next). One line each; grouped by the folder that gives them. */
#define REASONS(R) \
    R(OK, OK, "no error", "") \
    /* base, os */ \
    R(BYTES_SHORT, INPUT, "the input ends before the structure does", "fetch it again, whole") \
    R(BYTES_LEFT, INPUT, "bytes are left over behind the structure", "nothing may be appended") \
    R(BUF_FULL, LIMIT, "more bytes than are allowed here", "") \
    R(ARENA_FULL, LIMIT, "a structure needs more memory than is allowed for it", "") \
    R(HEX_DIGIT, INPUT, "a byte is no hexadecimal digit", "") \
    R(HEX_LENGTH, INPUT, "the number of hexadecimal digits is wrong", "") \
    R(BASE64_DIGIT, INPUT, "a byte is no base64 digit", "") \
    R(BASE64_LENGTH, INPUT, "the number of base64 digits is wrong", "") \
    R(TIME_FORM, INPUT, "not a time of the form 2026-11-24T12:00:00Z", "") \
    R(NO_MEMORY, SYSTEM, "no memory", "free some, or choose a smaller model") \
    R(INTERNAL, INTERNAL, "a defect in Sotto", "report it, with this line") \
    R(USAGE, USAGE, "the command line is wrong", "see --help") \
    R(FILE_ABSENT, ABSENT, "the file does not exist", "") \
    R(FILE_ACCESS, SYSTEM, "the file may not be opened", "check owner and mode of every folder on its path") \
    R(FILE_IO, SYSTEM, "reading or writing failed", "check that it is a file, and the disk") \
    R(FILE_SIZE, LIMIT, "the file is larger than is allowed", "") \
    R(FILE_CHANGED, CONFLICT, "the file changed while it was read", "try again when nobody writes to it") \
    R(RANDOM_FAILED, SYSTEM, "the kernel gave no random bytes", "") \
    R(MEMORY_LOCK, SYSTEM, "memory for secrets cannot be locked", "raise the limit of locked memory (ulimit -l)") \
    R(CANCELLED, BUSY, "the request was cancelled", "") \
    /* codec */ \
    R(JSON_FORM, INPUT, "not JSON", "") \
    R(JSON_TYPE, INPUT, "a JSON member has another type", "") \
    R(JSON_MEMBER, INPUT, "a JSON member is missing", "") \
    R(JSON_UNKNOWN, INPUT, "a JSON member is unknown", "check its spelling") \
    R(JSON_RANGE, INPUT, "a JSON value is out of range", "") \
    R(JSON_DEPTH, INPUT, "JSON is nested too deeply", "") \
    R(JSON_CANONICAL, INPUT, "the bytes are not RFC 8785 JSON", "") \
    R(DER_TAG, INPUT, "a DER element has another tag", "") \
    R(DER_LENGTH, INPUT, "a DER length is not in its only form", "") \
    R(DER_VALUE, INPUT, "a DER value is not in its only form", "") \
    R(PEM_FORM, INPUT, "not PEM", "") \
    R(X509_FORM, INPUT, "not an X.509 certificate of the profile", "") \
    R(X509_ALGORITHM, INPUT, "a certificate uses another algorithm", "") \
    R(X509_EXTENSION, INPUT, "a certificate's extension is missing, repeated, or critical and unknown", "") \
    R(CRL_FORM, INPUT, "not a certificate revocation list of the profile", "") \
    R(HTTP_REQUEST_LINE, INPUT, "the request line is malformed", "") \
    R(HTTP_VERSION, INPUT, "the HTTP version is not 1.1", "") \
    R(HTTP_METHOD, INPUT, "the method is not known", "") \
    R(HTTP_TARGET, INPUT, "the request target is malformed", "") \
    R(HTTP_HEADER, INPUT, "a header line is malformed", "") \
    R(HTTP_HOST, INPUT, "exactly one valid Host header is required", "") \
    R(HTTP_FRAMING, INPUT, "Content-Length and Transfer-Encoding are malformed, repeated or both there", "") \
    R(HTTP_CHUNK, INPUT, "a chunk is malformed", "") \
    R(HTTP_HEAD_SIZE, LIMIT, "the head of the message is too large", "") \
    R(HTTP_BODY_SIZE, LIMIT, "the body of the message is too large", "") \
    R(HTTP_STATUS, INPUT, "the peer answered with an unexpected status", "") \
    /* crypto */ \
    R(SIGNATURE_FORM, INPUT, "a signature or key does not have its form", "") \
    R(SIGNATURE_WRONG, REFUTED, "a signature does not verify", "") \
    R(JOSE_FORM, INPUT, "not a compact JWS", "") \
    R(JOSE_KEY, REFUTED, "the token's key is not in the key set", "fetch the key set again") \
    R(CRYPTO_FAILED, SYSTEM, "the cryptographic library failed", "") \
    /* tdx */ \
    R(QUOTE_VERSION, INPUT, "the quote's version is not one that is known", "update sotto") \
    R(QUOTE_KEY_TYPE, INPUT, "the attestation key is not ECDSA P-256", "") \
    R(QUOTE_TEE_TYPE, INPUT, "the TEE type does not go with the quote's version", "") \
    R(QUOTE_BODY_TYPE, INPUT, "the body type is unknown or has another size", "update sotto") \
    R(QUOTE_CERTIFICATION, INPUT, "the certification data has another type or form", "") \
    R(QUOTE_TRAILING, REFUTED, "bytes follow the quote", "allow them by the policy's quote.trailing") \
    R(QUOTE_EMPTY, SYSTEM, "the quote device returned no quote", "the host's quoting service may be down") \
    R(TD_REPORT_FORM, INPUT, "not a TD report", "") \
    R(PCK_EXTENSION, INPUT, "the PCK certificate's SGX extension is malformed", "") \
    R(LOG_FORM, INPUT, "the event log is malformed", "") \
    R(LOG_ABSENT, UNKNOWN, "no log that was given has events of this register", "give the log that has them with --log") \
    R(LOG_REGISTER, INPUT, "an event names a register that does not exist", "") \
    R(LOG_ALGORITHM, INPUT, "an event log uses another digest algorithm", "") \
    R(LOG_LIMIT, LIMIT, "an event log has too many events or too large ones", "") \
    /* evidence */ \
    R(EVENT_FORM, INPUT, "an event is not one of ours, or not in its form", "") \
    R(EVENT_KIND, INPUT, "an event's kind is unknown", "update sotto") \
    R(KEYSET_FORM, INPUT, "the key set does not have its form", "") \
    R(DOCUMENT_FORM, INPUT, "not an evidence document", "") \
    R(MANIFEST_FORM, INPUT, "not a model manifest", "") \
    R(NONCE_FORM, INPUT, "a nonce is 64 hexadecimal digits", "") \
    R(NONCE_PATH, REFUTED, "the nonce does not lead to the quote's nonce root", "ask again with a fresh nonce") \
    /* model */ \
    R(GGUF_MAGIC, INPUT, "the file does not begin with GGUF", "this is no GGUF model") \
    R(GGUF_TRUNCATED, INPUT, "the file ends inside of its header", "the download may be incomplete") \
    R(GGUF_VERSION, INPUT, "the GGUF version is not 2 or 3", "convert the model again: versions 2 and 3, little-endian, are read") \
    R(GGUF_COUNT, INPUT, "a count is larger than the file could hold", "the download may be damaged") \
    R(GGUF_STRING, INPUT, "a string is too long or ends past the file's end", "the download may be damaged") \
    R(GGUF_TYPE, INPUT, "a metadata value has an unknown type", "the download may be damaged") \
    R(GGUF_ARRAY, INPUT, "an array ends past the file's end", "the download may be damaged") \
    R(GGUF_ARRAY_NESTED, INPUT, "an array of arrays", "convert the model again, or take another file") \
    R(GGUF_KEY_REPEATED, INPUT, "a metadata key is there twice", "convert the model again, or take another file") \
    R(GGUF_KEY_MISSING, INPUT, "a metadata key is missing", "convert the model again, or take another file") \
    R(GGUF_KEY_TYPE, INPUT, "a metadata key has another type", "convert the model again, or take another file") \
    R(GGUF_KEY_RANGE, INPUT, "a metadata value is out of range", "convert the model again, or take another file") \
    R(GGUF_BOOL, INPUT, "a bool is neither 0 nor 1", "the download may be damaged") \
    R(GGUF_ALIGNMENT, INPUT, "the alignment is not a power of two of 8 or more, or beyond the file", "convert the model again, or take another file") \
    R(GGUF_TENSOR_NAME, INPUT, "a tensor's name is empty, too long, or not text", "convert the model again, or take another file") \
    R(GGUF_TENSOR_REPEATED, INPUT, "two tensors have one name", "convert the model again, or take another file") \
    R(GGUF_TENSOR_DIMS, INPUT, "a tensor's dimensions are wrong", "convert the model again, or take another file") \
    R(GGUF_TENSOR_SIZE, INPUT, "a tensor's dimensions overflow", "the download may be damaged") \
    R(GGUF_TENSOR_BLOCKS, INPUT, "a tensor's rows are not whole blocks of its type", "quantise the model again, with rows of whole blocks") \
    R(GGUF_TENSOR_TYPE, INPUT, "a tensor's type is unknown or not supported", "take a file of a type that docs/engine.md lists") \
    R(GGUF_TENSOR_RANGE, INPUT, "a tensor ends past the end of the file", "the download may be incomplete") \
    R(GGUF_TENSOR_OVERLAP, INPUT, "two tensors share bytes", "convert the model again, or take another file") \
    R(GGUF_TENSOR_ALIGNMENT, INPUT, "a tensor's offset is not aligned", "convert the model again, or take another file") \
    R(GGUF_TENSOR_MISSING, INPUT, "a tensor that the model needs is missing", "convert the model again, or take another file") \
    R(GGUF_TENSOR_SHAPE, INPUT, "a tensor does not have the shape that the model needs", "convert the model again, or take another file") \
    R(GGUF_SPLIT, INPUT, "the parts of a split model do not belong together", "name the first, NAME-00001-of-0000N.gguf, with the others beside it") \
    R(MODEL_ARCHITECTURE, INPUT, "the model's architecture is not supported", "docs/engine.md lists those that are") \
    R(MODEL_DEFECT, INPUT, "the model's weights give numbers that are not finite", "the file is damaged or badly converted") \
    R(MODEL_MEMORY, LIMIT, "the model does not fit into memory", "choose a smaller one") \
    R(TOKENIZER_KIND, INPUT, "the tokenizer's model is not supported", "docs/engine.md lists those that are") \
    R(TOKENIZER_PRE, INPUT, "the pre-tokenizer is not known", "it is never guessed") \
    R(TOKENIZER_FORM, INPUT, "the vocabulary is malformed", "convert the model again, or take another file") \
    R(TOKEN_RANGE, INPUT, "a token id is outside of the vocabulary", "") \
    R(TEMPLATE_UNSUPPORTED, INPUT, "the chat template is not supported", "") \
    R(SCHEMA_FORM, INPUT, "the JSON Schema is none", "") \
    R(SCHEMA_UNSUPPORTED, INPUT, "the JSON Schema asks for a form that cannot be held", "leave that part out, and check it in the answer") \
    R(CHAT_FORM, INPUT, "the chat does not have the form that the template wants", "") \
    /* engine */ \
    R(ISA_ABSENT, ABSENT, "this machine or build lacks the instruction set", "choose another with --isa") \
    R(CONTEXT_FULL, LIMIT, "the prompt does not fit into the context", "shorten it, or serve with a larger context") \
    R(OPTION_RANGE, INPUT, "an option's value is out of range", "") \
    R(QUEUE_FULL, BUSY, "too many requests wait", "try again later") \
    R(ENGINE_GONE, BUSY, "the engine stopped while it computed this answer", "ask again: it has been started anew") \
    /* verify: one for each check that can fail */ \
    R(FACT_UNKNOWN, UNKNOWN, "what this check needs is not there", "see the other facts: what failed there is missing here") \
    R(NOT_DEMANDED, UNKNOWN, "the policy gives no value for this", "give one with --policy (docs/formats.md, section 7)") \
    R(ROOT_UNTRUSTED, REFUTED, "the certificate chain ends in a root that the policy does not name", "name the root under the anchors of the policy only if you know whose it is") \
    R(CHAIN_BROKEN, REFUTED, "a certificate is not signed by the next one of its chain", "the quote or its collateral was put together from parts: fetch both again") \
    R(CERT_EXPIRED, REFUTED, "a certificate is past its end", "fetch newer collateral, or ask for a newer quote") \
    R(CERT_NOT_YET, REFUTED, "a certificate is before its start", "check the clock") \
    R(CERT_ROLE, REFUTED, "a certificate may not be used for this", "fetch the collateral again, from its source") \
    R(CERT_REVOKED, REFUTED, "a certificate is revoked", "the platform must not be trusted") \
    R(CRL_ABSENT, UNKNOWN, "the revocation list is not there", "give it with --collateral DIR; sotto collateral fetch gets it") \
    R(CRL_ISSUER, REFUTED, "the revocation list is of another issuer", "fetch the list of the quote's own CA (platform or processor)") \
    R(CRL_EXPIRED, REFUTED, "the revocation list is past its end", "fetch a newer one") \
    R(CRL_NOT_YET, REFUTED, "the revocation list is before its start", "check the clock") \
    R(QE_BINDING, REFUTED, "the attestation key is not the one that the quoting enclave reported", "the quote was changed or forged") \
    R(QE_IDENTITY, REFUTED, "the quoting enclave is not the one of the identity", "the platform needs Intel's quoting enclave; fetch newer collateral if it was just updated") \
    R(COLLATERAL_ABSENT, UNKNOWN, "collateral is not there", "give it with --collateral DIR; sotto collateral fetch gets it") \
    R(COLLATERAL_FORM, INPUT, "collateral does not have its form", "fetch the collateral again, from its source") \
    R(COLLATERAL_EXPIRED, REFUTED, "collateral is past its end", "fetch newer collateral") \
    R(COLLATERAL_NOT_YET, REFUTED, "collateral is before its start", "check the clock") \
    R(COLLATERAL_SIGNATURE, REFUTED, "the signature of the collateral does not verify", "fetch the collateral again, byte for byte as Intel serves it") \
    R(PCK_MISMATCH, REFUTED, "the PCK certificate that was given is of another platform", "give the one of the quote's PPID") \
    R(COLLATERAL_URL, USAGE, "the address of the collateral service is malformed", "https://HOST:PORT, or with /sgx/certification/v4 behind it") \
    R(COLLATERAL_OTHER, CONFLICT, "the collateral is not what was asked for", "ask another service, or give another file") \
    R(COLLATERAL_ROOT, CONFLICT, "the collateral ends in another root than the rest of the directory", "use a directory for each root") \
    R(COLLATERAL_BUSY, BUSY, "another program is writing to the collateral directory", "try again") \
    R(FETCH_ABSENT, SYSTEM, "sotto-fetch, which alone has the outbound network, could not be started", "install it beside this program") \
    R(FETCH_FAILED, SYSTEM, "sotto-fetch gave no answer", "") \
    R(QCNL_FORM, INPUT, "the QCNL configuration is malformed", "JSON, or KEY=VALUE lines") \
    R(QCNL_UNEXPANDED, INPUT, "a variable in the QCNL configuration was never replaced by its value", "write the service's real address there") \
    R(QCNL_URL, INPUT, "an address in the QCNL configuration cannot be reached as it stands", "https://HOST:PORT/sgx/certification/v4/") \
    R(QCNL_URL_ABSENT, INPUT, "the QCNL configuration names no service", "set pccs_url") \
    R(QCNL_INSECURE, INPUT, "the QCNL configuration switches the check of TLS certificates off", "give the service a certificate, and set use_secure_cert to true") \
    R(QCNL_UNKNOWN, INPUT, "a key of the QCNL configuration is not known", "check its spelling") \
    R(FMSPC_MISMATCH, REFUTED, "the collateral is of another platform family (FMSPC)", "fetch the collateral of the FMSPC that the quote shows") \
    R(PCEID_MISMATCH, REFUTED, "the collateral is of another PCE", "fetch the collateral of this platform") \
    R(QUOTE_SIGNATURE, REFUTED, "the quote's signature does not verify", "the quote was changed or forged") \
    R(QE_SIGNATURE, REFUTED, "the quoting enclave report's signature does not verify", "the quote was changed or forged") \
    R(TDX_MODULE, REFUTED, "the TDX module is not the one of the TCB info", "fetch newer collateral; the platform runs another TDX module than Intel lists") \
    R(TCB_NOT_SUPPORTED, REFUTED, "no TCB level matches the platform", "the platform needs an update of firmware and microcode") \
    R(TCB_STATUS, REFUTED, "the platform's TCB status is not accepted by the policy", "update the platform, or accept the status") \
    R(TCB_REVOKED, REFUTED, "the platform's TCB level is revoked", "it can never be accepted") \
    R(TCB_EVALUATION, REFUTED, "the TCB evaluation data number is lower than the policy demands", "fetch newer collateral") \
    R(TD_DEBUG, REFUTED, "the TD or enclave is open for debugging: its memory can be read from outside", "start the TD without debug") \
    R(TD_ATTRIBUTES, REFUTED, "the TD's attributes are not as demanded", "start the TD with other attributes, or change td.attributes") \
    R(TD_XFAM, REFUTED, "the TD's XFAM is not as demanded", "start the TD with other features, or change td.xfam") \
    R(TD_SERVICE, REFUTED, "a service TD is bound that the policy does not name", "start the TD without a service TD, or list it under td.mrservicetd") \
    R(MRSEAM_MISMATCH, REFUTED, "MRSEAM is not in the policy", "list the TDX module under td.mrseam if you know it") \
    R(MRTD_MISMATCH, REFUTED, "MRTD is not in the policy: another firmware", "list the firmware under td.mrtd if you built it") \
    R(RTMR_MISMATCH, REFUTED, "a register is not in the policy: another boot chain", "list the boot chain under td.rtmr0 to td.rtmr2 if you built it") \
    R(PLATFORM_MISMATCH, REFUTED, "the platform is not one that the policy names", "list the machine under platform if you know it") \
    R(PLATFORM_FLAG, REFUTED, "a property of the platform is not accepted by the policy", "change the platform, or the flag in the policy") \
    R(SIMULATED_IDENTITY, REFUTED, "a simulator's identity under Intel's root", "do not trust it") \
    R(REPORT_DATA_MISMATCH, REFUTED, "the quote binds other data than the document shows", "do not trust it: the document is not the one of this quote") \
    R(KEYSET_TIME, REFUTED, "the key set is outside of its validity", "ask again with a fresh nonce") \
    R(KEYSET_SPKI, REFUTED, "the connection's key is not the one that the quote covers: somebody is in between", "do not send anything") \
    R(EVENT_LOG_REPLAY, REFUTED, "the event log does not replay to the register", "do not trust it: the log is not the one of this quote") \
    R(EVENT_LOG_EMPTY, REFUTED, "the event log has no event", "start the service, then ask again") \
    R(EVENT_LOG_ORDER, REFUTED, "events are out of order", "boot the guest anew, then start the service") \
    R(EVENT_LOG_FOREIGN, REFUTED, "the register holds an event that is not the service's", "boot the guest anew, and let nothing else extend RTMR3") \
    R(EVENT_LOG_UNREADY, REFUTED, "the last start was not completed", "start the service again") \
    R(EVENT_LOG_PLACE, REFUTED, "the event log is not bound where the policy demands it", "change td.log_in, if the platform has no RTMR3") \
    R(PROGRAM_MISMATCH, REFUTED, "the program is not in the policy", "list the program under service.program if you built it (sotto policy new)") \
    R(PROGRAM_BACKING, REFUTED, "the program was mapped from a disk that the host can change", "run the static build") \
    R(CONFIG_MISMATCH, REFUTED, "the configuration is not in the policy", "list the configuration under service.config if you know it (sotto policy new)") \
    R(WEB_MISMATCH, REFUTED, "the web page is not in the policy", "list the page under service.web if you built it (sotto policy new)") \
    R(MODEL_MISMATCH, REFUTED, "the model is not in the policy", "list the model under service.model if you know it (sotto policy new)") \
    R(BOOT_NOT_AFFIRMED, UNKNOWN, "the boot chain is not affirmed, so its log proves nothing", "give td.mrtd and td.rtmr0 to td.rtmr2 in the policy") \
    R(TIME_IGNORED, UNKNOWN, "the policy ignores time, so validity is not known", "take ignore_time out of the policy") \
    R(DEVICE_UNCHECKED, UNKNOWN, "device evidence cannot be checked yet", "take gpu out of the policy") \
    R(POLICY_FORM, INPUT, "the policy is malformed", "") \
    R(POLICY_OPEN, ADVICE, "nothing is demanded of this", "give a value where it matters (docs/policy.md)") \
    R(POLICY_NO_ANCHOR, ADVICE, "no root counts, so everything is refused", "name one under anchors") \
    R(POLICY_SIMULATED, ADVICE, "a simulator's root counts: what it vouches for is protected from nobody", "keep this policy for trying things out") \
    R(POLICY_TCB, ADVICE, "platforms with known weaknesses are accepted", "take the status out, or give it an end under tcb.grace") \
    R(POLICY_REVOKED, ADVICE, "Revoked is named, and is never accepted", "take it out") \
    R(POLICY_GRACE, ADVICE, "a grace is over, and its status refused", "take it out, or renew it") \
    R(POLICY_EVALUATION, ADVICE, "TCB data that Intel has replaced counts until its own end", "give the newest number known as tcb.min_evaluation") \
    R(POLICY_BOOT, ADVICE, "firmware, kernel or command line may be any", "give td.mrtd, td.rtmr0, td.rtmr1 and td.rtmr2: without them a service stays undecided") \
    R(POLICY_ATTRIBUTES, ADVICE, "attributes of the TD are not demanded that would be without td.attributes", "take td.attributes out, or let its mask cover them") \
    R(POLICY_SERVICE, ADVICE, "a part of the service may be any", "give it: without it a service stays undecided (sotto policy new)") \
    R(POLICY_BACKING, ADVICE, "programs count that were mapped from a disk that the host can change", "take disk out of service.backing") \
    R(POLICY_PLATFORM, ADVICE, "any machine counts, also one whose owner has opened it", "list the machines that are known under platform.ppid or platform.instance") \
    R(POLICY_TRAILING, ADVICE, "any bytes may follow a quote, and nobody reads them", "take quote.trailing out") \
    R(POLICY_AGE, ADVICE, "a verdict counts for as long as the service's keys, up to a day", "give max_age in seconds") \
    R(ARCHIVED_VERDICT, REFUTED, "the stored verdict was not reproduced", "it is the archiver's word, and not required") \
    R(VERDICT_REFUSED, REFUTED, "the evidence was refused", "") \
    R(VERDICT_UNDECIDED, UNKNOWN, "the evidence could not be decided", "") \
    /* device, proc, net */ \
    R(NO_QUOTE_DEVICE, ABSENT, "this machine has no quote device", "run in a TDX guest, or set tee = none") \
    R(DEVICE_BUSY, BUSY, "the quote device is busy", "try again") \
    R(DEVICE_FAILED, SYSTEM, "the quote device failed", "see the host's quoting service") \
    R(DEVICE_TIMEOUT, SYSTEM, "the quote device did not answer in time", "") \
    R(DEVICE_EVIDENCE, SYSTEM, "the quote device returned something else than was asked for", "") \
    R(DEVICE_SIMULATED, CONFLICT, "the simulator is refused where a real TDX interface is present", "") \
    R(DEVICE_HELD, CONFLICT, "a running service owns the quote device", "") \
    R(REGISTER_UNEXPLAINED, CONFLICT, "the register holds a value that no log explains", "reboot the guest") \
    R(REGISTER_ABSENT, ABSENT, "the platform has no register that can be extended", "") \
    R(FRAME_FORM, INTERNAL, "a frame from another process is malformed", "") \
    R(PEER_GONE, BUSY, "another process of the service is gone", "it is started anew: try again") \
    R(SANDBOX_FAILED, SYSTEM, "the sandbox could not be set up", "a kernel of 5.13 or newer is needed") \
    R(ADDRESS_IN_USE, SYSTEM, "the address is in use", "stop the other program, or choose another port") \
    R(ADDRESS_FORM, USAGE, "the address is malformed", "") \
    R(ADDRESS_PLAIN, USAGE, "plain HTTP is served on loopback addresses only", "use the TLS listener") \
    R(CONNECT_FAILED, SYSTEM, "the connection failed", "check the address, and that the service runs") \
    R(TLS_FAILED, SYSTEM, "the TLS handshake failed", "check that the port is one for TLS 1.3") \
    R(TLS_CERTIFICATE, SYSTEM, "the peer's TLS certificate is of none of the authorities that count", "sotto collateral fetch takes --tls-ca FILE, or --any-certificate") \
    R(NET_TIMEOUT, SYSTEM, "the peer took too long", "") \
    R(NET_CLOSED, SYSTEM, "the peer closed the connection", "") \
    /* store, serve, attest, cli */ \
    R(MODEL_NAME, INPUT, "the model's name is malformed", "") \
    R(MODEL_ABSENT, ABSENT, "there is no such model", "sotto list shows those of this machine's store") \
    R(MODELFILE_FORM, INPUT, "a line of the Modelfile is malformed, or not supported yet", "FROM FILE.gguf is") \
    R(MODEL_CHANGED, CONFLICT, "the loaded model is not the one that was demanded", "verify again") \
    R(MODEL_DIGEST, CONFLICT, "the model file does not have the digest that was demanded", "fetch it again") \
    R(STORE_FORM, INPUT, "the model store is damaged", "") \
    R(CONFIG_FORM, USAGE, "the configuration is malformed", "") \
    R(ROUTE_ABSENT, ABSENT, "there is no such route", "") \
    R(ROUTE_METHOD, USAGE, "the route does not know this method", "") \
    R(REQUEST_FORM, INPUT, "the request does not have its form", "") \
    R(NOT_SUPPORTED, INPUT, "the request asks for something that is not supported", "leave it out") \
    R(HOST_FORBIDDEN, REFUTED, "the Host header names another host", "") \
    R(ORIGIN_FORBIDDEN, REFUTED, "the page's origin is not allowed", "set origins in the configuration") \
    R(NOT_READY, BUSY, "the service is not ready yet", "try again") \
    R(POLICY_ABSENT, ABSENT, "there is no such policy", "the operator installs policies") \
    R(TEE_UNSUPPORTED, INPUT, "the TEE type is not supported", "") \
    R(SIM_FORM, INPUT, "a message to the simulator is malformed", "") \
    R(SIM_MAC, REFUTED, "the TD report was not made by this simulator", "") \
    R(SIM_STATE, INPUT, "the simulator's state file is damaged", "sotto-sim init makes a new one")
/* clang-format on */

enum reason {
#define R(name, kind, text, todo) REASON_##name,
    REASONS(R)
#undef R
        REASON_COUNT
};

enum reason_kind {
#define K(name) REASON_KIND_##name,
    REASON_KINDS(K)
#undef K
};

const char *reason_name(enum reason r); /* "QUOTE_VERSION"; static */
enum reason_kind reason_kind(enum reason r);
const char *reason_text(enum reason r);               /* one sentence; static */
const char *reason_todo(enum reason r);               /* what to do next, or ""; static */
const char *reason_kind_name(enum reason_kind k);     /* "INPUT"; static */
bool reason_find(const char *name, enum reason *out); /* false: there is none of that name */

#endif
