/* SPDX-License-Identifier: Apache-2.0 */
/* Where a bundle lies: in a folder, or in a bucket. */

#include "bundle/place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/list.h"
#include "base/text.h"
#include "image/manifest.h"

#define SCHEME "s3://"

void place_done(Place *place)
{
        closep(&place->fd);
        free(place->bucket);
        free(place->folder);
        free(place->name);
        *place = PLACE_INIT;
}

static int fail(const char *text, const char *problem, char **reterr_message)
{
        return string_printf(reterr_message, "%s %s", text, problem) < 0 ? -ENOMEM : -EINVAL;
}

static int fail_path(const char *path, int error, char **reterr_message)
{
        return string_printf(reterr_message, "%s cannot be read: %s%s", path, strerror(-error),
                       error == -ENOENT ? "; a bundle in a bucket is s3://BUCKET/KEY" : "") < 0
                ? -ENOMEM
                : error;
}

/* "FOLDER/" and "NAME" of "FOLDER/NAME.manifest.xml". */
static int split(const char *path, Place *place)
{
        const char *slash = strrchr(path, '/');
        const char *file = slash ? slash + 1 : path;
        const char *suffix = endswith(file, MANIFEST_SUFFIX);

        if (!suffix || suffix == file)
                return -EINVAL;
        if (string_printf(&place->folder, "%.*s", (int)(file - path), path) < 0 ||
                string_printf(&place->name, "%.*s", (int)(suffix - file), file) < 0)
                return -ENOMEM;
        return 0;
}

/* --- In a bucket ------------------------------------------------------------------------------ */

int place_in_bucket(const char *text, Place *ret, char **reterr_message)
{
        _cleanup_(place_done) Place place = PLACE_INIT;
        const char *rest = startswith(text, SCHEME);
        const char *name = rest ? rest : text, *slash = strchr(name, '/');
        int r;

        if (!slash || slash == name)
                return fail(text, "is no BUCKET/KEY of a manifest", reterr_message);
        if (string_printf(&place.bucket, "%.*s", (int)(slash - name), name) < 0)
                return -ENOMEM;
        r = split(slash + 1, &place);
        if (r == -EINVAL)
                return fail(text, "is no key of a manifest, which ends in " MANIFEST_SUFFIX,
                        reterr_message);
        if (r < 0)
                return r;
        *ret = place;
        place = PLACE_INIT;
        return 0;
}

/* --- In a folder ------------------------------------------------------------------------------ */

static int list_manifests(int folder_fd, StringList *ret)
{
        _cleanup_(closedirp) DIR *folder = NULL;
        int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct dirent *entry;
        int r = 0;

        folder = fd < 0 ? NULL : fdopendir(fd);
        if (!folder) {
                r = -errno;
                closep(&fd);
                return r;
        }
        errno = 0;
        while (r >= 0 && (entry = readdir(folder)) != NULL) {
                const char *suffix = endswith(entry->d_name, MANIFEST_SUFFIX);

                if (suffix && suffix != entry->d_name)
                        r = string_list_add(ret, entry->d_name);
                errno = 0;
        }
        return r < 0 ? r : -errno;
}

/* The only manifest of a folder. */
static int find_name(const char *path, Place *place, char **reterr_message)
{
        _cleanup_(string_list_done) StringList found = STRING_LIST_INIT;
        int r = list_manifests(place->fd, &found);

        if (r < 0)
                return r == -ENOMEM ? r : fail_path(path, r, reterr_message);
        if (found.count == 0)
                return fail(path, "has no manifest (*" MANIFEST_SUFFIX ")", reterr_message);
        if (found.count > 1)
                return fail(path, "has more than one manifest: name the one that is meant",
                        reterr_message);
        return string_printf(&place->name, "%.*s",
                (int)(strlen(found.items[0]) - strlen(MANIFEST_SUFFIX)), found.items[0]);
}

static int open_folder(const char *path, Place *place, char **reterr_message)
{
        place->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return place->fd < 0 ? fail_path(path, -errno, reterr_message) : 0;
}

static int find_in_folder(const char *path, Place *place, char **reterr_message)
{
        struct stat status;
        int r;

        if (stat(path, &status) < 0)
                return fail_path(path, -errno, reterr_message);
        if (S_ISDIR(status.st_mode)) {
                if (string_printf(&place->folder, "%s%s", path, endswith(path, "/") ? "" : "/") < 0)
                        return -ENOMEM;
                r = open_folder(path, place, reterr_message);
                return r < 0 ? r : find_name(path, place, reterr_message);
        }
        r = split(path, place);
        if (r == -EINVAL)
                return fail(path, "is no manifest: its name does not end in " MANIFEST_SUFFIX,
                        reterr_message);
        return r < 0 ? r : open_folder(*place->folder ? place->folder : ".", place, reterr_message);
}

int place_find(const char *text, Place *ret, char **reterr_message)
{
        _cleanup_(place_done) Place place = PLACE_INIT;
        int r;

        if (startswith(text, SCHEME))
                return place_in_bucket(text, ret, reterr_message);
        r = find_in_folder(text, &place, reterr_message);
        if (r < 0)
                return r;
        *ret = place;
        place = PLACE_INIT;
        return 0;
}

int place_print(const Place *place, char **ret)
{
        return string_printf(ret, "%s%s%s%s%s" MANIFEST_SUFFIX, place->bucket ? SCHEME : "",
                place->bucket ? place->bucket : "", place->bucket ? "/" : "", place->folder,
                place->name);
}
