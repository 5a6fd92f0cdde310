/* SPDX-License-Identifier: Apache-2.0 */
/* A write-ahead log and pages behind it; tests/lab/database.py is the reading side. */

#include "tests/lab/database.h"

#include <fcntl.h>

#include "base/files.h"
#include "base/text.h"

#define PAGE_BYTES 16384
#define PAGES 64
/* Without a common divisor with PAGES, so that each page has its turn. */
#define PAGE_STRIDE 29
/* Meanwhile pages are written back whenever the kernel likes. */
#define CHECKPOINT_EVERY 50
#define CRC32_POLYNOMIAL 0xEDB88320U

/* A checksum is that of all that follows it. */
typedef struct PageHead {
        uint32_t checksum;
        uint32_t page;
        uint64_t lsn;
} PageHead;

typedef struct LogRecord {
        uint32_t checksum;
        uint32_t page;
        uint64_t lsn;
        uint32_t page_checksum;
        uint32_t unused;
} LogRecord;

struct Database {
        int log_fd, pages_fd;
        unsigned char page[PAGE_BYTES];
};

/* As zlib's, which Python has. */
static uint32_t checksum_of(const void *data, size_t size)
{
        const unsigned char *bytes = data;
        uint32_t crc = UINT32_MAX;

        for (size_t i = 0; i < size; i++) {
                crc ^= bytes[i];
                for (int bit = 0; bit < 8; bit++)
                        crc = crc & 1 ? crc >> 1 ^ CRC32_POLYNOMIAL : crc >> 1;
        }
        return ~crc;
}

static int file_make(const char *folder, const char *name, int flags)
{
        _cleanup_(freep) char *path = NULL;
        int fd;

        if (string_printf(&path, "%s/%s", folder, name) < 0)
                return -ENOMEM;
        fd = open(path, flags | O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : fd;
}

int database_new(const char *folder, Database **ret)
{
        _cleanup_(database_freep) Database *database = calloc(1, sizeof(*database));

        if (!database)
                return -ENOMEM;

        database->pages_fd = -EBADF;
        database->log_fd = file_make(folder, "database.log", O_APPEND);
        if (database->log_fd < 0)
                return database->log_fd;

        database->pages_fd = file_make(folder, "database.pages", /* flags= */ 0);
        if (database->pages_fd < 0)
                return database->pages_fd;

        *ret = TAKE_PTR(database);
        return 0;
}

Database *database_free(Database *database)
{
        if (!database)
                return NULL;
        closep(&database->pages_fd);
        closep(&database->log_fd);
        free(database);
        return NULL;
}

/* No two states of a page have a block in common, so that a torn one shows. */
static void page_fill(Database *database, const LogRecord *record)
{
        uint64_t state = record->lsn * PAGES + record->page + 1;
        PageHead head = { .page = record->page, .lsn = record->lsn };

        for (size_t i = 0; i < PAGE_BYTES; i += sizeof(state)) {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                memcpy(database->page + i, &state, sizeof(state));
        }
        memcpy(database->page, &head, sizeof(head));
        head.checksum = checksum_of(
                database->page + sizeof(head.checksum), PAGE_BYTES - sizeof(head.checksum));
        memcpy(database->page, &head, sizeof(head));
}

static int log_append(Database *database, LogRecord *record)
{
        int r;

        memcpy(&record->page_checksum, database->page, sizeof(record->page_checksum));
        record->checksum = checksum_of(&record->page, sizeof(*record) - sizeof(record->checksum));
        r = write_all(database->log_fd, record, sizeof(*record));
        if (r < 0)
                return r;
        return fdatasync(database->log_fd) < 0 ? -errno : 0;
}

static int page_write(Database *database, uint32_t page)
{
        off_t at = (off_t)page * PAGE_BYTES;
        ssize_t n = pwrite(database->pages_fd, database->page, PAGE_BYTES, at);

        if (n < 0)
                return -errno;
        return n == PAGE_BYTES ? 0 : -ENOSPC;
}

int database_commit(Database *database, uint64_t number)
{
        LogRecord record = {
                .page = (uint32_t)(number * PAGE_STRIDE % PAGES), .lsn = number + 1
        };
        int r;

        page_fill(database, &record);
        r = log_append(database, &record);
        if (r < 0)
                return r;

        r = page_write(database, record.page);
        if (r < 0)
                return r;
        return record.lsn % CHECKPOINT_EVERY == 0 && fdatasync(database->pages_fd) < 0 ? -errno : 0;
}
