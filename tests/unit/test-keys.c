/* SPDX-License-Identifier: Apache-2.0 */
#include "image/keys.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "image/locked.h"
#include "tests/unit/unit.h"

typedef struct Pairs {
        RsaKey *ec2;
        RsaKey *user;
} Pairs;

static int make_pairs(void **state)
{
        static Pairs pairs;

        pairs = (Pairs){ .ec2 = EVP_RSA_gen(1024), .user = EVP_RSA_gen(2048) };
        *state = &pairs;
        return pairs.ec2 && pairs.user ? 0 : -1;
}

static int free_pairs(void **state)
{
        Pairs *pairs = *state;

        (void)rsa_key_free(pairs->ec2);
        (void)rsa_key_free(pairs->user);
        return 0;
}

static void keys_come_back_for_their_private_key(void **state)
{
        const Pairs *pairs = *state;
        _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL, *back = NULL, *other = NULL;
        _cleanup_(wrapped_keys_done) WrappedKeys wrapped = { 0 };

        assert_int_equal(bundle_keys_new(&keys), 0);
        assert_int_equal(bundle_keys_wrap(keys, pairs->ec2, pairs->user, &wrapped), 0);
        assert_int_equal(strlen(wrapped.ec2_key), 2 * 128);
        assert_int_equal(strlen(wrapped.ec2_iv), 2 * 128);
        assert_int_equal(strlen(wrapped.user_key), 2 * 256);
        assert_int_equal(strlen(wrapped.user_iv), 2 * 256);
        assert_int_equal(bundle_keys_unwrap(&wrapped, pairs->user, &back), 0);
        assert_memory_equal(keys, back, sizeof(*keys));
        assert_int_equal(bundle_keys_unwrap(&wrapped, pairs->ec2, &other), -EBADMSG);
        assert_null(other);
}

static void keys_differ(void **state)
{
        _cleanup_(bundle_keys_freep) BundleKeys *one = NULL, *other = NULL;

        (void)state;
        assert_int_equal(bundle_keys_new(&one), 0);
        assert_int_equal(bundle_keys_new(&other), 0);
        assert_memory_not_equal(one->key, other->key, BUNDLE_KEY_BYTES);
        assert_memory_not_equal(one->iv, other->iv, BUNDLE_KEY_BYTES);
        assert_memory_not_equal(one->key, one->iv, BUNDLE_KEY_BYTES);
}

/* What is wrapped is 32 digits, in either case; anything else is no key. */
static void what_is_unwrapped_is_digits(void **state)
{
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                { "00112233445566778899aabbccddeeff", 0 },
                { "00112233445566778899AABBCCDDEEFF", 0 },
                { "00112233445566778899aabbccddeef", -EBADMSG },
                { "00112233445566778899aabbccddeeff0", -EBADMSG },
                { "00112233445566778899aabbccddeefg", -EBADMSG },
                { "0123456789abcdef", -EBADMSG },
        };
        const Pairs *pairs = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(wrapped_keys_done) WrappedKeys wrapped = { 0 };
                _cleanup_(bundle_keys_freep) BundleKeys *keys = NULL;
                const char *text = cases[i].text;

                assert_int_equal(
                        rsa_encrypt(pairs->user, text, strlen(text), &wrapped.user_key), 0);
                assert_int_equal(rsa_encrypt(pairs->user, text, strlen(text), &wrapped.user_iv), 0);
                assert_int_equal(bundle_keys_unwrap(&wrapped, pairs->user, &keys), cases[i].result);
                if (cases[i].result == 0) {
                        assert_int_equal(keys->key[1], 0x11);
                        assert_int_equal(keys->iv[15], 0xff);
                }
        }
}

