/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The section [Verify] of quiesced.conf(5): which instance proves an image, and by what. */

#include <stdint.h>

#include "base/clock.h"
#include "base/config.h"

/* The longest TimeoutSec=: what has run for longer proves nothing any more. */
#define VERIFY_TIMEOUT_MAX_USEC (6 * 3600 * USEC_PER_SEC)

typedef enum VerifyWait {
        VERIFY_WAIT_STATUS, /* both of EC2's checks */
        VERIFY_WAIT_MARKER, /* the line that quiesced writes to the console when it has booted */
        VERIFY_WAIT_MAX,
} VerifyWait;

/* NULL-terminated. */
extern const char *const verify_wait_names[];

typedef struct VerifySettings {
        char *instance_type; /* NULL: that of this instance */
        char *subnet_id; /* NULL: EC2's choice */
        char *instance_profile; /* name or ARN; NULL: none */
        StringList security_groups; /* none: EC2's choice */
        uint64_t timeout_usec; /* of the whole, from the first attempt to launch */
        int wait; /* VerifyWait */
} VerifySettings;

void verify_settings_init(VerifySettings *settings);
void verify_settings_done(VerifySettings *settings);

/* Parsers of base/config.h: what AWS would refuse is refused with its line. */
int verify_parse_type(const ConfigKey *key, const char *value, void *target, char **reterr);
int verify_parse_subnet(const ConfigKey *key, const char *value, void *target, char **reterr);
int verify_parse_profile(const ConfigKey *key, const char *value, void *target, char **reterr);
int verify_parse_groups(const ConfigKey *key, const char *value, void *target, char **reterr);
extern const ConfigRange verify_timeout_range;
