#include "include/cost_meter.h"

#include <errno.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED

uint64_t cost_meter_bytes(void) { return 0; }
int cost_meter_works(void) { return 0; }

#else

// The program's own functions take the place of the C library's, also for the Swift library, which is shared. glibc keeps
// the real allocator reachable under other names.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static __thread uint64_t bytes __attribute__((tls_model("initial-exec")));

uint64_t cost_meter_bytes(void) { return bytes; }
int cost_meter_works(void) { return 1; }

void *malloc(size_t size) {
    bytes += size;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    bytes += count * size;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    bytes += size;
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    bytes += size;
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    bytes += size;
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

// What the compiler would otherwise take for a copy, and make a call of `memcpy`.
#define PLAIN __attribute__((no_builtin("memcpy", "memmove")))

/// Copies from the beginning to the end.
static PLAIN void copy_up(void *to, const void *from, size_t count) {
    // The instruction is fast for long copies and slow to begin.
    if (count >= 128) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
        return;
    }
    typedef uint64_t word __attribute__((may_alias, aligned(1)));
    char *target = to;
    const char *source = from;
    for (; count >= sizeof(word); count -= sizeof(word), target += sizeof(word), source += sizeof(word))
        *(word *)target = *(const word *)source;
    for (; count > 0; count--) *target++ = *source++;
}

PLAIN void *memcpy(void *restrict to, const void *restrict from, size_t count) {
    bytes += count;
    copy_up(to, from, count);
    return to;
}

PLAIN void *memmove(void *to, const void *from, size_t count) {
    bytes += count;
    // Where the target lies before the source, too: the distance is huge then.
    if ((uintptr_t)to - (uintptr_t)from >= count) {
        copy_up(to, from, count);
        return to;
    }
    if (to == from) return to;
    // They overlap and the target lies behind: from the end, in steps that are no longer than the distance.
    size_t distance = (uintptr_t)to - (uintptr_t)from;
    while (count > 0) {
        size_t step = distance < count ? distance : count;
        count -= step;
        copy_up((char *)to + count, (const char *)from + count, step);
    }
    return to;
}

#endif
