/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/key.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define WINDOW_BYTES 65536

/* A key in PEM: of PKCS#1, PKCS#8, SEC1, OpenSSH, encrypted or not; OpenPGP's ends with BLOCK. */
static const char marker[] = "PRIVATE KEY";
#define MARKER_BYTES (sizeof(marker) - 1)

/*
 * A key in DER is the whole of a file: a sequence whose first member is a small number, its
 * version. A certificate's, or a request's, is a sequence (RFC 5208, 5915, 5958, 8017).
 */
static bool starts_as_key(const unsigned char *bytes, size_t size)
{
        size_t at = 2;

        if (size < 8 || bytes[0] != 0x30)
                return false;
        if (bytes[1] == 0x81 || bytes[1] == 0x82)
                at += bytes[1] & 3;
        else if (bytes[1] >= 0x80)
                return false;
        return bytes[at] == 0x02 && bytes[at + 1] == 1 && bytes[at + 2] <= 1;
}

int key_search(int fd)
{
        _cleanup_(freep) char *window = malloc(WINDOW_BYTES);
        bool is_first = true;
        size_t kept = 0;

        if (!window)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, window + kept, WINDOW_BYTES - kept);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : 0;
                kept += (size_t)n;
                if (is_first && starts_as_key((const unsigned char *)window, kept))
                        return 1;
                is_first = false;
                if (memmem(window, kept, marker, MARKER_BYTES))
                        return 1;
                if (kept >= MARKER_BYTES) { /* it may lie across two reads */
                        memmove(window, window + kept - (MARKER_BYTES - 1), MARKER_BYTES - 1);
                        kept = MARKER_BYTES - 1;
                }
        }
}
