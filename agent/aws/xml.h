/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* A reply as a small tree that does not change: elements with either children or text. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

#define XML_BYTES_MAX (32u * 1024 * 1024)
#define XML_NODES_MAX (1024u * 1024) /* elements and attributes */
#define XML_DEPTH_MAX 32

typedef struct Xml Xml;
typedef struct XmlNode XmlNode;

enum {
        XML_E_MALFORMED = 1, /* not well-formed, cut short, or empty */
        XML_E_REFUSED, /* a DOCTYPE, or more than the limits allow */
};

/* 0, a XML_E_ outcome, or -ENOMEM. The tree does not refer to `data`. */
int xml_parse(const char *data, size_t size, Xml **ret);
Xml *xml_free(Xml *xml);
DEFINE_CLEANUP(Xml *, xml_free)

const XmlNode *xml_root(const Xml *xml);
const char *xml_name(const XmlNode *node);

/* Where it stands in what was parsed, from its start tag to the end of its end tag. */
size_t xml_span(const XmlNode *node, size_t *ret_size);

/* The value of its attribute, or NULL. */
const char *xml_attribute(const XmlNode *node, const char *name);

/* All accept NULL for a node, and then find nothing, so that look-ups chain. */
const XmlNode *xml_first(const XmlNode *node);
const XmlNode *xml_next(const XmlNode *node);

/* The first descendant by a path of names: "Errors/Error/Code". */
const XmlNode *xml_find(const XmlNode *node, const char *path);

/* Its text without the blanks around it; NULL if absent, empty, or not a leaf. */
const char *xml_text(const XmlNode *node, const char *path);

/* The text as what it should be; the fallback if it is absent or something else. */
uint64_t xml_u64(const XmlNode *node, const char *path, uint64_t fallback);
bool xml_bool(const XmlNode *node, const char *path, bool fallback);

/* A copy of the text into *target, which is NULL and stays so if there is none. 0 or -ENOMEM. */
int xml_copy(const XmlNode *node, const char *path, char **target);

/* Texts that go from a reply into members of a structure, and are freed with it. */
typedef struct XmlField {
        const char *path;
        size_t offset; /* of the char * */
} XmlField;

/* 0 or -ENOMEM; members without text stay as they are. */
int xml_copy_fields(const XmlNode *node, const XmlField *fields, size_t n_fields, void *object);
void xml_free_fields(const XmlField *fields, size_t n_fields, void *object);
