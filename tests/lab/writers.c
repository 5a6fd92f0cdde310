/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Programs that write, as a host has them: one thread per KIND=FOLDER, until standard input ends.
 * What write number N contains follows from N alone, so that a check needs no copy of it.
 */

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "tests/lab/database.h"
#include "tests/lab/written.h"

#define WRITERS_MAX 32
#define FOLDERS_MAX 2
#define WRITE_BYTES_MIN 32
#define WRITE_BYTES_MAX 65536
/* One folder would make ext4 grow its index, and a listing slow. */
#define FILES_PER_FOLDER 1000

static uint64_t arg_pace_usec = 1000;
static uint64_t arg_bytes = 64;
static const char *arg_records;

typedef struct Writer Writer;

typedef struct WriterKind {
        const char *name;
        size_t n_folders;
        int (*prepare)(Writer *writer);
        int (*write)(Writer *writer, uint64_t number);
} WriterKind;

struct Writer {
        const WriterKind *kind;
        char *folders[FOLDERS_MAX];
        int fd;
        Database *database;
        Written *written;
        pthread_t thread;
        bool started;
        char *buffer;
};

static _Atomic bool stopped;

static void fill(char *buffer, uint64_t number)
{
        int n = snprintf(buffer, arg_bytes, "%012" PRIu64 " ", number);

        for (size_t i = (size_t)n; i < arg_bytes - 1; i++)
                buffer[i] = (char)('a' + (number + i) % 26);
        buffer[arg_bytes - 1] = '\n';
}

static int log_open(Writer *writer)
{
        _cleanup_(freep) char *path = NULL;

        if (string_printf(&path, "%s/%s.log", writer->folders[0], writer->kind->name) < 0)
                return -ENOMEM;

        writer->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        return writer->fd < 0 ? -errno : 0;
}

static int log_append(Writer *writer, uint64_t number)
{
        fill(writer->buffer, number);
        return write_all(writer->fd, writer->buffer, arg_bytes);
}

static int log_append_synced(Writer *writer, uint64_t number)
{
        int r = log_append(writer, number);

        if (r < 0)
                return r;
        return fdatasync(writer->fd) < 0 ? -errno : 0;
}

static int folder_make_for(Writer *writer, size_t folder, uint64_t number)
{
        _cleanup_(freep) char *path = NULL;

        if (number % FILES_PER_FOLDER > 0)
                return 0;
        if (string_printf(&path, "%s/%s/%04" PRIu64, writer->folders[folder], writer->kind->name,
                    number / FILES_PER_FOLDER) < 0)
                return -ENOMEM;
        return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int file_open(Writer *writer, size_t folder, uint64_t number)
{
        _cleanup_(freep) char *path = NULL;
        int fd;

        if (string_printf(&path, "%s/%s/%04" PRIu64 "/%012" PRIu64, writer->folders[folder],
                    writer->kind->name, number / FILES_PER_FOLDER, number) < 0)
                return -ENOMEM;
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : fd;
}

static int file_write(Writer *writer, size_t folder, uint64_t number, bool synced)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = folder_make_for(writer, folder, number);
        if (r < 0)
                return r;

        fd = file_open(writer, folder, number);
        if (fd < 0)
                return fd;

        fill(writer->buffer, number);
        r = write_all(fd, writer->buffer, arg_bytes);
        if (r < 0)
                return r;
        return synced && fsync(fd) < 0 ? -errno : 0;
}

static int folders_make(Writer *writer)
{
        for (size_t i = 0; i < writer->kind->n_folders; i++) {
                _cleanup_(freep) char *path = NULL;

                if (string_printf(&path, "%s/%s", writer->folders[i], writer->kind->name) < 0)
                        return -ENOMEM;
                if (mkdir(path, 0755) < 0)
                        return -errno;
        }
        return 0;
}

static int files_write(Writer *writer, uint64_t number)
{
        return file_write(writer, 0, number, /* synced= */ false);
}

/* As a database with its log on another volume: B never starts before A is on disk. */
static int pair_write(Writer *writer, uint64_t number)
{
        int r = file_write(writer, 0, number, /* synced= */ true);

        if (r < 0)
                return r;
        return file_write(writer, 1, number, /* synced= */ true);
}

static int database_make(Writer *writer)
{
        return database_new(writer->folders[0], &writer->database);
}

static int database_write(Writer *writer, uint64_t number)
{
        return database_commit(writer->database, number);
}

static const WriterKind writer_kinds[] = {
        { "append", 1, log_open, log_append },
        { "sync", 1, log_open, log_append_synced },
        { "files", 1, folders_make, files_write },
        { "pairs", 2, folders_make, pair_write },
        { "database", 1, database_make, database_write },
};

