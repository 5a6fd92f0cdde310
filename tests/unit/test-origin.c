/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/origin.h"

#include "tests/unit/unit.h"

#define I "i-0123456789abcdef0"
#define AMI "ami-0123456789abcdef0"
#define SOURCE "ami-0fedcba9876543210"
#define SNAP "snap-0123456789abcdef0"
#define VOL "vol-0123456789abcdef0"
#define COPY "vol-ffffffff"
#define COPIED "Copied for DestinationAmi " AMI " from SourceAmi " SOURCE " for SourceSnapshot " SNAP

typedef struct Case {
        const char *description;
        const char *volume_id;
        const char *image_id; /* or NULL */
} Case;

static void check(const Case *cases, size_t n_cases)
{
        for (size_t i = 0; i < n_cases; i++) {
                char found[ORIGIN_BYTES] = "untouched";
                bool is_one = origin_image(cases[i].description, cases[i].volume_id, found);

                if (is_one != (cases[i].image_id != NULL))
                        fail_msg("%zu: %s", i, cases[i].description);
                assert_string_equal(found, is_one ? cases[i].image_id : "untouched");
        }
}

static void what_ec2_writes_names_the_image(void **state)
{
        const Case cases[] = {
                { "Created by CreateImage(" I ") for " AMI, VOL, AMI },
                { "Created by CreateImage(i-01234567) for ami-89abcdef", VOL, "ami-89abcdef" },
                { "Created by CreateImage(" I ") for " AMI " from " VOL, VOL, AMI },
                { COPIED, COPY, AMI },
                { COPIED ".", COPY, AMI },
                { COPIED ". Task created on 1,612,345,678,901.", COPY, AMI },
        };

        check(cases, ELEMENTSOF(cases));
}

static void what_only_looks_like_it_names_nothing(void **state)
{
        const Case cases[] = {
                { NULL, VOL, NULL },
                { "", VOL, NULL },
                { AMI, VOL, NULL },
                { "Backup of " AMI, VOL, NULL },
                { "created by CreateImage(" I ") for " AMI, VOL, NULL },
                { " Created by CreateImage(" I ") for " AMI, VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI " ", VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI ", keep!", VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI "\nkeep", VOL, NULL },
                { "Created by CreateImage(" I ") for " SOURCE AMI, VOL, NULL },
                { "Created by CreateImage(" I ") for ami-0123456789abcdef01", VOL, NULL },
                { "Created by CreateImage(" I ") for ami-0123456", VOL, NULL },
                { "Created by CreateImage(" I ") for ami-0123456789ABCDEF0", VOL, NULL },
                { "Created by CreateImage(" I ") for ami-*", VOL, NULL },
                { "Created by CreateImage() for " AMI, VOL, NULL },
                { "Created by CreateImage(" I, VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI " from vol-0fedcba9876543210", VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI " from ", VOL, NULL },
                { "Created by CreateImage(" I ") for " AMI " from " VOL, NULL, NULL },
                { "Copied for DestinationAmi " AMI, COPY, NULL },
                { "Copied for DestinationAmi " AMI " from SourceAmi " SOURCE, COPY, NULL },
                { COPIED "0", COPY, NULL },
                { COPIED " and for good", COPY, NULL },
                { COPIED ". Task created on 1,612 by me", COPY, NULL },
                { COPIED "..", COPY, NULL },
        };

        check(cases, ELEMENTSOF(cases));
}

/* It is a backup of a snapshot of an image in another region, where that image may well be. */
static void a_copy_that_took_the_description_along_names_nothing(void **state)
{
        const Case cases[] = {
                { "Created by CreateImage(" I ") for " AMI, COPY, NULL },
                { "[Copied " SNAP " from us-east-1] Created by CreateImage(" I ") for " AMI, COPY, NULL },
                { "[Copied " SNAP " from us-east-1] " COPIED, COPY, NULL },
        };

        check(cases, ELEMENTSOF(cases));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_ec2_writes_names_the_image),
                cmocka_unit_test(what_only_looks_like_it_names_nothing),
                cmocka_unit_test(a_copy_that_took_the_description_along_names_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
