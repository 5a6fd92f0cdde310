/* SPDX-License-Identifier: Apache-2.0 */
/* Whether what a method asks for may begin now: a job, or a question that takes a worker. */

#include "daemon/admission.h"

#include "base/text.h"
#include "daemon/errors.h"
#include "daemon/options.h"
#include "daemon/queue.h"

#define QUEUED_MAX 16

/* Whether a new job may come now; a negative error, set in `reterr`, if not. */
static int admit(const Manager *manager, const char *if_busy, sd_bus_error *reterr)
{
        const Job *busy = queue_busy(manager);

        if (manager->stopping)
                return sd_bus_error_setf(reterr, ERROR_BUSY, "quiesced is being stopped");
        if (!busy)
                return 0;
        if (streq(if_busy, "refuse"))
                return sd_bus_error_setf(reterr, ERROR_BUSY,
                        "Job %s (%s%s%s) is %s; wait for its end, cancel it, or queue behind it "
                        "(option if-busy=queue, quiescectl --queue)",
                        busy->id, busy->kind, *job_subject(busy) ? " of " : "",
                        job_subject(busy), job_state_names[busy->state]);
        if (queue_count_waiting(manager) > QUEUED_MAX)
                return sd_bus_error_setf(
                        reterr, ERROR_BUSY, "%d jobs are queued already", QUEUED_MAX);
        return 0;
}

int admission_begin(Manager *manager, sd_bus_message *message, const JobRequest *request,
        JobWait wait, sd_bus_error *reterr)
{
        _cleanup_(freep) char *if_busy = NULL, *until = NULL;
        Job *job;
        int r;

        r = options_take(request->options, "if-busy", "refuse", &if_busy);
        if (r < 0)
                return r;
        r = options_take(request->options, "wait", "", &until);
        if (r < 0)
                return r;
        r = admit(manager, if_busy, reterr);
        if (r < 0)
                return r;
        r = manager_add_job(manager, request, &job);
        if (r < 0)
                return r;
        r = job_face_answer_later(job->face, message, *until ? job_wait_from_name(until) : wait);
        manager_next(manager);
        return r;
}

int admission_ask(Manager *manager, sd_bus_message *message, const json_t *request,
        QuestionReply reply, sd_bus_error *reterr)
{
        if (!request)
                return -ENOMEM;
        if (manager->frozen)
                return sd_bus_error_setf(reterr, ERROR_BUSY,
                        "Job %s has file systems frozen; try again in a moment",
                        manager->frozen->id);
        return questions_add(&manager->questions, message, request, reply);
}
