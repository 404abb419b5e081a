#include "proc/frame.h"

#include "base/cursor.h"
#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define FDS_MAX 16       /* descriptors that wait for their frame */
#define OUT_FDS_MAX 1024 /* that wait for their sending: the models of a store, the files of one */
#define QUEUE_MAX (4 * LIMIT_FRAME)
#define READ_SIZE KIB(64)

struct passed { /* a descriptor that goes with the byte at this place of the stream */
    uint64_t at;
    int fd;
};

struct channel {
    int fd;
    struct buf in, out;
    size_t in_used;                /* bytes of the frame that channel_next() gave last */
    uint64_t out_sent, out_queued; /* places in the stream */
    struct passed out_fds[OUT_FDS_MAX];
    size_t out_fd_count;
    int in_fds[FDS_MAX];
    size_t in_fd_count;
    bool ended;
};

bool channel_pair(int fds[2], struct err *err)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "socketpair: %s", strerror(errno));
    }
    fds[0] = pair[0];
    fds[1] = pair[1];
    return true;
}

bool channel_new(int fd, struct channel **out, struct err *err)
{
    struct channel *c = calloc(1, sizeof *c);

    if (c == NULL) {
        return FAIL(err, REASON_NO_MEMORY, ERR_NOWHERE, "a channel");
    }
    c->fd = fd;
    c->in = BUF(FRAME_HEAD + LIMIT_FRAME + READ_SIZE);
    c->out = BUF(QUEUE_MAX);
    *out = c;
    return true;
}

void channel_free(struct channel *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->out_fd_count; i++) {
        (void)close(c->out_fds[i].fd);
    }
    for (size_t i = 0; i < c->in_fd_count; i++) {
        (void)close(c->in_fds[i]);
    }
    (void)close(c->fd);
    buf_done(&c->in);
    buf_done(&c->out);
    free(c);
}

bool channel_wants_write(const struct channel *c)
{
    return c->out.len > 0;
}

/* How much may go in one call: a frame with a descriptor begins a message of its own, so that the receiver gets the
 * descriptor no later than the frame. */
static size_t run_length(const struct channel *c, int *fd)
{
    size_t next = 0;

    *fd = -1;
    if (c->out_fd_count > 0 && c->out_fds[0].at == c->out_sent) {
        *fd = c->out_fds[0].fd;
        next = 1;
    }
    if (next < c->out_fd_count) {
        return (size_t)(c->out_fds[next].at - c->out_sent);
    }
    return c->out.len;
}

static ssize_t run_send(const struct channel *c, size_t len, int fd)
{
    struct iovec v = {.iov_base = c->out.p, .iov_len = len};
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};

    if (fd >= 0) {
        struct cmsghdr *h;

        memset(&control, 0, sizeof control);
        m.msg_control = control.space;
        m.msg_controllen = sizeof control.space;
        h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &fd, sizeof fd);
    }
    return sendmsg(c->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool channel_flush(struct channel *c, struct err *err)
{
    while (c->out.len > 0) {
        int fd;
        size_t len = run_length(c, &fd);
        ssize_t n = run_send(c, len, fd);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return true;
        }
        if (n < 0) {
            return FAIL(err, REASON_PEER_GONE, ERR_NOWHERE, "%s", strerror(errno));
        }
        if (fd >= 0 && n > 0) {
            (void)close(fd);
            c->out_fd_count--;
            memmove(c->out_fds, c->out_fds + 1, c->out_fd_count * sizeof *c->out_fds);
        }
        buf_drop(&c->out, (size_t)n);
        c->out_sent += (uint64_t)n;
    }
    return true;
}

