/* SPDX-License-Identifier: Apache-2.0 */
/* quiescectl: the table of verbs, and the way to them. */

#include <locale.h>
#include <stdlib.h>

#include "base/text.h"
#include "cli/arguments.h"
#include "cli/verb.h"

#define OPTIONS_OUTPUT                                                                             \
        (OPTION_BIT(OPTION_NO_PROGRESS) | OPTION_BIT(OPTION_VERBOSE) | OPTION_BIT(OPTION_QUIET))
#define OPTIONS_FREEZE                                                                             \
        (OPTION_BIT(OPTION_VOLUME) | OPTION_BIT(OPTION_EXCLUDE) | OPTION_BIT(OPTION_BUDGET) |      \
                OPTION_BIT(OPTION_QUEUE))
#define OPTIONS_CUT                                                                                \
        (OPTIONS_FREEZE | OPTION_BIT(OPTION_CONSISTENCY) | OPTION_BIT(OPTION_ON_DEGRADE) |         \
                OPTION_BIT(OPTION_TAG) | OPTION_BIT(OPTION_DESCRIPTION) |                          \
                OPTION_BIT(OPTION_NO_FREEZE))
#define OPTIONS_IMAGE                                                                              \
        (OPTION_BIT(OPTION_METHOD) | OPTION_BIT(OPTION_SCRUB_INCLUDE) |                            \
                OPTION_BIT(OPTION_SCRUB_EXCLUDE) | OPTION_BIT(OPTION_NO_SCRUB))
#define OPTIONS_WAIT (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_WAIT) | OPTIONS_OUTPUT)
#define OPTIONS_LIST                                                                               \
        (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_ALL) | OPTION_BIT(OPTION_PROFILE))
#define OPTIONS_LIFE                                                                               \
        (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_QUEUE) | OPTION_BIT(OPTION_WAIT_END) |        \
                OPTIONS_OUTPUT)

#define OPTIONS_PAPERS (OPTION_BIT(OPTION_CERTIFICATE) | OPTION_BIT(OPTION_PRIVATE_KEY))
#define OPTIONS_BUNDLE                                                                             \
        (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_REGION) | OPTIONS_PAPERS | OPTIONS_OUTPUT)
#define OPTIONS_SEND                                                                               \
        (OPTION_BIT(OPTION_BUCKET) | OPTION_BIT(OPTION_PREFIX) | OPTION_BIT(OPTION_TAG) |          \
                OPTION_BIT(OPTION_PROFILE))
#define OPTIONS_MAKE                                                                               \
        (OPTION_BIT(OPTION_INTO) | OPTION_BIT(OPTION_NAME) | OPTION_BIT(OPTION_USER) |             \
                OPTION_BIT(OPTION_ARCHITECTURE) | OPTION_BIT(OPTION_KERNEL) |                      \
                OPTION_BIT(OPTION_RAMDISK) | OPTION_BIT(OPTION_MAPPING) |                          \
                OPTION_BIT(OPTION_EC2_CERTIFICATE) | OPTION_BIT(OPTION_REMOVE_LEFTOVERS))

