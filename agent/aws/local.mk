# SPDX-License-Identifier: Apache-2.0
noinst_LIBRARIES += libaws.a
libaws_a_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(CRYPTO_CFLAGS) $(EXPAT_CFLAGS) $(JANSSON_CFLAGS)
AWS_LIBS = libaws.a $(BASE_LIBS) $(CURL_LIBS) $(CRYPTO_LIBS) $(EXPAT_LIBS)
libaws_a_SOURCES = \
	%D%/api-error.c %D%/api-error.h \
	%D%/autoscaling.c %D%/autoscaling.h \
	%D%/bucket.c %D%/bucket.h \
	%D%/ca-bundle.c %D%/ca-bundle.h \
	%D%/call.c %D%/call.h \
	%D%/canonical.c %D%/canonical.h \
	%D%/client.c %D%/client.h \
	%D%/credentials.c %D%/credentials.h \
	%D%/ec2.c %D%/ec2.h \
	%D%/ec2-copy.c %D%/ec2-copy.h \
	%D%/ec2-guarded.c %D%/ec2-guarded.h \
	%D%/ec2-health.c %D%/ec2-health.h \
	%D%/ec2-image.c %D%/ec2-image.h \
	%D%/ec2-image-keeping.c %D%/ec2-image-keeping.h \
	%D%/ec2-instance.c %D%/ec2-instance.h \
	%D%/ec2-launch.c %D%/ec2-launch.h \
	%D%/ec2-launch-template.c %D%/ec2-launch-template.h \
	%D%/ec2-registration.c %D%/ec2-registration.h \
	%D%/ec2-request.c %D%/ec2-request.h \
	%D%/ec2-sharing.c %D%/ec2-sharing.h \
	%D%/ec2-snapshot.c %D%/ec2-snapshot.h \
	%D%/ec2-snapshot-keeping.c %D%/ec2-snapshot-keeping.h \
	%D%/ec2-tagging.c %D%/ec2-tagging.h \
	%D%/ec2-volume.c %D%/ec2-volume.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/http.c %D%/http.h \
	%D%/imds.c %D%/imds.h \
	%D%/json-call.c %D%/json-call.h \
	%D%/query.c %D%/query.h \
	%D%/query-call.c %D%/query-call.h \
	%D%/retry.c %D%/retry.h \
	%D%/s3.c %D%/s3.h \
	%D%/s3-check.c %D%/s3-check.h \
	%D%/s3-crew.c %D%/s3-crew.h \
	%D%/s3-file.c %D%/s3-file.h \
	%D%/s3-many.c %D%/s3-many.h \
	%D%/s3-object.c %D%/s3-object.h \
	%D%/s3-stream.c %D%/s3-stream.h \
	%D%/s3-upload.c %D%/s3-upload.h \
	%D%/sigv4.c %D%/sigv4.h \
	%D%/ssm.c %D%/ssm.h \
	%D%/tags.c %D%/tags.h \
	%D%/uri.c %D%/uri.h \
	%D%/xml.c %D%/xml.h

if HAVE_CMOCKA
check_PROGRAMS += test-api-error test-bucket test-credentials test-endpoint test-query test-retry \
	test-s3 test-uri test-xml
TESTS += test-api-error test-bucket test-credentials test-endpoint test-query test-retry test-s3 \
	test-uri test-xml
AWS_TEST_LIBS = $(AWS_LIBS) $(CMOCKA_LIBS)
test_api_error_SOURCES = tests/unit/test-api-error.c
test_api_error_CFLAGS = $(TEST_CFLAGS)
test_api_error_LDADD = $(AWS_TEST_LIBS)
test_bucket_SOURCES = tests/unit/test-bucket.c
test_bucket_CFLAGS = $(TEST_CFLAGS)
test_bucket_LDADD = $(AWS_TEST_LIBS)
test_credentials_SOURCES = tests/unit/test-credentials.c
test_credentials_CFLAGS = $(TEST_CFLAGS)
test_credentials_LDADD = $(AWS_TEST_LIBS)
test_endpoint_SOURCES = tests/unit/test-endpoint.c
test_endpoint_CFLAGS = $(TEST_CFLAGS)
test_endpoint_LDADD = $(AWS_TEST_LIBS)
test_query_SOURCES = tests/unit/test-query.c
test_query_CFLAGS = $(TEST_CFLAGS)
test_query_LDADD = $(AWS_TEST_LIBS)
test_retry_SOURCES = tests/unit/test-retry.c
test_retry_CFLAGS = $(TEST_CFLAGS)
test_retry_LDADD = $(AWS_TEST_LIBS)
test_s3_SOURCES = tests/unit/test-s3.c
test_s3_CFLAGS = $(TEST_CFLAGS)
test_s3_LDADD = $(AWS_TEST_LIBS)
test_uri_SOURCES = tests/unit/test-uri.c
test_uri_CFLAGS = $(TEST_CFLAGS)
test_uri_LDADD = $(AWS_TEST_LIBS)
test_xml_SOURCES = tests/unit/test-xml.c
test_xml_CFLAGS = $(TEST_CFLAGS)
test_xml_LDADD = $(AWS_TEST_LIBS)
endif

# Both speak for our signer: to AWS's test suite, and to botocore.
check_PROGRAMS += sigv4-suite sigv4-replay
TESTS += sigv4-suite
sigv4_suite_SOURCES = tests/unit/sigv4-suite.c
sigv4_suite_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
sigv4_suite_LDADD = $(AWS_LIBS)
sigv4_replay_SOURCES = tests/aws/sigv4-replay.c
sigv4_replay_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
sigv4_replay_LDADD = $(AWS_LIBS)


# Our client at the end of a socket, for tests against the simulated cloud.
check_PROGRAMS += aws-probe
aws_probe_SOURCES = tests/aws/aws-probe.c tests/aws/probe.c tests/aws/probe.h tests/aws/probe-images.c \
	tests/aws/probe-instances.c tests/aws/probe-publishing.c tests/aws/probe-s3.c \
	tests/aws/probe-services.c
aws_probe_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
aws_probe_LDADD = $(AWS_LIBS)

check_PROGRAMS += fuzz-xml
TESTS += fuzz-xml
fuzz_xml_SOURCES = tests/fuzz/fuzz-xml.c tests/fuzz/replay.c tests/fuzz/fuzz.h
fuzz_xml_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS)
fuzz_xml_LDADD = $(AWS_LIBS)

EXTRA_DIST += \
	tests/aws/__init__.py \
	tests/aws/conftest.py \
	tests/aws/make_sigv4_suite.py \
	tests/aws/probe.py \
	tests/aws/sigv4-suite \
	tests/aws/test_ec2_client.py \
	tests/aws/test_frozen_window.py \
	tests/aws/test_instances.py \
	tests/aws/test_metadata.py \
	tests/aws/test_publishing.py \
	tests/aws/test_s3.py \
	tests/aws/test_s3_streams.py \
	tests/aws/test_s3rver.py \
	tests/aws/test_services.py \
	tests/aws/test_sigv4_differential.py \
	tests/fuzz/corpus/xml
