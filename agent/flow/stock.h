/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What quiesced has made and EC2 lists: images, bundles and snapshot sets, as retention sees them.
 */

#include "flow/bake.h"

typedef enum StockKind {
        STOCK_IMAGE,
        STOCK_BUNDLE,    /* an image whose parts lie in S3 */
        STOCK_SNAPSHOTS, /* what one CreateSnapshots has cut, and no image was made of */
        STOCK_KIND_MAX,
} StockKind;

extern const char *const stock_kind_names[STOCK_KIND_MAX];

typedef struct StockObject {
        RetainObject retain; /* its texts are those below */
        StockKind kind;
        char *id;       /* of the image; of the job that made a set */
        char *name;     /* or NULL */
        char *instance; /* that it is of; or NULL */
        char *parameter; /* that may name the image; or NULL */
        char *guard;    /* why it must stay; NULL as long as nothing is known */
        uint64_t size_gib;
        bool is_public;
        bool is_protected; /* from being deregistered */
        StringList snapshots;
} StockObject;

typedef struct StockSnapshot StockSnapshot;

typedef struct Stock {
        StockObject *items;
        size_t count;
        StockSnapshot *loose; /* read, and not yet put together to sets */
        size_t n_loose;
        uint64_t now_usec;
} Stock;

void stock_done(Stock *stock);

/* A page of a listing; what is not ours is passed over. 0 or -ENOMEM. */
int stock_add_images(Stock *stock, const Ec2ImageList *page);
int stock_add_snapshots(Stock *stock, const Ec2SnapshotList *page);

/*
 * Puts sets together, and sees to it that nothing is there twice: a listing that changes while it
 * is read shows things again. 0 or -ENOMEM.
 */
int stock_finish(Stock *stock);

/* The image with that id, or NULL. */
const StockObject *stock_find(const Stock *stock, const char *id);

/* Whether the profile is about what has these tags. */
bool stock_is_selected(const Bake *bake, const TagList *tags);

/*
 * What the profile's Select= is about: 0, or a negative errno and a failure. Snapshots that belong
 * to an image are none of it, nor are those that are to become one.
 */
int stock_read(Bake *bake, Stock *ret);