static const Verb verbs[] = {
        { "status", "", "Show this instance, the running job and the last bake", NULL, 0, 0, false,
                OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_ANNOUNCE), verb_status },
        { "volumes", "", "List volumes and file systems, and what no snapshot covers", NULL, 0, 0,
                false, OPTION_BIT(OPTION_JSON), verb_volumes },
        { "plan", "[PROFILE]", "Show what a bake would do; change nothing", NULL, 0, 1, false,
                OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_KIND) | OPTIONS_IMAGE |
                        (OPTIONS_CUT & ~OPTION_BIT(OPTION_QUEUE)),
                verb_plan },
        { "image", "NAME", "Make an image of this instance", "needs the image's NAME", 1, 1, false,
                OPTIONS_CUT | OPTIONS_WAIT | OPTIONS_IMAGE, verb_image },
        { "snapshot", "", "Snapshot the volumes together, without an image", NULL, 0, 0, false,
                OPTIONS_CUT | OPTIONS_WAIT, verb_snapshot },
        { "bake", "PROFILE", "Run a profile", "needs the name of a PROFILE", 1, 1, false,
                OPTIONS_CUT | OPTIONS_WAIT | OPTIONS_IMAGE, verb_bake },
        { "images", "", "List the images that were made of this instance", NULL, 0, 0, false,
                OPTIONS_LIST, verb_images },
        { "snapshots", "", "List the snapshots that were made of this instance", NULL, 0, 0, false,
                OPTIONS_LIST, verb_snapshots },
        { "verify", "IMAGE", "Launch an instance from an image, and see it work",
                "needs the id of an IMAGE; 'quiescectl images' lists them", 1, 1, false,
                OPTIONS_LIFE, verb_verify },
        { "publish", "IMAGE", "Do for an image what its profile wants published",
                "needs the id of an IMAGE; 'quiescectl images' lists them", 1, 1, false,
                OPTIONS_LIFE | OPTION_BIT(OPTION_PROFILE), verb_publish },
        { "prune", "PROFILE", "Delete what a profile does not retain",
                "needs the name of a PROFILE", 1, 1, false,
                OPTIONS_LIFE | OPTION_BIT(OPTION_DRY_RUN), verb_prune },
        { "deregister", "IMAGE...", "Delete images, and the snapshots that belong to them",
                "needs the id of an IMAGE; 'quiescectl images' lists them", 1, IDS_MAX, false,
                OPTIONS_LIFE | OPTION_BIT(OPTION_FORCE) | OPTION_BIT(OPTION_OVERRIDE),
                verb_deregister },
        { "orphans", "", "List what belongs to nothing any more, and delete it", NULL, 0, 0, false,
                (OPTIONS_LIFE & ~OPTION_BIT(OPTION_WAIT_END)) | OPTION_BIT(OPTION_ALL) |
                        OPTION_BIT(OPTION_DELETE) | OPTION_BIT(OPTION_YES),
                verb_orphans },
        { "doctor", "[PROFILE]", "Check what this instance may do", NULL, 0, 1, false,
                OPTION_BIT(OPTION_JSON), verb_doctor },
        { "jobs", "", "List the running and the last jobs", NULL, 0, 0, false,
                OPTION_BIT(OPTION_JSON), verb_jobs },
        { "cancel", "JOB", "Cancel a job", "needs the id of a JOB; 'quiescectl jobs' lists them", 1,
                1, false, OPTION_BIT(OPTION_QUIET), verb_cancel },
        { "freeze", "-- COMMAND [ARGUMENT...]", "Run a command while the file systems are frozen",
                "needs a command: quiescectl freeze -- COMMAND", 1, UINT32_MAX, true,
                OPTIONS_FREEZE, verb_freeze },
        { "bundle", "IMAGE-FILE", "Make an instance-store bundle of an image file",
                "needs an IMAGE-FILE", 1, 1, false, OPTIONS_BUNDLE | OPTIONS_SEND | OPTIONS_MAKE,
                verb_bundle },
        { "upload", "BUNDLE", "Put a bundle into a bucket of S3",
                "needs a BUNDLE: its folder, or its manifest", 1, 1, false,
                OPTIONS_BUNDLE | OPTIONS_SEND, verb_bundle },
        { "check", "BUNDLE", "Check a bundle's signature and all of its parts",
                "needs a BUNDLE: its folder, its manifest, or s3://BUCKET/KEY", 1, 1, false,
                OPTIONS_BUNDLE | OPTION_BIT(OPTION_DIGESTS), verb_bundle },
        { "download", "BUCKET/KEY", "Get a bundle out of its bucket",
                "needs the BUCKET/KEY of a manifest", 1, 1, false,
                OPTIONS_BUNDLE | OPTION_BIT(OPTION_INTO), verb_bundle },
        { "unbundle", "BUNDLE", "Get the image out of a bundle",
                "needs a BUNDLE: its folder, its manifest, or s3://BUCKET/KEY", 1, 1, false,
                OPTIONS_BUNDLE | OPTION_BIT(OPTION_INTO), verb_bundle },
};

static const Verb *verb_find(const char *name)
{
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

static int print_help(void)
{
        printf("Usage: quiescectl VERB [OPTION...] [ARGUMENT...]\n\n"
               "Snapshots and images of this EC2 instance, without stopping it.\n\nVerbs:\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %-10s %-26s %s\n", verbs[i].name, verbs[i].operands, verbs[i].summary);
        printf("\n'quiescectl VERB --help' shows the options of a verb; quiescectl(1) tells "
               "more.\n");
        return EXIT_SUCCESS;
}

static int print_verb_help(const Verb *verb)
{
        printf("Usage: quiescectl %s [OPTION...]%s%s\n\n%s.\n\nOptions:\n", verb->name,
                *verb->operands ? " " : "", verb->operands, verb->summary);
        arguments_print_options(verb, stdout);
        return EXIT_SUCCESS;
}

static int run_verb(const Verb *verb, int argc, char **argv)
{
        _cleanup_(arguments_done) Arguments arguments;
        int r;

        r = arguments_parse(verb, argc, argv, &arguments);
        if (r < 0) {
                fprintf(stderr, "quiescectl: out of memory\n");
                return EXIT_FAILURE;
        }
        if (r > 0)
                return r;
        return arguments.help ? print_verb_help(verb) : verb->run(&arguments);
}

static int run(int argc, char **argv)
{
        const Verb *verb;

        if (argc < 2)
                return usage_error(NULL, "needs a verb");
        if (streq(argv[1], "--help") || streq(argv[1], "-h"))
                return print_help();
        if (streq(argv[1], "--version")) {
                printf("quiesced %s\n", PACKAGE_VERSION);
                return EXIT_SUCCESS;
        }
        if (argv[1][0] == '-')
                return usage_error(NULL, "'%s' comes before the verb; options follow it", argv[1]);
        verb = verb_find(argv[1]);
        if (!verb)
                return usage_error(NULL, "unknown verb '%s'", argv[1]);
        return run_verb(verb, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
        int status;

        /* Paths are UTF-8 whatever the locale, and a timer's locale is "C". */
        setlocale(LC_CTYPE, "");
        if (MB_CUR_MAX == 1)
                setlocale(LC_CTYPE, "C.UTF-8");
        status = run(argc, argv);
        if ((fflush(stdout) != 0 || ferror(stdout)) && status == EXIT_SUCCESS) {
                fprintf(stderr, "quiescectl: cannot write to standard output: %m\n");
                return EXIT_FAILURE;
        }
        return status;
}
