/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A fuzz target is this one function. `make check` links it with replay.c, which runs it over its
 * corpus; `clang -fsanitize=fuzzer,address` links it with libFuzzer instead.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
