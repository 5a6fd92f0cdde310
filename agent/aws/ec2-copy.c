/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of an image, in the region of the client. */

#include "aws/ec2-copy.h"

static void write_copy(const Ec2CopyImage *arguments, Query *query)
{
        query_add(query, "SourceRegion", arguments->source_region);
        query_add(query, "SourceImageId", arguments->source_image_id);
        query_add(query, "Name", arguments->name);
        query_add(query, "Description", arguments->description);
        query_add(query, "ClientToken", arguments->client_token);
        if (arguments->kms_key_id) {
                query_add_bool(query, "Encrypted", true);
                query_add(query, "KmsKeyId", arguments->kms_key_id);
        }
        tag_list_write(arguments->image_tags, query, 1, "image");
        tag_list_write(arguments->snapshot_tags, query, 2, "snapshot");
}

int ec2_copy_image(AwsClient *client, const Ec2CopyImage *arguments, char **ret_id,
        ApiError *reterr)
{
        _cleanup_(query_done) Query query = QUERY_INIT;
        _cleanup_(xml_freep) Xml *reply = NULL;
        int r;

        ec2_begin(&query, "CopyImage");
        write_copy(arguments, &query);
        /* The source may be known in its own region alone, for a while. */
        r = ec2_call(client, &query, EC2_FRESH, &reply, reterr);
        if (r != 0)
                return r;
        if (!xml_text(xml_root(reply), "imageId"))
                return api_error_set(reterr, NULL, "The answer does not name the copy") < 0 ?
                        -ENOMEM :
                        EC2_E_LOST;
        return xml_copy(xml_root(reply), "imageId", ret_id);
}
