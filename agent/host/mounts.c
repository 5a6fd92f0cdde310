/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of one mountinfo, what hides what, and the file systems behind them. */

#include "host/mounts.h"

#include <libmount.h>
#include <stdint.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/list.h"
#include "base/text.h"

/* Indices into MountTable.items in some order, with the table that gives them their meaning. */
typedef struct Order {
        size_t *items;
        size_t count;
} Order;

static void order_done(Order *order)
{
        free(order->items);
        *order = (Order){ 0 };
}

void mount_table_done(MountTable *table)
{
        free(table->by_target);
        free(table->file_systems);
        free(table->items);
        mnt_unref_table(table->table);
        *table = MOUNT_TABLE_INIT;
}

/*
 * The first `length` bytes of `b` against all of `a`: as strcmp() has them, but '/' before all
 * others, so that what lies in a folder follows the folder at once.
 */
static int path_compare_n(const char *a, const char *b, size_t length)
{
        for (; length > 0 && *a && *a == *b; length--) {
                a++;
                b++;
        }
        if (!*a || length == 0 || !*b)
                return (*a != '\0') - (length > 0 && *b != '\0');
        if (*a == '/' || *b == '/')
                return *a == '/' ? -1 : 1;
        return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
}

static int path_compare(const char *a, const char *b)
{
        return path_compare_n(a, b, SIZE_MAX);
}

bool path_is_below(const char *path, const char *folder)
{
        const char *rest = startswith(path, folder);

        return rest && (!*rest || *rest == '/' || endswith(folder, "/"));
}

static int compare_number(unsigned long long a, unsigned long long b)
{
        return (a > b) - (a < b);
}

static int compare_by_parent(const void *a, const void *b, void *userdata)
{
        const Mount *items = userdata, *x = items + *(const size_t *)a,
                    *y = items + *(const size_t *)b;
        int r = compare_number((unsigned)x->parent_id, (unsigned)y->parent_id);

        if (r == 0)
                r = path_compare(x->target, y->target);
        /* Of two at one place the kernel finds the younger one, which mountinfo lists later. */
        return r != 0 ? r : compare_number((size_t)(y - items), (size_t)(x - items));
}

static int compare_by_id(const void *a, const void *b, void *userdata)
{
        const Mount *items = userdata;

        return compare_number((unsigned)items[*(const size_t *)a].id,
                (unsigned)items[*(const size_t *)b].id);
}

static int compare_by_target(const void *a, const void *b, void *userdata)
{
        const Mount *items = userdata;

        return path_compare(items[*(const size_t *)a].target, items[*(const size_t *)b].target);
}

static int compare_by_number(const void *a, const void *b, void *userdata)
{
        const Mount *items = userdata, *x = items + *(const size_t *)a,
                    *y = items + *(const size_t *)b;
        int r = compare_number(x->major, y->major);

        if (r == 0)
                r = compare_number(x->minor, y->minor);
        return r != 0 ? r : compare_number((size_t)(x - items), (size_t)(y - items));
}

static int order_init(const MountTable *table, int (*compare)(const void *, const void *, void *),
        Order *ret)
{
        size_t *items = reallocarray(NULL, table->count + 1, sizeof(size_t));

        if (!items)
                return -ENOMEM;
        for (size_t i = 0; i < table->count; i++)
                items[i] = i;
        qsort_r(items, table->count, sizeof(size_t), compare, table->items);
        *ret = (Order){ items, table->count };
        return 0;
}

