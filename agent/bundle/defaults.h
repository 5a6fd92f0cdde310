/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a command line leaves out is what the section [Bundle] of a profile says. */

#include "bundle/session.h"

/*
 * From the profile that the order names, if it names one: papers, bucket and prefix, into
 * session->given, which refers to session->profile. What is missing even then is an error of the
 * caller's. 0, -ENOMEM, or another negative errno with session->message.
 */
int defaults_take(Session *session);
