/* The server on one thread, clients on another: over real sockets on an ephemeral port of 127.0.0.1. */
#include "test.h"

#include "crypto/hash.h"
#include "net/client.h"
#include "net/listen.h"
#include "net/server.h"
#include "os/clock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

struct service {
    struct loop *loop;
    struct server *server;
    struct tls_context *tls;
    struct key *key;
    uint8_t spki[32];
    uint16_t plain, secure;
    int wake;
    struct loop_watch *wake_watch;
    pthread_t thread;
    atomic_bool drained;
    atomic_int gone, handled;
    struct reply *held;
    struct loop_timer tick;
    int ticks;
    bool asked_to_drain;
};

static void tick(void *arg)
{
    struct service *s = arg;
    struct err err;

    if (++s->ticks <= 5) {
        (void)reply_write(s->held, bytes_of_str("tick\n"));
        assert_true(loop_timer_set(s->loop, &s->tick, 5, &err));
    } else {
        reply_end(s->held);
        s->held = NULL;
    }
}

static void on_gone(void *arg)
{
    struct service *s = arg;

    s->gone++;
    reply_abort(s->held);
    s->held = NULL;
}

static void big(struct reply *p)
{
    static uint8_t bytes[MIB(4)];

    memset(bytes, 'x', sizeof bytes);
    reply_send(p, 200, "text/plain", bytes_of(bytes, sizeof bytes));
}

static void handler(void *arg, const struct request *r, struct reply *p)
{
    struct service *s = arg;
    struct err err = {0};

    s->handled++;
    if (strcmp(r->path, "/echo") == 0) {
        reply_header(p, "X-Length", "forged\r\nX: y");
        reply_header(p, "X-Method", http_method_name(r->method));
        reply_send(p, 200, "text/plain", r->body);
    } else if (strcmp(r->path, "/stream") == 0) {
        s->held = p;
        s->ticks = 0;
        s->tick = (struct loop_timer){.due = tick, .arg = s};
        reply_begin(p, 200, "text/plain");
        assert_true(loop_timer_set(s->loop, &s->tick, 1, &err));
    } else if (strcmp(r->path, "/wait") == 0) {
        s->held = p;
        reply_on_gone(p, on_gone, s);
    } else if (strcmp(r->path, "/flood") == 0) {
        bool on = true;

        reply_begin(p, 200, "text/plain");
        for (int i = 0; i < 100 && on; i++) {
            static const uint8_t piece[KIB(64)];

            on = reply_write(p, bytes_of(piece, sizeof piece));
        }
        s->gone += on ? 0 : 1;
        reply_end(p);
    } else if (strcmp(r->path, "/big") == 0) {
        big(p);
    } else if (strcmp(r->path, "/half") == 0) {
        reply_begin(p, 200, "text/plain");
        (void)reply_write(p, bytes_of_str("half"));
        reply_abort(p);
    } else {
        err_set(&err, REASON_ROUTE_ABSENT, ERR_NOWHERE, "%s", r->path);
        reply_send_error(p, &err);
    }
}

static size_t body_limit(void *arg, const struct request *r)
{
    (void)arg;
    return strcmp(r->path, "/echo") == 0 ? 100000 : 10;
}

static void on_drained(void *arg)
{
    struct service *s = arg;

    s->drained = true;
    loop_stop(s->loop);
}

static void on_wake(void *arg, unsigned events)
{
    struct service *s = arg;
    struct err err;
    uint64_t n;

    (void)events;
    (void)!read(s->wake, &n, sizeof n);
    assert_true(server_drain(s->server, 2000, on_drained, s, &err));
}

static void *run(void *arg)
{
    struct service *s = arg;
    struct err err;

    return loop_run(s->loop, &err) ? s : NULL;
}

static void service_start(struct service *s)
{
    static const char *const names[] = {"localhost"};
    struct server_setup setup = {.handler = handler,
                                 .body_limit = body_limit,
                                 .arg = s,
                                 .connections = 20,
                                 .head_ms = 300,
                                 .keep_alive_ms = 600,
                                 .stall_ms = 400};
    struct address a = {.host = "127.0.0.1"};
    struct buf der = BUF(KIB(16)), spki = BUF(1024);
    struct err err = {0};
    int plain = -1, secure = -1;

    memset(s, 0, sizeof *s);
    assert_ok(loop_new(&s->loop, &err), err);
    assert_ok(server_new(s->loop, &setup, &s->server, &err), err);
    assert_ok(key_new(&s->key, &err) &&
                  key_self_signed(s->key, names, 1, clock_unix() - 60, clock_unix() + 3600, &der, &err) &&
                  key_spki(s->key, &spki, &err) && tls_server_new(buf_bytes(&der), s->key, &s->tls, &err),
              err);
    hash_bytes(HASH_SHA256, buf_bytes(&spki), s->spki);
    assert_ok(listen_open(&a, true, &plain, &err) && listen_open(&a, false, &secure, &err), err);
    assert_ok(server_listen(s->server, plain, NULL, &err) && server_listen(s->server, secure, s->tls, &err), err);
    assert_ok(listen_address(plain, &a, &err), err);
    s->plain = a.port;
    assert_ok(listen_address(secure, &a, &err), err);
    s->secure = a.port;
    s->wake = eventfd(0, EFD_CLOEXEC);
    assert_ok(loop_watch_add(s->loop, s->wake, LOOP_READ, on_wake, s, &s->wake_watch, &err), err);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
    buf_done(&der);
    buf_done(&spki);
}