static void what_is_no_value_is_refused(void **state)
{
        static const char *const values[] = { "", "0", "zz", "AB", "00", "0x00", "abc" };
        const unsigned char digest[SHA1_BYTES] = { 1 };
        const Pairs *pairs = *state;
        _cleanup_(text_done) Text long_one = TEXT_INIT;
        char buffer[32];

        for (size_t i = 0; i < ELEMENTSOF(values); i++) {
                assert_int_equal(
                        rsa_decrypt(pairs->user, values[i], buffer, sizeof(buffer)), -EBADMSG);
                assert_int_equal(rsa_verify(pairs->user, digest, values[i]), -EBADMSG);
        }
        for (size_t i = 0; i <= RSA_BYTES_MAX; i++)
                assert_int_equal(text_add(&long_one, "00"), 0);
        assert_int_equal(rsa_decrypt(pairs->user, long_one.data, buffer, sizeof(buffer)), -EBADMSG);
        assert_int_equal(rsa_verify(pairs->user, digest, long_one.data), -EBADMSG);
}

static void a_signature_is_of_one_key_and_one_digest(void **state)
{
        const unsigned char digest[SHA1_BYTES] = { 1 }, other[SHA1_BYTES] = { 2 };
        const Pairs *pairs = *state;
        _cleanup_(freep) char *signature = NULL;

        assert_int_equal(rsa_sign(pairs->user, digest, &signature), 0);
        assert_int_equal(rsa_verify(pairs->user, digest, signature), 0);
        assert_int_equal(rsa_verify(pairs->user, other, signature), -EBADMSG);
        assert_int_equal(rsa_verify(pairs->ec2, digest, signature), -EBADMSG);
        signature[10] = signature[10] == '0' ? '1' : '0';
        assert_int_equal(rsa_verify(pairs->user, digest, signature), -EBADMSG);
}

/* /proc says so: "lo" is VM_LOCKED, "dd" VM_DONTDUMP, "wf" VM_WIPEONFORK. */
static void key_memory_is_locked(void **state)
{
        _cleanup_(locked_freep) void *memory = NULL;
        _cleanup_(fclosep) FILE *maps = fopen("/proc/self/smaps", "re");
        char line[512];
        bool is_ours = false, was_seen = false;

        (void)state;
        assert_non_null(maps);
        assert_int_equal(locked_new(100, &memory), 0);
        while (fgets(line, sizeof(line), maps)) {
                unsigned long begin, end;

                if (sscanf(line, "%lx-%lx ", &begin, &end) == 2)
                        is_ours = (unsigned long)memory >= begin && (unsigned long)memory < end;
                if (!is_ours || strncmp(line, "VmFlags:", 8) != 0)
                        continue;
                was_seen = true;
                assert_non_null(strstr(line, " lo"));
                assert_non_null(strstr(line, " dd"));
                assert_non_null(strstr(line, " wf"));
        }
        assert_true(was_seen);
}

static unsigned long locked_kb(void)
{
        _cleanup_(fclosep) FILE *status = fopen("/proc/self/status", "re");
        unsigned long kb = 0;
        char line[256];

        assert_non_null(status);
        while (fgets(line, sizeof(line), status) && sscanf(line, "VmLck: %lu kB", &kb) != 1)
                ;
        return kb;
}

/* For whom the limit can be lifted; for others what libcrypto has of private keys. */
static void memory_of_a_process_is_locked(void **state)
{
        unsigned long before = locked_kb();
        int r = locked_process();
        struct rlimit limit;

        (void)state;
        if (r == -EPERM) {
                assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
                assert_int_equal(
                        CRYPTO_secure_malloc_initialized(), limit.rlim_cur >= 256u * 1024);
                return;
        }
        assert_int_equal(r, 0);
        assert_true(locked_kb() > before + 1024);
        assert_int_equal(munlockall(), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_come_back_for_their_private_key),
                cmocka_unit_test(keys_differ),
                cmocka_unit_test(what_is_unwrapped_is_digits),
                cmocka_unit_test(what_is_no_value_is_refused),
                cmocka_unit_test(a_signature_is_of_one_key_and_one_digest),
                cmocka_unit_test(key_memory_is_locked),
                cmocka_unit_test(memory_of_a_process_is_locked),
        };

        return cmocka_run_group_tests(tests, make_pairs, free_pairs);
}