static bool is_known_id(const MountTable *table, const Order *by_id, int id)
{
        size_t low = 0, high = by_id->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int found = table->items[by_id->items[middle]].id;

                if (found == id)
                        return true;
                if ((unsigned)found < (unsigned)id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return false;
}

/* The first place in `by_parent` of a child of `id`. */
static size_t first_child(const MountTable *table, const Order *by_parent, int id)
{
        size_t low = 0, high = by_parent->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if ((unsigned)table->items[by_parent->items[middle]].parent_id < (unsigned)id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

/*
 * A walk along a path crosses, in each mount, the topmost mount point only: what is mounted at or
 * below another child's mount point cannot be reached any more. The mount's own root, when
 * something is mounted on it, is such a mount point, and comes first in the order.
 */
static void cross_children(MountTable *table, const Order *by_parent, size_t parent, Order *queue,
        bool *covered)
{
        const Mount *mount = table->items + parent, *top = NULL;
        size_t i = first_child(table, by_parent, mount->id);

        for (; i < by_parent->count; i++) {
                Mount *child = table->items + by_parent->items[i];

                if (child->parent_id != mount->id)
                        return;
                if (child->visible || (top && path_is_below(child->target, top->target)))
                        continue;
                top = child;
                child->visible = true;
                queue->items[queue->count++] = by_parent->items[i];
                if (streq(child->target, mount->target))
                        covered[parent] = true;
        }
}

/* Fills `queue` with the mounts whose parent is not listed: what the walks begin in. */
static void mark_roots(MountTable *table, const Order *by_id, Order *queue)
{
        queue->count = 0;
        for (size_t i = 0; i < table->count; i++) {
                Mount *mount = table->items + i;

                if (mount->parent_id != mount->id && is_known_id(table, by_id, mount->parent_id))
                        continue;
                mount->visible = true;
                queue->items[queue->count++] = i;
        }
}

/* From the roots down, so that a ring of parents in a garbled table is never entered. */
static int mark_visible(MountTable *table)
{
        _cleanup_(order_done) Order by_id = { 0 }, by_parent = { 0 }, queue = { 0 };
        _cleanup_(freep) bool *covered = calloc(table->count + 1, sizeof(bool));
        int r = covered ? order_init(table, compare_by_id, &by_id) : -ENOMEM;

        if (r >= 0)
                r = order_init(table, compare_by_parent, &by_parent);
        if (r >= 0)
                r = order_init(table, compare_by_id, &queue);
        if (r < 0)
                return r;

        mark_roots(table, &by_id, &queue);
        for (size_t i = 0; i < queue.count; i++)
                cross_children(table, &by_parent, queue.items[i], &queue, covered);
        for (size_t i = 0; i < table->count; i++)
                table->items[i].visible &= !covered[i];
        return 0;
}

static int index_targets(MountTable *table)
{
        _cleanup_(order_done) Order order = { 0 };
        int r = order_init(table, compare_by_target, &order);

        if (r < 0)
                return r;
        for (size_t i = 0; i < order.count; i++)
                if (table->items[order.items[i]].visible)
                        order.items[table->n_by_target++] = order.items[i];
        table->by_target = TAKE_PTR(order.items);
        return 0;
}

/* Mounted at just the first `length` bytes of `path`; NULL if there is none. */
static const Mount *find_at(const MountTable *table, const char *path, size_t length)
{
        size_t low = 0, high = table->n_by_target;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const Mount *mount = table->items + table->by_target[middle];
                int r = path_compare_n(mount->target, path, length);

                if (r == 0)
                        return mount;
                if (r < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return NULL;
}

const Mount *mount_table_find(const MountTable *table, const char *path)
{
        const Mount *mount = NULL;
        size_t length = path[0] == '/' ? strlen(path) : 0;

        while (!mount && length > 1) {
                mount = find_at(table, path, length);
                while (path[--length] != '/')
                        ;
        }
        return mount || path[0] != '/' ? mount : find_at(table, "/", 1);
}

/* For each mount the first one, in mountinfo's order, of the same superblock. */
static int find_first_mounts(const MountTable *table, size_t **ret)
{
        _cleanup_(order_done) Order order = { 0 };
        _cleanup_(freep) size_t *first = reallocarray(NULL, table->count + 1, sizeof(size_t));
        int r = first ? order_init(table, compare_by_number, &order) : -ENOMEM;

        if (r < 0)
                return r;
        for (size_t i = 0; i < order.count; i++) {
                size_t mount = order.items[i], before = i > 0 ? order.items[i - 1] : mount;
                const Mount *a = table->items + mount, *b = table->items + before;
                bool same = a->major == b->major && a->minor == b->minor;

                first[mount] = i > 0 && same ? first[before] : mount;
        }
        *ret = TAKE_PTR(first);
        return 0;
}

/*
 * The whole file system rather than a part of it, since only of that one is known that it is a
 * folder; then the shorter path, which people know it by.
 */
static bool is_better_to_open(const Mount *a, const Mount *b)
{
        bool a_whole = streq(a->root, "/"), b_whole = streq(b->root, "/");

        if (a->visible != b->visible)
                return a->visible;
        if (a_whole != b_whole)
                return a_whole;
        return strlen(a->target) < strlen(b->target);
}

/* The file system of `mount`, whose first mount is `first`. */
static MountedFs *find_file_system(MountTable *table, size_t mount, size_t first)
{
        MountedFs *added;

        if (first != mount) {
                table->items[mount].file_system = table->items[first].file_system;
                return table->file_systems + table->items[mount].file_system;
        }
        table->items[mount].file_system = table->n_file_systems;
        added = ARRAY_ADD(table->file_systems, table->n_file_systems);
        if (added)
                added->mount = mount;
        return added;
}

static int group_file_systems(MountTable *table)
{
        _cleanup_(freep) size_t *first = NULL;
        int r = find_first_mounts(table, &first);

        if (r < 0)
                return r;
        for (size_t i = 0; i < table->count; i++) {
                MountedFs *fs = find_file_system(table, i, first[i]);

                if (!fs)
                        return -ENOMEM;
                fs->n_mounts++;
                if (is_better_to_open(table->items + i, table->items + fs->mount))
                        fs->mount = i;
        }
        return 0;
}

/* "36 35 98:0 /root /target": libmount takes a text that begins otherwise for an fstab. */
static bool looks_like_mountinfo(const char *text)
{
        int id, parent;
        unsigned major, minor;

        return sscanf(text, "%d %d %u:%u /", &id, &parent, &major, &minor) == 4;
}

static int count_line(struct libmnt_table *table, const char *name, int line)
{
        MountTable *self = mnt_table_get_userdata(table);

        self->n_ignored++;
        return 1;
}

static int parse_text(const char *text, MountTable *table)
{
        _cleanup_(fclosep) FILE *stream = fmemopen((void *)text, strlen(text), "re");

        if (!stream)
                return -errno;
        table->table = mnt_new_table();
        if (!table->table)
                return -ENOMEM;
        (void)mnt_table_set_userdata(table->table, table);
        (void)mnt_table_set_parser_errcb(table->table, count_line);
        if (mnt_table_parse_stream(table->table, stream, "mountinfo") != 0)
                return -EBADMSG;
        return 0;
}

static int add_mount(MountTable *table, struct libmnt_fs *fs)
{
        const char *root = mnt_fs_get_root(fs), *target = mnt_fs_get_target(fs);
        const char *source = mnt_fs_get_source(fs), *type = mnt_fs_get_fstype(fs);
        const char *options = mnt_fs_get_fs_options(fs);
        Mount *mount;

        if (!root || !target || target[0] != '/' || !type || mnt_fs_get_id(fs) < 0) {
                table->n_ignored++;
                return 0;
        }
        mount = ARRAY_ADD(table->items, table->count);
        if (!mount)
                return -ENOMEM;
        *mount = (Mount){
                .id = mnt_fs_get_id(fs),
                .parent_id = mnt_fs_get_parent_id(fs),
                .major = major(mnt_fs_get_devno(fs)),
                .minor = minor(mnt_fs_get_devno(fs)),
                .root = root,
                .target = target,
                .source = source ? source : "none",
                .type = type,
                .options = options,
                .read_only = options && mnt_optstr_get_option(options, "ro", NULL, NULL) == 0,
        };
        return 0;
}

static int add_mounts(MountTable *table)
{
        struct libmnt_iter *iterator = mnt_new_iter(MNT_ITER_FORWARD);
        struct libmnt_fs *fs;
        int r = iterator ? 0 : -ENOMEM;

        while (r >= 0 && mnt_table_next_fs(table->table, iterator, &fs) == 0)
                r = add_mount(table, fs);
        mnt_free_iter(iterator);
        return r;
}

static size_t count_lines(const char *text)
{
        size_t lines = 0;

        for (; (text = strchr(text, '\n')); text++)
                lines++;
        return lines;
}

int mount_table_parse(const char *text, MountTable *ret)
{
        _cleanup_(mount_table_done) MountTable table = MOUNT_TABLE_INIT;
        int r;

        if (strlen(text) > MOUNTINFO_BYTES_MAX || count_lines(text) > MOUNTINFO_LINES_MAX)
                return -E2BIG;
        if (!looks_like_mountinfo(text))
                return -EBADMSG;
        r = parse_text(text, &table);
        if (r >= 0)
                r = add_mounts(&table);
        if (r >= 0)
                r = mark_visible(&table);
        if (r >= 0)
                r = index_targets(&table);
        if (r >= 0)
                r = group_file_systems(&table);
        if (r < 0)
                return r;
        *ret = table;
        table = MOUNT_TABLE_INIT;
        return 0;
}
