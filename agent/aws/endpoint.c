/* SPDX-License-Identifier: Apache-2.0 */
/* Where a service is: by region, or as the environment of the AWS SDKs says. */

#include "aws/endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>

#include "base/text.h"

#define LABEL_MAX 63 /* RFC 1035 */
#define DOMAIN_MAX 200

void endpoint_done(Endpoint *endpoint)
{
        free(endpoint->base);
        free(endpoint->host);
        free(endpoint->path);
        *endpoint = (Endpoint){ 0 };
}

/* Of the regions outside the "aws" partition, as in the SDKs' partitions.json. */
static const struct {
        const char *prefix, *partition, *domain;
} partitions[] = {
        { "cn-", "aws-cn", "amazonaws.com.cn" },
        { "us-gov-", "aws-us-gov", "amazonaws.com" },
        { "us-isob-", "aws-iso-b", "sc2s.sgov.gov" },
        { "us-isof-", "aws-iso-f", "csp.hci.ic.gov" },
        { "us-iso-", "aws-iso", "c2s.ic.gov" },
        { "eu-isoe-", "aws-iso-e", "cloud.adc-e.uk" },
        { "eusc-", "aws-eusc", "amazonaws.eu" },
};

const char *endpoint_domain(const char *region)
{
        for (size_t i = 0; i < ELEMENTSOF(partitions); i++)
                if (startswith(region, partitions[i].prefix))
                        return partitions[i].domain;
        return "amazonaws.com";
}

const char *endpoint_partition(const char *region)
{
        for (size_t i = 0; i < ELEMENTSOF(partitions); i++)
                if (startswith(region, partitions[i].prefix))
                        return partitions[i].partition;
        return "aws";
}

static void url_cleanupp(CURLU **url)
{
        curl_url_cleanup(*url);
}

static void curl_freep(char **string)
{
        curl_free(*string);
}

static int url_get(CURLU *url, CURLUPart part, unsigned flags, char **ret)
{
        _cleanup_(curl_freep) char *value = NULL;

        if (curl_url_get(url, part, &value, flags) != CURLUE_OK)
                return -EINVAL;
        *ret = strdup(value);
        return *ret ? 0 : -ENOMEM;
}

static bool url_has(CURLU *url, CURLUPart part)
{
        _cleanup_(curl_freep) char *value = NULL;

        return curl_url_get(url, part, &value, 0) == CURLUE_OK;
}

/* "host", or "host:port" where the port is not the scheme's own. */
static int url_get_host(CURLU *url, char **ret)
{
        _cleanup_(freep) char *host = NULL, *port = NULL;
        int r = url_get(url, CURLUPART_HOST, 0, &host);

        if (r < 0)
                return r;
        if (url_get(url, CURLUPART_PORT, CURLU_NO_DEFAULT_PORT, &port) < 0) {
                *ret = TAKE_PTR(host);
                return 0;
        }
        return string_printf(ret, "%s:%s", host, port);
}

int endpoint_parse(const char *string, Endpoint *ret)
{
        _cleanup_(url_cleanupp) CURLU *url = curl_url();
        _cleanup_(endpoint_done) Endpoint endpoint = { 0 };
        bool is_http = startswith(string, "http://");
        int r;

        if (!url)
                return -ENOMEM;
        endpoint.is_tls = startswith(string, "https://");
        if (!endpoint.is_tls && !is_http)
                return -EINVAL;
        if (curl_url_set(url, CURLUPART_URL, string, CURLU_DISALLOW_USER) != CURLUE_OK ||
                url_has(url, CURLUPART_QUERY) || url_has(url, CURLUPART_FRAGMENT))
                return -EINVAL;
        r = url_get_host(url, &endpoint.host);
        if (r >= 0)
                r = url_get(url, CURLUPART_PATH, CURLU_URLDECODE, &endpoint.path);
        if (r >= 0)
                r = string_printf(&endpoint.base, "%s://%s", is_http ? "http" : "https",
                        endpoint.host);
        if (r < 0)
                return r;
        *ret = endpoint;
        endpoint = (Endpoint){ 0 };
        return 0;
}

int endpoint_add_label(Endpoint *endpoint, const char *label)
{
        _cleanup_(freep) char *host = NULL, *base = NULL;

        if (string_printf(&host, "%s.%s", label, endpoint->host) < 0 ||
                string_printf(&base, "%s://%s", endpoint->is_tls ? "https" : "http", host) < 0)
                return -ENOMEM;
        free(endpoint->host);
        endpoint->host = TAKE_PTR(host);
        free(endpoint->base);
        endpoint->base = TAKE_PTR(base);
        return 0;
}

bool endpoint_is_address(const Endpoint *endpoint)
{
        size_t length = strcspn(endpoint->host, ":");
        char name[INET_ADDRSTRLEN];
        struct in_addr address;

        if (endpoint->host[0] == '[') /* IPv6 */
                return true;
        if (length >= sizeof(name))
                return false;
        memcpy(name, endpoint->host, length);
        name[length] = '\0';
        return inet_pton(AF_INET, name, &address) == 1;
}

/*
 * The SDKs make a variable's name of a service's id, which has a blank where the host's name has
 * none: that of Auto Scaling is AWS_ENDPOINT_URL_AUTO_SCALING.
 */
static const char *variable_suffix(const char *service)
{
        return streq(service, "autoscaling") ? "auto_scaling" : service;
}

/* AWS_ENDPOINT_URL_EC2 and then AWS_ENDPOINT_URL; an empty one is as good as none. */
static const char *configured_url(const char *service, char *variable, size_t size)
{
        const char *url;

        (void)snprintf(variable, size, "AWS_ENDPOINT_URL_%s", variable_suffix(service));
        for (char *p = variable; *p; p++)
                if (*p >= 'a' && *p <= 'z')
                        *p = (char)(*p - 'a' + 'A');
        url = getenv(variable);
        if (url && *url)
                return url;
        (void)snprintf(variable, size, "AWS_ENDPOINT_URL");
        url = getenv(variable);
        return url && *url ? url : NULL;
}

static bool is_name(const char *string, const char *allowed, size_t most)
{
        size_t length = strlen(string);

        return length > 0 && length <= most && strspn(string, allowed) == length;
}

#define LABEL_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

int endpoint_resolve(const char *service, const char *region, const char *domain, Endpoint *ret,
        char **reterr_message)
{
        _cleanup_(freep) char *made = NULL;
        char variable[64];
        const char *url;
        int r;

        if (!is_name(region, LABEL_CHARACTERS, LABEL_MAX)) {
                (void)string_printf(reterr_message,
                        "\"%s\" is no region: set AWS_REGION to one like eu-west-1", region);
                return -EINVAL;
        }
        if (domain && !is_name(domain, LABEL_CHARACTERS ".", DOMAIN_MAX)) {
                (void)string_printf(reterr_message,
                        "\"%s\" is no domain, though the metadata service gives it", domain);
                return -EINVAL;
        }
        url = configured_url(service, variable, sizeof(variable));
        if (url) {
                r = endpoint_parse(url, ret);
                /* Without the value: it may hold a password, and that may be what is wrong. */
                if (r == -EINVAL)
                        (void)string_printf(reterr_message,
                                "%s is no http:// or https:// URL without user and query",
                                variable);
                return r;
        }
        r = string_printf(&made, "https://%s.%s.%s/", service, region,
                domain ? domain : endpoint_domain(region));
        return r < 0 ? r : endpoint_parse(made, ret);
}
