/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/watch.h"

#include "base/text.h"
#include "tests/unit/fake-host.h"

#define READS "9 0 72 1 "
#define REST " 0 1 0 0 0 0 0 0 0\n"

/* An EFI partition, 259:15, and a raw disk, 259:3. */
typedef struct Machine {
        FileSystem efi;
        PlanWatch watches[2];
        Plan plan;
        Watch watch;
} Machine;

static void set_counts(FakeHost *host, unsigned minor, const char *writes, const char *under_way)
{
        fake_file(host, "1\n", "sys/dev/block/259:%u/queue/iostats", minor);
        fake_file(host, writes, "sys/dev/block/259:%u/stat", minor);
        fake_file(host, under_way, "sys/dev/block/259:%u/inflight", minor);
}

static void open_both(FakeHost *host, Machine *machine)
{
        *machine = (Machine){ .watches = { { .what = "/boot/efi", .major = 259, .minor = 15 },
                                      { .what = "/dev/nvme3n1", .major = 259, .minor = 3 } } };
        machine->watches[0].fs = &machine->efi;
        machine->plan = (Plan){ .watches = machine->watches, .n_watches = 2 };
        set_counts(host, 15, READS "5 0 40 1" REST, "0 0\n");
        set_counts(host, 3, READS "7 0 56 1" REST, "1 0\n");
        assert_return_code(watch_open(&machine->plan, host->sysfs, &machine->watch), 0);
}

typedef enum Moment { BEFORE, SYNCED, FROZEN, THAWED, NEVER } Moment;

/* Goes through a bake; what is written in between changes the count of that device. */
static void go_through(FakeHost *host, Machine *machine, unsigned minor, Moment written)
{
        for (Moment moment = BEFORE; moment <= THAWED; moment++) {
                if (moment == SYNCED)
                        watch_synced(&machine->watch);
                if (moment == FROZEN)
                        watch_frozen(&machine->watch);
                if (moment == THAWED)
                        watch_thawing(&machine->watch);
                if (moment == written)
                        set_counts(host, minor, READS "8 0 64 1" REST, "0 0\n");
        }
        watch_synced_again(&machine->watch);
}

static void expect(void **state, unsigned minor, Moment written, const char *culprit)
{
        FakeHost *host = *state;
        _cleanup_(freep) char *disturbance = NULL;
        Machine machine;

        open_both(host, &machine);
        go_through(host, &machine, minor, written);
        assert_return_code(watch_judge(&machine.watch, &disturbance), 0);
        watch_done(&machine.watch);
        if (culprit)
                assert_contains(disturbance, culprit);
        else
                assert_null(disturbance);
}

static void what_nobody_writes_to_was_at_rest(void **state)
{
        expect(state, 15, NEVER, NULL);
}

static void a_file_system_counts_from_one_sync_to_the_other(void **state)
{
        expect(state, 15, BEFORE, NULL);
        expect(state, 15, SYNCED, "/boot/efi, which is not frozen, was written to");
        expect(state, 15, FROZEN, "/boot/efi");
        expect(state, 15, THAWED, "/boot/efi");
}

static void a_device_counts_while_the_others_are_frozen(void **state)
{
        expect(state, 3, BEFORE, NULL);
        expect(state, 3, SYNCED, NULL);
        expect(state, 3, FROZEN, "/dev/nvme3n1, which is not frozen, was written to");
        expect(state, 3, THAWED, NULL);
}

static void a_write_under_way_is_no_rest(void **state)
{
        FakeHost *host = *state;
        _cleanup_(freep) char *disturbance = NULL;
        Machine machine;

        open_both(host, &machine);
        set_counts(host, 15, READS "5 0 40 1" REST, "0 1\n");
        go_through(host, &machine, 0, NEVER);
        assert_return_code(watch_judge(&machine.watch, &disturbance), 0);
        assert_contains(disturbance, "/boot/efi");
        watch_done(&machine.watch);
}

static void what_cannot_be_counted_proves_nothing(void **state)
{
        FakeHost *host = *state;
        _cleanup_(freep) char *uncounted = NULL, *gone = NULL;
        Machine machine;

        open_both(host, &machine);
        watch_done(&machine.watch);
        fake_file(host, "0\n", "sys/dev/block/259:3/queue/iostats");
        assert_return_code(watch_open(&machine.plan, host->sysfs, &machine.watch), 0);
        go_through(host, &machine, 0, NEVER);
        assert_return_code(watch_judge(&machine.watch, &uncounted), 0);
        assert_contains(uncounted, "nobody counts the writes to /dev/nvme3n1");
        watch_done(&machine.watch);
        machine.watches[0].minor = 99;
        assert_return_code(watch_open(&machine.plan, host->sysfs, &machine.watch), 0);
        go_through(host, &machine, 0, NEVER);
        assert_return_code(watch_judge(&machine.watch, &gone), 0);
        assert_contains(gone, "/boot/efi cannot be counted: No such file");
        watch_done(&machine.watch);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FAKE_HOST_TEST(what_nobody_writes_to_was_at_rest),
                FAKE_HOST_TEST(a_file_system_counts_from_one_sync_to_the_other),
                FAKE_HOST_TEST(a_device_counts_while_the_others_are_frozen),
                FAKE_HOST_TEST(a_write_under_way_is_no_rest),
                FAKE_HOST_TEST(what_cannot_be_counted_proves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
