/* SPDX-License-Identifier: Apache-2.0 */
/* volumes: what a snapshot of this instance holds, and what it does not, and why. */

#include "base/text.h"
#include "cli/client.h"
#include "cli/display.h"
#include "cli/reasons.h"
#include "cli/table.h"
#include "cli/verb.h"

static int add_strings(Table *table, const json_t *strings)
{
        _cleanup_(freep) char *joined = NULL;

        return display_strings(strings, &joined) < 0 ? -ENOMEM : table_add(table, joined);
}

static int add_flag(Table *table, const json_t *object, const char *key)
{
        return table_add(table, json_get_bool(object, key, false) ? "yes" : "no");
}

/* That of a volume which no device is, is not known. */
static int format_size(const json_t *volume, char **ret)
{
        if (!json_object_get(volume, "size-bytes"))
                return 0;
        return display_bytes(json_get_u64(volume, "size-bytes", 0), ret);
}

static int add_volume(Table *table, const json_t *volume)
{
        _cleanup_(freep) char *size = NULL;
        int r;

        r = format_size(volume, &size);
        if (r >= 0)
                r = table_add(table, json_get_string(volume, "id", ""));
        if (r >= 0)
                r = table_add(table, json_get_string(volume, "device", ""));
        if (r >= 0)
                r = table_add(table, json_get_string(volume, "attached-as", ""));
        if (r >= 0)
                r = table_add(table, size);
        if (r >= 0)
                r = add_flag(table, volume, "covered");
        return r < 0 ? r : table_add(table, json_get_string(volume, "reason", ""));
}

static int add_freeze(Table *table, const json_t *filesystem)
{
        if (json_get_bool(filesystem, "watch", false))
                return table_add(table, "watched");
        return add_flag(table, filesystem, "freeze");
}

static int add_filesystem(Table *table, const json_t *filesystem)
{
        int r;

        r = table_add(table, json_get_string(filesystem, "mount-point", ""));
        if (r >= 0)
                r = table_add(table, json_get_string(filesystem, "type", ""));
        if (r >= 0)
                r = table_add(table, json_get_string(filesystem, "device", ""));
        if (r >= 0)
                r = add_strings(table, json_object_get(filesystem, "volumes"));
        if (r >= 0)
                r = add_flag(table, filesystem, "covered");
        if (r >= 0)
                r = add_freeze(table, filesystem);
        return r < 0 ? r : table_add(table, json_get_string(filesystem, "reason", ""));
}

typedef struct Listing {
        const char *const *headers;
        size_t n_columns;
        size_t number_column; /* aligned to the right; past the last one if there is none */
        int (*add)(Table *table, const json_t *object);
        const char *none;
} Listing;

static const char *const volume_headers[] = { "VOLUME", "DEVICE", "ATTACHED AS", "SIZE",
        "COVERED", "REMARK" };
static const char *const filesystem_headers[] = { "MOUNT POINT", "TYPE", "DEVICE", "VOLUMES",
        "COVERED", "FREEZE", "REMARK" };

static const Listing volume_listing = {
        .headers = volume_headers,
        .n_columns = ELEMENTSOF(volume_headers),
        .number_column = 3,
        .add = add_volume,
        .none = "No volumes were found.",
};
static const Listing filesystem_listing = {
        .headers = filesystem_headers,
        .n_columns = ELEMENTSOF(filesystem_headers),
        .number_column = ELEMENTSOF(filesystem_headers),
        .add = add_filesystem,
        .none = "No file systems were found.",
};

static int print_listing(const Listing *listing, const json_t *objects)
{
        _cleanup_(table_freep) Table *table = NULL;
        const json_t *object;
        size_t i;
        int r;

        r = table_new(listing->n_columns, listing->headers, &table);
        if (r < 0)
                return r;
        if (listing->number_column < listing->n_columns)
                table_align_right(table, listing->number_column);
        json_array_foreach(objects, i, object) {
                r = listing->add(table, object);
                if (r < 0)
                        return r;
        }
        table_print(table, stdout);
        if (json_array_size(objects) == 0)
                printf("%s\n", listing->none);
        return 0;
}

/* Memory, network, programs: nobody looks for them among disks. */
static bool is_on_a_device(const json_t *filesystem)
{
        return json_get_bool(filesystem, "covered", false) ||
                startswith(json_get_string(filesystem, "device", ""), "/dev/");
}

static json_t *select_filesystems(const json_t *filesystems, bool on_a_device)
{
        json_t *selected = json_array(), *filesystem;
        size_t i;

        json_array_foreach(filesystems, i, filesystem)
                if (selected && is_on_a_device(filesystem) == on_a_device &&
                        json_array_append(selected, filesystem) < 0)
                        return json_decref(selected), NULL;
        return selected;
}

static int print_filesystems(const json_t *filesystems)
{
        _cleanup_(json_decrefp) json_t *on_devices = select_filesystems(filesystems, true);
        _cleanup_(json_decrefp) json_t *elsewhere = select_filesystems(filesystems, false);
        int r = on_devices && elsewhere ? 0 : -ENOMEM;

        if (r >= 0)
                r = print_listing(&filesystem_listing, on_devices);
        if (r < 0 || json_array_size(elsewhere) == 0)
                return r;
        printf("\nMounted, but on no disk that is known:\n");
        return reasons_print(elsewhere, "mount-point");
}

static int print_volumes(const json_t *manager)
{
        int r;

        r = print_listing(&volume_listing, json_object_get(manager, "volumes"));
        if (r < 0)
                return r;
        putchar('\n');
        return print_filesystems(json_object_get(manager, "file-systems"));
}

static int print_volumes_json(const json_t *manager)
{
        _cleanup_(json_decrefp) json_t *document = NULL;

        document = json_pack("{s:O, s:O}", "volumes", json_object_get(manager, "volumes"),
                "filesystems", json_object_get(manager, "file-systems"));
        if (!document)
                return client_report_errno(-ENOMEM, "cannot print the volumes");
        return client_print_json(document);
}

/* Disks come and go, so the daemon looks anew; what it finds is shown even without an identity. */
static int rescan(sd_bus *bus)
{
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_call_method(
                bus, CLIENT_NAME, CLIENT_PATH, CLIENT_MANAGER, "Rescan", &error, NULL, "");
        return r < 0 ? client_report(&error, r) : 0;
}

static bool nothing_is_known(const json_t *manager)
{
        return json_array_size(json_object_get(manager, "volumes")) == 0 &&
                json_array_size(json_object_get(manager, "file-systems")) == 0;
}

int verb_volumes(const Arguments *arguments)
{
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(json_decrefp) json_t *manager = NULL;
        int r, scanned;

        r = client_connect(&bus);
        if (r != 0)
                return r;
        scanned = rescan(bus);
        r = client_get_properties(bus, CLIENT_PATH, CLIENT_MANAGER, &manager);
        if (r != 0)
                return scanned != 0 ? scanned : r;
        if (arguments->json)
                r = print_volumes_json(manager);
        else if (scanned != 0 && nothing_is_known(manager))
                return scanned; /* "none were found" would not be true */
        else if (print_volumes(manager) < 0)
                r = client_report_errno(-ENOMEM, "cannot print the volumes");
        return scanned != 0 ? scanned : r;
}
