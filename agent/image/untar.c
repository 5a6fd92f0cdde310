/* SPDX-License-Identifier: Apache-2.0 */
/* The way back: a tar archive of one member, as it comes in, into a file with holes. */

#include "image/untar.h"

#include "base/text.h"

#define HOLE_BYTES 4096u                /* the least that a file system leaves out */
#define END_BYTES (2 * TAR_BLOCK_BYTES) /* of zeros behind the member */

void untar_init(Untar *untar, int fd, uint64_t size_bytes)
{
        *untar = (Untar){ .fd = fd, .size_bytes = size_bytes };
}

void untar_done(Untar *untar)
{
        extents_done(&untar->extents);
}

/* "The archive PROBLEM". */
static int fail(const char *problem, char **reterr_message)
{
        return string_printf(reterr_message, "The archive in the bundle %s", problem) < 0
                ? -ENOMEM
                : -EBADMSG;
}

/* A decoder says what is wrong with the archive; here it becomes a sentence. */
static int fail_decoding(int error, char *problem, char **reterr_message)
{
        int r = error == -EBADMSG ? fail(problem, reterr_message) : error;

        free(problem);
        return r;
}

/* --- The file --------------------------------------------------------------------------------- */

static int fail_writing(int error, char **reterr_message)
{
        return string_printf(reterr_message, "The image cannot be written: %s", strerror(-error)) <
                        0
                ? -ENOMEM
                : error;
}

static int write_at(int fd, const char *data, size_t size, uint64_t offset, char **reterr_message)
{
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, (off_t)offset);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return fail_writing(-errno, reterr_message);
                data += n;
                offset += (uint64_t)n;
                size -= (size_t)n;
        }
        return 0;
}

static bool is_zero(const char *data, size_t size)
{
        return data[0] == '\0' && memcmp(data, data + 1, size - 1) == 0;
}

/* Bytes up to where zeros begin or end; those of a page are taken together. */
static size_t measure_run(const char *data, size_t size, uint64_t offset, bool *ret_is_zero)
{
        size_t length = 0;

        while (length < size) {
                size_t page = HOLE_BYTES - (size_t)((offset + length) % HOLE_BYTES);
                bool zero;

                if (page > size - length)
                        page = size - length;
                zero = is_zero(data + length, page);
                if (length > 0 && zero != *ret_is_zero)
                        break;
                *ret_is_zero = zero;
                length += page;
        }
        return length;
}

/* Others store holes as zeros, which become holes again. */
static int write_data(
        const Untar *untar, const char *data, size_t size, uint64_t offset, char **reterr_message)
{
        int r = 0;

        if (untar->header.is_sparse)
                return write_at(untar->fd, data, size, offset, reterr_message);
        while (size > 0 && r >= 0) {
                bool zero = false;
                size_t length = measure_run(data, size, offset, &zero);

                if (!zero)
                        r = write_at(untar->fd, data, length, offset, reterr_message);
                data += length;
                offset += length;
                size -= length;
        }
        return r;
}

/* --- States ----------------------------------------------------------------------------------- */

static void find_extent(Untar *untar)
{
        while (untar->extent < untar->extents.count &&
                untar->extents.items[untar->extent].length == 0)
                untar->extent++;
        untar->extent_done = 0;
        untar->state = untar->extent < untar->extents.count ? UNTAR_DATA : UNTAR_REST;
}

static int begin_data(Untar *untar, char **reterr_message)
{
        if (untar->header.has_extension) {
                untar->state = UNTAR_EXTENSION;
                return 0;
        }
        if (untar->header.size_bytes != untar->size_bytes)
                return fail(
                        "holds an image of another size than the manifest says", reterr_message);
        if (untar->fd >= 0 && ftruncate(untar->fd, (off_t)untar->size_bytes) < 0)
                return fail_writing(-errno, reterr_message);
        find_extent(untar);
        return 0;
}

static int end_block(Untar *untar, char **reterr_message)
{
        char *problem = NULL;
        int r;

        r = untar->state == UNTAR_HEADER
                ? tar_decode_header(untar->block, &untar->header, &untar->extents, &problem)
                : tar_decode_extension(untar->block, &untar->header, &untar->extents, &problem);
        untar->block_bytes = 0;
        return r < 0 ? fail_decoding(r, problem, reterr_message)
                     : begin_data(untar, reterr_message);
}

/* Each of these takes the bytes that are its own, and says how many. */
static int take_block(Untar *untar, const char *data, size_t *size, char **reterr_message)
{
        size_t missing = TAR_BLOCK_BYTES - untar->block_bytes;

        if (*size > missing)
                *size = missing;
        memcpy(untar->block + untar->block_bytes, data, *size);
        untar->block_bytes += *size;
        return untar->block_bytes == TAR_BLOCK_BYTES ? end_block(untar, reterr_message) : 0;
}

static int take_data(Untar *untar, const char *data, size_t *size, char **reterr_message)
{
        const Extent *extent = &untar->extents.items[untar->extent];
        uint64_t left = extent->length - untar->extent_done;
        int r = 0;

        if (*size > left)
                *size = (size_t)left;
        if (untar->fd >= 0)
                r = write_data(
                        untar, data, *size, extent->offset + untar->extent_done, reterr_message);
        untar->extent_done += *size;
        if (untar->extent_done == extent->length)
                untar->state = UNTAR_PADDING;
        return r;
}

static void take_padding(Untar *untar, size_t *size)
{
        const Extent *extent = &untar->extents.items[untar->extent];
        size_t padding = (size_t)(-extent->length % TAR_BLOCK_BYTES) - untar->block_bytes;

        if (*size > padding)
                *size = padding;
        untar->block_bytes += *size;
        if (*size < padding)
                return;
        untar->block_bytes = 0;
        untar->extent++;
        find_extent(untar);
}

static int take_rest(Untar *untar, const char *data, size_t size, char **reterr_message)
{
        untar->rest_bytes += size;
        return is_zero(data, size) ? 0 : fail("holds more than one file", reterr_message);
}

static int take(Untar *untar, const char *data, size_t *size, char **reterr_message)
{
        switch (untar->state) {
        case UNTAR_DATA:
                return take_data(untar, data, size, reterr_message);
        case UNTAR_PADDING:
                take_padding(untar, size);
                return 0;
        case UNTAR_REST:
                return take_rest(untar, data, *size, reterr_message);
        default:
                return take_block(untar, data, size, reterr_message);
        }
}

int untar_add(Untar *untar, const char *data, size_t size, char **reterr_message)
{
        while (size > 0) {
                size_t taken = size;
                int r = take(untar, data, &taken, reterr_message);

                if (r < 0)
                        return r;
                data += taken;
                size -= taken;
        }
        return 0;
}

int untar_end(const Untar *untar, char **reterr_message)
{
        if (untar->state != UNTAR_REST || untar->rest_bytes < END_BYTES)
                return fail("is cut off", reterr_message);
        return 0;
}
