/* SPDX-License-Identifier: Apache-2.0 */
/* Steps 2 and 3: what holds which data, and what shall be done about it. */

#include "flow/survey.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "flow/bundling.h"
#include "flow/labels.h"
#include "flow/publication.h"
#include "flow/spec.h"
#include "flow/verify.h"
#include "flow/witness.h"
#include "host/topology-report.h"

/* Without a freezer the mounts are read as this process sees them; a freeze then fails by name. */
static int connect_freezer(Bake *bake)
{
        int r, fd = -EBADF;

        r = freezer_client_new(bake->settings->freezer_socket, &bake->freezer);
        if (r == 0)
                r = freezer_client_mountinfo(bake->freezer, &fd);
        if (r == 0)
                return fd;
        if (r == -ETIMEDOUT)
                log_warning("The freezer does not answer on %s: mounts that the sandbox hides are not "
                            "seen as they are", bake->settings->freezer_socket);
        else
                (void)log_debug_errno(r, "No freezer on %s: %m", bake->settings->freezer_socket);
        bake->freezer = freezer_client_free(bake->freezer);
        return -EBADF;
}

/* Stands for the API's answer where there is none. */
static int attach_what_is_seen(Bake *bake)
{
        const Topology *topology = &bake->topology;
        Ec2Instance *instance = &bake->instance;

        for (size_t i = 0; instance->id == NULL && i < topology->n_volumes; i++) {
                Ec2Attachment *attached = ARRAY_ADD(instance->attachments, instance->n_attachments);

                if (!attached || string_replace(&attached->volume_id, topology->volumes[i].id) < 0 ||
                        string_replace(&attached->device_name, topology->volumes[i].device) < 0)
                        return failure_set(
                                &bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        }
        return 0;
}

static int describe_instance(Bake *bake, bool strict)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (!bake->aws) /* then nobody was strict about the identity either */
                return 0;
        r = ec2_describe_instance(bake->aws, bake->identity.instance_id, &bake->instance, &error);
        if (r == 0 || !strict)
                return 0;
        return bake_fail_api(bake, "DescribeInstances", r, &error);
}

static int make_topology(const Bake *bake, const HostFacts *facts, Topology *ret)
{
        _cleanup_(freep) AttachedVolume *attached = NULL;
        size_t n = bake->instance.id ? bake->instance.n_attachments : 0;
        VolumeRules rules = { .nvme_models = &bake->settings->nvme_models, .n_attached = n };

        attached = calloc(n ? n : 1, sizeof(*attached));
        if (!attached)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                attached[i] = (AttachedVolume){ .id = bake->instance.attachments[i].volume_id,
                        .device_name = bake->instance.attachments[i].device_name };
        if (bake->instance.id)
                rules.attached = attached;
        return topology_build(facts, &rules, ret);
}

static int build_topology(Bake *bake)
{
        json_t *report = NULL;
        int r;

        r = make_topology(bake, &bake->facts, &bake->topology);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        if (topology_to_json(&bake->topology, &report) >= 0)
                observer_send(bake->observer, "topology", report);
        return 0;
}

int step_topology(Bake *bake, bool strict)
{
        _cleanup_(freep) char *message = NULL;
        int r;

        observer_step(bake->observer, STEP_TOPOLOGY);
        bake->mountinfo_fd = connect_freezer(bake);
        r = host_facts_read(NULL, bake->mountinfo_fd, &bake->settings->volume_map, &bake->facts,
                &message);
        if (r < 0)
                return failure_set(&bake->failure,
                        r == -EINVAL ? FAILURE_CONFIG_INVALID : FAILURE_INTERNAL, r, "%s",
                        message ? message : strerror(-r));
        r = describe_instance(bake, strict);
        if (r >= 0)
                r = build_topology(bake);
        return r < 0 ? r : attach_what_is_seen(bake);
}

