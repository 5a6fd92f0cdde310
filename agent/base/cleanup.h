/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Ownership that ends with its scope: every resource is released by the variable that holds it. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((__cleanup__(function)))
#define _printf_(format, first) __attribute__((__format__(__printf__, format, first)))

#define ELEMENTSOF(array) (sizeof(array) / sizeof((array)[0]))

/* Moves a pointer, or a descriptor, out of a variable, which is empty afterwards. */
#define TAKE_PTR(pointer)                                                                          \
        ({                                                                                         \
                __typeof__(pointer) *_from = &(pointer);                                           \
                __typeof__(pointer) _taken = *_from;                                               \
                *_from = NULL;                                                                     \
                _taken;                                                                            \
        })

#define TAKE_FD(fd)                                                                                \
        ({                                                                                         \
                int *_from = &(fd);                                                                \
                int _taken = *_from;                                                               \
                *_from = -EBADF;                                                                   \
                _taken;                                                                            \
        })

/* For types whose `function` accepts NULL: _cleanup_(functionp) then frees at the end of scope. */
#define DEFINE_CLEANUP(type, function)                                                             \
        static inline void function##p(type *value)                                                \
        {                                                                                          \
                if (*value)                                                                        \
                        (void)function(*value);                                                    \
        }

static inline void freep(void *pointer)
{
        free(*(void **)pointer);
}

static inline void closep(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

DEFINE_CLEANUP(FILE *, fclose)
DEFINE_CLEANUP(DIR *, closedir)
