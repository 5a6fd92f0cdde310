/* SPDX-License-Identifier: Apache-2.0 */
/* What file systems lie on beside the device that is mounted: a log, a journal, a realtime device. */

#include "host/parts.h"

#include <ctype.h>
#include <libmount.h>

#include "base/files.h"
#include "base/text.h"

#define JOURNALS_MAX 65536U
#define TASK_BYTES_MAX 64U

/* Names of devices; one is external that has a journal and nothing else. */
typedef struct Journals {
        StringList internal;
        StringList external;
} Journals;

static const struct {
        const char *type;
        const char *option;
} part_options[] = {
        { "xfs", "logdev" },
        { "xfs", "rtdev" },
        { "reiserfs", "jdev" },
};

static void journals_done(Journals *journals)
{
        string_list_done(&journals->internal);
        string_list_done(&journals->external);
}

void fs_parts_done(FsParts *parts)
{
        for (size_t i = 0; i < parts->count; i++)
                free(parts->items[i].device);
        free(parts->items);
        *parts = (FsParts){ 0 };
}

static int add_part(FsParts *parts, const char *role, const char *device)
{
        FsPart *added = ARRAY_ADD(parts->items, parts->count);

        if (!added)
                return -ENOMEM;
        added->role = role;
        return string_replace(&added->device, device);
}

static int add_named_part(const BlockDevices *devices, const char *role, const char *path,
        FsParts *parts)
{
        size_t found = block_devices_look_up(devices, path);
        const char *name = startswith(path, "/dev/");

        if (found != BLOCK_DEVICE_NONE)
                name = devices->items[found].name;
        return add_part(parts, role, name ? name : path);
}

static int add_parts_of_options(const BlockDevices *devices, const Mount *mount, FsParts *parts)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(part_options); i++) {
                _cleanup_(freep) char *path = NULL;
                char *value = NULL;
                size_t length = 0;

                if (!streq(mount->type, part_options[i].type) ||
                        mnt_optstr_get_option(mount->options, part_options[i].option, &value,
                                &length) != 0 || !value)
                        continue;
                path = strndup(value, length);
                r = path ? add_named_part(devices, part_options[i].option, path, parts) : -ENOMEM;
        }
        return r;
}

/*
 * "nvme0n1p1-8" is the inode 8 of that device, "nvme1n1" a device of its own (fs/jbd2/journal.c).
 * "dm-0" is one as well, and no inode of "dm".
 */
static int add_journal(const BlockDevices *devices, char *name, Journals *journals)
{
        char *dash = strrchr(name, '-');

        if (block_devices_find(devices, name) != BLOCK_DEVICE_NONE)
                return string_list_add(&journals->external, name);
        if (!dash || !isdigit((unsigned char)dash[1]))
                return 0;
        *dash = '\0';
        return string_list_add(&journals->internal, name);
}

static int journals_read(const char *jbd2, const BlockDevices *devices, Journals *ret)
{
        _cleanup_(closedirp) DIR *folder = opendir(jbd2);
        struct dirent *entry;
        int r = 0;

        for (size_t i = 0; folder && r >= 0 && i < JOURNALS_MAX && (entry = readdir(folder)); i++)
                if (entry->d_name[0] != '.')
                        r = add_journal(devices, entry->d_name, ret);
        string_list_sort(&ret->external);
        return r;
}

/* 1 if it has a journal, 0 if none, -ENODATA if this kernel does not say, or -ENOMEM. */
static int has_journal(const char *sysfs, const char *device)
{
        _cleanup_(freep) char *path = NULL, *task = NULL;
        int r = string_printf(&path, "%s/fs/ext4/%s/journal_task", sysfs, device);

        if (r < 0)
                return r;
        r = file_read(path, TASK_BYTES_MAX, &task, NULL);
        if (r < 0)
                return r == -ENOMEM ? r : -ENODATA;
        return !startswith(task, "<none>");
}

/* Where the kernel does not say, any journal that is nobody's may be its own. */
static int has_external_journal(const char *sysfs, const char *device, const Journals *journals)
{
        int r;

        if (string_list_contains(&journals->internal, device))
                return 0;
        r = has_journal(sysfs, device);
        return r == -ENODATA ? journals->external.count > 0 : r;
}

static int find_owners(const char *sysfs, const HostFacts *facts, const Journals *journals,
        bool *owners)
{
        int n = 0;

        for (size_t i = 0; i < facts->mounts.n_file_systems; i++) {
                const char *type = facts->mounts.items[facts->mounts.file_systems[i].mount].type;
                size_t device = facts->file_systems[i].device;
                int r;

                if (device == BLOCK_DEVICE_NONE || !(streq(type, "ext4") || streq(type, "ext3")))
                        continue;
                r = has_external_journal(sysfs, facts->devices.items[device].name, journals);
                if (r < 0)
                        return r;
                owners[i] = r > 0;
                n += r;
        }
        return n;
}

static int add_journals(const Journals *journals, FsParts *parts)
{
        int r = 0;

        for (size_t i = 0; r >= 0 && i < journals->external.count; i++)
                r = add_part(parts, "journal", journals->external.items[i]);
        return r;
}

/* As many owners as journals: no other mount namespace has a share in them. */
static int add_external_journals(const char *sysfs, const char *jbd2, HostFacts *facts)
{
        _cleanup_(freep) bool *owners = calloc(facts->mounts.n_file_systems + 1, sizeof(bool));
        _cleanup_(journals_done) Journals journals = { 0 };
        int n = 0, r = owners ? journals_read(jbd2, &facts->devices, &journals) : -ENOMEM;

        if (r >= 0)
                n = r = find_owners(sysfs, facts, &journals, owners);
        for (size_t i = 0; r >= 0 && i < journals.external.count; i++)
                r = string_list_add(&facts->mounted, journals.external.items[i]);
        for (size_t i = 0; r >= 0 && i < facts->mounts.n_file_systems; i++) {
                FsParts *parts = &facts->file_systems[i].parts;

                if (!owners[i])
                        continue;
                if ((size_t)n == journals.external.count)
                        r = add_journals(&journals, parts);
                else
                        parts->journal_unknown = true;
        }
        return r < 0 ? r : 0;
}

int parts_read(const char *sysfs, const char *jbd2, HostFacts *facts)
{
        const MountTable *mounts = &facts->mounts;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < mounts->n_file_systems; i++)
                r = add_parts_of_options(&facts->devices,
                        mounts->items + mounts->file_systems[i].mount,
                        &facts->file_systems[i].parts);
        return r < 0 ? r : add_external_journals(sysfs, jbd2, facts);
}
