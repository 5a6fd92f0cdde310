/* SPDX-License-Identifier: Apache-2.0 */
/* What EC2 wrote into the description of a snapshot that it made for an image. */

#include "flow/origin.h"

#include "base/text.h"

/*
 * The volume of a snapshot that CopySnapshot made: EC2 User Guide, "Copy an Amazon EBS snapshot".
 */
#define COPY_VOLUME "vol-ffffffff"

/* Moves *at past `text`. */
static bool take(const char **at, const char *text)
{
        const char *rest = startswith(*at, text);

        if (rest)
                *at = rest;
        return rest;
}

/* Moves *at past an id; `ret`, ORIGIN_BYTES long, may be NULL. */
static bool take_id(const char **at, const char *prefix, char *ret)
{
        size_t length = ec2_id_length(*at, prefix);

        if (length == 0 || (ret && length >= ORIGIN_BYTES))
                return false;
        if (ret) {
                memcpy(ret, *at, length);
                ret[length] = '\0';
        }
        *at += length;
        return true;
}

/* "Created by CreateImage(i-..) for ami-..", in earlier years with " from vol-.." behind it. */
static bool is_created(const char *at, const char *volume_id, char *ret)
{
        char volume[ORIGIN_BYTES];

        if (!take(&at, "Created by CreateImage(") || !take_id(&at, "i-", NULL) ||
                !take(&at, ") for ") || !take_id(&at, "ami-", ret))
                return false;
        if (streq_ptr(volume_id, COPY_VOLUME))
                return false;
        if (*at == '\0')
                return true;
        return take(&at, " from ") && take_id(&at, "vol-", volume) && *at == '\0' &&
                streq_ptr(volume, volume_id);
}

/* "Copied for DestinationAmi ami-.. from SourceAmi ami-.. for SourceSnapshot snap-.." */
static bool is_copied(const char *at, char *ret)
{
        if (!take(&at, "Copied for DestinationAmi ") || !take_id(&at, "ami-", ret) ||
                !take(&at, " from SourceAmi ") || !take_id(&at, "ami-", NULL) ||
                !take(&at, " for SourceSnapshot ") || !take_id(&at, "snap-", NULL))
                return false;
        /* ". Task created on 1,612,345,678,901." */
        if (take(&at, ". Task created on "))
                at += strspn(at, "0123456789,");
        (void)take(&at, ".");
        return *at == '\0';
}

bool origin_image(const char *description, const char *volume_id, char ret[static ORIGIN_BYTES])
{
        char image_id[ORIGIN_BYTES];

        if (!description ||
                (!is_created(description, volume_id, image_id) && !is_copied(description, image_id)))
                return false;
        memcpy(ret, image_id, ORIGIN_BYTES);
        return true;
}
