/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Who this instance is, as its metadata service says. */

#include <jansson.h>
#include <stdbool.h>

#include "base/list.h"

/* Texts are NULL where the metadata service has nothing. */
typedef struct Identity {
        char *instance_id;
        char *region;
        char *zone;
        char *account_id;
        char *partition; /* "aws", "aws-cn", ... */
        char *domain; /* "amazonaws.com": what the endpoints of the region end in */
        char *architecture; /* "x86_64", "arm64", "i386" */
        char *instance_type;
        char *image_id;
        char *kernel_id;
        char *ramdisk_id;
        StringList billing_products;
        StringList marketplace_product_codes;
} Identity;

#define IDENTITY_INIT ((Identity){ 0 })

void identity_done(Identity *identity);

/*
 * Reads one page of the metadata service, "dynamic/instance-identity/document" for one, into memory
 * that the caller frees: 0, -ENOENT for 404, or another negative errno, which is forwarded.
 */
typedef int (*IdentityFetch)(void *userdata, const char *path, char **ret);

/*
 * Fetches and parses. -EBADMSG when the service answers with what is no identity; *reterr_message
 * then names the page and says what is wrong. Errors of `fetch` leave the page's name there.
 */
int identity_read(IdentityFetch fetch, void *userdata, Identity *ret, char **reterr_message);

/* The document alone; its fields are added to `identity`. 0, -ENOMEM or -EBADMSG. */
int identity_parse_document(Identity *identity, const char *json, char **reterr_message);

/* RegisterImage would lose these codes, and with them the right to run the image. */
bool identity_has_billing_codes(const Identity *identity);

/* The members of the worker's "identity" report, without the report's own; 0 or -ENOMEM. */
int identity_to_json(const Identity *identity, json_t **ret);
