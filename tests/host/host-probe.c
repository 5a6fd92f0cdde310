/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the topology of this machine is, as JSON: host-probe [MAP-ENTRY...]. Descriptor 3, if open,
 * is the mountinfo. Beside the topology stands what its JSON leaves out.
 */

#include <fcntl.h>
#include <stdio.h>

#include "base/json.h"
#include "base/text.h"
#include "host/topology-report.h"

#define MOUNTINFO_FD 3

static json_t *order_to_json(const Topology *topology)
{
        json_t *array = json_array();

        for (size_t i = 0; i < topology->n_file_systems; i++) {
                const FileSystem *fs = topology->file_systems + i;
                json_t *below = json_array();

                for (size_t j = 0; j < fs->n_below; j++)
                        (void)json_array_append_new(below, json_integer((json_int_t)fs->below[j]));
                (void)json_array_append_new(array,
                        json_pack("{s:[i,i], s:i, s:i, s:o}", "number", (int)fs->major,
                                (int)fs->minor, "depth", (int)fs->depth, "mounts",
                                (int)fs->n_mounts, "below", below));
        }
        return array;
}

static int print(const Topology *topology)
{
        _cleanup_(json_decrefp) json_t *json = NULL;
        int r = topology_to_json(topology, &json);

        if (r < 0 || json_object_set_new(json, "order", order_to_json(topology)) < 0)
                return -ENOMEM;
        r = json_dumpf(json, stdout, JSON_INDENT(1));
        return r < 0 || putchar('\n') == EOF ? -EIO : 0;
}

int main(int argc, char *argv[])
{
        _cleanup_(string_list_done) StringList map = STRING_LIST_INIT;
        _cleanup_(host_facts_done) HostFacts facts = HOST_FACTS_INIT;
        _cleanup_(topology_done) Topology topology = TOPOLOGY_INIT;
        _cleanup_(freep) char *message = NULL;
        int fd = fcntl(MOUNTINFO_FD, F_GETFD) >= 0 ? MOUNTINFO_FD : -EBADF;
        int r = 0;

        for (int i = 1; r >= 0 && i < argc; i++)
                r = string_list_add(&map, argv[i]);
        if (r >= 0)
                r = host_facts_read(NULL, fd, &map, &facts, &message);
        if (r >= 0)
                r = topology_build(&facts, NULL, &topology);
        if (r >= 0)
                r = print(&topology);
        if (r < 0)
                (void)fprintf(stderr, "%s\n", message ? message : strerror(-r));
        return r < 0;
}
