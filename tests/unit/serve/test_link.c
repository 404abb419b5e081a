/* A link on a loop: a peer that never stops talking leaves everybody else their turn, and one that sends no frame is
 * gone. */
#include "test.h"

#include "serve/link.h"

#include <sys/socket.h>
#include <unistd.h>

struct seen {
    struct loop *loop;
    unsigned frames, gone, turns;
    bool close_at_first;
    struct loop_timer timer;
};

static void on_frame(void *arg, struct link *l, const struct frame *f)
{
    struct seen *s = arg;

    assert_int_equal(f->type, MESSAGE_TEXT);
    s->frames++;
    if (s->close_at_first) {
        link_close(l);
        loop_stop(s->loop);
    }
}

static void on_gone(void *arg, struct link *l, const struct err *why)
{
    struct seen *s = arg;

    (void)why;
    s->gone++;
    link_close(l);
    loop_stop(s->loop);
}

static const struct link_handler handler = {on_frame, on_gone};

static void on_turn(void *arg)
{
    struct seen *s = arg;
    struct err err = {0};

    s->turns++;
    assert_ok(loop_timer_set(s->loop, &s->timer, 0, &err), err);
}

#define FRAMES 1000

static void frames_write(int fd)
{
    static uint8_t heads[FRAMES][FRAME_HEAD];

    for (size_t i = 0; i < FRAMES; i++) {
        heads[i][4] = MESSAGE_TEXT;
    }
    assert_int_equal(write(fd, heads, sizeof heads), sizeof heads);
}

static void open_pair(struct seen *s, int *peer, struct link **l)
{
    struct err err = {0};
    int fds[2];

    assert_ok(loop_new(&s->loop, &err), err);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    assert_ok(link_open(s->loop, fds[0], &handler, s, l, &err), err);
    *peer = fds[1];
}

static void test_turns(void **state)
{
    struct seen s = {.timer = {.due = on_turn, .arg = &s}};
    struct err err = {0};
    struct link *l;
    int peer;

    (void)state;
    open_pair(&s, &peer, &l);
    assert_ok(loop_timer_set(s.loop, &s.timer, 0, &err), err);
    frames_write(peer);
    (void)close(peer);
    assert_ok(loop_run(s.loop, &err), err);
    assert_int_equal(s.frames, FRAMES);
    assert_int_equal(s.gone, 1);
    assert_true(s.turns > 5);
    loop_timer_stop(s.loop, &s.timer);
    loop_free(s.loop);
}

static void test_closed_in_between(void **state)
{
    struct seen s = {.close_at_first = true};
    struct err err = {0};
    struct link *l;
    int peer;

    (void)state;
    open_pair(&s, &peer, &l);
    frames_write(peer);
    assert_ok(loop_run(s.loop, &err), err);
    assert_int_equal(s.frames, 1);
    assert_int_equal(s.gone, 0);
    (void)close(peer);
    loop_free(s.loop);
}

static void test_no_frame(void **state)
{
    struct seen s = {0};
    struct err err = {0};
    struct link *l;
    int peer;

    (void)state;
    open_pair(&s, &peer, &l);
    assert_int_equal(write(peer, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    assert_ok(loop_run(s.loop, &err), err);
    assert_int_equal(s.frames, 0);
    assert_int_equal(s.gone, 1);
    (void)close(peer);
    loop_free(s.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_closed_in_between),
        cmocka_unit_test(test_no_frame),
    };

    return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