static void service_stop(struct service *s)
{
    uint64_t one = 1;

    assert_int_equal(write(s->wake, &one, sizeof one), sizeof one);
    assert_int_equal(pthread_join(s->thread, NULL), 0);
    assert_true(s->drained);
    server_free(s->server);
    loop_free(s->loop);
    tls_context_free(s->tls);
    key_free(s->key);
    (void)close(s->wake);
}

static struct client *open_client(const struct service *s, bool tls)
{
    struct client_url u = {.tls = tls, .host = "127.0.0.1", .port = tls ? s->secure : s->plain, .path = "/"};
    struct client *c = NULL;
    struct err err = {0};

    assert_ok(client_open(&u, 3000, &c, &err), err);
    return c;
}

static int raw_open(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* Sends text, and reads until the server closes or ms have passed; the answer as a string. */
static size_t raw_ask(uint16_t port, const char *text, int ms, char *out, size_t size)
{
    int fd = raw_open(port);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t n = 1;

    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
    while (n > 0 && len + 1 < size && poll(&p, 1, ms) > 0) {
        n = recv(fd, out + len, size - 1 - len, 0);
        len += n > 0 ? (size_t)n : 0;
    }
    (void)close(fd);
    out[len] = '\0';
    return len;
}

static void echo_many(struct client *c)
{
    static uint8_t body[90000];
    struct err err = {0};

    memset(body, 'b', sizeof body);
    for (size_t n = 1; n <= sizeof body; n *= 9) {
        struct client_request r = {.method = "POST", .path = "/echo", .body = bytes_of(body, n)};
        struct client_response out = {.body = BUF(MIB(1))};

        assert_ok(client_call(c, &r, &out, &err), err);
        assert_int_equal(out.status, 200);
        assert_int_equal(out.body.len, n);
        buf_done(&out.body);
    }
}

static void test_echo(void **state)
{
    struct service *s = *state;

    for (int tls = 0; tls < 2; tls++) {
        struct client *c = open_client(s, tls != 0);

        echo_many(c);
        if (tls != 0) {
            assert_memory_equal(client_spki(c), s->spki, 32);
        } else {
            assert_null(client_spki(c));
        }
        client_close(c);
    }
}

static bool on_piece(void *arg, struct bytes b, struct err *err)
{
    return buf_add(arg, b.p, b.len, err);
}

static void test_stream(void **state)
{
    struct service *s = *state;
    struct client *c = open_client(s, true);
    struct client_request r = {.method = "GET", .path = "/stream"}, none = {.method = "GET", .path = "/nowhere"};
    struct client_response out = {.body = BUF(4096)};
    struct buf text = BUF(4096);
    struct err err = {0};

    assert_ok(client_stream(c, &r, on_piece, &text, &out, &err), err);
    assert_true(bytes_equal(buf_bytes(&text), bytes_of_str("tick\ntick\ntick\ntick\ntick\n")));
    assert_int_equal(out.body.len, 0);
    assert_ok(client_stream(c, &none, on_piece, &text, &out, &err), err);
    assert_int_equal(out.status, 404);
    assert_true(bytes_equal(buf_bytes(&out.body),
                            bytes_of_str("{\"error\":\"there is no such route: /nowhere (ROUTE_ABSENT)\"}")));
    buf_done(&text);
    buf_done(&out.body);
    client_close(c);
}

static void test_cut(void **state)
{
    struct service *s = *state;
    struct client *c = open_client(s, true);
    struct client_request r = {.method = "GET", .path = "/half"};
    struct client_response out = {.body = BUF(4096)};
    struct err err = {0};

    assert_false(client_call(c, &r, &out, &err));
    assert_true(err.reason == REASON_NET_CLOSED || err.reason == REASON_TLS_FAILED);
    buf_done(&out.body);
    client_close(c);
}

static void test_big_to_slow(void **state)
{
    struct service *s = *state;
    int fd = raw_open(s->plain);
    const char *text = "GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    static char some[100000];
    size_t len = 0;
    ssize_t n;

    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    while ((n = recv(fd, some, sizeof some, 0)) > 0) {
        len += (size_t)n;
        (void)usleep(2000);
    }
    (void)close(fd);
    assert_true(len > MIB(4) && len < MIB(4) + 300);
}

/* Who takes nothing is dropped after the stall deadline, in the middle of the answer. */
static void test_stall(void **state)
{
    struct service *s = *state;
    int fd = raw_open(s->plain), small = 4096;
    const char *text = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n";
    static char some[100000];
    size_t len = 0;
    ssize_t n;

    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    (void)usleep(900000);
    while ((n = recv(fd, some, sizeof some, 0)) > 0) {
        len += (size_t)n;
    }
    (void)close(fd);
    assert_true(len < MIB(4));
}

static void test_gone(void **state)
{
    struct service *s = *state;
    const char *text = "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";
    int before = s->gone, fd = raw_open(s->plain);

    assert_int_equal(send(fd, text, strlen(text), 0), (ssize_t)strlen(text));
    (void)usleep(50000);
    (void)close(fd);
    for (int i = 0; i < 100 && s->gone == before; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(s->gone, before + 1);
    before = s->gone;
    client_close(open_client(s, true)); /* one that never asks */
    {
        struct client_url u = {.tls = true, .host = "127.0.0.1", .port = s->secure};
        struct client_request r = {.method = "GET", .path = "/wait"};
        struct client_response out = {.body = BUF(100)};
        struct client *c;
        struct err err = {0};

        assert_ok(client_open(&u, 200, &c, &err), err);
        assert_fails(client_call(c, &r, &out, &err), err, REASON_NET_TIMEOUT, ERR_NOWHERE);
        client_close(c);
    }
    for (int i = 0; i < 100 && s->gone == before; i++) {
        (void)usleep(10000);
    }
    assert_int_equal(s->gone, before + 1);
}

static void test_flood(void **state)
{
    struct service *s = *state;
    int before = s->gone;
    char out[2000];

    (void)raw_ask(s->plain, "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n", 500, out, sizeof out);
    assert_int_equal(s->gone, before + 1);
}

static const struct raw_case {
    const char *name, *text, *want; /* the answer's beginning; "" for none */
} raw_cases[] = {
    {"pipelined", "GET /echo HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 200 OK"},
    {"no version", "GET /\r\n\r\n", "HTTP/1.1 400 "},
    {"HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
    {"an unknown method", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 501 "},
    {"a body that is too large", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n", "HTTP/1.1 413 "},
    {"chunks that are too large", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n0123456789a",
     "HTTP/1.1 413 "},
    {"a head that does not end", "GET / HTTP/1.1\r\nHost: a\r\n", "HTTP/1.1 408 "},
    {"nothing", "", ""},
    {"TLS to the plain port", "\026\003\001", "HTTP/1.1 408 "},
};

static void test_raw(void **state)
{
    struct service *s = *state;

    for (size_t i = 0; i < sizeof raw_cases / sizeof *raw_cases; i++) {
        char out[4096];
        size_t len = raw_ask(s->plain, raw_cases[i].text, 2000, out, sizeof out);

        if (strncmp(out, raw_cases[i].want, strlen(raw_cases[i].want)) != 0 ||
            (raw_cases[i].want[0] == '\0' && len > 0)) {
            fail_msg("%s: %s", raw_cases[i].name, out);
        }
        if (i == 0) {
            assert_non_null(strstr(out, "HTTP/1.1 404 Not Found"));
            assert_null(strstr(out, "forged"));
            assert_non_null(strstr(out, "X-Method: GET"));
        }
    }
}

/* One byte at a time, slower than the deadline of the head, which is absolute. */
static void test_drip(void **state)
{
    struct service *s = *state;
    int fd = raw_open(s->plain);
    const char *text = "GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n";
    char out[1000] = "";
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (size_t i = 0; text[i] != '\0' && poll(&p, 1, 15) == 0; i++) {
        (void)send(fd, &text[i], 1, MSG_NOSIGNAL);
    }
    assert_true(recv(fd, out, sizeof out - 1, 0) > 0);
    assert_true(strncmp(out, "HTTP/1.1 408 ", 13) == 0);
    (void)close(fd);
}

static void test_continue(void **state)
{
    struct service *s = *state;
    int fd = raw_open(s->plain);
    const char *head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
                       "Connection: close\r\n\r\n";
    char out[1000] = "";

    assert_int_equal(send(fd, head, strlen(head), 0), (ssize_t)strlen(head));
    assert_int_equal(recv(fd, out, sizeof out - 1, 0), 25);
    assert_string_equal(out, "HTTP/1.1 100 Continue\r\n\r\n");
    assert_int_equal(send(fd, "abc", 3, 0), 3);
    memset(out, 0, sizeof out);
    assert_true(recv(fd, out, sizeof out - 1, MSG_WAITALL) > 0);
    assert_true(strncmp(out, "HTTP/1.1 200 OK", 15) == 0);
    assert_non_null(strstr(out, "\r\n\r\nabc"));
    (void)close(fd);
}

static void test_caps(void **state)
{
    struct service *s = *state;
    int fds[30];
    char out[1000];

    for (int i = 0; i < 30; i++) {
        fds[i] = raw_open(s->plain);
    }
    (void)usleep(100000);
    for (int i = 0; i < 30; i++) {
        (void)close(fds[i]);
    }
    assert_true(raw_ask(s->plain, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 3000, out, sizeof out) >
                0);
    assert_true(strncmp(out, "HTTP/1.1 200 ", 13) == 0);
}

static void test_addresses(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"127.0.0.1:80", "127.0.0.1:80"},
        {"localhost:1", "127.0.0.1:1"},
        {":5", "127.0.0.1:5"},
        {"[::1]:443", "[::1]:443"},
        {"0.0.0.0:1", "0.0.0.0:1"},
        {"::1:443", NULL},
        {"[::1]", NULL},
        {"a.b:1", NULL},
        {"127.0.0.1:65536", NULL},
        {"127.0.0.1:-1", NULL},
        {"127.0.0.1", NULL},
        {"", NULL},
    };
    struct client_url u;
    struct address a;
    struct err err = {0};
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[ADDRESS_SIZE];

        if (cases[i].want == NULL) {
            assert_fails(address_parse(cases[i].text, &a, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
        } else {
            assert_ok(address_parse(cases[i].text, &a, &err), err);
            address_print(&a, text);
            assert_string_equal(text, cases[i].want);
        }
    }
    assert_ok(address_parse("0.0.0.0:0", &a, &err), err);
    assert_fails(listen_open(&a, true, &fd, &err), err, REASON_ADDRESS_PLAIN, ERR_NOWHERE);
    assert_ok(client_url_parse("https://[::1]:8443/a?b#c", &u, &err), err);
    assert_true(u.tls && u.port == 8443 && strcmp(u.host, "::1") == 0 && strcmp(u.path, "/a?b") == 0);
    assert_ok(client_url_parse("http://a?b", &u, &err), err);
    assert_true(!u.tls && u.port == 80 && strcmp(u.path, "/?b") == 0);
    assert_fails(client_url_parse("ftp://a", &u, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
    assert_fails(client_url_parse("https://u@a", &u, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
    assert_fails(client_url_parse("https://a:0", &u, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
    assert_fails(client_url_parse("https://", &u, &err), err, REASON_ADDRESS_FORM, ERR_NOWHERE);
}

static int setup(void **state)
{
    static struct service s;

    (void)signal(SIGPIPE, SIG_IGN);
    service_start(&s);
    *state = &s;
    return 0;
}

static int teardown(void **state)
{
    service_stop(*state);
    return 0;
}

static void timer_due(void *arg)
{
    struct loop_timer *t = arg;

    (void)t;
}

static void test_timers(void **state)
{
    static struct loop_timer timers[200];
    struct loop *l;
    struct err err = {0};
    uint64_t start = clock_monotonic_ns();

    (void)state;
    assert_ok(loop_new(&l, &err), err);
    for (unsigned i = 0; i < 200; i++) {
        timers[i] = (struct loop_timer){.due = timer_due, .arg = &timers[i]};
        assert_ok(loop_timer_set(l, &timers[i], (i * 37) % 200, &err), err);
    }
    for (unsigned i = 0; i < 200; i += 2) {
        loop_timer_stop(l, &timers[i]);
    }
    while (clock_monotonic_ns() - start < 50 * UINT64_C(1000000)) {
        assert_ok(loop_turn(l, 5, &err), err);
    }
    for (unsigned i = 0; i < 200; i++) {
        uint64_t due = (i * 37) % 200;

        if (i % 2 == 0) {
            assert_int_equal(timers[i].place, 0);
        } else if (due > 150) {
            assert_int_not_equal(timers[i].place, 0);
        } else if (due < 40) {
            assert_int_equal(timers[i].place, 0);
        }
    }
    loop_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers),   cmocka_unit_test(test_addresses), cmocka_unit_test(test_echo),
        cmocka_unit_test(test_stream),   cmocka_unit_test(test_cut),       cmocka_unit_test(test_gone),
        cmocka_unit_test(test_flood),    cmocka_unit_test(test_raw),       cmocka_unit_test(test_drip),
        cmocka_unit_test(test_continue), cmocka_unit_test(test_caps),      cmocka_unit_test(test_big_to_slow),
        cmocka_unit_test(test_stall),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