void survey_confirm(Bake *bake)
{
        _cleanup_(host_facts_done) HostFacts facts = HOST_FACTS_INIT;
        _cleanup_(topology_done) Topology topology = TOPOLOGY_INIT;
        _cleanup_(freep) char *message = NULL;
        const FileSystem *missed;
        int r;

        if (!bake->evidence.all_frozen || !bake->evidence.complete_coverage)
                return;
        r = host_facts_read(
                NULL, bake->mountinfo_fd, &bake->settings->volume_map, &facts, &message);
        if (r >= 0)
                r = make_topology(bake, &facts, &topology);
        if (r < 0) {
                log_warning("The mounts cannot be compared with those of the plan: %s",
                        message ? message : strerror(-r));
                return;
        }
        missed = plan_find_missed(&bake->plan, &topology);
        if (missed)
                log_warning("%s was mounted, or made writable, after the plan: it was not frozen",
                        missed->mount_point);
        bake->evidence.same_mounts = !missed;
}

static bool image_is_wanted(const BakeRequest *request, const Profile *profile)
{
        if (streq(request->kind, "bake"))
                return profile->type == BAKE_IMAGE;
        return streq(request->kind, "image");
}

static PlanInput plan_input(const Bake *bake, const BakeRequest *request)
{
        return (PlanInput){
                .profile = &bake->profile,
                .identity = &bake->identity,
                .topology = &bake->topology,
                .instance = &bake->instance,
                .image_name = request->name,
                .image_wanted = image_is_wanted(request, &bake->profile),
                .no_witness = witness_obstacle(bake->settings->witness_path),
                .now_usec = clock_realtime_usec(),
        };
}

/* The name is asked for now, so that nobody is frozen for an image that could not be registered. */
static int check_name(Bake *bake)
{
        _cleanup_(ec2_image_list_done) Ec2ImageList images = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        Ec2ImageFilter filter = { .name = bake->plan.image_name };
        int r;

        if (!bake->plan.image_name)
                return 0;
        r = ec2_describe_images(bake->aws, &filter, 0, &images, &error);
        if (r != 0)
                return bake_fail_api(bake, "DescribeImages", r, &error);
        if (images.count > 0)
                return failure_set(&bake->failure, FAILURE_NAME_TAKEN, -EEXIST,
                        "There is an image '%s' already: %s; choose another name, or put %%d and %%t "
                        "into Name=",
                        bake->plan.image_name, images.items[0].id);
        return 0;
}

