/* SPDX-License-Identifier: Apache-2.0 */
/* The manager's face on the bus: /org/quiesced1, its methods, properties and signals. */

#include "daemon/manager-bus.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "daemon/bake-methods.h"
#include "daemon/errors.h"
#include "daemon/job-id.h"
#include "daemon/life-methods.h"
#include "daemon/options.h"
#include "daemon/queue.h"
#include "daemon/variant.h"

#define MANAGER_INTERFACE "org.quiesced1.Manager"

#define WHO_MAX 64
#define WHY_MAX 256

void manager_bus_changed(Manager *manager, const char *const *properties)
{
        (void)sd_bus_emit_properties_changed_strv(manager->bus, MANAGER_PATH, MANAGER_INTERFACE,
                (char **)properties);
}

void manager_bus_prepare(Manager *manager, bool start, const Job *job)
{
        (void)sd_bus_emit_signal(manager->bus, MANAGER_PATH, MANAGER_INTERFACE, "PrepareForQuiesce",
                "bo", start, job->path);
}

void manager_bus_job_new(Manager *manager, const Job *job)
{
        (void)sd_bus_emit_signal(
                manager->bus, MANAGER_PATH, MANAGER_INTERFACE, "JobNew", "so", job->id, job->path);
}

void manager_bus_job_removed(Manager *manager, const Job *job)
{
        (void)sd_bus_emit_signal(manager->bus, MANAGER_PATH, MANAGER_INTERFACE, "JobRemoved", "sos",
                job->id, job->path, job_state_names[job->state]);
}

static int inhibit(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(closep) int fd = -EBADF;
        Manager *manager = userdata;
        const char *who, *why;
        int r;

        r = sd_bus_message_read(message, "ss", &who, &why);
        if (r < 0)
                return r;
        if (!*who || strlen(who) > WHO_MAX || strlen(why) > WHY_MAX)
                return sd_bus_error_setf(reterr, ERROR_INVALID_ARGUMENT,
                        "'who' must have 1 to %d bytes and 'why' at most %d", WHO_MAX, WHY_MAX);
        r = inhibitors_add(&manager->inhibitors, who, why, &fd);
        if (r == -EBUSY)
                return sd_bus_error_setf(
                        reterr, ERROR_BUSY, "%d locks are held already", INHIBITORS_MAX);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(message, "h", fd);
}

static int rescan(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Manager *manager = userdata;

        return survey_begin(&manager->survey, message);
}

/* Whose object the message was sent to, or NULL. */
static Job *addressed_job(sd_bus_message *message, const Manager *manager)
{
        _cleanup_(freep) char *id = NULL;

        if (sd_bus_path_decode(sd_bus_message_get_path(message), JOB_PATH_PREFIX, &id) <= 0)
                return NULL;
        return manager_find_job(manager, id);
}

static int cancel(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Job *job = addressed_job(message, userdata);
        int r;

        if (!job)
                return sd_bus_error_setf(
                        reterr, ERROR_NO_SUCH_JOB, "The job is not listed any more");
        r = manager_cancel(userdata, job);
        if (r == -EALREADY)
                return sd_bus_error_setf(reterr, ERROR_NO_SUCH_JOB, "Job %s has ended already: %s",
                        job->id, job_state_names[job->state]);
        return r < 0 ? r : sd_bus_reply_method_return(message, NULL);
}

int manager_bus_cancel(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Manager *manager = userdata;
        const Job *job = addressed_job(message, manager);
        const char *action = job && job_deletes(job) ? ACTION_DELETE : ACTION_BAKE;

        return policy_authorize(&manager->policy, message, action, cancel, manager);
}

static const struct {
        const char *member;
        const char *action;
        sd_bus_message_handler_t handler;
} guarded_methods[] = {
        { "Bake", ACTION_BAKE, method_bake },
        { "CreateImage", ACTION_BAKE, method_create_image },
        { "CreateSnapshots", ACTION_BAKE, method_create_snapshots },
        { "Plan", ACTION_READ, method_plan },
        { "Freeze", ACTION_FREEZE, method_freeze },
        { "ListImages", ACTION_READ, method_list_images },
        { "ListSnapshots", ACTION_READ, method_list_snapshots },
        { "Verify", ACTION_BAKE, method_verify },
        { "Publish", ACTION_BAKE, method_publish },
        { "PlanPrune", ACTION_READ, method_plan_prune },
        { "Prune", ACTION_DELETE, method_prune },
        { "Deregister", ACTION_DELETE, method_deregister },
        { "FindOrphans", ACTION_READ, method_find_orphans },
        { "DeleteOrphans", ACTION_DELETE, method_delete_orphans },
        { "Doctor", ACTION_READ, method_doctor },
        { "Inhibit", ACTION_BAKE, inhibit },
        { "Rescan", ACTION_READ, rescan },
};

