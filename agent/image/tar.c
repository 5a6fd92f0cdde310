/* SPDX-License-Identifier: Apache-2.0 */
/* The blocks of a GNU tar archive of one file that may have holes. */

#include "image/tar.h"

#include <assert.h>

#include "base/text.h"

#define OCTAL_SIZE_MAX ((UINT64_C(1) << 33) - 1) /* eleven digits */
#define HEADER_SPARSES 4u
#define EXTENSION_SPARSES 21u
#define NUMBER_BYTES 12u
#define BASE_256 '\x80'
#define GNU_MAGIC "ustar  "

typedef struct Sparse {
        char offset[NUMBER_BYTES];
        char length[NUMBER_BYTES];
} Sparse;

typedef struct HeaderBlock {
        char name[100];
        char mode[8];
        char uid[8];
        char gid[8];
        char size[NUMBER_BYTES];
        char mtime[NUMBER_BYTES];
        char checksum[8];
        char type;
        char linkname[100];
        char magic[8];
        char uname[32];
        char gname[32];
        char unused[57];
        Sparse sparses[HEADER_SPARSES];
        char is_extended;
        char real_size[NUMBER_BYTES];
        char padding[17];
} HeaderBlock;

typedef struct ExtensionBlock {
        Sparse sparses[EXTENSION_SPARSES];
        char is_extended;
        char padding[7];
} ExtensionBlock;

static_assert(sizeof(HeaderBlock) == TAR_BLOCK_BYTES, "a header is one block");
static_assert(sizeof(ExtensionBlock) == TAR_BLOCK_BYTES, "an extension is one block");

/* --- Writing ---------------------------------------------------------------------------------- */

/* `size` - 1 digits and a NUL. */
static void encode_octal(uint64_t value, char *ret, size_t size)
{
        ret[--size] = '\0';
        while (size > 0) {
                ret[--size] = (char)('0' + (value & 7));
                value >>= 3;
        }
}

/* Octal while it fits, and else, as GNU tar has it, big-endian behind a marker. */
static void encode_number(int64_t value, char ret[NUMBER_BYTES])
{
        if (value >= 0 && (uint64_t)value <= OCTAL_SIZE_MAX) {
                encode_octal((uint64_t)value, ret, NUMBER_BYTES);
                return;
        }
        for (size_t i = NUMBER_BYTES; i-- > 0; value >>= 8)
                ret[i] = (char)(value & 0xff);
        if (value >= 0)
                ret[0] = BASE_256;
}

static unsigned sum_bytes(const HeaderBlock *header)
{
        const unsigned char *bytes = (const unsigned char *)header;
        unsigned sum = 0;

        /* The checksum's own field counts as blanks. */
        for (size_t i = 0; i < TAR_BLOCK_BYTES; i++)
                sum += bytes[i];
        for (size_t i = 0; i < sizeof(header->checksum); i++)
                sum += ' ' - (unsigned char)header->checksum[i];
        return sum;
}

static void encode_sparses(const Extents *extents, size_t first, Sparse *ret, size_t n_sparses)
{
        for (size_t i = 0; i < n_sparses && first + i < extents->count; i++) {
                const Extent *extent = &extents->items[first + i];

                encode_number((int64_t)extent->offset, ret[i].offset);
                encode_number((int64_t)extent->length, ret[i].length);
        }
}

void tar_encode_header(const TarMember *member, char ret[TAR_BLOCK_BYTES])
{
        const Extents *extents = member->extents;
        HeaderBlock header = { .type = extents->is_sparse ? 'S' : '0',
                .magic = GNU_MAGIC,
                .uname = "root",
                .gname = "root" };

        memcpy(header.name, member->name, strnlen(member->name, TAR_NAME_MAX));
        encode_octal(member->mode & 07777, header.mode, sizeof(header.mode));
        encode_octal(0, header.uid, sizeof(header.uid));
        encode_octal(0, header.gid, sizeof(header.gid));
        encode_number((int64_t)extents->stored_bytes, header.size);
        encode_number(member->mtime_sec, header.mtime);
        if (extents->is_sparse) {
                encode_sparses(extents, 0, header.sparses, HEADER_SPARSES);
                header.is_extended = extents->count > HEADER_SPARSES;
                encode_number((int64_t)member->size_bytes, header.real_size);
        }
        /* Six digits, a NUL, and a blank. */
        encode_octal(sum_bytes(&header), header.checksum, sizeof(header.checksum) - 1);
        header.checksum[7] = ' ';
        memcpy(ret, &header, TAR_BLOCK_BYTES);
}

size_t tar_extension_count(const Extents *extents)
{
        if (!extents->is_sparse || extents->count <= HEADER_SPARSES)
                return 0;
        return (extents->count - HEADER_SPARSES + EXTENSION_SPARSES - 1) / EXTENSION_SPARSES;
}

void tar_encode_extension(const Extents *extents, size_t index, char ret[TAR_BLOCK_BYTES])
{
        size_t first = HEADER_SPARSES + index * EXTENSION_SPARSES;
        ExtensionBlock block = { .is_extended = extents->count > first + EXTENSION_SPARSES };

        encode_sparses(extents, first, block.sparses, EXTENSION_SPARSES);
        memcpy(ret, &block, TAR_BLOCK_BYTES);
}

