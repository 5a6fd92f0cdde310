/* SPDX-License-Identifier: Apache-2.0 */
/* What quiesced-bundle shall do, as quiescectl hands it over. */

#include "bundle/order.h"

#include "base/text.h"
#include "bundle/options.h"

#define MEMBER(word, member) { word, offsetof(Order, member) },

static const struct {
        const char *name;
        size_t offset;
} texts[] = { BUNDLE_TEXTS(MEMBER) }, flags[] = { BUNDLE_FLAGS(MEMBER) };

void order_done(Order *order)
{
        string_list_done(&order->mappings);
        tag_list_done(&order->tags);
        *order = (Order){ 0 };
}

static bool is_name(const char *argument, const char *name, const char **ret_value)
{
        const char *rest = startswith(argument, name);

        if (!rest || *rest != '=')
                return false;
        *ret_value = rest + 1;
        return true;
}

static int add_tag(Order *order, const char *tag)
{
        _cleanup_(freep) char *key = strdup(tag);
        char *equals = key ? strchr(key, '=') : NULL;

        if (!key)
                return -ENOMEM;
        if (!equals)
                return -EINVAL;
        *equals = '\0';
        return tag_list_set(&order->tags, key, equals + 1);
}

static int take(Order *order, const char *argument)
{
        char *base = (char *)order;
        const char *value;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                if (is_name(argument, texts[i].name, &value)) {
                        *(const char **)(void *)(base + texts[i].offset) = value;
                        return 0;
                }
        for (size_t i = 0; i < ELEMENTSOF(flags); i++)
                if (is_name(argument, flags[i].name, &value))
                        return parse_boolean(value, (bool *)(base + flags[i].offset));
        if (is_name(argument, "mapping", &value))
                return strchr(value, '=') ? string_list_add(&order->mappings, value) : -EINVAL;
        return is_name(argument, "tag", &value) ? add_tag(order, value) : -EINVAL;
}

int order_read(int argc, char **argv, Order *ret)
{
        Order order = { 0 };
        int r = argc < 3 ? -EINVAL : 0;

        for (int i = 3; i < argc && r >= 0; i++)
                r = take(&order, argv[i]);
        if (r < 0) {
                order_done(&order);
                return r;
        }
        order.verb = argv[1];
        order.operand = argv[2];
        *ret = order;
        return 0;
}
