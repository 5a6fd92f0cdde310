/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "flow/plan.h"
#include "tests/unit/unit.h"

/* 2026-11-23T10:44:05Z */
#define NOW UINT64_C(1795430645000000)
#define TEXT(string) ((char *)(uintptr_t)(string))

/* A host as most are: root on one volume, /data on two, and a loop file inside /data. */
typedef struct Host {
        Identity identity;
        Volume volumes[3];
        size_t root_on[1], data_on[2], inner_on[2], inner_below[1];
        FileSystem file_systems[4];
        Ec2Attachment attachments[4];
        Ec2Instance instance;
        Topology topology;
        Profile profile;
        PlanInput input;
} Host;

void host_init(Host *host);
bool some_line_has(const StringList *list, const char *piece);
