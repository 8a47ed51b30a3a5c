#pragma once

#include <stdint.h>

/// Bytes that the calling thread has copied (memcpy, memmove) or asked the allocator for so far. Both are counted and not
/// timed, so that a test can compare the cost of an input with that of twice as much.
///
/// Zero for ever under a sanitizer, which has an allocator and copying of its own.
uint64_t cost_meter_bytes(void);

/// Whether anything is counted.
int cost_meter_works(void);
