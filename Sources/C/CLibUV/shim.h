// libc names must belong to one module in debug and release alike, so this line comes first.
#pragma clang module import SwiftGlibc

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

/// Names the calling thread (15 bytes are kept). `prctl` is variadic, which Swift cannot call.
static inline void gateway_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// Has the loop count how long it waits (`uv_metrics_idle_time`). `uv_loop_configure` is variadic.
static inline int gateway_count_idle_time(uv_loop_t *loop) { return uv_loop_configure(loop, UV_METRICS_IDLE_TIME); }

/// A pending connection as a descriptor that neither blocks nor survives exec, or -1 with errno set.
/// `accept4` is hidden without _GNU_SOURCE.
static inline int gateway_accept(int listener) {
    return (int)syscall(SYS_accept4, listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/// Sends `words` to a connection that was just accepted, as far as they fit, reads away what has come of its request (unread
/// bytes would reset the connection, and the words could be lost), and closes it. Never waits.
static inline void gateway_refuse(int descriptor, const void *words, size_t count) {
    char unread[4096];
    if (count > 0) send(descriptor, words, count, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(descriptor, SHUT_WR);
    for (int reads = 0; reads < 16 && recv(descriptor, unread, sizeof unread, MSG_DONTWAIT) > 0; reads++) {}
    close(descriptor);
}

/// Datagrams that one system call may bring.
enum { GATEWAY_BATCH = 16 };

/// Room for the heads of a batch of datagrams; `struct mmsghdr` is hidden without _GNU_SOURCE.
struct gateway_batch {
    struct {
        struct msghdr header;
        unsigned int length;
    } messages[GATEWAY_BATCH];
    struct iovec parts[GATEWAY_BATCH];
    struct sockaddr_storage senders[GATEWAY_BATCH];
};

/// Lays `count` datagrams of at most `size` bytes into `room`, one behind the other.
static inline void gateway_prepare_batch(struct gateway_batch *batch, void *room, size_t size) {
    for (int index = 0; index < GATEWAY_BATCH; index++) {
        batch->parts[index].iov_base = (char *)room + index * size;
        batch->parts[index].iov_len = size;
        struct msghdr header = {0};
        header.msg_iov = &batch->parts[index];
        header.msg_iovlen = 1;
        header.msg_name = &batch->senders[index];
        header.msg_namelen = sizeof batch->senders[index];
        batch->messages[index].header = header;
    }
}

/// Takes up to `limit` datagrams that wait: how many, or a negative errno.
static inline int gateway_receive_batch(int descriptor, struct gateway_batch *batch, int limit) {
    for (int index = 0; index < limit; index++)
        batch->messages[index].header.msg_namelen = sizeof batch->senders[index];
    long count;
    do count = syscall(SYS_recvmmsg, descriptor, batch->messages, limit, MSG_DONTWAIT, 0);
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : (int)count;
}

/// The length of a received datagram; negative when it was longer than its room.
static inline int gateway_datagram_length(const struct gateway_batch *batch, int index) {
    return batch->messages[index].header.msg_flags & MSG_TRUNC ? -1 : (int)batch->messages[index].length;
}

static inline void *gateway_datagram(const struct gateway_batch *batch, int index) {
    return batch->parts[index].iov_base;
}

static inline const struct sockaddr *gateway_datagram_sender(const struct gateway_batch *batch, int index) {
    return (const struct sockaddr *)&batch->senders[index];
}

/// Sends one datagram without waiting: 0, or a negative errno.
static inline int gateway_send(
    int descriptor, const void *bytes, size_t count, const struct sockaddr *address, socklen_t length) {
    long sent;
    do sent = sendto(descriptor, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL, address, length);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

/// Blocks of at least so many bytes get pages of their own, which go back to the system as soon as they are freed.
static inline void gateway_map_blocks_from(size_t bytes) { mallopt(M_MMAP_THRESHOLD, (int)bytes); }

/// Bytes that were freed and that malloc keeps, whether the system has their pages back or not.
static inline size_t gateway_free_bytes(void) { return mallinfo2().fordblks; }

/// Gives whole pages of freed memory back to the system, between blocks that are in use, too.
static inline void gateway_trim_memory(void) { malloc_trim(0); }
