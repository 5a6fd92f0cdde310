/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/listing.h"

#include <fcntl.h>
#include <string.h>

void listing_done(Listing *listing)
{
        closep(&listing->fd);
}

static int listing_fail(int error, Trouble *trouble)
{
        return trouble_tell(trouble, -error, "the list of what is removed cannot be written: %s",
                strerror(error));
}

int listing_open(Listing *listing, const Stage *stage, Trouble *trouble)
{
        listing->fd = openat(stage->folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        return listing->fd < 0 ? listing_fail(errno, trouble) : 0;
}

static int listing_flush(Listing *listing, Trouble *trouble)
{
        size_t done = 0;

        while (done < listing->n_pending) {
                ssize_t n = write(
                        listing->fd, listing->pending + done, listing->n_pending - done);

                if (n < 0 && errno != EINTR)
                        return listing_fail(errno, trouble);
                if (n > 0)
                        done += (size_t)n;
        }
        listing->n_pending = 0;
        return 0;
}

int listing_add(Listing *listing, const char *paths, size_t size, Trouble *trouble)
{
        if (listing->size + size > LISTING_MAX_BYTES)
                return 0;
        if (listing->n_pending + size > sizeof(listing->pending)) {
                int r = listing_flush(listing, trouble);

                if (r < 0)
                        return r;
        }
        memcpy(listing->pending + listing->n_pending, paths, size);
        listing->n_pending += size;
        listing->size += size;
        return 0;
}

int listing_finish(Listing *listing, Trouble *trouble, int *ret_fd)
{
        char self[32];
        int r = listing_flush(listing, trouble);

        if (r < 0)
                return r;
        (void)snprintf(self, sizeof(self), "/proc/self/fd/%d", listing->fd);
        *ret_fd = open(self, O_RDONLY | O_CLOEXEC);
        return *ret_fd < 0 ? listing_fail(errno, trouble) : 0;
}
