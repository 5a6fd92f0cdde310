/* SPDX-License-Identifier: Apache-2.0 */
/* A job's face on the bus: its object, and the method calls that wait for it. */

#include "daemon/job-bus.h"

#include "base/json.h"
#include "base/list.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/hold.h"
#include "daemon/variant.h"

#define JOB_INTERFACE "org.quiesced1.Job"

typedef struct Waiter {
        sd_bus_message *message;
        JobWait until;
} Waiter;

struct JobFace {
        sd_bus *bus;
        Job *job;
        sd_bus_slot *slot;
        sd_bus_message_handler_t cancel;
        Waiter *waiters;
        size_t n_waiters;
        Hold *hold;
};

JobWait job_wait_from_name(const char *name)
{
        static const char *const names[] = { "queued", "secured", "completed" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], name))
                        return (JobWait)i;
        return JOB_WAIT_INVALID;
}

/* Texts that every job has, some of them empty as yet: sd-bus gives the member's own offset. */
static int get_string(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const char *const *value = userdata;

        return sd_bus_message_append(reply, "s", *value ? *value : "");
}

static int get_state(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const JobState *state = userdata;

        return sd_bus_message_append(reply, "s", job_state_names[*state]);
}

static int get_result(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const JobState *state = userdata;

        return sd_bus_message_append(reply, "s", *state >= JOB_DONE ? job_state_names[*state] : "");
}

static int get_images(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const char *const *image = userdata;

        if (!*image)
                return sd_bus_message_append(reply, "as", 0);
        return sd_bus_message_append(reply, "as", 1, *image);
}

static int get_strings(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        json_t *const *array = userdata;

        return variant_append_strings(reply, *array);
}

