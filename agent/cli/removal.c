/* SPDX-License-Identifier: Apache-2.0 */
/* What a job that deletes has to tell in its details, for people. */

#include "cli/removal.h"

#include <stdio.h>

#include "cli/reasons.h"

int removal_print_reasons(const char *heading, const json_t *entries)
{
        if (json_array_size(entries) == 0)
                return 0;
        printf("\n%s:\n", heading);
        return reasons_print(entries, "id");
}

int removal_print_left(const json_t *details)
{
        return removal_print_reasons("Not deleted", json_object_get(details, "left"));
}
