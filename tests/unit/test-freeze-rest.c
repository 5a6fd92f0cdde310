/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/rest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#define API                                                                                        \
        "22 1 0:21 / /proc rw,nosuid shared:5 - proc proc rw\n"                                    \
        "24 1 0:22 / /run rw,nosuid shared:6 - tmpfs tmpfs rw,size=1k\n"                           \
        "25 1 0:23 / /mnt/nfs rw - nfs4 server:/export rw,vers=4.2\n"

static int look(const char *text, char **ret)
{
        FILE *mountinfo = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
        int r = rest_find_writable(mountinfo, ret);

        (void)fclose(mountinfo);
        return r;
}

static void what_is_on_no_disk_may_be_writable(void **state)
{
        char *found = NULL;

        assert_int_equal(
                look(API "28 1 259:2 / / ro,relatime - ext4 /dev/nvme0n1p1 ro\n", &found), 0);
        assert_null(found);
}

static void one_that_is_writable_is_named(void **state)
{
        static const char *const lines[] = {
                "30 28 259:5 / /data rw,noatime shared:9 - xfs /dev/nvme1n1 rw,attr2\n",
                "30 28 259:5 / /data ro,noatime - xfs /dev/nvme1n1 rw\n",
                "30 28 0:44 / /data rw - btrfs /dev/md0 rw,space_cache=v2\n",
                "30 28 0:45 / /data rw master:1 shared:2 - zfs tank/data rw,xattr\n",
        };

        for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
                char text[512], *found = NULL;

                (void)snprintf(text, sizeof(text), "%s%s%s", API,
                        "28 1 259:2 / / ro - ext4 /dev/nvme0n1p1 ro\n", lines[i]);
                assert_int_equal(look(text, &found), 1);
                assert_string_equal(found, "/data");
                free(found);
        }
}

static void what_cannot_be_read_is_not_at_rest(void **state)
{
        static const char *const texts[] = { "\n", "no mountinfo\n", "1 2 x / / ro - ext4 a ro\n",
                "1 2 8:1 / / ro - ext4\n" };

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
                char *found = NULL;

                assert_true(look(texts[i], &found) < 0);
                assert_null(found);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_on_no_disk_may_be_writable),
                cmocka_unit_test(one_that_is_writable_is_named),
                cmocka_unit_test(what_cannot_be_read_is_not_at_rest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
