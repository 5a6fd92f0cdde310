/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/plan-host.h"

#include "base/text.h"

void host_init(Host *host)
{
        *host = (Host){
                .identity = { .instance_id = TEXT("i-1") },
                .volumes = { { .id = TEXT("vol-root"), .device = TEXT("/dev/nvme0n1") },
                        { .id = TEXT("vol-a"), .device = TEXT("/dev/nvme1n1") },
                        { .id = TEXT("vol-b"), .device = TEXT("/dev/nvme2n1") } },
                .data_on = { 1, 2 },
                .inner_on = { 1, 2 },
                .inner_below = { 1 },
                .attachments = { { .device_name = TEXT("/dev/xvda"), .volume_id = TEXT("vol-root") },
                        { .device_name = TEXT("/dev/sdf"), .volume_id = TEXT("vol-a") },
                        { .device_name = TEXT("/dev/sdg"), .volume_id = TEXT("vol-b") } },
                .profile = { .consistency = CONSISTENCY_FILESYSTEM, .budget_usec = 10000000 },
        };
        for (size_t i = 0; i < ELEMENTSOF(host->volumes); i++)
                host->volumes[i].mounted = host->volumes[i].listed = true;
        host->file_systems[0] = (FileSystem){ .mount_point = TEXT("/"), .type = TEXT("ext4"),
                .volumes = host->root_on, .n_volumes = 1, .covered = true, .freezable = true };
        host->file_systems[1] = (FileSystem){ .mount_point = TEXT("/data"), .type = TEXT("xfs"),
                .volumes = host->data_on, .n_volumes = 2, .covered = true, .freezable = true };
        host->file_systems[2] = (FileSystem){ .mount_point = TEXT("/data/inner"),
                .type = TEXT("ext4"), .volumes = host->inner_on, .n_volumes = 2,
                .below = host->inner_below, .n_below = 1, .depth = 1, .covered = true,
                .freezable = true };
        host->file_systems[3] = (FileSystem){ .mount_point = TEXT("/tmp"), .type = TEXT("tmpfs"),
                .reason = TEXT("in memory") };
        host->topology = (Topology){ .file_systems = host->file_systems, .n_file_systems = 4,
                .volumes = host->volumes, .n_volumes = 3 };
        host->instance = (Ec2Instance){ .id = TEXT("i-1"), .root_device_name = TEXT("/dev/xvda"),
                .root_device_type = TEXT("ebs"), .attachments = host->attachments,
                .n_attachments = 3 };
        host->input = (PlanInput){ .profile = &host->profile, .identity = &host->identity,
                .topology = &host->topology, .instance = &host->instance, .image_name = "golden",
                .image_wanted = true, .now_usec = NOW };
}

bool some_line_has(const StringList *list, const char *piece)
{
        for (size_t i = 0; i < list->count; i++)
                if (strstr(list->items[i], piece))
                        return true;
        return false;
}
