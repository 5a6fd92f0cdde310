/* SPDX-License-Identifier: Apache-2.0 */
/* Progress goes to standard error, so that standard output holds the result alone. */

#include "cli/progress.h"

#include <sys/ioctl.h>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/display.h"

#define COLUMNS_DEFAULT 80

#define ERASE_LINE "\r\033[K"

static bool terminal_can_erase(int fd)
{
        const char *term = getenv("TERM");

        return isatty(fd) && term && !streq(term, "dumb");
}

void progress_init(Progress *progress, const Arguments *arguments)
{
        bool wanted = !arguments->quiet && !arguments->no_progress;

        *progress = (Progress){
                .lines = arguments->verbose,
                .live = wanted && !arguments->verbose && terminal_can_erase(STDERR_FILENO),
        };
}

void progress_done(Progress *progress)
{
        if (progress->drawn)
                fputs(ERASE_LINE, stderr);
        free(progress->shown);
        *progress = (Progress){ 0 };
}

static unsigned terminal_columns(void)
{
        struct winsize size;

        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0)
                return COLUMNS_DEFAULT;
        return size.ws_col;
}

static int add_frozen(Text *text, const json_t *job)
{
        uint64_t frozen_usec = json_get_u64(job, "frozen-usec", 0);
        _cleanup_(freep) char *span = NULL;
        int r;

        if (frozen_usec == 0)
                return 0;
        r = format_usec(frozen_usec, &span);
        return r < 0 ? r : text_addf(text, ", frozen %s", span);
}

/* "j-20261123T104400-1a2b3c: complete, 45 %, frozen 12.3ms" */
static int describe(const json_t *job, bool percent, char **ret)
{
        _cleanup_(text_done) Text text = TEXT_INIT;
        const char *step = json_get_string(job, "step", "");
        int r;

        r = text_addf(&text, "%s: %s", json_get_string(job, "id", "job"),
                *step ? step : json_get_string(job, "state", "queued"));
        if (r >= 0 && percent && json_get_u64(job, "progress", 0) > 0)
                r = text_addf(&text, ", %u %%", (unsigned)json_get_u64(job, "progress", 0));
        if (r >= 0)
                r = add_frozen(&text, job);
        return r < 0 ? r : text_take(&text, ret);
}

void progress_line(Progress *progress, const char *line)
{
        _cleanup_(freep) char *escaped = NULL;

        /* Progress is a courtesy: without memory for it the job is followed silently. */
        if ((!progress->live && !progress->lines) || display_escape(line, &escaped) < 0)
                return;
        if (streq_ptr(escaped, progress->shown))
                return;
        (void)string_replace(&progress->shown, escaped);
        if (progress->lines) {
                fprintf(stderr, "%s\n", escaped);
                return;
        }
        /* The last column stays free: writing to it makes some terminals wrap. */
        display_truncate(escaped, terminal_columns() - 1);
        fprintf(stderr, ERASE_LINE "%s", escaped);
        progress->drawn = true;
}

void progress_show(Progress *progress, const json_t *job)
{
        _cleanup_(freep) char *line = NULL;

        if ((progress->live || progress->lines) && describe(job, progress->live, &line) >= 0)
                progress_line(progress, line);
}
