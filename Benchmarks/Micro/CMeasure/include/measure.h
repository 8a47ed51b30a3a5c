#pragma once

#include <stdint.h>

/// Allocations (malloc, calloc, realloc, and their aligned relatives) of the whole process so far.
uint64_t measure_allocations(void);

/// Whether the program runs under valgrind.
int measure_is_counted(void);

/// Under callgrind: forgets the instructions counted so far.
void measure_begin(void);

/// Under callgrind: writes the instructions since `measure_begin` to a file of their own, under `name`.
void measure_end(const char *name);

/// Takes a value and does nothing with it, where no optimiser can see that.
void measure_keep(uint64_t value);
