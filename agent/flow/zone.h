/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Time zones by their names in the zoneinfo: "Europe/Berlin". */

/* 0, or -ENOENT for one that this host does not know. "UTC" is always known. */
int zone_check(const char *name);

/* localtime_r(3) of this process speaks of this zone from here on. 0, or as zone_check(). */
int zone_enter(const char *name);
