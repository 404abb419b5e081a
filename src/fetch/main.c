/* sotto-fetch: one GET by libcurl, its answer on standard output for the program that started it (collateral/run.c has
 * the form). It alone has outbound network and a library of that size; it holds no secret, writes no file, and is
 * believed in nothing. */
#include "base/buf.h"
#include "base/limits.h"
#include "cli/args.h"
#include "os/file.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const struct args_option options[] = {
    {"timeout", 't', "SECONDS", "for the whole answer (30)"},
    {"ca", 0, "FILE", "PEM: certificates that the server's must come from (the system's list)"},
    {"any-certificate", 0, NULL, "do not check the server's certificate"},
    {0}};

static const struct args_form form = {
    .usage = "sotto-fetch URL [options]",
    .about = "Started by sotto, for outbound requests: GET, no redirects; the answer with its head on standard output.",
    .options = options,
    .operands_min = 1,
    .operands_max = 1,
};

struct answer {
    struct buf head, body;
    enum reason why; /* of a callback that stopped it */
    char detail[CURL_ERROR_SIZE];
};

static size_t head_came(char *p, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    const size_t len = size * n;
    struct err err;

    if (len >= 5 && strncasecmp(p, "HTTP/", 5) == 0) {
        a->head.len = 0; /* another head: that before it was a proxy's, or an interim one */
        return len;
    }
    if (len <= 2 || buf_add(&a->head, p, len, &err)) {
        return len;
    }
    a->why = REASON_HTTP_HEAD_SIZE;
    return 0;
}

static size_t body_came(char *p, size_t size, size_t n, void *arg)
{
    struct answer *a = arg;
    struct err err;

    if (buf_add(&a->body, p, size * n, &err)) {
        return size * n;
    }
    a->why = REASON_HTTP_BODY_SIZE;
    return 0;
}

static enum reason reason_of(CURLcode code, const struct answer *a)
{
    static const struct {
        CURLcode code;
        enum reason reason;
    } table[] = {
        {CURLE_COULDNT_RESOLVE_PROXY, REASON_CONNECT_FAILED},
        {CURLE_COULDNT_RESOLVE_HOST, REASON_CONNECT_FAILED},
        {CURLE_COULDNT_CONNECT, REASON_CONNECT_FAILED},
        {CURLE_OPERATION_TIMEDOUT, REASON_NET_TIMEOUT},
        {CURLE_SSL_CONNECT_ERROR, REASON_TLS_FAILED},
        {CURLE_PEER_FAILED_VERIFICATION, REASON_TLS_CERTIFICATE},
        {CURLE_SSL_CACERT_BADFILE, REASON_TLS_FAILED},
        {CURLE_PARTIAL_FILE, REASON_NET_CLOSED},
        {CURLE_GOT_NOTHING, REASON_NET_CLOSED},
        {CURLE_RECV_ERROR, REASON_NET_CLOSED},
        {CURLE_SEND_ERROR, REASON_NET_CLOSED},
        {CURLE_URL_MALFORMAT, REASON_ADDRESS_FORM},
        {CURLE_UNSUPPORTED_PROTOCOL, REASON_HTTP_VERSION},
        {CURLE_WEIRD_SERVER_REPLY, REASON_HTTP_HEADER},
    };

    if (a->why != REASON_OK) {
        return a->why;
    }
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].code == code) {
            return table[i].reason;
        }
    }
    return REASON_FETCH_FAILED;
}

/* The proxy of the environment is not for this machine itself. */
static bool is_loopback(const char *url)
{
    static const char *const hosts[] = {"127.", "localhost", "[::1]"};
    const char *host = strstr(url, "://");

    for (size_t i = 0; host != NULL && i < sizeof hosts / sizeof *hosts; i++) {
        if (strncasecmp(host + 3, hosts[i], strlen(hosts[i])) == 0) {
            return true;
        }
    }
    return false;
}

static bool setup(CURL *c, const struct args *a, const char *url, long timeout, struct answer *out)
{
    const char *ca = args_get(a, "ca");
    const long check = args_flag(a, "any-certificate") ? 0 : 1;

    return curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, check) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, check * 2) == CURLE_OK &&
           (ca == NULL || curl_easy_setopt(c, CURLOPT_CAINFO, ca) == CURLE_OK) &&
           (!is_loopback(url) || curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK) &&
           curl_easy_setopt(c, CURLOPT_ERRORBUFFER, out->detail) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, timeout < 10 ? timeout : 10L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_TIMEOUT, timeout) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_USERAGENT, "sotto/" SOTTO_VERSION) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, head_came) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_HEADERDATA, out) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_came) == CURLE_OK &&
           curl_easy_setopt(c, CURLOPT_WRITEDATA, out) == CURLE_OK;
}

static int fail(enum reason why, const char *detail)
{
    (void)printf("- %s %.*s\n", reason_name(why), (int)strcspn(detail, "\r\n"), detail);
    return 1;
}

static int answer_print(const struct answer *a, long status)
{
    char first[64];
    struct err err;
    int n = snprintf(first, sizeof first, "%ld %zu %zu\n", status, a->head.len, a->body.len);

    return file_write_fd(1, "standard output", bytes_of(first, (size_t)n), &err) &&
                   file_write_fd(1, "standard output", buf_bytes(&a->head), &err) &&
                   file_write_fd(1, "standard output", buf_bytes(&a->body), &err)
               ? 0
               : 1;
}

static int get(const struct args *a, const char *url, long timeout)
{
    struct answer out = {.head = BUF(LIMIT_CHAIN), .body = BUF(LIMIT_COLLATERAL)};
    CURL *c = curl_easy_init();
    CURLcode code;
    long status = 0;
    int rc;

    if (c == NULL || !setup(c, a, url, timeout, &out)) {
        rc = fail(REASON_FETCH_FAILED, "libcurl could not be set up");
    } else if ((code = curl_easy_perform(c)) != CURLE_OK) {
        rc = fail(reason_of(code, &out), out.detail[0] != '\0' ? out.detail : curl_easy_strerror(code));
    } else {
        (void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        rc = answer_print(&out, status);
    }
    curl_easy_cleanup(c);
    buf_done(&out.head);
    buf_done(&out.body);
    return rc;
}

/* It ends with who asked, writes no file and leaves no core, whatever a server makes of it. */
static void confine(void)
{
    const struct rlimit none = {0};

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)setrlimit(RLIMIT_FSIZE, &none);
}

int main(int argc, char **argv)
{
    struct args a;
    struct err err;
    uint64_t timeout;
    int code;

    file_stdio_open();
    (void)signal(SIGPIPE, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("sotto-fetch version %s\n", SOTTO_VERSION);
        return 0;
    }
    if (!args_parse(argc, argv, &form, &a, &code)) {
        return code;
    }
    if (!args_number(&a, "timeout", 1, 600, 30, &timeout, &err)) {
        return fail(err.reason, err.detail) + 1;
    }
    confine();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return fail(REASON_FETCH_FAILED, "libcurl could not be set up");
    }
    code = get(&a, a.operands[0], (long)timeout);
    curl_global_cleanup();
    return code;
}
