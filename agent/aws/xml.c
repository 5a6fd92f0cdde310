/* SPDX-License-Identifier: Apache-2.0 */
/* A reply as a small tree that does not change: elements with either children or text. */

#include "aws/xml.h"

#include <expat.h>
#include <stdalign.h>

#include "base/text.h"

typedef struct Attribute {
        const char *name;
        const char *value;
        struct Attribute *next;
} Attribute;

struct XmlNode {
        const char *name;
        Attribute *attributes;
        const char *text; /* NULL unless it is a leaf with text */
        XmlNode *first;
        XmlNode *last;
        XmlNode *next;
        size_t begin; /* in the bytes that were parsed */
        size_t end;
};

/* All nodes and strings of a tree lie in a few blocks: no pointer per string, one walk to free. */
typedef struct Block {
        struct Block *next;
        size_t used;
        size_t size;
        alignas(max_align_t) char bytes[];
} Block;

#define BLOCK_BYTES (32u * 1024)

struct Xml {
        Block *blocks;
        XmlNode *root;
};

Xml *xml_free(Xml *xml)
{
        if (!xml)
                return NULL;
        while (xml->blocks) {
                Block *next = xml->blocks->next;

                free(xml->blocks);
                xml->blocks = next;
        }
        free(xml);
        return NULL;
}

static void *xml_allocate(Xml *xml, size_t size)
{
        Block *block = xml->blocks;
        char *place;

        size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
        if (!block || block->size - block->used < size) {
                size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

                block = malloc(sizeof(Block) + room);
                if (!block)
                        return NULL;
                *block = (Block){ .next = xml->blocks, .size = room };
                xml->blocks = block;
        }
        place = block->bytes + block->used;
        block->used += size;
        return place;
}

static char *xml_keep(Xml *xml, const char *bytes, size_t length)
{
        char *copy = xml_allocate(xml, length + 1);

        if (copy) {
                memcpy(copy, bytes, length);
                copy[length] = '\0';
        }
        return copy;
}

typedef struct Parse {
        XML_Parser parser;
        Xml *xml;
        XmlNode *open[XML_DEPTH_MAX];
        size_t depth;
        size_t n_nodes;
        Text text; /* of the innermost open element, since its start or its last child's end */
        int outcome; /* why a handler stopped the parser */
} Parse;

static void parse_stop(Parse *parse, int outcome)
{
        parse->outcome = outcome;
        (void)XML_StopParser(parse->parser, XML_FALSE);
}

static XmlNode *parse_add_node(Parse *parse, const char *name)
{
        XmlNode *parent = parse->depth > 0 ? parse->open[parse->depth - 1] : NULL;
        XmlNode *node = xml_allocate(parse->xml, sizeof(XmlNode));

        if (!node)
                return NULL;
        *node = (XmlNode){ .name = xml_keep(parse->xml, name, strlen(name)) };
        if (!node->name)
                return NULL;
        if (!parent)
                parse->xml->root = node;
        else if (parent->last)
                parent->last->next = node;
        else
                parent->first = node;
        if (parent)
                parent->last = node;
        return node;
}

static int parse_add_attributes(Parse *parse, XmlNode *node, const XML_Char **attributes)
{
        for (; attributes[0]; attributes += 2) {
                Attribute *attribute = xml_allocate(parse->xml, sizeof(Attribute));

                if (!attribute)
                        return -ENOMEM;
                *attribute = (Attribute){
                        .name = xml_keep(parse->xml, attributes[0], strlen(attributes[0])),
                        .value = xml_keep(parse->xml, attributes[1], strlen(attributes[1])),
                        .next = node->attributes,
                };
                if (!attribute->name || !attribute->value)
                        return -ENOMEM;
                node->attributes = attribute;
                if (++parse->n_nodes >= XML_NODES_MAX)
                        return XML_E_REFUSED;
        }
        return 0;
}

static void on_start(void *userdata, const XML_Char *name, const XML_Char **attributes)
{
        Parse *parse = userdata;
        XmlNode *node;
        int r;

        /* Handlers may still run after a stop. */
        if (parse->outcome != 0)
                return;
        if (parse->depth >= XML_DEPTH_MAX || parse->n_nodes >= XML_NODES_MAX) {
                parse_stop(parse, XML_E_REFUSED);
                return;
        }
        node = parse_add_node(parse, name);
        if (!node) {
                parse_stop(parse, -ENOMEM);
                return;
        }
        node->begin = (size_t)XML_GetCurrentByteIndex(parse->parser);
        r = parse_add_attributes(parse, node, attributes);
        if (r != 0) {
                parse_stop(parse, r);
                return;
        }
        parse->n_nodes++;
        parse->open[parse->depth++] = node;
        parse->text.length = 0;
}

