/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding (RFC 3986) as AWS demands it: all but the unreserved characters. */

#include "aws/uri.h"

#include "base/list.h"

static bool is_unreserved(unsigned char c)
{
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '.' || c == '_' || c == '~';
}

int uri_encode(Text *text, const char *string, UriPart part)
{
        static const char digits[] = "0123456789ABCDEF";
        int r = text_reserve(text, 3 * strlen(string));

        for (; *string && r >= 0; string++) {
                unsigned char c = (unsigned char)*string;

                if (is_unreserved(c) || (c == '/' && part == URI_PATH))
                        r = text_add_bytes(text, string, 1);
                else
                        r = text_add_bytes(
                                text, (char[]){ '%', digits[c >> 4], digits[c & 0xf] }, 3);
        }
        return r < 0 ? r : text_add(text, "");
}

static int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return -EINVAL;
}

int uri_decode(const char *string, size_t length, char **ret)
{
        _cleanup_(freep) char *decoded = malloc(length + 1);
        char *out = decoded;

        if (!decoded)
                return -ENOMEM;
        for (size_t i = 0; i < length; i++) {
                int high = string[i] == '%' && i + 2 < length ? hex_digit(string[i + 1]) : -EINVAL;
                int low = high >= 0 ? hex_digit(string[i + 2]) : -EINVAL;

                if (low < 0) {
                        *out++ = string[i];
                        continue;
                }
                if (high == 0 && low == 0)
                        return -EINVAL;
                *out++ = (char)(high << 4 | low);
                i += 2;
        }
        *out = '\0';
        *ret = TAKE_PTR(decoded);
        return 0;
}

int uri_normalize_path(const char *path, char **ret)
{
        _cleanup_(string_list_done) StringList segments = STRING_LIST_INIT, kept = STRING_LIST_INIT;
        _cleanup_(freep) char *joined = NULL;
        int r;

        r = string_list_split(&segments, path, "/");
        for (size_t i = 0; i < segments.count && r >= 0; i++) {
                if (streq(segments.items[i], "."))
                        continue;
                if (!streq(segments.items[i], ".."))
                        r = string_list_add(&kept, segments.items[i]);
                else if (kept.count > 0)
                        free(kept.items[--kept.count]);
        }
        if (r >= 0)
                r = string_list_join(&kept, "/", &joined);
        if (r < 0)
                return r;
        return string_printf(
                ret, "/%s%s", joined, kept.count > 0 && endswith(path, "/") ? "/" : "");
}
