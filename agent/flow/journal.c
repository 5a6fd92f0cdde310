/* SPDX-License-Identifier: Apache-2.0 */
/* What changed in a large record since it was written as a whole. */

#include "flow/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

struct Journal {
        int fd;
        size_t n_written;
        Text pending;
};

Journal *journal_free(Journal *journal)
{
        if (!journal)
                return NULL;
        closep(&journal->fd);
        text_done(&journal->pending);
        free(journal);
        return NULL;
}

int journal_add(Journal *journal, json_t *line)
{
        _cleanup_(json_decrefp) json_t *owned = line;
        _cleanup_(freep) char *text = owned ? json_dumps(owned, JSON_COMPACT) : NULL;

        return !text || text_addf(&journal->pending, "%s\n", text) < 0 ? -ENOMEM : 0;
}

int journal_sync(Journal *journal)
{
        Text *pending = &journal->pending;
        int r;

        if (pending->length == 0)
                return 0;
        r = write_all(journal->fd, pending->data, pending->length);
        if (r < 0) {
                /* Behind half a line nothing would be read. */
                (void)!ftruncate(journal->fd, (off_t)journal->n_written);
                (void)lseek(journal->fd, (off_t)journal->n_written, SEEK_SET);
                return r;
        }
        journal->n_written += pending->length;
        text_done(pending);
        *pending = TEXT_INIT;
        return fdatasync(journal->fd) < 0 ? -errno : 0;
}

size_t journal_bytes(const Journal *journal)
{
        return journal->n_written + journal->pending.length;
}

int journal_create(const char *path, uint64_t generation, Journal **ret)
{
        _cleanup_(journal_freep) Journal *journal = calloc(1, sizeof(Journal));
        int r;

        if (!journal)
                return -ENOMEM;
        journal->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (journal->fd < 0)
                return -errno;
        r = journal_add(journal, json_pack("{s:I}", "generation", (json_int_t)generation));
        if (r >= 0)
                r = journal_sync(journal);
        if (r >= 0)
                r = file_sync_parent(path);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(journal);
        return 0;
}

/* The next object, and where the one behind it begins; NULL at the end. */
static json_t *next_line(char **position)
{
        char *line = *position, *end = strchr(line, '\n');

        if (!end)
                return NULL;
        *end = '\0';
        *position = end + 1;
        return json_loads(line, JSON_REJECT_DUPLICATES, NULL);
}

int journal_replay(const char *path, uint64_t generation, size_t max_bytes, JournalOnLine on_line,
        void *userdata)
{
        _cleanup_(freep) char *text = NULL;
        _cleanup_(json_decrefp) json_t *head = NULL;
        char *position;
        int r = file_read(path, max_bytes, &text, NULL);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        position = text;
        head = next_line(&position);
        if (!json_is_object(head) || json_get_u64(head, "generation", UINT64_MAX) != generation)
                return 0;
        while (r >= 0) {
                _cleanup_(json_decrefp) json_t *line = next_line(&position);

                if (!line)
                        break;
                r = on_line(userdata, line);
        }
        return r < 0 ? r : 0;
}
