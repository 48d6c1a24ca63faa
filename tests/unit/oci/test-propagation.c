#include "test.h"
#include "host-folder.h"
#include "propagation.h"

static const char info[] = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
			   "30 22 0:21 / /proc rw - proc proc rw\n"
			   "31 22 0:22 / /usr rw,relatime master:1 - tmpfs tmpfs rw\n"
			   "32 31 0:23 / /usr/bin rw,relatime - tmpfs tmpfs rw\n"
			   "33 31 0:23 / /usr/sbin rw - tmpfs tmpfs rw\n"
			   "34 33 0:24 / /usr/sbin rw shared:7 master:2 - tmpfs over rw\n"
			   "35 22 0:25 / /tm\\040p rw - tmpfs tmpfs rw\n"
			   "36 22 0:25 / /us rw - tmpfs tmpfs rw\n"
			   "short line\n";

static const struct {
	const char *source, *word, *says;
} cases[] = {
	{ "/", "rshared", NULL },
	{ "/etc", "shared", NULL },
	{ "/etc", "rslave", NULL },
	{ "/usr", "slave", NULL },
	{ "/usr/lib", "rslave", NULL },
	{ "/usr/lib", "rshared", "mount /usr/lib: rshared, but the mount at /usr is not shared" },
	{ "/usr/bin", "slave", "mount /usr/bin: slave, but the mount at /usr/bin is not shared" },
	{ "/usr/bin", "rprivate", NULL }, /* asks nothing of the host */
	{ "/usr/sbin", "shared", NULL },  /* the one on top */
	{ "/no/such/folder", "shared", NULL },
};

static void asks_the_mount_that_the_source_is_on(void **state)
{
	const char *const files[][2] = { { "/proc/self/mountinfo", info }, { NULL, NULL } };
	void *f = host_folder(files);

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err err = ERR_INIT;
		int r = propagation_check(((struct test_folder *)f)->dir, cases[i].source, cases[i].word, &err);

		if ((r == 0) != !cases[i].says)
			fail_msg("%s %s: %s", cases[i].source, cases[i].word, err.msg);
		if (cases[i].says) {
			assert_int_equal(r, -ERR_PRECONDITION);
			assert_string_equal(err.msg, cases[i].says);
		}
	}
	test_folder_teardown(&f);
}

static void the_last_word_counts(void **state)
{
	char ro[] = "ro", slave[] = "rslave", private[] = "private", *words[] = { ro, slave, private, NULL };

	(void)state;
	assert_null(propagation_of(NULL));
	assert_null(propagation_of(&(struct strv){ words, 1, 0 }));
	assert_string_equal(propagation_of(&(struct strv){ words, 2, 0 }), "rslave");
	assert_string_equal(propagation_of(&(struct strv){ words, 3, 0 }), "private");
}

RUN_TESTS("propagation", cmocka_unit_test(asks_the_mount_that_the_source_is_on), cmocka_unit_test(the_last_word_counts))
