/* SPDX-License-Identifier: MIT */
#include "device/sim_calls.h"

/* The text that says what a simulated device is. */

#define EIGHT_FAULTS                                                           \
    "fail=GET:EIO,fail=WRITE:EIO,fail=INFO:EIO,fail=SIZE:EIO,"                 \
    "fail=RESET:EIO,fail=START:EIO,fail=STOP:EIO,fail=REPORT:EIO"

static void test_new__good(void **state)
{
    static const char *const good[] = {
        "",
        "size=8K",
        "size=8192",
        "size=1T",
        "size=1024G,initial=1023G",
        "size=64M,initial=0",
        "size=8K,initial=3952",
        "precopy=off,p2p=off",
        "dirty-rate=50M/s,read-bw=1T/s,write-bw=1/s",
        "dirty-rate=0,read-bw=0,write-bw=0/s",
        "load-setup=300ms,stop-setup=1ns",
        "load-setup=3600s,stop-setup=0",
        "load-setup=3600000000000ns",
        "fail=SET:EIO",
        "fail=SET:STOP_COPY:EIO@2",
        "fail=READ:ENOMSG@1000000000+",
        (EIGHT_FAULTS),
        "reset-after=1,seed=0",
        "reset-after=16M",
        "reset-after=3s",
        "seed=18446744073709551615",
        "quirk=mtty,seed=3",
        "quirk=mlx5,size=1M,initial=16K",
        "quirk=virtio",
        "quirk=hisi",
        "quirk=qat",
        "quirk=pds",
        "break=second-start,break=bad-flags",
        "clock=virtual",
        "clock=real",
    };
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(good); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_sim *sim;

        if (migp_sim_new(&sim, good[i], NULL, &error) != MIGP_OK) {
            fail_msg("%s: %s", good[i], error.text);
        }
        assert_non_null(sim);
        migp_sim_free(sim);
    }
}

/* What is wrong, where it stands, and a word that the sentence must have. */
static const struct {
    const char *options;
    uint64_t offset;
    const char *word;
} bad[] = {
    {"colour=red", 0, "colour"},
    {"size", 0, "size needs a value"},
    {"=8K", 0, "no option"},
    {",", 0, "no option"},
    {"seed=1,", 6, "nothing behind"},
    {"seed=1,,p2p=on", 7, "no option"},
    {" seed=1", 0, "no option"},
    {"Size=8K", 0, "no option"},
    {"size=", 5, "size is a size"},
    {"size=8191", 5, "size is a size"},
    {"size=0", 5, "size is a size"},
    {"size=1025G", 5, "size is a size"},
    {"size=2T", 5, "size is a size"},
    {"size=64Q", 5, "size is a size"},
    {"size=64k", 5, "size is a size"},
    {"size=64M ", 5, "size is a size"},
    {"size=-1", 5, "size is a size"},
    {"size=0x2000", 5, "size is a size"},
    {"size=18446744073709551616", 5, "size is a size"},
    {"size=99999999999999999999999", 5, "size is a size"},
    {"seed=1,size=8K,size=8K", 15, "twice"},
    {"size=8K,initial=3953", 8, "initial must leave"},
    {"initial=64M", 0, "initial must leave"},
    {"initial=1T", 0, "initial must leave"},
    {"precopy=yes", 8, "on or off"},
    {"p2p=ON", 4, "on or off"},
    {"dirty-rate=5", 11, "dirty-rate is a rate"},
    {"read-bw=5M", 8, "read-bw is a rate"},
    {"write-bw=1025G/s", 9, "write-bw is a rate"},
    {"load-setup=5", 11, "load-setup is a time"},
    {"load-setup=3601s", 11, "load-setup is a time"},
    {"stop-setup=5m", 11, "stop-setup is a time"},
    {"fail=", 5, "OP[:STATE]:ERRNO"},
    {"fail=SET", 5, "OP[:STATE]:ERRNO"},
    {"fail=OPEN:EIO", 5, "OP[:STATE]:ERRNO"},
    {"fail=SET:", 5, "errno"},
    {"fail=SET:EWHAT", 5, "errno"},
    {"fail=SET:eio", 5, "errno"},
    {"fail=SET:STOPPED:EIO", 5, "state"},
    {"fail=SET:ERROR:EIO", 5, "state"},
    {"fail=GET:STOP:EIO", 5, "with SET only"},
    {"fail=SET:STOP:EIO:EIO", 5, "errno"},
    {"fail=SET:EIO@", 5, "counts"},
    {"fail=SET:EIO@0", 5, "counts"},
    {"fail=SET:EIO@+", 5, "counts"},
    {"fail=SET:EIO@2x", 5, "counts"},
    {"fail=SET:EIO@2++", 5, "counts"},
    {"fail=SET:EIO@1000000001", 5, "counts"},
    {EIGHT_FAULTS ",fail=GET:EIO", sizeof(EIGHT_FAULTS) + 5, "eight times"},
    {"reset-after=0", 12, "above 0"},
    {"reset-after=0s", 12, "above 0"},
    {"reset-after=5x", 12, "above 0"},
    {"seed=", 5, "seed is a number"},
    {"seed=1K", 5, "seed is a number"},
    {"seed=18446744073709551616", 5, "seed is a number"},
    {"quirk=nvme", 6, "mtty, mlx5"},
    {"quirk=mtty,size=60", 16, "size is a size"},
    {"quirk=mtty,size=64K", 11, "fixed size"},
    {"initial=64,quirk=qat", 0, "fixed size"},
    {"break=everything", 6, "rule"},
    {"break=", 6, "rule"},
    {"clock=atomic", 6, "virtual or real"},
};

