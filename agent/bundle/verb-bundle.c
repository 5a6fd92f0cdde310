/* SPDX-License-Identifier: Apache-2.0 */
/* bundle: an image file, as a bundle in a folder, or straight into a bucket. */

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "bundle/target.h"
#include "bundle/verb.h"
#include "image/store.h"

#define ARCHITECTURE "x86_64"

static int fail_image(Session *session, const char *problem)
{
        return string_printf(&session->message, "%s %s", session->order->operand, problem) < 0
                ? -ENOMEM
                : -EINVAL;
}

static int open_image(Session *session, int *ret)
{
        _cleanup_(closep) int fd =
                open(session->order->operand, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat status;
        int r;

        if (fd < 0 || fstat(fd, &status) < 0) {
                r = -errno;
                return string_printf(&session->message, "%s cannot be read: %s",
                               session->order->operand, strerror(-r)) < 0
                        ? -ENOMEM
                        : r;
        }
        if (!S_ISREG(status.st_mode))
                return fail_image(session, "is no file with an image: copy what it holds into one");
        r = bundle_check_size((uint64_t)status.st_size, &session->message);
        if (r >= 0)
                *ret = TAKE_FD(fd);
        return r;
}

/* --- What the manifest says ------------------------------------------------------------------- */

/* The image file's, unless one is given. */
static int choose_name(Session *session)
{
        const char *slash = strrchr(session->order->operand, '/');
        const char *name = session->order->name ? session->order->name
                : slash                         ? slash + 1
                                                : session->order->operand;
        int r = bundle_check_name(name, &session->message);

        session->is_usage = r == -EINVAL;
        return r < 0 ? r : string_replace(&session->manifest.name, name);
}

static int add_mapping(Manifest *manifest, const char *text)
{
        ManifestMapping *mapping = ARRAY_ADD(manifest->mappings, manifest->n_mappings);
        const char *equals = strchr(text, '=');

        if (!mapping ||
                string_printf(&mapping->virtual_name, "%.*s", (int)(equals - text), text) < 0)
                return -ENOMEM;
        return string_replace(&mapping->device, equals + 1);
}

static int describe(Session *session)
{
        const Order *order = session->order;
        Manifest *manifest = &session->manifest;
        int r = choose_name(session);

        if (r >= 0)
                r = string_replace(&manifest->user, order->user);
        if (r >= 0)
                r = string_replace(&manifest->architecture,
                        order->architecture ? order->architecture : ARCHITECTURE);
        if (r >= 0 && order->kernel)
                r = string_replace(&manifest->kernel_id, order->kernel);
        if (r >= 0 && order->ramdisk)
                r = string_replace(&manifest->ramdisk_id, order->ramdisk);
        for (size_t i = 0; i < order->mappings.count && r >= 0; i++)
                r = add_mapping(manifest, order->mappings.items[i]);
        return r;
}

/* --- Where it goes ---------------------------------------------------------------------------- */

static int into_folder(Session *session, int image_fd)
{
        _cleanup_(folder_made_done) FolderMade folder = { .fd = -EBADF };
        const char *into = session->order->into;
        FolderTarget target = { .watch = &session->watch };
        int r = folder_made_open(into, &folder, &session->message);

        if (r < 0)
                return r;
        target.fd = folder.fd;
        r = folder_bundle(
                &target, image_fd, &session->papers, &session->manifest, &session->message);
        if (r < 0)
                return r;
        folder_made_keep(&folder);
        return string_printf(&session->where, "%s%s%s" MANIFEST_SUFFIX, into,
                endswith(into, "/") ? "" : "/", session->manifest.name);
}

/* With keys that nobody else knows: what was sent of it is of no use once this run has failed. */
static int send_bundle(Session *session, int image_fd, const char *folder)
{
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
        StoreOrder order = {
                .image_fd = image_fd,
                .private_key = session->papers.private_key,
                .bucket = session->bucket,
                .folder = folder,
                .tags = &session->order->tags,
                .watch = &session->watch,
                .removes_leftovers = session->order->remove_leftovers,
                .ret_leftovers = &session->n_leftovers,
        };
        int r = bundle_keys_new(&keys);

        if (r >= 0)
                r = bundle_keys_wrap(
                        keys, session->papers.ec2, session->papers.user, &session->manifest.keys);
        if (r < 0)
                return r;
        order.keys = keys;
        return store_bundle(&order, &session->manifest, &session->sum, &session->message);
}

static int into_bucket(Session *session, int image_fd)
{
        _cleanup_(freep) char *folder = NULL;
        int r = session_make_folder(session, &folder);

        if (r >= 0)
                r = session_open_target(session);
        if (r == 0)
                r = send_bundle(session, image_fd, folder);
        if (r != 0)
                return r;
        session->has_sum = true;
        return string_printf(&session->where, "s3://%s/%s%s" MANIFEST_SUFFIX,
                s3_bucket_name(session->bucket), folder, session->manifest.name);
}

int run_bundle(Session *session)
{
        const Order *order = session->order;
        _cleanup_(closep) int image_fd = -EBADF;
        int r = describe(session);

        if (r >= 0)
                r = bundle_certificates_read(order->ec2_certificate, order->certificate,
                        order->private_key, &session->papers, &session->message);
        if (r >= 0)
                r = open_image(session, &image_fd);
        if (r < 0)
                return r;
        session_say(session, "bundling");
        session->done = "Bundled into";
        return order->into ? into_folder(session, image_fd) : into_bucket(session, image_fd);
}
