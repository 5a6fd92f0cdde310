/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What quiescectl hands over to quiesced-bundle as NAME=VALUE, and the member of either's structure that
 * holds it: texts, and flags, which are handed over where they are set.
 */

#define BUNDLE_TEXTS(option)                                                                \
        option("into", into)                                                                \
        option("name", name)                                                                \
        option("user", user)                                                                \
        option("architecture", architecture)                                                \
        option("kernel", kernel)                                                            \
        option("ramdisk", ramdisk)                                                          \
        option("certificate", certificate)                                                  \
        option("private-key", private_key)                                                  \
        option("ec2-certificate", ec2_certificate)                                          \
        option("bucket", bucket)                                                            \
        option("prefix", prefix)                                                            \
        option("region", region)                                                            \
        option("profile", profile)

#define BUNDLE_FLAGS(option)                                                                \
        option("digests", digests)                                                          \
        option("remove-leftovers", remove_leftovers)                                        \
        option("json", json)                                                                \
        option("quiet", quiet)                                                              \
        option("verbose", verbose)                                                          \
        option("no-progress", no_progress)
