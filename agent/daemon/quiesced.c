/* SPDX-License-Identifier: Apache-2.0 */
/* quiesced: the daemon. Holds jobs, answers on D-Bus, and never waits for anything else. */

#include <getopt.h>
#include <signal.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "daemon/manager-bus.h"
#include "daemon/manager.h"
#include "daemon/settings.h"

#define EXIT_USAGE 2

static int print_help(void)
{
        (void)printf("Usage: quiesced [OPTION]...\n"
                     "\n"
                     "Takes consistent snapshots and images of the EC2 instance that it runs on.\n"
                     "Started by systemd; its interface is D-Bus, and quiescectl(1).\n"
                     "\n"
                     "  -h, --help     show this help, and end\n"
                     "      --version  show the version, and end\n"
                     "      --debug    log more\n"
                     "\n"
                     "See quiesced(8), quiesced.conf(5) and org.quiesced1(5).\n");
        return 0;
}

/* 1 to go on, 0 when all is said, -EINVAL for wrong usage, which getopt has reported. */
static int parse_arguments(int argc, char *argv[])
{
        enum { OPTION_VERSION = 256, OPTION_DEBUG };
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "debug", no_argument, NULL, OPTION_DEBUG },
                { 0 },
        };
        int option;

        while ((option = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
                switch (option) {
                case 'h':
                        return print_help();
                case OPTION_VERSION:
                        (void)printf("quiesced %s\n", PACKAGE_VERSION);
                        return 0;
                case OPTION_DEBUG:
                        log_set_level(LOG_DEBUG);
                        break;
                default:
                        return -EINVAL;
                }
        }
        if (optind < argc) {
                log_error("quiesced takes no argument, but got '%s'; see quiesced --help",
                        argv[optind]);
                return -EINVAL;
        }
        return 1;
}

static int signal_arrived(sd_event_source *source, const struct signalfd_siginfo *info,
        void *userdata)
{
        (void)sd_notify(/* unset_environment= */ 0, "STOPPING=1");
        manager_stop(userdata);
        return 0;
}

/* SIGCHLD is blocked since sd-event demands it of whoever watches children. */
static int watch_signals(sd_event *event, Manager *manager)
{
        sigset_t mask;
        int r;

        (void)sigemptyset(&mask);
        (void)sigaddset(&mask, SIGCHLD);
        (void)sigaddset(&mask, SIGTERM);
        (void)sigaddset(&mask, SIGINT);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        r = sd_event_add_signal(event, NULL, SIGTERM, signal_arrived, manager);
        if (r < 0)
                return r;
        return sd_event_add_signal(event, NULL, SIGINT, signal_arrived, manager);
}

static int open_bus(sd_event *event, sd_bus **ret)
{
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        r = sd_bus_open_system(&bus);
        if (r < 0)
                return log_error_errno(r, "Failed to connect to the system bus: %m");
        /* Without its bus the daemon is deaf; a new one resumes what was running. */
        r = sd_bus_set_exit_on_disconnect(bus, true);
        if (r < 0)
                return log_error_errno(r, "Failed to watch the system bus: %m");
        r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return log_error_errno(r, "Failed to attach the system bus: %m");
        *ret = TAKE_PTR(bus);
        return 0;
}

/* The name comes last: who finds it finds all objects behind it. */
static int start(Manager *manager)
{
        int r;

        r = manager_bus_export(manager);
        if (r < 0)
                return log_error_errno(r, "Failed to export the bus objects: %m");
        r = watch_signals(manager->event, manager);
        if (r < 0)
                return log_error_errno(r, "Failed to watch signals: %m");
        r = manager_start(manager);
        if (r < 0)
                return log_error_errno(r, "Failed to take up earlier jobs: %m");
        r = sd_bus_request_name(manager->bus, BUS_NAME, 0);
        if (r < 0)
                return log_error_errno(r,
                        "Failed to own %s on the bus (is another quiesced running, and its bus "
                        "policy installed?): %m",
                        BUS_NAME);
        (void)sd_notify(/* unset_environment= */ 0, "READY=1");
        return 0;
}

static int run(void)
{
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        _cleanup_(freep) char *message = NULL;
        Settings settings;
        int r;

        settings_init(&settings);
        if (settings_read(&settings, &message) < 0) {
                log_error("%s", message ? message : "The configuration could not be read");
                return -EINVAL;
        }
        r = sd_event_default(&event);
        if (r < 0)
                return log_error_errno(r, "Failed to make an event loop: %m");
        (void)sd_event_set_watchdog(event, true);
        r = open_bus(event, &bus);
        if (r < 0)
                return r;
        r = manager_new(event, bus, &settings, &manager);
        if (r < 0)
                return log_error_errno(r, "Failed to make the manager: %m");
        r = start(manager);
        if (r < 0)
                return r;
        r = sd_event_loop(event);
        return r < 0 ? log_error_errno(r, "The event loop failed: %m") : r;
}

int main(int argc, char *argv[])
{
        int r = parse_arguments(argc, argv);

        if (r <= 0)
                return r < 0 ? EXIT_USAGE : EXIT_SUCCESS;
        return run() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
