/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle, upload, check, download, unbundle: another program does them (agent/bundle), as the user
 * who calls, with what the user may read. No key goes over D-Bus.
 */

#include <stddef.h>

#include "base/text.h"
#include "bundle/options.h"
#include "cli/verb.h"

#define PROGRAM PKGLIBEXECDIR "/quiesced-bundle"

#define MEMBER(word, member) { word, offsetof(Arguments, member) },

static const struct {
        const char *name;
        size_t offset;
} texts[] = { BUNDLE_TEXTS(MEMBER) }, flags[] = { BUNDLE_FLAGS(MEMBER) }, lists[] = {
        MEMBER("mapping", mappings)
        MEMBER("tag", tags)
};

/* --- What is missing -------------------------------------------------------------------------- */

static int check_bundle(const Arguments *arguments)
{
        const Verb *verb = arguments->verb;

        if (arguments->into && arguments->bucket)
                return usage_error(verb, "needs either --into=FOLDER or --bucket=BUCKET");
        if (!arguments->into && !arguments->bucket && !arguments->profile)
                return usage_error(verb,
                        "needs either --into=FOLDER or --bucket=BUCKET, or --profile=PROFILE");
        if (!arguments->user)
                return usage_error(verb, "needs --user=ACCOUNT, for whom the image is");
        if (arguments->into &&
                (arguments->prefix || arguments->tags.count > 0 || arguments->remove_leftovers))
                return usage_error(verb, "--%s is for --bucket=; leave it out",
                        arguments->prefix                   ? "prefix"
                                : arguments->tags.count > 0 ? "tag"
                                                            : "remove-leftovers");
        if (arguments->profile)
                return 0; /* what it does not say is missed by who reads it */
        if (!arguments->certificate || !arguments->private_key || !arguments->ec2_certificate)
                return usage_error(
                        verb, "needs --certificate=, --private-key= and --ec2-certificate=");
        return 0;
}

static int check_needs(const Arguments *arguments)
{
        const Verb *verb = arguments->verb;

        if (streq(verb->name, "bundle"))
                return check_bundle(arguments);
        if (streq(verb->name, "upload") && arguments->profile)
                return 0;
        if (streq(verb->name, "upload") && !arguments->bucket)
                return usage_error(verb, "needs --bucket=BUCKET, where it goes");
        if (streq(verb->name, "download") && !arguments->into)
                return usage_error(verb, "needs --into=FOLDER, where it goes");
        if (streq(verb->name, "unbundle") && (!arguments->into || !arguments->private_key))
                return usage_error(verb, "needs --into=FILE and --private-key=FILE");
        if (!arguments->certificate && !arguments->private_key)
                return usage_error(verb,
                        "needs --certificate=FILE (or --private-key=), by which it is signed");
        return 0;
}

/* --- The other program ------------------------------------------------------------------------ */

static int add_text(StringList *command, const char *name, const char *value)
{
        _cleanup_(freep) char *text = NULL;

        if (!value)
                return 0;
        return string_printf(&text, "%s=%s", name, value) < 0 ? -ENOMEM
                                                              : string_list_add(command, text);
}

/* What agent/bundle/order.h reads: the options in one form, checked. */
static int make_command(const Arguments *arguments, const char *program, StringList *command)
{
        const char *base = (const char *)arguments;
        int r = string_list_add(command, program);

        if (r >= 0)
                r = string_list_add(command, arguments->verb->name);
        if (r >= 0)
                r = string_list_add(command, arguments->operands[0]);
        for (size_t i = 0; i < ELEMENTSOF(texts) && r >= 0; i++)
                r = add_text(command, texts[i].name,
                        *(const char *const *)(const void *)(base + texts[i].offset));
        for (size_t i = 0; i < ELEMENTSOF(flags) && r >= 0; i++)
                if (*(const bool *)(base + flags[i].offset))
                        r = add_text(command, flags[i].name, "yes");
        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                const StringList *list = (const StringList *)(const void *)(base + lists[i].offset);

                for (size_t k = 0; k < list->count && r >= 0; k++)
                        r = add_text(command, lists[i].name, list->items[k]);
        }
        return r;
}

int verb_bundle(const Arguments *arguments)
{
        _cleanup_(string_list_done) StringList command = STRING_LIST_INIT;
        const char *chosen = getenv("QUIESCED_BUNDLE");
        const char *program = chosen ? chosen : PROGRAM;
        int r = check_needs(arguments);

        if (r != 0)
                return r;
        if (make_command(arguments, program, &command) < 0) {
                fprintf(stderr, "quiescectl: out of memory\n");
                return EXIT_FAILURE;
        }
        (void)execv(program, command.items);
        fprintf(stderr, "quiescectl %s: cannot run %s: %m; is quiesced installed whole?\n",
                arguments->verb->name, program);
        return EXIT_FAILURE;
}