static void test_new__bad(void **state)
{
    struct box box = box_new("");
    size_t i;

    (void)state;
    for (i = 0; i < N_TESTS(bad); i++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_sim *sim = box.sim;

        assert_int_equal(migp_sim_new(&sim, bad[i].options, NULL, &error),
                         MIGP_ERR_INVALID_ARGUMENT);
        assert_null(sim);
        assert_int_equal(error.code, MIGP_ERR_INVALID_ARGUMENT);
        if (strstr(error.text, bad[i].word) == NULL ||
            error.offset != bad[i].offset) {
            fail_msg("%s: \"%s\" at %u", bad[i].options, error.text,
                     (unsigned)error.offset);
        }
        assert_int_equal(migp_sim_new(&sim, bad[i].options, NULL, NULL),
                         MIGP_ERR_INVALID_ARGUMENT);
    }
    assert_int_equal(migp_sim_new(NULL, "", NULL, NULL),
                     MIGP_ERR_INVALID_ARGUMENT);
    box_free(&box);
}

/* Whatever is cut off, there is an answer, and its offset is in the text. */
static void test_new__every_prefix(void **state)
{
    static const char all[] =
        "size=64M,initial=16M,precopy=on,p2p=off,dirty-rate=50M/s,"
        "read-bw=2G/s,write-bw=0,load-setup=300ms,stop-setup=0,"
        "fail=SET:STOP_COPY:EIO@2+,reset-after=3s,seed=7,quirk=mlx5,"
        "break=second-start,clock=virtual";
    char text[sizeof(all)];
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(all); n++) {
        struct migp_error error = MIGP_ERROR_INIT;
        struct migp_sim *sim;
        int result;

        memcpy(text, all, n);
        text[n] = '\0';
        result = migp_sim_new(&sim, text, NULL, &error);
        if (result != MIGP_OK) {
            assert_int_equal(result, MIGP_ERR_INVALID_ARGUMENT);
            assert_true(error.offset <= n);
            assert_true(error.text[0] != '\0');
        }
        assert_int_equal(result == MIGP_OK, sim != NULL);
        migp_sim_free(sim);
    }
}

/* A caller's error may be of an older and smaller kind. */
static void test_new__small_error(void **state)
{
    struct migp_error error = MIGP_ERROR_INIT;
    struct migp_sim *sim;

    (void)state;
    error.struct_size = offsetof(struct migp_error, finding);
    error.offset = 99;
    assert_int_equal(migp_sim_new(&sim, "seed=1,size=x", NULL, &error),
                     MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(error.code, MIGP_ERR_INVALID_ARGUMENT);
    assert_int_equal(error.offset, 99);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new__good),
        cmocka_unit_test(test_new__bad),
        cmocka_unit_test(test_new__every_prefix),
        cmocka_unit_test(test_new__small_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
