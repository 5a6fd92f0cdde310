/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/freeze.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "freeze/deadman.h"
#include "freeze/expedite.h"
#include "freeze/moment.h"
#include "freeze/target.h"

/* Measured: under an active writer one round still leaves ext4 a second of work, five do not. */
#define SYNC_ROUNDS_MAX 5
#define SYNC_QUICK_USEC UINT64_C(20000)
/* An fdatasync that queued up behind our syncfs gets through before the freeze. */
#define SYNC_BREATH_USEC UINT64_C(15000)
#define START_USEC UINT64_C(2000000)
#define BACKSTOP_EXTRA_USEC UINT64_C(500000)
#define THAW_GROUP_USEC UINT64_C(250000)
#define FAREWELL_USEC UINT64_C(300000)

void freeze_init(Freeze *freeze)
{
        memset(freeze, 0, sizeof(*freeze));
        freeze->ledger = LEDGER_INIT;
        freeze->shared = (DeadmanView){ &freeze->ledger, freeze->mount_fds, -1, -1, -1 };
        freeze->life_fd = -EBADF;
        for (unsigned i = 0; i < FREEZE_MOUNTS_MAX; i++)
                freeze->mount_fds[i] = -EBADF;
        crew_init(&freeze->crew);
        rescue_init(&freeze->rescue, &freeze->ledger, freeze->mount_fds);
}

