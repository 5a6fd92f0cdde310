/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ISA-L's level 3 alone, in one thread and in its own gzip frame: `bare-gzip FILE` drops what it
 * makes and prints how many bytes that was.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"

#define BUFFER_BYTES (1024u * 1024)

static int compress_buffer(struct isal_zstream *stream, uint64_t *bytes)
{
        static uint8_t output[BUFFER_BYTES];

        do {
                stream->next_out = output;
                stream->avail_out = sizeof(output);
                if (isal_deflate(stream) != COMP_OK)
                        return -EIO;
                *bytes += sizeof(output) - stream->avail_out;
        } while (stream->avail_out == 0);
        return 0;
}

static int compress_file(int fd, uint64_t *ret_bytes)
{
        static uint8_t input[BUFFER_BYTES], level_buffer[ISAL_DEF_LVL3_DEFAULT];
        static struct isal_zstream stream;
        int r = 0;

        isal_deflate_init(&stream);
        stream.level = 3;
        stream.level_buf = level_buffer;
        stream.level_buf_size = sizeof(level_buffer);
        stream.gzip_flag = IGZIP_GZIP;
        while (r >= 0 && !stream.end_of_stream) {
                ssize_t n = read(fd, input, sizeof(input));

                if (n < 0)
                        return -errno;
                stream.next_in = input;
                stream.avail_in = (uint32_t)n;
                stream.end_of_stream = n == 0;
                r = compress_buffer(&stream, ret_bytes);
        }
        return r;
}

int main(int argc, char *argv[])
{
        _cleanup_(closep) int fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -EBADF;
        uint64_t bytes = 0;

        if (fd < 0 || compress_file(fd, &bytes) < 0)
                return 2;
        printf("%" PRIu64 "\n", bytes);
        return 0;
}
