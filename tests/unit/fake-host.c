/* SPDX-License-Identifier: Apache-2.0 */
/* A machine made of files in a temporary folder: sysfs, udev's database, /dev/disk, mountinfo. */

#include "tests/unit/fake-host.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <sys/stat.h>

static char *vprinted(const char *format, va_list arguments)
        __attribute__((__format__(__printf__, 1, 0)));

static char *vprinted(const char *format, va_list arguments)
{
        char *text = NULL;

        assert_true(vasprintf(&text, format, arguments) >= 0);
        return text;
}

static char *printed(const char *format, ...) _printf_(1, 2);

static char *printed(const char *format, ...)
{
        va_list arguments;
        char *text;

        va_start(arguments, format);
        text = vprinted(format, arguments);
        va_end(arguments);
        return text;
}

int fake_host_setup(void **state)
{
        FakeHost *host = calloc(1, sizeof(FakeHost));
        char folder[] = "/tmp/quiesced-host-XXXXXX";

        if (!host || !mkdtemp(folder))
                return -1;
        host->folder = printed("%s", folder);
        host->sysfs = printed("%s/sys", folder);
        host->run = printed("%s/run", folder);
        host->dev = printed("%s/dev", folder);
        host->swaps = printed("%s/swaps", folder);
        host->jbd2 = printed("%s/jbd2", folder);
        fake_file(host, "", "sys/block/.exists");
        *state = host;
        return 0;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
        return remove(path);
}

int fake_host_teardown(void **state)
{
        FakeHost *host = *state;

        (void)nftw(host->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
        topology_done(&host->topology);
        host_facts_done(&host->facts);
        text_done(&host->mountinfo);
        string_list_done(&host->map);
        string_list_done(&host->models);
        free(host->folder);
        free(host->sysfs);
        free(host->run);
        free(host->dev);
        free(host->swaps);
        free(host->jbd2);
        free(host->message);
        free(host);
        return 0;
}

/* The full path of a file, whose parents exist afterwards. */
static char *make_parents(const FakeHost *host, const char *path)
{
        char *full = printed("%s/%s", host->folder, path);

        for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                assert_true(mkdir(full, 0755) >= 0 || errno == EEXIST);
                *slash = '/';
        }
        return full;
}

void fake_file(FakeHost *host, const char *content, const char *path, ...)
{
        _cleanup_(freep) char *relative = NULL, *full = NULL;
        va_list arguments;
        FILE *file;

        va_start(arguments, path);
        relative = vprinted(path, arguments);
        va_end(arguments);
        full = make_parents(host, relative);
        file = fopen(full, "we");
        assert_non_null(file);
        assert_true(fputs(content, file) >= 0);
        assert_int_equal(fclose(file), 0);
}

void fake_link(FakeHost *host, const char *target, const char *path, ...)
{
        _cleanup_(freep) char *relative = NULL, *full = NULL;
        va_list arguments;

        va_start(arguments, path);
        relative = vprinted(path, arguments);
        va_end(arguments);
        full = make_parents(host, relative);
        assert_return_code(symlink(target, full), errno);
}

void fake_disk(FakeHost *host, const char *name, const char *number)
{
        fake_file(host, number, "sys/block/%s/dev", name);
        fake_file(host, "2097152\n", "sys/block/%s/size", name);
        fake_file(host, "0\n", "sys/block/%s/ro", name);
        fake_file(host, "0\n", "sys/block/%s/removable", name);
}

void fake_partition(FakeHost *host, const char *disk, const char *name, const char *number)
{
        fake_file(host, number, "sys/block/%s/%s/dev", disk, name);
        fake_file(host, "1\n", "sys/block/%s/%s/partition", disk, name);
        fake_file(host, "1048576\n", "sys/block/%s/%s/size", disk, name);
}

void fake_virtual(FakeHost *host, const char *name, const char *number)
{
        _cleanup_(freep) char *target = printed("../devices/virtual/block/%s", name);

        fake_file(host, number, "sys/devices/virtual/block/%s/dev", name);
        fake_file(host, "2097152\n", "sys/devices/virtual/block/%s/size", name);
        fake_link(host, target, "sys/block/%s", name);
}

