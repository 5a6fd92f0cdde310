/* SPDX-License-Identifier: Apache-2.0 */
#include "freeze/capture/dialogue.h"

#include <stdbool.h>
#include <string.h>

#define ALLOW(type) (1u << (type))

static const unsigned allowed[CAPTURE_PHASE_MAX] = {
        [CAPTURE_PHASE_IDLE] = ALLOW(CAPTURE_BEGIN) | ALLOW(CAPTURE_TAKE) | ALLOW(CAPTURE_DISCARD),
        [CAPTURE_PHASE_NAMING] = ALLOW(CAPTURE_MOUNT),
        [CAPTURE_PHASE_READY] = ALLOW(CAPTURE_PASS),
        [CAPTURE_PHASE_STAGED] = ALLOW(CAPTURE_PASS) | ALLOW(CAPTURE_FINAL),
        [CAPTURE_PHASE_CAUGHT] = ALLOW(CAPTURE_RULE) | ALLOW(CAPTURE_SCRUB) | ALLOW(CAPTURE_KEEP),
        [CAPTURE_PHASE_SCRUBBED] = ALLOW(CAPTURE_KEEP),
        [CAPTURE_PHASE_KEPT] = ALLOW(CAPTURE_TAKE) | ALLOW(CAPTURE_DISCARD),
};

static size_t message_size(uint32_t type)
{
        switch (type) {
        case CAPTURE_BEGIN:
                return sizeof(CaptureBegin);
        case CAPTURE_MOUNT:
                return sizeof(CaptureMount);
        case CAPTURE_FINAL:
                return sizeof(CaptureFinal);
        case CAPTURE_RULE:
                return sizeof(CaptureRule);
        case CAPTURE_SCRUB:
                return sizeof(CaptureScrub);
        case CAPTURE_TAKE:
        case CAPTURE_DISCARD:
                return sizeof(CaptureName);
        default:
                return sizeof(CaptureHeader);
        }
}

/* It ends within its field, and nothing follows it. */
static bool string_is_whole(const char *string, size_t size)
{
        size_t length = strnlen(string, size);

        if (length == size)
                return false;
        for (size_t i = length; i < size; i++)
                if (string[i] != '\0')
                        return false;
        return true;
}

static const char *path_complaint(const char *path)
{
        if (!string_is_whole(path, CAPTURE_PATH_MAX))
                return "a path does not end, or something follows it";
        return path[0] == '/' ? NULL : "a path must be absolute";
}

/* It becomes part of a file's name. */
static const char *job_complaint(const char *job)
{
        static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789-_.";

        if (!string_is_whole(job, CAPTURE_JOB_MAX))
                return "the job's name does not end, or something follows it";
        if (job[0] == '\0' || job[0] == '.' || job[strspn(job, letters)] != '\0')
                return "a job's name is letters, digits, '-', '_' and '.', which it does not begin "
                       "with";
        return NULL;
}

static const char *begin_complaint(const CaptureBegin *begin)
{
        const char *complaint = job_complaint(begin->job);

        if (begin->n_mounts < 1 || begin->n_mounts > CAPTURE_MOUNTS_MAX)
                return "a capture names between 1 and 64 mounts";
        if (begin->delta_bytes > CAPTURE_DELTA_MAX_BYTES)
                return "at most 4 GiB may change in the window";
        if (begin->reserved != 0)
                return "the request has an unknown flag";
        return complaint ? complaint : path_complaint(begin->folder);
}

static const char *final_complaint(const CaptureFinal *final)
{
        if (final->budget_usec < CAPTURE_BUDGET_MIN_USEC ||
                final->budget_usec > CAPTURE_BUDGET_MAX_USEC)
                return "the budget must be between 1 ms and 30 s";
        return NULL;
}

static const char *rule_complaint(const CaptureRule *rule)
{
        if (rule->kind < CAPTURE_RULE_INCLUDE || rule->kind >= CAPTURE_RULE_KIND_MAX)
                return "the rule is of unknown kind";
        if (!string_is_whole(rule->pattern, sizeof(rule->pattern)) || rule->pattern[0] == '\0')
                return "a pattern must not be empty, and nothing follows its end";
        return NULL;
}

static const char *scrub_complaint(const CaptureScrub *scrub)
{
        if (scrub->reserved != 0 ||
                scrub->flags &
                        ~(CAPTURE_SCRUB_NO_DEFAULTS | CAPTURE_SCRUB_MACHINE_ID |
                                CAPTURE_SCRUB_LEASES))
                return "the scrub has an unknown flag";
        return NULL;
}

static const char *name_complaint(const CaptureName *name)
{
        const char *complaint = job_complaint(name->job);

        return complaint ? complaint : path_complaint(name->folder);
}

static const char *body_complaint(uint32_t type, const void *packet)
{
        switch (type) {
        case CAPTURE_BEGIN:
                return begin_complaint(packet);
        case CAPTURE_MOUNT:
                return path_complaint(((const CaptureMount *)packet)->path);
        case CAPTURE_FINAL:
                return final_complaint(packet);
        case CAPTURE_RULE:
                return rule_complaint(packet);
        case CAPTURE_SCRUB:
                return scrub_complaint(packet);
        case CAPTURE_TAKE:
        case CAPTURE_DISCARD:
                return name_complaint(packet);
        default:
                return NULL;
        }
}

const char *capture_complaint(CapturePhase phase, const void *packet, size_t size)
{
        CaptureHeader header;

        if (size < sizeof(header))
                return "the message is too short";
        memcpy(&header, packet, sizeof(header));
        if (header.version != CAPTURE_VERSION)
                return "the client speaks another version of the protocol";
        if (header.type < CAPTURE_BEGIN || header.type > CAPTURE_DISCARD)
                return "the message is of unknown type";
        if (size != message_size(header.type))
                return "the message is of wrong size";
        if (!(allowed[phase] & ALLOW(header.type)))
                return "the message is out of order";
        return body_complaint(header.type, packet);
}