int step_plan(Bake *bake, const BakeRequest *request)
{
        PlanInput input = plan_input(bake, request);
        _cleanup_(freep) char *refusals = NULL;
        json_t *plan = NULL;
        int r;

        observer_step(bake->observer, STEP_PLAN);
        if (plan_make(&input, &bake->plan) < 0 || plan_to_json(&bake->plan, &input, &plan) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        observer_send(bake->observer, "plan", json_pack("{s:o}", "plan", plan));
        if (bake->plan.refusals.count > 0) {
                (void)string_list_join(&bake->plan.refusals, "; ", &refusals);
                return failure_set(&bake->failure, bake->plan.refusal_kind, -EINVAL, "%s",
                        refusals ? refusals : "Refused");
        }
        r = check_name(bake);
        if (r >= 0 && bake->plan.method == METHOD_BUNDLE)
                r = bundling_check(bake);
        return r < 0 || !bake->aws ? r : publication_plan(bake, aws_client_region(bake->aws));
}

int plan_permit(Bake *bake, const BakeRequest *request)
{
        if (bake->plan.method != METHOD_REBOOT || request->may_reboot)
                return 0;
        return failure_set(&bake->failure, FAILURE_ACCESS_DENIED, -EACCES,
                "The profile says Method=reboot, and permission to bake is not enough to reboot this "
                "host: say --method=reboot as well (option method), for which polkit is asked for "
                "org.quiesced1.reboot, or be root");
}

/* What the instance cannot be asked for is told, and no reason to have no image. */
static int read_uefi_data(Bake *bake, char **ret)
{
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        int r;

        if (!streq_ptr(bake->instance.current_boot_mode, "uefi") ||
                bake->plan.method == METHOD_BUNDLE)
                return 0;
        r = ec2_get_uefi_data(bake->aws, bake->identity.instance_id, ret, &error);
        if (r != EC2_E_REFUSED && r != EC2_E_NOT_FOUND && r != -EMSGSIZE)
                return r == 0 ? 0 : bake_fail_api(bake, "GetInstanceUefiData", r, &error);
        log_warning("The image will not have the UEFI variables of this instance, as the keys of "
                    "Secure Boot: GetInstanceUefiData: %s",
                error.code ? error.code : "they are too large");
        return 0;
}

/* Only for an image that we register ourselves: EC2 carries all over when it makes the image. */
static int record_spec(Bake *bake)
{
        _cleanup_(ec2_volume_list_done) Ec2VolumeList volumes = { 0 };
        _cleanup_(ec2_image_list_done) Ec2ImageList sources = { 0 };
        _cleanup_(api_error_done) ApiError error = API_ERROR_INIT;
        _cleanup_(freep) char *uefi_data = NULL;
        Ec2ImageFilter filter = { .id = bake->instance.image_id };
        SpecInput input = { .instance = &bake->instance, .volumes = &volumes, .plan = &bake->plan };
        int r;

        if (!bake->plan.image_name ||
                (bake->plan.method != METHOD_REGISTER && bake->plan.method != METHOD_BUNDLE))
                return 0;
        if (bake->plan.volumes.count > 0) {
                r = ec2_describe_volumes(bake->aws, &bake->plan.volumes, &volumes, &error);
                if (r != 0)
                        return bake_fail_api(bake, "DescribeVolumes", r, &error);
        }
        if (filter.id) {
                r = ec2_describe_images(bake->aws, &filter, 0, &sources, &error);
                if (r != 0 && r != EC2_E_NOT_FOUND)
                        return bake_fail_api(bake, "DescribeImages", r, &error);
        }
        r = read_uefi_data(bake, &uefi_data);
        if (r < 0)
                return r;
        input.source = sources.count > 0 ? &sources.items[0] : NULL;
        input.uefi_data = uefi_data;
        if (spec_make(&input, &bake->record.image) < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, -ENOMEM, "Out of memory");
        return 0;
}

static int copy_text(char **target, const char *value)
{
        return value ? string_replace(target, value) : 0;
}

static int fill_record(Bake *bake, const BakeRequest *request)
{
        PlanInput input = plan_input(bake, request);
        Record *record = &bake->record;

        record->state = RECORD_PLANNED;
        record->method = bake->plan.method;
        record->demanded = bake->profile.consistency;
        record->on_degrade = bake->profile.on_degrade;
        record->reached = CONSISTENCY_CRASH;
        record->started_usec = clock_realtime_usec();
        if (copy_text(&record->folder, bake->settings->job_folder) < 0 ||
                copy_text(&record->id, request->job) < 0 ||
                copy_text(&record->kind, request->kind) < 0 ||
                copy_text(&record->profile, request->profile) < 0 ||
                copy_text(&record->name, bake->plan.image_name) < 0 ||
                copy_text(&record->description, bake->profile.description) < 0 ||
                copy_text(&record->instance_id, bake->identity.instance_id) < 0 ||
                copy_text(&record->region, aws_client_region(bake->aws)) < 0 ||
                copy_text(&record->domain, bake->identity.domain) < 0 ||
                string_list_copy(&bake->plan.volumes, &record->volumes) < 0 ||
                labels_of_job(record, &bake->profile, &record->tags) < 0 ||
                labels_of_volumes(&bake->plan, &input, &record->contents) < 0)
                return -ENOMEM;
        if (bake->profile.verify == VERIFICATION_LAUNCH && record->name)
                return verify_want(record);
        return 0;
}

int plan_record(Bake *bake, const BakeRequest *request)
{
        int r;

        r = fill_record(bake, request);
        if (r < 0)
                return failure_set(&bake->failure, FAILURE_INTERNAL, r, "Out of memory");
        r = record_spec(bake);
        if (r >= 0 && bake->plan.method == METHOD_BUNDLE)
                r = bundling_record(bake);
        if (r < 0)
                return r;
        return bake_save(bake);
}
