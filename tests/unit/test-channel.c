/* SPDX-License-Identifier: Apache-2.0 */
#include "image/channel.h"

#include <pthread.h>

#include "tests/unit/unit.h"

#define BUFFER_BYTES sizeof(size_t)

typedef struct Counter {
        Channel *channel;
        size_t count; /* numbers that it writes */
        int result;   /* and then says */
        int seen;     /* what stopped it before */
} Counter;

static void *write_numbers(void *userdata)
{
        Counter *counter = userdata;
        char *buffer;

        for (size_t i = 0; i < counter->count && counter->seen == 0; i++) {
                counter->seen = channel_take_empty(counter->channel, &buffer);
                if (counter->seen < 0)
                        break;
                memcpy(buffer, &i, sizeof(i));
                channel_give_filled(counter->channel, buffer, sizeof(i));
        }
        channel_end(counter->channel, counter->result);
        return NULL;
}

/* Numbers in their order, up to `stop_at`; what the reader got then. */
static int read_numbers(Channel *channel, size_t stop_at, size_t *ret_count)
{
        size_t count = 0;
        int r = 1;

        while (count < stop_at) {
                const char *data;
                size_t size, number;

                r = channel_take_filled(channel, &data, &size);
                if (r <= 0)
                        break;
                memcpy(&number, data, sizeof(number));
                assert_int_equal(size, sizeof(number));
                assert_int_equal(number, count);
                channel_give_empty(channel, data);
                count++;
        }
        *ret_count = count;
        return r;
}

static int run(Counter *counter, size_t stop_at, size_t *ret_count)
{
        _cleanup_(channel_freep) Channel *channel = NULL;
        pthread_t thread;
        int r;

        assert_int_equal(channel_new(BUFFER_BYTES, &channel), 0);
        counter->channel = channel;
        assert_int_equal(pthread_create(&thread, NULL, write_numbers, counter), 0);
        r = read_numbers(channel, stop_at, ret_count);
        channel_cancel(channel);
        assert_int_equal(pthread_join(thread, NULL), 0);
        return r;
}

static void buffers_come_in_order_and_end(void **state)
{
        static const size_t counts[] = { 0, 1, CHANNEL_BUFFERS, CHANNEL_BUFFERS + 1, 100000 };

        (void)state;
        for (size_t i = 0; i < ELEMENTSOF(counts); i++) {
                Counter counter = { .count = counts[i] };
                size_t count;

                assert_int_equal(run(&counter, SIZE_MAX, &count), 0);
                assert_int_equal(count, counts[i]);
                assert_int_equal(counter.seen, 0);
        }
}

static void an_error_comes_behind_what_was_written(void **state)
{
        Counter counter = { .count = 1000, .result = -EIO };
        size_t count;

        (void)state;
        assert_int_equal(run(&counter, SIZE_MAX, &count), -EIO);
        assert_int_equal(count, 1000);
}

static void a_reader_that_gives_up_stops_the_writer(void **state)
{
        Counter counter = { .count = SIZE_MAX };
        size_t count;

        (void)state;
        assert_int_equal(run(&counter, 10, &count), 1);
        assert_int_equal(counter.seen, -ECANCELED);
}

static void buffers_are_read_in_order_whoever_is_done_first(void **state)
{
        _cleanup_(channel_freep) Channel *channel = NULL;
        char *first, *second;
        const char *data;
        size_t size;

        (void)state;
        assert_int_equal(channel_new(BUFFER_BYTES, &channel), 0);
        assert_int_equal(channel_take_empty(channel, &first), 0);
        assert_int_equal(channel_take_empty(channel, &second), 0);
        channel_give_filled(channel, second, 2);
        channel_give_filled(channel, first, 1);
        channel_end(channel, 0);
        for (size_t i = 1; i <= 2; i++) {
                assert_int_equal(channel_take_filled(channel, &data, &size), 1);
                assert_int_equal(size, i);
        }
        assert_ptr_equal(data, second);
        assert_int_equal(channel_take_filled(channel, &data, &size), 0);
}

static void the_first_error_stands_and_nobody_waits_for_what_it_left(void **state)
{
        _cleanup_(channel_freep) Channel *channel = NULL;
        const char *data;
        char *buffer;
        size_t size;

        (void)state;
        assert_int_equal(channel_new(BUFFER_BYTES, &channel), 0);
        assert_int_equal(channel_take_empty(channel, &buffer), 0);
        channel_end(channel, 0);
        channel_end(channel, -EIO);
        channel_end(channel, -ECANCELED);
        assert_int_equal(channel_take_filled(channel, &data, &size), -EIO);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(buffers_come_in_order_and_end),
                cmocka_unit_test(an_error_comes_behind_what_was_written),
                cmocka_unit_test(a_reader_that_gives_up_stops_the_writer),
                cmocka_unit_test(buffers_are_read_in_order_whoever_is_done_first),
                cmocka_unit_test(the_first_error_stands_and_nobody_waits_for_what_it_left),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
