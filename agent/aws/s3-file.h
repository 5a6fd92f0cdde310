/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file as one object: by one request if it is small, else in parts, several at once, which S3
 * puts together at the end (a multipart upload).
 */

#include "aws/s3-object.h"

/* "Amazon S3 multipart upload limits": 10,000 parts; and we hold one for each connection. */
#define S3_FILE_PARTS_MAX 10000
#define S3_FILE_PART_BYTES (UINT64_C(8) * 1024 * 1024)
#define S3_FILE_PART_BYTES_MAX (UINT64_C(64) * 1024 * 1024)
#define S3_FILE_BYTES_MAX (S3_FILE_PARTS_MAX * S3_FILE_PART_BYTES_MAX)

/* How large the parts of a file are; 0 for one that is larger than S3_FILE_BYTES_MAX. Pure. */
uint64_t s3_file_part_bytes(uint64_t size_bytes);

/*
 * `size_bytes` from the begin of `fd`, under put->key and with what else `put` says but its body.
 * The bucket's region is known by some call before. When it fails nothing is left, or the error's
 * message says so. 0, TOO_LARGE, the common outcomes; -ENODATA if the file has become shorter, or
 * what pread(2) says.
 */
int s3_put_file(S3Bucket *bucket, const S3Put *put, int fd, uint64_t size_bytes, ApiError *reterr);
