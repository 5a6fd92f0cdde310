/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quiesced-bundle: the verbs of quiescectl for bundles of images that were made elsewhere. It runs
 * as the user who calls, and asks no daemon: keys and credentials are the user's own.
 */

#include <locale.h>
#include <signal.h>

#include "base/text.h"
#include "bundle/defaults.h"
#include "bundle/report.h"
#include "bundle/verb.h"
#include "cli/arguments.h"
#include "cli/display.h"
#include "image/locked.h"

static volatile sig_atomic_t arg_signal;

static const struct {
        const char *name;
        int (*run)(Session *session);
} verbs[] = {
        { "bundle", run_bundle },
        { "check", run_check },
        { "download", run_download },
        { "unbundle", run_unbundle },
        { "upload", run_upload },
};

static void on_signal(int number)
{
        arg_signal = number;
}

static bool is_cancelled(void *userdata)
{
        return arg_signal != 0;
}

/* They end the run as a failure does, so that it takes back what it made. */
static void catch_signals(void)
{
        static const int numbers[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
        const struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

        for (size_t i = 0; i < ELEMENTSOF(numbers); i++)
                (void)sigaction(numbers[i], &action, NULL);
}

/* mlock(2) says so of a limit that is too low, which is likelier. */
static const char *name_error(int r)
{
        if (r == -ENOMEM || r == -EPERM)
                return "out of memory, or of memory that may be locked for keys: see 'ulimit -l'";
        return r < 0 ? strerror(-r) : "the bucket refused";
}

static int fail(const Session *session, int r)
{
        _cleanup_(freep) char *escaped = NULL;
        const char *message = session->message ? session->message : name_error(r);

        if (display_escape(message, &escaped) == 0)
                message = escaped;
        fprintf(stderr, "quiescectl %s: %s%s\n", session->order->verb,
                arg_signal ? "ended by a signal: " : "", message);
        if (arg_signal)
                return EXIT_SIGNAL + (int)arg_signal;
        return session->is_usage ? EXIT_USAGE : EXIT_FAILURE;
}

static int run_verb(int (*run)(Session *session), const Order *order)
{
        _cleanup_(session_done) Session session;
        int r;

        session_init(&session, order, is_cancelled);
        r = defaults_take(&session);
        if (r == 0)
                r = run(&session);
        progress_done(&session.progress);
        if (r != 0)
                return fail(&session, r);
        r = report_print(&session);
        if (r == 0)
                return EXIT_SUCCESS;
        fprintf(stderr, "quiescectl: cannot write to standard output: %s\n", strerror(-r));
        return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        _cleanup_(order_done) Order order = { 0 };

        (void)locked_forbid_dumps();
        (void)locked_process();
        setlocale(LC_CTYPE, "");
        if (MB_CUR_MAX == 1)
                setlocale(LC_CTYPE, "C.UTF-8");
        catch_signals();
        if (order_read(argc, argv, &order) == 0)
                for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                        if (streq(verbs[i].name, order.verb))
                                return run_verb(verbs[i].run, &order);
        fprintf(stderr, "quiesced-bundle: this is a part of quiescectl(1)\n");
        return EXIT_USAGE;
}