/* Wrong options are told by the handler, to those who may call it. */
static bool asks_for_reboot(sd_bus_message *message)
{
        _cleanup_(json_decrefp) json_t *options = NULL;
        sd_bus_error ignored = SD_BUS_ERROR_NULL;
        bool asks;

        if (!sd_bus_message_has_signature(message, "sa{sv}"))
                return false;
        asks = sd_bus_message_skip(message, "s") >= 0 &&
                options_read(message, OPTIONS_BAKE, &options, &ignored) >= 0 &&
                streq(json_get_string(options, "method", ""), "reboot");
        sd_bus_error_free(&ignored);
        (void)sd_bus_message_rewind(message, /* complete= */ true);
        return asks;
}

/* The way into every method that costs something. */
static int method_guarded(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        const char *member = sd_bus_message_get_member(message);
        Manager *manager = userdata;

        for (size_t i = 0; i < ELEMENTSOF(guarded_methods); i++) {
                const char *action = guarded_methods[i].action;

                if (!streq(guarded_methods[i].member, member))
                        continue;
                if (streq(action, ACTION_BAKE) && asks_for_reboot(message))
                        action = ACTION_REBOOT;
                return policy_authorize(
                        &manager->policy, message, action, guarded_methods[i].handler, manager);
        }
        return -EOPNOTSUPP;
}

static int append_job(sd_bus_message *reply, const Job *job)
{
        return sd_bus_message_append(reply, "(sossstst)", job->id, job->path, job->kind,
                job_subject(job), job_state_names[job->state], job->created_usec,
                job->step ? job->step : "", job->percent);
}

/* Shows what the jobs' properties show to everybody. */
static int method_list_jobs(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const Manager *manager = userdata;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_open_container(reply, 'a', "(sossstst)");
        for (size_t i = 0; r >= 0 && i < manager->n_jobs; i++)
                r = append_job(reply, manager->jobs[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r < 0 ? r : sd_bus_send(NULL, reply, NULL);
}

static int method_get_job(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        const char *id;
        const Job *job;
        int r;

        r = sd_bus_message_read(message, "s", &id);
        if (r < 0)
                return r;
        job = manager_find_job(userdata, id);
        if (!job)
                return sd_bus_error_setf(reterr, ERROR_NO_SUCH_JOB,
                        "There is no job '%s'; ListJobs has those that there are", id);
        return sd_bus_reply_method_return(message, "o", job->path);
}

static int get_version(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        return sd_bus_message_append(reply, "s", PACKAGE_VERSION);
}

/* The identity report has these under the metadata service's own names. */
static int get_identity(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        static const struct {
                const char *property;
                const char *key;
        } names[] = {
                { "InstanceId", "instance-id" },
                { "InstanceType", "instance-type" },
                { "ImageId", "image-id" },
                { "Region", "region" },
                { "AvailabilityZone", "zone" },
                { "AccountId", "account-id" },
                { "Architecture", "architecture" },
        };
        const Manager *manager = userdata;

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i].property, property))
                        return sd_bus_message_append(reply, "s",
                                survey_get(&manager->survey, names[i].key));
        return -ENOENT;
}

static int get_survey_error(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(
                reply, "s", manager->survey.error ? manager->survey.error : "");
}

static int get_objects(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        json_t *const *array = userdata;

        return variant_append_objects(reply, *array);
}

static int get_object(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        json_t *const *object = userdata;

        return variant_append_object(reply, *object);
}

static int get_frozen(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const Manager *manager = userdata;

        return sd_bus_message_append(reply, "b", manager->frozen != NULL);
}