/* A killed freezer's deadman holds the lock on until it is done. */
static int host_lock(int folder_fd, int *ret_fd)
{
        *ret_fd = openat(folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (*ret_fd >= 0 && flock(*ret_fd, LOCK_EX | LOCK_NB) == 0)
                return 0;
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
}

int freeze_begin(Freeze *freeze, const char *ledger_folder, const FreezePlan *plan)
{
        int folder_fd, r;

        if (mkdir(ledger_folder, 0700) < 0 && errno != EEXIST)
                return -errno;
        folder_fd = open(ledger_folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder_fd < 0)
                return -errno;
        r = host_lock(folder_fd, &freeze->shared.host_lock_fd);
        if (r < 0)
                return r;
        freeze->plan = *plan;
        freeze->report.n_mounts = plan->n_mounts;
        return ledger_create(folder_fd, plan->n_mounts, &freeze->ledger);
}

int freeze_add(Freeze *freeze, const FreezeMount *mount)
{
        LedgerMount *entry = &freeze->ledger.file->mounts[freeze->n_added];

        if (freeze->n_added > 0 && mount->group < entry[-1].group)
                return -EINVAL;
        entry->group = mount->group;
        entry->major = mount->major;
        entry->minor = mount->minor;
        memcpy(entry->path, mount->path, sizeof(entry->path));
        freeze->n_added++;
        return freeze->n_added == freeze->plan.n_mounts;
}

static int mount_open(Freeze *freeze, unsigned index)
{
        const LedgerMount *mounts = freeze->ledger.file->mounts;
        const LedgerMount *mount = &mounts[index];

        /* The second FIFREEZE of one superblock would take the first one for somebody else's. */
        for (unsigned i = 0; i < index; i++)
                if (mounts[i].major == mount->major && mounts[i].minor == mount->minor)
                        return -EEXIST;
        return target_open(mount->path, mount->major, mount->minor, &freeze->mount_fds[index]);
}

static bool mounts_open(Freeze *freeze)
{
        LedgerFile *file = freeze->ledger.file;

        for (unsigned i = 0; i < file->n_mounts; i++) {
                int r = mount_open(freeze, i);

                if (r >= 0)
                        continue;
                file->mounts[i].error = -r;
                file->mounts[i].state = FREEZE_STATE_FAILED;
                freeze->report.reason = FREEZE_REASON_FAILED;
        }
        return freeze->report.reason == FREEZE_REASON_NONE;
}

static int timers_open(Freeze *freeze)
{
        int *deadline_fd = &freeze->crew.watch[CREW_DEADLINE].fd;
        int *backstop_fd = &freeze->shared.backstop_fd;

        *deadline_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        *backstop_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
        return *deadline_fd < 0 || *backstop_fd < 0 ? -errno : 0;
}

/* The deadman comes last: the keepers' sockets are closed in it, and it is in the keepers' not. */
static int processes_start(Freeze *freeze)
{
        int r = 0;

        for (unsigned i = 0; r >= 0 && i < freeze->plan.n_mounts; i++)
                r = crew_add(&freeze->crew, &freeze->ledger, freeze->mount_fds[i],
                        freeze->shared.backstop_fd);
        if (r >= 0)
                r = deadman_start(&freeze->shared, &freeze->life_fd);
        if (r < 0)
                return r;
        freeze->crew.watch[CREW_LOST].fd = freeze->life_fd;
        return crew_finish(&freeze->crew, START_USEC) == CREW_DONE ? 0 : -ECHILD;
}

int freeze_prepare(Freeze *freeze)
{
        int r;

        if (!mounts_open(freeze))
                return 0;
        freeze->shared.expedite_fd = expedite_open();
        r = timers_open(freeze);
        return r < 0 ? r : processes_start(freeze);
}

FreezeReason freeze_reason(CrewEvent event)
{
        if (event == CREW_LOST)
                return FREEZE_REASON_BROKEN;
        if (event == CREW_DONE)
                return FREEZE_REASON_NONE;
        return event == CREW_DEADLINE || event == CREW_TIMEOUT ? FREEZE_REASON_DEADLINE
                                                               : FREEZE_REASON_STOPPED;
}

static FreezeReason sync_round(Freeze *freeze, uint64_t end_usec)
{
        uint64_t start_usec = moment_usec();
        FreezeReason reason;

        for (unsigned i = 0; i < freeze->crew.n_keepers; i++)
                crew_order(&freeze->crew, i, KEEPER_SYNC);
        reason = freeze_reason(
                crew_finish(&freeze->crew, end_usec > start_usec ? end_usec - start_usec : 0));
        freeze->report.sync_last_usec = moment_usec() - start_usec;
        freeze->report.n_sync_rounds++;
        for (unsigned i = 0; reason == FREEZE_REASON_NONE && i < freeze->plan.n_mounts; i++)
                if (freeze->ledger.file->mounts[i].error != 0)
                        reason = FREEZE_REASON_FAILED;
        return reason;
}

void freeze_sync(Freeze *freeze)
{
        FreezeReport *report = &freeze->report;
        uint64_t start_usec = moment_usec();

        report->n_sync_rounds = 0;
        do
                report->reason = sync_round(freeze, start_usec + freeze->plan.sync_usec);
        while (report->reason == FREEZE_REASON_NONE && report->n_sync_rounds < SYNC_ROUNDS_MAX &&
                report->sync_last_usec >= SYNC_QUICK_USEC);
        report->sync_usec = moment_usec() - start_usec;
        moment_sleep(SYNC_BREATH_USEC);
}

static void timer_set(int fd, uint64_t at_usec)
{
        struct itimerspec at = { .it_value = moment_timespec(at_usec) };

        (void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL);
}

static void deadline_arm(Freeze *freeze)
{
        uint64_t deadline_usec = moment_usec() + freeze->plan.budget_usec;

        timer_set(freeze->crew.watch[CREW_DEADLINE].fd, deadline_usec);
        timer_set(freeze->shared.backstop_fd, deadline_usec + BACKSTOP_EXTRA_USEC);
}

/* The index behind the last mount of the group that begins at `first`. */
static unsigned group_end(const LedgerFile *file, unsigned first)
{
        unsigned end = first;

        while (end < file->n_mounts && file->mounts[end].group == file->mounts[first].group)
                end++;
        return end;
}

/* Orders the mounts from `first` to `end`, and demands that all reach `wanted`. */
static FreezeReason mounts_order(Freeze *freeze, unsigned first, unsigned end, KeeperOrder order)
{
        FreezeState wanted =
                order == KEEPER_FREEZE ? FREEZE_STATE_FROZEN : FREEZE_STATE_PLANNED;
        FreezeReason reason;

        for (unsigned i = first; i < end; i++)
                crew_order(&freeze->crew, i, order);
        reason = freeze_reason(crew_finish(&freeze->crew, CREW_FOREVER));
        for (unsigned i = first; reason == FREEZE_REASON_NONE && i < end; i++)
                if (freeze->ledger.file->mounts[i].state != wanted)
                        reason = FREEZE_REASON_FAILED;
        return reason;
}

/*
 * A first, short freeze and thaw: the writers' semaphore is then in its slow mode for some
 * milliseconds, and the freeze that counts waits for no RCU grace period. It also finds everything
 * that cannot be frozen, at the price of a stall as short as its own.
 */
static FreezeReason warm_up(Freeze *freeze, unsigned end)
{
        uint64_t start_usec = moment_usec();
        FreezeReason reason;

        if (freeze->plan.flags & FREEZE_PLAN_NO_WARM_UP)
                return FREEZE_REASON_NONE;
        reason = mounts_order(freeze, 0, end, KEEPER_WARM_UP);
        freeze->report.warm_up_usec = moment_usec() - start_usec;
        return reason;
}

static FreezeReason groups_freeze(Freeze *freeze, unsigned last)
{
        const LedgerFile *file = freeze->ledger.file;
        FreezeReason reason = FREEZE_REASON_NONE;

        freeze->report.freezing_at_usec = moment_usec();
        for (unsigned i = 0, end; reason == FREEZE_REASON_NONE && i < last; i = end) {
                end = group_end(file, i);
                reason = mounts_order(freeze, i, end, KEEPER_FREEZE);
        }
        return reason;
}

int freeze_freeze(Freeze *freeze)
{
        bool is_synced_only = freeze->plan.flags & FREEZE_PLAN_SYNC_LAST;
        unsigned n = freeze->plan.n_mounts;
        unsigned end = is_synced_only ? ledger_group_start(freeze->ledger.file, n) : n;
        FreezeReason reason = FREEZE_REASON_FAILED;

        freeze->undo_freeze = true;
        /* A keeper that is still in syncfs would freeze whenever it comes back. */
        if (!crew_is_busy(&freeze->crew, 0, freeze->crew.n_keepers)) {
                deadline_arm(freeze);
                expedite_begin(freeze->shared.expedite_fd, freeze->ledger.file);
                reason = warm_up(freeze, end);
                if (reason == FREEZE_REASON_NONE)
                        reason = groups_freeze(freeze, end);
                expedite_end(freeze->shared.expedite_fd, freeze->ledger.file);
        }
        if (reason != FREEZE_REASON_NONE) {
                freeze_thaw(freeze, reason);
                return 1;
        }
        freeze->report.reason = FREEZE_REASON_NONE;
        freeze->report.frozen_at_usec = moment_usec();
        return 0;
}

static void group_thaw(Freeze *freeze, unsigned first, unsigned end)
{
        for (unsigned i = first; i < end; i++)
                crew_order(&freeze->crew, i, KEEPER_THAW);
        crew_finish_undisturbed(&freeze->crew, first, end, THAW_GROUP_USEC);
        rescue_range(&freeze->rescue, first, end);
}

void freeze_thaw(Freeze *freeze, FreezeReason reason)
{
        LedgerFile *file = freeze->ledger.file;
        unsigned first;

        if (!freeze->undo_freeze)
                return;
        freeze->undo_freeze = false;
        file->aborted = 1;
        freeze->report.reason = reason;
        freeze->report.thawing_at_usec = moment_usec();
        for (unsigned end = file->n_mounts; end > 0; end = first) {
                first = ledger_group_start(file, end);
                group_thaw(freeze, first, end);
        }
        freeze->report.thawed_at_usec = moment_usec();
        timer_set(freeze->crew.watch[CREW_DEADLINE].fd, 0);
        timer_set(freeze->shared.backstop_fd, 0);
}

static uint64_t span_usec(uint64_t from_usec, uint64_t to_usec)
{
        return to_usec > from_usec ? to_usec - from_usec : 0;
}

size_t freeze_report(Freeze *freeze, FreezeType type)
{
        FreezeReport *report = &freeze->report;

        report->header = (FreezeHeader){ .version = FREEZE_VERSION, .type = type };
        for (unsigned i = 0; i < report->n_mounts; i++) {
                const LedgerMount *mount = &freeze->ledger.file->mounts[i];
                FreezeMountReport *told = &report->mounts[i];

                told->state = mount->state;
                told->error = ledger_error(mount);
                /* One that a rescuer has thawed is no concern of its keeper's any more. */
                if (told->error == 0 && told->state != FREEZE_STATE_THAWED &&
                        freeze->crew.pending[i] > 0)
                        told->error = ETIMEDOUT;
                told->freeze_usec = span_usec(mount->freezing_at_usec, mount->frozen_at_usec);
                told->thaw_usec = span_usec(mount->thawing_at_usec, mount->thawed_at_usec);
        }
        return offsetof(FreezeReport, mounts) + report->n_mounts * sizeof(report->mounts[0]);
}

/* Nobody holds a mount open any more when the client sees us end, or else hangs in syncfs. */
static void offspring_reap(void)
{
        uint64_t end_usec = moment_usec() + FAREWELL_USEC;
        pid_t pid;

        while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && moment_usec() < end_usec)
                if (pid == 0)
                        moment_sleep(1000);
}

void freeze_finish(Freeze *freeze)
{
        freeze_thaw(freeze, FREEZE_REASON_STOPPED);
        if (freeze->ledger.file && rescue_all(&freeze->rescue, UINT64_MAX))
                ledger_remove(&freeze->ledger);
}

void freeze_done(Freeze *freeze)
{
        crew_done(&freeze->crew);
        closep(&freeze->life_fd);
        for (unsigned i = 0; i < FREEZE_MOUNTS_MAX; i++)
                closep(&freeze->mount_fds[i]);
        offspring_reap();
        closep(&freeze->shared.host_lock_fd);
}
