/* SPDX-License-Identifier: Apache-2.0 */
/* The name of the image that a plan is for. */

#include "base/clock.h"
#include "base/text.h"
#include "flow/plan.h"

#define IMAGE_NAME_MIN 3
#define IMAGE_NAME_MAX 128
#define NAME_TEMPLATE_DEFAULT "%p-%d-%t"
#define NAME_CHARACTERS                                                                            \
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789()[] ./-'@_"

static int expand(Text *text, char specifier, const PlanInput *input)
{
        char stamp[TIMESTAMP_MAX];

        timestamp_format(input->now_usec, stamp);
        switch (specifier) {
        case 'i':
                return text_add(text, input->identity->instance_id);
        case 'p':
                return text_add(text, input->profile->name ? input->profile->name : "image");
        case 'd':
                return text_addf(text, "%.4s%.2s%.2s", stamp, stamp + 5, stamp + 8);
        case 't':
                return text_addf(text, "%.2s%.2s%.2s", stamp + 11, stamp + 14, stamp + 17);
        default:
                return -EINVAL;
        }
}

static int expand_all(const PlanInput *input, const char *template, char **ret, char **reterr_reason)
{
        _cleanup_(text_done) Text text = TEXT_INIT;

        for (const char *at = template; *at; at++) {
                int r = *at == '%' ? expand(&text, at[1], input) : text_add_bytes(&text, at, 1);

                if (r == -EINVAL)
                        (void)string_printf(reterr_reason,
                                "Name=%s: '%.2s' is no specifier: use %%i, %%p, %%d or %%t", template,
                                at);
                if (r < 0)
                        return r;
                if (*at == '%')
                        at++;
        }
        return text_take(&text, ret);
}

int plan_image_name(const PlanInput *input, char **ret, char **reterr_reason)
{
        const char *template = input->profile->image_name;
        _cleanup_(freep) char *name = NULL;
        int r;

        if (input->image_name)
                name = strdup(input->image_name);
        else {
                r = expand_all(input, template ? template : NAME_TEMPLATE_DEFAULT, &name,
                        reterr_reason);
                if (r < 0)
                        return r;
        }
        if (!name)
                return -ENOMEM;
        if (strlen(name) < IMAGE_NAME_MIN || strlen(name) > IMAGE_NAME_MAX ||
                name[strspn(name, NAME_CHARACTERS)] != '\0') {
                (void)string_printf(reterr_reason,
                        "%s'%s' is no image name: EC2 takes %d to %d letters, digits and "
                        "( ) [ ] . / - ' @ _ or blanks",
                        input->image_name ? "" : "Name=: ", name, IMAGE_NAME_MIN, IMAGE_NAME_MAX);
                return -EINVAL;
        }
        *ret = TAKE_PTR(name);
        return 0;
}