static void *writer_run(void *userdata)
{
        Writer *writer = userdata;
        uint64_t number = 0;
        int r = 0;

        while (!atomic_load(&stopped) && r == 0) {
                written_begin(writer->written);
                r = writer->kind->write(writer, number++);
                if (r == 0)
                        r = written_end(writer->written);
                clock_sleep_usec(arg_pace_usec);
        }

        atomic_store(&writer->written->error, (uint64_t)-r);
        return NULL;
}

static const WriterKind *kind_find(const char *name, size_t length)
{
        for (size_t i = 0; i < ELEMENTSOF(writer_kinds); i++)
                if (strlen(writer_kinds[i].name) == length &&
                        strncmp(writer_kinds[i].name, name, length) == 0)
                        return &writer_kinds[i];
        return NULL;
}

/* KIND=FOLDER, or pairs=FOLDER,FOLDER. */
static int writer_parse(Writer *writer, const char *string)
{
        const char *folders = strchr(string, '=');
        char *comma;

        writer->kind = folders ? kind_find(string, (size_t)(folders - string)) : NULL;
        if (!writer->kind)
                return -EINVAL;

        writer->folders[0] = strdup(folders + 1);
        if (!writer->folders[0])
                return -ENOMEM;

        comma = strchr(writer->folders[0], ',');
        if (!comma != (writer->kind->n_folders == 1))
                return -EINVAL;
        if (comma) {
                *comma = '\0';
                writer->folders[1] = comma + 1;
        }
        return 0;
}

static int writer_start(Writer *writer, size_t index)
{
        _cleanup_(freep) char *path = NULL;
        int r;

        writer->buffer = malloc(arg_bytes);
        if (!writer->buffer || string_printf(&path, "%s/%zu.written", arg_records, index) < 0)
                return -ENOMEM;

        r = written_new(path, &writer->written);
        if (r < 0)
                return r;

        r = writer->kind->prepare(writer);
        if (r < 0)
                return r;

        r = -pthread_create(&writer->thread, NULL, writer_run, writer);
        writer->started = r == 0;
        return r;
}

static void writer_done(Writer *writer)
{
        if (writer->started)
                (void)pthread_join(writer->thread, NULL);
        closep(&writer->fd);
        writer->database = database_free(writer->database);
        writer->written = written_free(writer->written);
        free(writer->buffer);
        free(writer->folders[0]);
}

static int writers_run(Writer *writers, size_t n, char *const arguments[])
{
        char byte;

        for (size_t i = 0; i < n; i++) {
                int r = writer_parse(&writers[i], arguments[i]);

                if (r == 0)
                        r = writer_start(&writers[i], i);
                if (r < 0) {
                        fprintf(stderr, "writers: %s: %s\n", arguments[i], strerror(-r));
                        return r;
                }
        }

        puts("ready");
        (void)fflush(stdout);
        while (read(STDIN_FILENO, &byte, 1) > 0)
                ;
        return 0;
}

static int arguments_parse(int argc, char *argv[])
{
        static const struct option options[] = {
                { "pace-usec", required_argument, NULL, 'p' },
                { "bytes", required_argument, NULL, 'b' },
                { "records", required_argument, NULL, 'r' },
                { 0 },
        };
        int c, r = 0;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0 && r == 0)
                switch (c) {
                case 'p':
                        r = parse_u64(optarg, &arg_pace_usec);
                        break;
                case 'b':
                        r = parse_u64(optarg, &arg_bytes);
                        break;
                case 'r':
                        arg_records = optarg;
                        break;
                default:
                        r = -EINVAL;
                }

        if (r < 0 || !arg_records || arg_bytes < WRITE_BYTES_MIN || arg_bytes > WRITE_BYTES_MAX)
                return -EINVAL;
        return optind < argc && argc - optind <= WRITERS_MAX ? 0 : -EINVAL;
}

int main(int argc, char *argv[])
{
        Writer writers[WRITERS_MAX] = { 0 };
        size_t n;
        int r;

        if (arguments_parse(argc, argv) < 0) {
                fprintf(stderr, "usage: writers --records=FOLDER [--pace-usec=N] [--bytes=N]\n"
                                "               append=FOLDER sync=FOLDER files=FOLDER "
                                "pairs=FOLDER,FOLDER database=FOLDER ...\n");
                return 2;
        }

        n = (size_t)(argc - optind);
        for (size_t i = 0; i < n; i++)
                writers[i].fd = -EBADF;

        r = writers_run(writers, n, argv + optind);

        atomic_store(&stopped, true);
        for (size_t i = 0; i < n; i++)
                writer_done(&writers[i]);
        return r < 0 ? 1 : 0;
}