static uint64_t round_up(uint64_t value, uint64_t unit)
{
        return (value + unit - 1) / unit * unit;
}

uint64_t tar_archive_bytes(const TarMember *member)
{
        uint64_t n_blocks =
                1 + tar_extension_count(member->extents) + 2; /* two zero blocks end it */
        uint64_t bytes = n_blocks * TAR_BLOCK_BYTES;

        for (size_t i = 0; i < member->extents->count; i++)
                bytes += round_up(member->extents->items[i].length, TAR_BLOCK_BYTES);
        return round_up(bytes, TAR_RECORD_BYTES);
}

/* --- Reading ---------------------------------------------------------------------------------- */

static int fail(char **reterr_message, const char *message)
{
        return string_replace(reterr_message, message) < 0 ? -ENOMEM : -EBADMSG;
}

static bool decode_octal(const char *field, size_t size, uint64_t *ret)
{
        uint64_t value = 0;
        size_t i = 0, n_digits = 0;

        while (i < size && field[i] == ' ')
                i++;
        for (; i < size && field[i] >= '0' && field[i] <= '7'; i++, n_digits++)
                value = value << 3 | (uint64_t)(field[i] - '0');
        *ret = value;
        return n_digits > 0 && (i == size || field[i] == '\0' || field[i] == ' ');
}

/* What does not fit into 63 bits is no size. */
static bool decode_number(const char field[NUMBER_BYTES], uint64_t *ret)
{
        uint64_t value = 0;

        if (field[0] != BASE_256)
                return decode_octal(field, NUMBER_BYTES, ret);
        for (size_t i = 1; i < NUMBER_BYTES; i++) {
                if (value >> 55 != 0)
                        return false;
                value = value << 8 | (unsigned char)field[i];
        }
        *ret = value;
        return true;
}

static int decode_sparse(
        const Sparse *sparse, const TarHeader *header, Extents *extents, char **reterr_message)
{
        const Extent *last = extents->count > 0 ? &extents->items[extents->count - 1] : NULL;
        uint64_t offset, length;
        int r;

        if (!decode_number(sparse->offset, &offset) || !decode_number(sparse->length, &length))
                return fail(reterr_message, "has no number in its list of extents");
        if (offset > header->size_bytes || length > header->size_bytes - offset ||
                (last && offset < last->offset + last->length))
                return fail(reterr_message, "has extents out of order, or outside of the image");
        if (length > header->stored_bytes - extents->stored_bytes)
                return fail(reterr_message, "has longer extents than it has bytes");
        r = extents_add(extents, offset, length);
        return r == -E2BIG ? fail(reterr_message, "has more extents than any image") : r;
}

static int decode_sparses(const Sparse *sparses, size_t n_sparses, TarHeader *header,
        Extents *extents, char **reterr_message)
{
        int r = 0;

        /* The first that is empty ends the list. */
        for (size_t i = 0; i < n_sparses && sparses[i].length[0] != '\0' && r >= 0; i++)
                r = decode_sparse(&sparses[i], header, extents, reterr_message);
        if (r >= 0 && !header->has_extension && extents->stored_bytes != header->stored_bytes)
                return fail(reterr_message, "has other extents than it has bytes");
        return r;
}

static int decode_plain(TarHeader *header, Extents *extents)
{
        header->size_bytes = header->stored_bytes;
        return extents_add(extents, 0, header->size_bytes);
}

static int check_kind(const HeaderBlock *header, char **reterr_message)
{
        uint64_t checksum;

        if (!decode_octal(header->checksum, sizeof(header->checksum), &checksum) ||
                checksum != sum_bytes(header))
                return fail(reterr_message, "is no tar archive: its checksum is wrong");
        if (header->type == 'x' || header->type == 'g')
                return fail(reterr_message, "is of the pax format, which no registry reads");
        if (header->type != '0' && header->type != '\0' && header->type != 'S')
                return fail(reterr_message, "holds something else than a file");
        return 0;
}

int tar_decode_header(
        const char block[TAR_BLOCK_BYTES], TarHeader *ret, Extents *extents, char **reterr_message)
{
        TarHeader made = { 0 };
        HeaderBlock header;
        int r;

        memcpy(&header, block, TAR_BLOCK_BYTES);
        r = check_kind(&header, reterr_message);
        if (r < 0)
                return r;
        made.is_sparse = extents->is_sparse = header.type == 'S';
        made.has_extension = made.is_sparse && header.is_extended != '\0';
        if (!decode_number(header.size, &made.stored_bytes) ||
                (made.is_sparse && !decode_number(header.real_size, &made.size_bytes)))
                return fail(reterr_message, "does not tell its size");
        r = made.is_sparse
                ? decode_sparses(header.sparses, HEADER_SPARSES, &made, extents, reterr_message)
                : decode_plain(&made, extents);
        if (r >= 0)
                *ret = made;
        return r;
}

int tar_decode_extension(const char block[TAR_BLOCK_BYTES], TarHeader *header, Extents *extents,
        char **reterr_message)
{
        ExtensionBlock extension;

        memcpy(&extension, block, TAR_BLOCK_BYTES);
        header->has_extension = extension.is_extended != '\0';
        return decode_sparses(
                extension.sparses, EXTENSION_SPARSES, header, extents, reterr_message);
}
