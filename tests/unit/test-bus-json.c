/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/socket.h>

#include "cli/bus-json.h"

#include "tests/unit/unit.h"

/* A message needs a connection to belong to, and that it is started; nobody has to answer. */
static int open_bus(void **state)
{
        sd_bus *bus = NULL;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_true(sd_bus_new(&bus) >= 0);
        assert_true(sd_bus_set_fd(bus, fds[0], fds[0]) >= 0);
        assert_true(sd_bus_start(bus) >= 0);
        (void)close(fds[1]);
        *state = bus;
        return 0;
}

static int close_bus(void **state)
{
        sd_bus *bus = *state;

        sd_bus_close(bus);
        sd_bus_unref(bus);
        return 0;
}

static sd_bus_message *new_message(sd_bus *bus)
{
        sd_bus_message *message = NULL;

        assert_true(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C") >= 0);
        return message;
}

static void assert_json(sd_bus_message *message, const char *expected)
{
        _cleanup_(json_decrefp) json_t *value = NULL, *again = NULL;
        _cleanup_(freep) char *text = NULL;

        assert_true(sd_bus_message_seal(message, 1, 0) >= 0);
        assert_true(sd_bus_message_rewind(message, true) >= 0);
        assert_int_equal(bus_message_to_json(message, &value), 0);
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        assert_string_equal(text, expected);
        assert_int_equal(bus_message_to_json(message, &again), -ENXIO);
        sd_bus_message_unref(message);
}

static void every_basic_type_is_converted(void **state)
{
        sd_bus_message *message = new_message(*state);

        assert_true(sd_bus_message_append(message, "(ybnqiuxtdsog)", 255, true, -1, 65535, -2,
                            4000000000U, INT64_MIN, UINT64_C(7), 1.5, "s", "/o", "as") >= 0);
        assert_json(message,
                "[255,true,-1,65535,-2,4000000000,-9223372036854775808,7,1.5,"
                "\"s\",\"/o\",\"as\"]");
}

static void numbers_without_limit_are_null(void **state)
{
        sd_bus_message *message = new_message(*state);

        assert_true(sd_bus_message_append(message, "at", 2, (uint64_t)INT64_MAX, UINT64_MAX) >= 0);
        assert_json(message, "[9223372036854775807,null]");
}

static void descriptors_are_null(void **state)
{
        sd_bus_message *message = new_message(*state);
        int r = sd_bus_message_append(message, "h", STDIN_FILENO);

        if (r == -EOPNOTSUPP) { /* this connection has not negotiated descriptors */
                sd_bus_message_unref(message);
                skip();
        }
        assert_true(r >= 0);
        assert_json(message, "null");
}

static void variants_and_dictionaries_nest(void **state)
{
        sd_bus_message *message = new_message(*state);

        assert_true(sd_bus_message_append(message, "a{sv}", 3, "id", "s", "vol-1", "list", "as", 2,
                            "a", "b", "inner", "a{sv}", 1, "size", "t", UINT64_C(8)) >= 0);
        assert_json(message, "{\"id\":\"vol-1\",\"list\":[\"a\",\"b\"],\"inner\":{\"size\":8}}");
}

static void dictionaries_without_string_keys_print_them(void **state)
{
        sd_bus_message *message = new_message(*state);

        assert_true(sd_bus_message_append(message, "a{ub}", 1, 5U, false) >= 0);
        assert_json(message, "{\"5\":false}");
}

static void empty_containers_stay_empty(void **state)
{
        sd_bus_message *message = new_message(*state);

        assert_true(sd_bus_message_append(message, "(asa{sv}aa{sv})", 0, 0, 0) >= 0);
        assert_json(message, "[[],{},[]]");
}

static void property_names_become_keys(void **state)
{
        static const char *const cases[][2] = {
                { "Id", "id" },
                { "InstanceId", "instance-id" },
                { "FrozenUSec", "frozen-usec" },
                { "InhibitDelayMaxUSec", "inhibit-delay-max-usec" },
                { "NRunningJobs", "n-running-jobs" },
                { "USec", "usec" },
                { "EC2Id", "ec2-id" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(json_decrefp) json_t *properties = json_pack("{s:i}", cases[i][0], 1);
                _cleanup_(json_decrefp) json_t *keys = NULL;

                assert_int_equal(properties_to_json(properties, &keys), 0);
                assert_int_equal(json_object_size(keys), 1);
                assert_string_equal(json_object_iter_key(json_object_iter(keys)), cases[i][1]);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_basic_type_is_converted),
                cmocka_unit_test(numbers_without_limit_are_null),
                cmocka_unit_test(descriptors_are_null),
                cmocka_unit_test(variants_and_dictionaries_nest),
                cmocka_unit_test(dictionaries_without_string_keys_print_them),
                cmocka_unit_test(empty_containers_stay_empty),
                cmocka_unit_test(property_names_become_keys),
        };

        return cmocka_run_group_tests(tests, open_bus, close_bus);
}
