/* SPDX-License-Identifier: Apache-2.0 */
/* An image as a tar archive of one member, byte for byte what GNU tar makes of it. */

#include "image/archive.h"

#include <fcntl.h>
#include <inttypes.h>

#include "base/text.h"

/* Where the archive has got to. */
typedef struct Sending {
        const Archive *archive;
        Channel *channel;
        char *buffer; /* NULL between two */
        size_t filled;
        uint64_t n_sent;
        Sha1 *sha1;
        char **reterr_message;
} Sending;

static int fail(int error, const char *problem, char **reterr_message)
{
        return string_printf(reterr_message, "The image cannot be read: %s", problem) < 0 ? -ENOMEM
                                                                                          : error;
}

int archive_init(Archive *archive, int fd, const char *name, char **reterr_message)
{
        struct stat status;
        int r = 0;

        *archive = (Archive){ .fd = fd };
        /* What is not on the disk yet may be told as other extents later. */
        if (fdatasync(fd) < 0 && errno != EINVAL && errno != EROFS)
                r = -errno;
        if (r >= 0 && fstat(fd, &status) < 0)
                r = -errno;
        if (r < 0)
                return fail(r, strerror(-r), reterr_message);
        r = extents_find(fd, &status, &archive->extents);
        if (r == -ENOMEM)
                return r;
        if (r < 0)
                return fail(
                        r, r == -ESTALE ? "it changes meanwhile" : strerror(-r), reterr_message);
        archive->member = (TarMember){
                .name = name,
                .mode = status.st_mode,
                .mtime_sec = status.st_mtime,
                .size_bytes = (uint64_t)status.st_size,
                .extents = &archive->extents,
        };
        return 0;
}

void archive_done(Archive *archive)
{
        extents_done(&archive->extents);
}

/* --- Buffers ---------------------------------------------------------------------------------- */

static int end_buffer(Sending *sending)
{
        int r = sha1_add(sending->sha1, sending->buffer, sending->filled);

        if (r < 0)
                return r;
        channel_give_filled(sending->channel, sending->buffer, sending->filled);
        sending->n_sent += sending->filled;
        sending->filled = 0;
        sending->buffer = NULL;
        return 0;
}

/* Room for at least one byte. */
static int make_room(Sending *sending, char **ret, size_t *ret_size)
{
        size_t bytes = channel_buffer_bytes(sending->channel);
        int r = 0;

        if (sending->buffer && sending->filled == bytes)
                r = end_buffer(sending);
        if (r >= 0 && !sending->buffer)
                r = channel_take_empty(sending->channel, &sending->buffer);
        if (r < 0)
                return r;
        *ret = sending->buffer + sending->filled;
        *ret_size = bytes - sending->filled;
        return 0;
}

/* NULL for zeros. */
static int send_bytes(Sending *sending, const char *bytes, size_t size)
{
        while (size > 0) {
                char *room;
                size_t room_bytes, length;
                int r = make_room(sending, &room, &room_bytes);

                if (r < 0)
                        return r;
                length = size < room_bytes ? size : room_bytes;
                if (bytes) {
                        memcpy(room, bytes, length);
                        bytes += length;
                } else {
                        memset(room, 0, length);
                }
                sending->filled += length;
                size -= length;
        }
        return 0;
}

/* --- The archive ------------------------------------------------------------------------------ */

static int send_headers(Sending *sending)
{
        const Extents *extents = &sending->archive->extents;
        size_t n_extensions = tar_extension_count(extents);
        char block[TAR_BLOCK_BYTES];
        int r;

        tar_encode_header(&sending->archive->member, block);
        r = send_bytes(sending, block, sizeof(block));
        for (size_t i = 0; i < n_extensions && r >= 0; i++) {
                tar_encode_extension(extents, i, block);
                r = send_bytes(sending, block, sizeof(block));
        }
        return r;
}

static int fail_reading(Sending *sending, uint64_t offset, int error)
{
        int r = string_printf(sending->reterr_message,
                "The image cannot be read at byte %" PRIu64 ": %s", offset,
                error == 0 ? "it has become shorter" : strerror(-error));

        if (r < 0)
                return r;
        return error == 0 ? -ESTALE : error;
}

static int send_extent(Sending *sending, const Extent *extent)
{
        uint64_t done = 0;

        while (done < extent->length) {
                uint64_t offset = extent->offset + done;
                char *room;
                size_t size;
                ssize_t n;
                int r = make_room(sending, &room, &size);

                if (r < 0)
                        return r;
                if (size > extent->length - done)
                        size = (size_t)(extent->length - done);
                n = pread(sending->archive->fd, room, size, (off_t)offset);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return fail_reading(sending, offset, n < 0 ? -errno : 0);
                sending->filled += (size_t)n;
                done += (uint64_t)n;
        }
        return send_bytes(sending, NULL, (size_t)(-extent->length % TAR_BLOCK_BYTES));
}

static int send_all(Sending *sending)
{
        const Extents *extents = &sending->archive->extents;
        uint64_t total = tar_archive_bytes(&sending->archive->member);
        int r = send_headers(sending);

        (void)posix_fadvise(sending->archive->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        for (size_t i = 0; i < extents->count && r >= 0; i++)
                r = send_extent(sending, &extents->items[i]);
        if (r >= 0)
                r = send_bytes(sending, NULL, (size_t)(total - sending->n_sent - sending->filled));
        return r < 0 ? r : end_buffer(sending);
}

int archive_send(const Archive *archive, Channel *channel, char ret_digest[SHA1_HEX_SIZE],
        char **reterr_message)
{
        _cleanup_(sha1_freep) Sha1 *sha1 = NULL;
        Sending sending = {
                .archive = archive, .channel = channel, .reterr_message = reterr_message
        };
        int r = sha1_new(&sha1);

        sending.sha1 = sha1;
        if (r >= 0)
                r = send_all(&sending);
        return r < 0 ? r : sha1_end_hex(sha1, ret_digest);
}