static void on_end(void *userdata, const XML_Char *name)
{
        Parse *parse = userdata;
        XmlNode *node;

        if (parse->outcome != 0)
                return;
        node = parse->open[--parse->depth];
        node->end = (size_t)(XML_GetCurrentByteIndex(parse->parser) +
                XML_GetCurrentByteCount(parse->parser));
        if (!node->first && parse->text.length > 0) {
                node->text = xml_keep(parse->xml, parse->text.data, parse->text.length);
                if (!node->text)
                        parse_stop(parse, -ENOMEM);
        }
        parse->text.length = 0;
}

static void on_text(void *userdata, const XML_Char *bytes, int length)
{
        Parse *parse = userdata;

        if (parse->outcome == 0 && text_add_bytes(&parse->text, bytes, (size_t)length) < 0)
                parse_stop(parse, -ENOMEM);
}

/* No reply has one, and with it come entities, which can grow without end. */
static void on_doctype(void *userdata, const XML_Char *name, const XML_Char *system_id,
        const XML_Char *public_id, int has_internal_subset)
{
        parse_stop(userdata, XML_E_REFUSED);
}

static int parse_run(Parse *parse, const char *data, size_t size)
{
        enum XML_Status status;

        parse->parser = XML_ParserCreate("UTF-8");
        if (!parse->parser)
                return -ENOMEM;
        XML_SetUserData(parse->parser, parse);
        XML_SetElementHandler(parse->parser, on_start, on_end);
        XML_SetCharacterDataHandler(parse->parser, on_text);
        XML_SetStartDoctypeDeclHandler(parse->parser, on_doctype);
        status = XML_Parse(parse->parser, data, (int)size, /* isFinal= */ XML_TRUE);
        if (parse->outcome != 0)
                return parse->outcome;
        if (status == XML_STATUS_OK)
                return 0;
        return XML_GetErrorCode(parse->parser) == XML_ERROR_NO_MEMORY ? -ENOMEM : XML_E_MALFORMED;
}

int xml_parse(const char *data, size_t size, Xml **ret)
{
        _cleanup_(xml_freep) Xml *xml = NULL;
        Parse parse = { 0 };
        int r;

        if (size > XML_BYTES_MAX)
                return XML_E_REFUSED;
        xml = calloc(1, sizeof(Xml));
        if (!xml)
                return -ENOMEM;
        parse.xml = xml;
        r = parse_run(&parse, data, size);
        if (parse.parser)
                XML_ParserFree(parse.parser);
        text_done(&parse.text);
        if (r != 0)
                return r;
        *ret = TAKE_PTR(xml);
        return 0;
}

const XmlNode *xml_root(const Xml *xml)
{
        return xml ? xml->root : NULL;
}

const char *xml_name(const XmlNode *node)
{
        return node->name;
}

size_t xml_span(const XmlNode *node, size_t *ret_size)
{
        *ret_size = node->end - node->begin;
        return node->begin;
}

const char *xml_attribute(const XmlNode *node, const char *name)
{
        for (const Attribute *one = node ? node->attributes : NULL; one; one = one->next)
                if (streq(one->name, name))
                        return one->value;
        return NULL;
}

const XmlNode *xml_first(const XmlNode *node)
{
        return node ? node->first : NULL;
}

const XmlNode *xml_next(const XmlNode *node)
{
        return node ? node->next : NULL;
}

static const XmlNode *find_child(const XmlNode *node, const char *name, size_t length)
{
        for (const XmlNode *child = xml_first(node); child; child = child->next)
                if (strncmp(child->name, name, length) == 0 && child->name[length] == '\0')
                        return child;
        return NULL;
}

const XmlNode *xml_find(const XmlNode *node, const char *path)
{
        while (node && *path) {
                size_t length = strcspn(path, "/");

                node = find_child(node, path, length);
                path += length;
                path += *path == '/';
        }
        return node;
}

const char *xml_text(const XmlNode *node, const char *path)
{
        const XmlNode *found = xml_find(node, path);

        return found ? found->text : NULL;
}

uint64_t xml_u64(const XmlNode *node, const char *path, uint64_t fallback)
{
        const char *text = xml_text(node, path);
        uint64_t value;

        return text && parse_u64(text, &value) == 0 ? value : fallback;
}

bool xml_bool(const XmlNode *node, const char *path, bool fallback)
{
        const char *text = xml_text(node, path);

        if (text && streq(text, "true"))
                return true;
        return text && streq(text, "false") ? false : fallback;
}

int xml_copy(const XmlNode *node, const char *path, char **target)
{
        const char *text = xml_text(node, path);

        return text ? string_replace(target, text) : 0;
}

int xml_copy_fields(const XmlNode *node, const XmlField *fields, size_t n_fields, void *object)
{
        for (size_t i = 0; i < n_fields; i++) {
                char **member = (char **)((char *)object + fields[i].offset);

                if (xml_copy(node, fields[i].path, member) < 0)
                        return -ENOMEM;
        }
        return 0;
}

void xml_free_fields(const XmlField *fields, size_t n_fields, void *object)
{
        for (size_t i = 0; i < n_fields; i++) {
                char **member = (char **)((char *)object + fields[i].offset);

                free(*member);
                *member = NULL;
        }
}