/* [{"who", "agreed"}] as the worker was told of them. */
static int get_participants(sd_bus *bus, const char *path, const char *interface,
        const char *property, sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        json_t *const *participants = userdata;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "(sb)");
        for (size_t i = 0; r >= 0 && i < json_array_size(*participants); i++) {
                const json_t *one = json_array_get(*participants, i);

                r = sd_bus_message_append(reply, "(sb)", json_get_string(one, "who", ""),
                        json_get_bool(one, "agreed", false));
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int get_details(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        const Answer *details = userdata;
        _cleanup_(freep) char *text = NULL;

        if (!details->object)
                return sd_bus_message_append(reply, "s", "");
        text = json_dumps(details->object, JSON_COMPACT | JSON_DECIMALS);
        return text ? sd_bus_message_append(reply, "s", text) : -ENOMEM;
}

static int get_phases(sd_bus *bus, const char *path, const char *interface, const char *property,
        sd_bus_message *reply, void *userdata, sd_bus_error *reterr)
{
        json_t *const *phases = userdata;
        const char *name;
        json_t *usec;
        int r;

        r = sd_bus_message_open_container(reply, 'a', "{st}");
        if (r < 0)
                return r;
        json_object_foreach(*phases, name, usec) {
                r = sd_bus_message_append(reply, "{st}", name, (uint64_t)json_integer_value(usec));
                if (r < 0)
                        return r;
        }
        return sd_bus_message_close_container(reply);
}

static int method_cancel(sd_bus_message *message, void *userdata, sd_bus_error *reterr)
{
        Job *job = userdata;

        return job->face->cancel(message, job->userdata, reterr);
}

#define CONSTANT(name, signature, getter, member)                                                  \
        SD_BUS_PROPERTY(name, signature, getter, offsetof(Job, member),                            \
                SD_BUS_VTABLE_PROPERTY_CONST)
#define CHANGING(name, signature, getter, member)                                                  \
        SD_BUS_PROPERTY(name, signature, getter, offsetof(Job, member),                            \
                SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE)

static const sd_bus_vtable job_vtable[] = {
        SD_BUS_VTABLE_START(0),
        CONSTANT("Id", "s", get_string, id),
        CONSTANT("Kind", "s", get_string, kind),
        CONSTANT("Profile", "s", get_string, profile),
        CONSTANT("Name", "s", get_string, name),
        CONSTANT("CreatedUSec", "t", NULL, created_usec),
        CHANGING("State", "s", get_state, state),
        CHANGING("Step", "s", get_string, step),
        CHANGING("Progress", "t", NULL, percent),
        CHANGING("Images", "as", get_images, image),
        CHANGING("Snapshots", "as", get_strings, snapshots),
        CHANGING("Consistency", "s", get_string, consistency),
        CHANGING("FrozenUSec", "t", NULL, frozen_usec),
        CHANGING("Phases", "a{st}", get_phases, phases),
        CHANGING("Participants", "a(sb)", get_participants, participants),
        /* Of what may be as long as a list of images only that is told which is asked for. */
        SD_BUS_PROPERTY("Details", "s", get_details, offsetof(Job, details),
                SD_BUS_VTABLE_PROPERTY_EXPLICIT | SD_BUS_VTABLE_PROPERTY_EMITS_INVALIDATION),
        CHANGING("Result", "s", get_result, state),
        CHANGING("Error", "s", get_string, error),
        CHANGING("Message", "s", get_string, message),
        CHANGING("FinishedUSec", "t", NULL, finished_usec),
        SD_BUS_METHOD_WITH_ARGS("Cancel", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_cancel,
                SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

int job_face_new(sd_bus *bus, Job *job, sd_bus_message_handler_t cancel)
{
        _cleanup_(job_face_freep) JobFace *face = calloc(1, sizeof(*face));
        int r;

        if (!face)
                return -ENOMEM;
        *face = (JobFace){ .bus = sd_bus_ref(bus), .job = job, .cancel = cancel };
        r = sd_bus_add_object_vtable(bus, &face->slot, job->path, JOB_INTERFACE, job_vtable, job);
        if (r < 0)
                return r;
        (void)sd_bus_emit_object_added(bus, job->path);
        job->face = TAKE_PTR(face);
        return 0;
}

static int answer_failure(const Job *job, sd_bus_message *message)
{
        return sd_bus_reply_method_errorf(message, job->error ? job->error : ERROR_WORKER_DIED,
                "%s: %s", job->id,
                job->message               ? job->message :
                job->state == JOB_CANCELLED ? "Cancelled" :
                                             "Failed; see journalctl -u quiesced");
}

/* The image; before EC2 has given it an id, that of the job, which its snapshots have as a tag. */
static const char *image_or_set(const Job *job)
{
        if (job->image)
                return job->image;
        return job->state >= JOB_SECURED ? job->id : "";
}

static int answer_snapshots(const Job *job, sd_bus_message *message)
{
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "o", job->path);
        if (r >= 0)
                r = variant_append_strings(reply, job->snapshots);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        (void)sd_bus_message_unref(reply);
        return r;
}

static int answer(const Job *job, sd_bus_message *message)
{
        if (streq(job->kind, "image"))
                return sd_bus_reply_method_return(message, "os", job->path, image_or_set(job));
        if (streq(job->kind, "snapshots"))
                return answer_snapshots(job, message);
        return sd_bus_reply_method_return(message, "o", job->path);
}

static bool waiter_is_due(const Job *job, const Waiter *waiter)
{
        if (job_is_finished(job) || waiter->until == JOB_WAIT_QUEUED)
                return true;
        return waiter->until == JOB_WAIT_SECURED && job->state == JOB_SECURED;
}

static void waiter_answer(const Job *job, const Waiter *waiter)
{
        bool failed = job->state == JOB_FAILED || job->state == JOB_CANCELLED;
        int r;

        if (waiter->until != JOB_WAIT_QUEUED && (failed || waiter->until == JOB_WAIT_FROZEN))
                r = answer_failure(job, waiter->message);
        else
                r = answer(job, waiter->message);
        if (r < 0)
                (void)log_debug_errno(r, "%s: failed to answer: %m", job->id);
}

static void face_answer(JobFace *face)
{
        size_t kept = 0;

        for (size_t i = 0; i < face->n_waiters; i++) {
                if (!waiter_is_due(face->job, &face->waiters[i])) {
                        face->waiters[kept++] = face->waiters[i];
                        continue;
                }
                waiter_answer(face->job, &face->waiters[i]);
                (void)sd_bus_message_unref(face->waiters[i].message);
        }
        face->n_waiters = kept;
}

JobFace *job_face_free(JobFace *face)
{
        if (!face)
                return NULL;
        for (size_t i = 0; i < face->n_waiters; i++) {
                (void)answer_failure(face->job, face->waiters[i].message);
                (void)sd_bus_message_unref(face->waiters[i].message);
        }
        if (face->slot)
                (void)sd_bus_emit_object_removed(face->bus, face->job->path);
        (void)sd_bus_slot_unref(face->slot);
        (void)hold_free(face->hold);
        (void)sd_bus_unref(face->bus);
        free(face->waiters);
        free(face);
        return NULL;
}

int job_face_answer_later(JobFace *face, sd_bus_message *message, JobWait until)
{
        Waiter *waiter = ARRAY_ADD(face->waiters, face->n_waiters);

        if (!waiter)
                return -ENOMEM;
        *waiter = (Waiter){ sd_bus_message_ref(message), until };
        face_answer(face);
        return 1;
}

void job_face_changed(JobFace *face, const char *const *properties)
{
        (void)sd_bus_emit_properties_changed_strv(face->bus, face->job->path, JOB_INTERFACE,
                (char **)properties);
        face_answer(face);
}

static void holder_gone(void *userdata)
{
        job_thaw(userdata);
}

static int answer_held(JobFace *face, sd_event *event, sd_bus_message *message)
{
        _cleanup_(closep) int fd = -EBADF;
        int r;

        r = hold_new(event, holder_gone, face->job, &face->hold, &fd);
        if (r < 0)
                return r;
        return sd_bus_reply_method_return(message, "h", fd);
}

int job_face_held(JobFace *face, sd_event *event)
{
        for (size_t i = 0; i < face->n_waiters; i++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = face->waiters[i].message;

                if (face->waiters[i].until != JOB_WAIT_FROZEN)
                        continue;
                face->waiters[i] = face->waiters[--face->n_waiters];
                return answer_held(face, event, message);
        }
        return -ENOENT;
}

void job_face_released(JobFace *face)
{
        face->hold = hold_free(face->hold);
}
