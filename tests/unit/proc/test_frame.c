#include "test.h"

#include "base/limits.h"
#include "proc/frame.h"
#include "proc/spawn.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct pair {
    struct channel *a, *b;
};

static struct pair pair_new(void)
{
    struct pair p = {NULL, NULL};
    struct err err = {0};
    int fds[2];

    assert_ok(channel_pair(fds, &err), err);
    assert_ok(channel_new(fds[0], &p.a, &err), err);
    assert_ok(channel_new(fds[1], &p.b, &err), err);
    return p;
}

static void pair_free(struct pair *p)
{
    channel_free(p->a);
    channel_free(p->b);
}

/* Until a frame is there: what does not fit into the socket is sent in turns. */
static void frame_wait(struct pair *p, struct frame *f)
{
    struct err err = {0};
    bool got = false;

    while (!got) {
        assert_ok(channel_flush(p->a, &err), err);
        assert_ok(channel_next(p->b, f, &got, &err), err);
    }
}

static void test_frames(void **state)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 65535, 65536, 70000, 3 * 1048576};
    struct pair p = pair_new();
    struct err err = {0};
    uint8_t *bytes = malloc(3 * 1048576);
    struct frame f;
    bool got = true;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 3 * 1048576; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    assert_ok(channel_next(p.b, &f, &got, &err), err);
    assert_false(got);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        assert_ok(channel_send(p.a, (uint16_t)(i + 1), 1000 + i, bytes_of(bytes, sizes[i]), -1, &err), err);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        frame_wait(&p, &f);
        assert_int_equal(f.type, i + 1);
        assert_int_equal(f.id, 1000 + i);
        assert_int_equal(f.fd, -1);
        assert_int_equal(f.payload.len, sizes[i]);
        assert_memory_equal(f.payload.p, bytes, sizes[i]);
    }
    assert_false(channel_wants_write(p.a));
    free(bytes);
    pair_free(&p);
}

static ino_t inode(int fd)
{
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    return st.st_ino;
}

/* Each descriptor comes with its own frame, whatever lies between them. */
static void test_descriptors(void **state)
{
    struct pair p = pair_new();
    struct err err = {0};
    int fds[6];
    struct frame f;

    (void)state;
    for (int i = 0; i < 6; i++) {
        fds[i] = memfd_create("test", MFD_CLOEXEC);
        assert_true(fds[i] >= 0);
    }
    for (int i = 0; i < 6; i++) {
        uint8_t filler[5000] = {0};

        assert_ok(channel_send(p.a, 1, (uint64_t)i, bytes_of(filler, sizeof filler), -1, &err), err);
        assert_ok(channel_send(p.a, 2, (uint64_t)i, bytes_of(NULL, 0), fds[i], &err), err);
    }
    for (int i = 0; i < 6; i++) {
        frame_wait(&p, &f);
        assert_int_equal(f.type, 1);
        assert_int_equal(f.fd, -1);
        frame_wait(&p, &f);
        assert_int_equal(f.type, 2);
        assert_int_equal(f.id, i);
        assert_true(f.fd >= 0);
        assert_int_equal(inode(f.fd), inode(fds[i]));
        assert_true((fcntl(f.fd, F_GETFD) & FD_CLOEXEC) != 0);
        (void)close(f.fd);
        (void)close(fds[i]);
    }
    pair_free(&p);
}

static void test_gone(void **state)
{
    struct pair p = pair_new();
    struct err err = {0};
    struct frame f;
    bool got;

    (void)state;
    assert_ok(channel_send(p.a, 5, 6, bytes_of_str("last"), -1, &err), err);
    channel_free(p.a);
    p.a = NULL;
    assert_ok(channel_next(p.b, &f, &got, &err), err);
    assert_true(got);
    assert_fails(channel_next(p.b, &f, &got, &err), err, REASON_PEER_GONE, ERR_NOWHERE);
    assert_fails(channel_send(p.b, 1, 1, bytes_of_str("x"), -1, &err), err, REASON_PEER_GONE, ERR_NOWHERE);
    channel_free(p.b);
}

/* What a peer that was taken over may send: bounded before anything is stored. */
static void test_malformed(void **state)
{
    static const struct {
        uint8_t head[FRAME_HEAD];
        enum reason reason;
    } rows[] = {
        {{0x01, 0x00, 0x00, 0x04}, REASON_FRAME_FORM},    /* LIMIT_FRAME + 1 */
        {{0xff, 0xff, 0xff, 0xff, 1}, REASON_FRAME_FORM}, /* 4 GiB */
        {{0, 0, 0, 0, 1, 0, 2}, REASON_FRAME_FORM},       /* two descriptors */
        {{0, 0, 0, 0, 1, 0, 1}, REASON_FRAME_FORM},       /* one that did not come */
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct channel *c;
        struct err err = {0};
        struct frame f;
        int fds[2];
        bool got;

        assert_ok(channel_pair(fds, &err), err);
        assert_ok(channel_new(fds[0], &c, &err), err);
        assert_int_equal(write(fds[1], rows[i].head, FRAME_HEAD), FRAME_HEAD);
        assert_fails(channel_next(c, &f, &got, &err), err, rows[i].reason, ERR_NOWHERE);
        channel_free(c);
        (void)close(fds[1]);
    }
}

static void test_too_large(void **state)
{
    struct pair p = pair_new();
    struct err err = {0};
    uint8_t byte = 0;

    (void)state;
    assert_fails(channel_send(p.a, 1, 1, bytes_of(&byte, LIMIT_FRAME + 1), -1, &err), err, REASON_BUF_FULL,
                 ERR_NOWHERE);
    pair_free(&p);
}

/* A copy of this test's own program that nobody can change, with the digest of the file. */
static void test_program(void **state)
{
    uint8_t sealed[SHA384_SIZE], file[SHA384_SIZE];
    struct err err = {0};
    bool here;
    int fd, self;

    (void)state;
    assert_ok(spawn_program_open(&fd, &here, &err), err);
    assert_false(here);
    self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(self >= 0);
    assert_ok(spawn_fd_sha384(fd, "sealed", sealed, &err), err);
    assert_ok(spawn_fd_sha384(self, "file", file, &err), err);
    assert_memory_equal(sealed, file, SHA384_SIZE);
    assert_true(pwrite(fd, "x", 1, 0) < 0);
    assert_true(ftruncate(fd, 1) != 0);
    assert_true(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    (void)close(self);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),    cmocka_unit_test(test_descriptors), cmocka_unit_test(test_gone),
        cmocka_unit_test(test_malformed), cmocka_unit_test(test_too_large),   cmocka_unit_test(test_program),
    };

    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