void fake_nvme(FakeHost *host, const char *name, const char *number, const char *serial,
        const char *model)
{
        _cleanup_(freep) char *padded_model = printed("%-40s\n", model);

        fake_disk(host, name, number);
        fake_file(host, padded_model, "sys/block/%s/device/model", name);
        if (serial) {
                _cleanup_(freep) char *padded = printed("%-20s\n", serial);

                fake_file(host, padded, "sys/block/%s/device/serial", name);
        }
}

void fake_stacked(FakeHost *host, const char *name, const char *number, const char *slaves)
{
        _cleanup_(string_list_done) StringList list = STRING_LIST_INIT;

        fake_disk(host, name, number);
        assert_return_code(string_list_split(&list, slaves, " "), 0);
        for (size_t i = 0; i < list.count; i++)
                fake_link(host, "nowhere", "sys/block/%s/slaves/%s", name, list.items[i]);
}

void fake_loop(FakeHost *host, const char *name, const char *number, const char *backing_file)
{
        _cleanup_(freep) char *line = printed("%s\n", backing_file);

        fake_disk(host, name, number);
        fake_file(host, line, "sys/block/%s/loop/backing_file", name);
}

void fake_mount(FakeHost *host, const char *number, const char *target, const char *type,
        const char *source)
{
        fake_mount_with(host, number, target, type, source, "rw");
}

void fake_mount_with(FakeHost *host, const char *number, const char *target, const char *type,
        const char *source, const char *options)
{
        static int next_id = 100;

        assert_return_code(text_addf(&host->mountinfo, "%d 1 %s / %s rw,relatime - %s %s %s\n",
                                   next_id++, number, target, type, source, options),
                0);
}

void fake_attached(FakeHost *host, const char *id, const char *device_name)
{
        assert_true(host->n_attached < ELEMENTSOF(host->attached));
        host->attached[host->n_attached++] = (AttachedVolume){ id, device_name };
}

int fake_host_build(FakeHost *host)
{
        const HostPaths paths = { host->sysfs, host->run, host->dev, host->swaps,
                host->jbd2 };
        const VolumeRules rules = { &host->models, host->n_attached > 0 ? host->attached : NULL,
                host->n_attached };
        _cleanup_(freep) char *path = printed("%s/mountinfo", host->folder);
        _cleanup_(closep) int fd = -EBADF;
        int r;

        fake_file(host, host->mountinfo.data, "mountinfo");
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert_return_code(fd, errno);
        r = host_facts_read(&paths, fd, &host->map, &host->facts, &host->message);
        return r < 0 ? r : topology_build(&host->facts, &rules, &host->topology);
}

const FileSystem *fake_file_system(const FakeHost *host, const char *mount_point)
{
        for (size_t i = 0; i < host->topology.n_file_systems; i++)
                if (streq(host->topology.file_systems[i].mount_point, mount_point))
                        return host->topology.file_systems + i;
        fail_msg("no file system is mounted on %s", mount_point);
        return NULL;
}

const Volume *fake_volume(const FakeHost *host, const char *id)
{
        for (size_t i = 0; i < host->topology.n_volumes; i++)
                if (streq(host->topology.volumes[i].id, id))
                        return host->topology.volumes + i;
        fail_msg("there is no volume %s", id);
        return NULL;
}

void assert_volumes(const FakeHost *host, const FileSystem *fs, const char *ids)
{
        _cleanup_(string_list_done) StringList found = STRING_LIST_INIT;
        _cleanup_(string_list_done) StringList expected = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL, *wanted = NULL;

        for (size_t i = 0; i < fs->n_volumes; i++)
                assert_return_code(
                        string_list_add(&found, host->topology.volumes[fs->volumes[i]].id), 0);
        assert_return_code(string_list_split(&expected, ids, " "), 0);
        string_list_sort(&found);
        string_list_sort(&expected);
        assert_return_code(string_list_join(&found, " ", &joined), 0);
        assert_return_code(string_list_join(&expected, " ", &wanted), 0);
        assert_string_equal(joined, wanted);
}
