/* SPDX-License-Identifier: Apache-2.0 */
/* Step 8: what is complete is found by those who launch from it. */

#include "flow/publish.h"

int step_publish(Bake *bake)
{
        observer_step(bake->observer, STEP_PUBLISH);
        return 0;
}
