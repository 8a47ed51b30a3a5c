// libc names must belong to one module in debug and release alike, so this line comes first.
#pragma clang module import SwiftGlibc

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

/// Names the calling thread (15 bytes are kept). `prctl` is variadic, which Swift cannot call.
static inline void gateway_name_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

/// A pending connection as a descriptor that neither blocks nor survives exec, or -1 with errno set.
/// `accept4` is hidden without _GNU_SOURCE.
static inline int gateway_accept(int listener) {
    return (int)syscall(SYS_accept4, listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
}