bool channel_send(struct channel *c, uint16_t type, uint64_t id, struct bytes payload, int fd, struct err *err)
{
    size_t before = c->out.len;
    int copy = -1;

    if (payload.len > LIMIT_FRAME || (fd >= 0 && c->out_fd_count == OUT_FDS_MAX)) {
        return FAIL(err, REASON_BUF_FULL, ERR_NOWHERE, "a frame of %zu bytes", payload.len);
    }
    if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
        return FAIL(err, REASON_FILE_IO, ERR_NOWHERE, "a descriptor: %s", strerror(errno));
    }
    if (!buf_u32le(&c->out, (uint32_t)payload.len, err) || !buf_u16le(&c->out, type, err) ||
        !buf_u16le(&c->out, fd >= 0 ? 1 : 0, err) || !buf_u64le(&c->out, id, err) ||
        !buf_add(&c->out, payload.p, payload.len, err)) {
        c->out.len = before;
        if (copy >= 0) {
            (void)close(copy);
        }
        return false;
    }
    if (copy >= 0) {
        c->out_fds[c->out_fd_count++] = (struct passed){.at = c->out_queued, .fd = copy};
    }
    c->out_queued += c->out.len - before;
    return channel_flush(c, err);
}

static bool fds_take(struct channel *c, struct msghdr *m, struct err *err)
{
    bool ok = (m->msg_flags & MSG_CTRUNC) == 0;

    for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL; h = CMSG_NXTHDR(m, h)) {
        size_t count = h->cmsg_type == SCM_RIGHTS ? (h->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

        for (size_t i = 0; i < count; i++) {
            int fd;

            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (c->in_fd_count == FDS_MAX) {
                (void)close(fd);
                ok = false;
            } else {
                c->in_fds[c->in_fd_count++] = fd;
            }
        }
    }
    return ok || FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "too many descriptors");
}

/* false with err->reason OK is not possible: the end of the stream sets c->ended. *more: something came. */
static bool fill(struct channel *c, bool *more, struct err *err)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(4 * sizeof(int))];
    } control;
    struct iovec v;
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    uint8_t *room;
    ssize_t n;

    *more = false;
    if (!buf_room(&c->in, READ_SIZE, &room, err)) {
        return false;
    }
    do {
        v = (struct iovec){.iov_base = room, .iov_len = READ_SIZE};
        m.msg_control = control.space;
        m.msg_controllen = sizeof control.space;
        n = recvmsg(c->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        return true;
    }
    if (n <= 0) {
        c->ended = true;
        return true;
    }
    buf_grew(&c->in, (size_t)n);
    *more = true;
    return fds_take(c, &m, err);
}

static bool frame_find(struct channel *c, struct frame *out, bool *got, struct err *err)
{
    struct cursor in = cursor_init(c->in.p, c->in.len), payload;
    uint32_t len;
    uint16_t type, fds;
    uint64_t id;

    *got = false;
    if (in.left < FRAME_HEAD) {
        return true;
    }
    if (!cursor_u32le(&in, &len, err) || !cursor_u16le(&in, &type, err) || !cursor_u16le(&in, &fds, err) ||
        !cursor_u64le(&in, &id, err)) {
        return false;
    }
    if (len > LIMIT_FRAME || fds > 1) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "length %u, %u descriptors", len, fds);
    }
    if (in.left < len) {
        return true;
    }
    if (fds > c->in_fd_count) {
        return FAIL(err, REASON_FRAME_FORM, ERR_NOWHERE, "a descriptor did not come");
    }
    if (!cursor_take(&in, len, &payload, err)) {
        return false;
    }
    *out = (struct frame){.type = type, .id = id, .payload = cursor_rest(&payload), .fd = -1};
    if (fds == 1) {
        out->fd = c->in_fds[0];
        c->in_fd_count--;
        memmove(c->in_fds, c->in_fds + 1, c->in_fd_count * sizeof *c->in_fds);
    }
    c->in_used = FRAME_HEAD + (size_t)len;
    *got = true;
    return true;
}

bool channel_next(struct channel *c, struct frame *out, bool *got, struct err *err)
{
    bool more = true;

    buf_drop(&c->in, c->in_used);
    c->in_used = 0;
    while (true) {
        if (!frame_find(c, out, got, err)) {
            return false;
        }
        if (*got || (!more && !c->ended)) {
            return true;
        }
        if (c->ended) {
            return FAIL(err, REASON_PEER_GONE, ERR_NOWHERE, "the channel ended");
        }
        if (!fill(c, &more, err)) {
            return false;
        }
    }
}
