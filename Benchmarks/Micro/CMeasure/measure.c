#include "include/measure.h"

#include <errno.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

// The allocator's entry points are replaced by counting ones; glibc keeps the real ones reachable under these names.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static volatile uint64_t allocations;

void *malloc(size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : ENOMEM;
}

uint64_t measure_allocations(void) { return allocations; }

int measure_is_counted(void) { return RUNNING_ON_VALGRIND != 0; }

void measure_begin(void) { CALLGRIND_ZERO_STATS; }

void measure_end(const char *name) { CALLGRIND_DUMP_STATS_AT(name); }

void measure_keep(uint64_t value) { __asm__ volatile("" : : "r"(value) : "memory"); }