static int get_n_jobs(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        return sd_bus_message_append(reply, "u", (uint32_t)queue_count_active(userdata));
}

#define GUARDED(name, arguments, results)                                                          \
        SD_BUS_METHOD_WITH_ARGS(name, SD_BUS_ARGS arguments, SD_BUS_RESULT results,                \
                method_guarded, SD_BUS_VTABLE_UNPRIVILEGED)
#define CHANGING(name, signature, getter, offset)                                                  \
        SD_BUS_PROPERTY(name, signature, getter, offset, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)
#define IDENTITY(name) CHANGING(name, "s", get_identity, 0)

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Version", "s", get_version, 0, SD_BUS_VTABLE_PROPERTY_CONST),
        IDENTITY("InstanceId"),
        IDENTITY("InstanceType"),
        IDENTITY("ImageId"),
        IDENTITY("Region"),
        IDENTITY("AvailabilityZone"),
        IDENTITY("AccountId"),
        IDENTITY("Architecture"),
        CHANGING("SurveyError", "s", get_survey_error, 0),
        CHANGING("Volumes", "aa{sv}", get_objects, offsetof(Manager, survey.volumes)),
        CHANGING("FileSystems", "aa{sv}", get_objects, offsetof(Manager, survey.filesystems)),
        CHANGING("Frozen", "b", get_frozen, 0),
        CHANGING("NRunningJobs", "u", get_n_jobs, 0),
        CHANGING("LastBake", "a{sv}", get_object, offsetof(Manager, last_bake)),
        SD_BUS_PROPERTY("InhibitDelayMaxUSec", "t", NULL,
                offsetof(Manager, settings.inhibit_delay_max_usec), SD_BUS_VTABLE_PROPERTY_CONST),

        GUARDED("Bake", ("s", profile, "a{sv}", options), ("o", job)),
        GUARDED("CreateImage", ("s", name, "a{sv}", options), ("o", job, "s", image)),
        GUARDED("CreateSnapshots", ("a{sv}", options), ("o", job, "as", snapshots)),
        GUARDED("Plan", ("s", profile, "a{sv}", options), ("s", json)),
        GUARDED("Freeze", ("a{sv}", options), ("h", fd)),
        GUARDED("ListImages", ("a{sv}", options), ("aa{sv}", images)),
        GUARDED("ListSnapshots", ("a{sv}", options), ("aa{sv}", snapshots)),
        GUARDED("Verify", ("s", image, "a{sv}", options), ("o", job)),
        GUARDED("Publish", ("s", image, "a{sv}", options), ("o", job)),
        GUARDED("PlanPrune", ("s", profile, "a{sv}", options), ("s", json)),
        GUARDED("Prune", ("s", profile, "a{sv}", options), ("o", job)),
        GUARDED("Deregister", ("as", images, "a{sv}", options), ("o", job)),
        GUARDED("FindOrphans", ("a{sv}", options), ("s", json)),
        GUARDED("DeleteOrphans", ("as", ids, "a{sv}", options), ("o", job)),
        GUARDED("Doctor", ("a{sv}", options), ("s", json)),
        GUARDED("Inhibit", ("s", who, "s", why), ("h", fd)),
        SD_BUS_METHOD_WITH_ARGS("Rescan", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_guarded,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("ListJobs", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(sossstst)", jobs),
                method_list_jobs, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD_WITH_ARGS("GetJob", SD_BUS_ARGS("s", id), SD_BUS_RESULT("o", job),
                method_get_job, SD_BUS_VTABLE_UNPRIVILEGED),

        SD_BUS_SIGNAL_WITH_ARGS("PrepareForQuiesce", SD_BUS_ARGS("b", start, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobNew", SD_BUS_ARGS("s", id, "o", job), 0),
        SD_BUS_SIGNAL_WITH_ARGS("JobRemoved", SD_BUS_ARGS("s", id, "o", job, "s", result), 0),
        SD_BUS_VTABLE_END,
};

int manager_bus_export(Manager *manager)
{
        int r;

        r = sd_bus_add_object_manager(manager->bus, NULL, MANAGER_PATH);
        if (r < 0)
                return r;
        return sd_bus_add_object_vtable(manager->bus, NULL, MANAGER_PATH, MANAGER_INTERFACE,
                manager_vtable, manager);
}
