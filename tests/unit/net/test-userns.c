#include "test.h"
#include "userns.h"
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4, ROUNDS = 50 };

static const struct idmap ids = { .uid = 100000, .gid = 100000, .n = 65536 };

static void need_root(void)
{
	int user = -1, net = -1;

	if (geteuid() == 0 && userns_new(&ids, &user, &net, NULL) >= 0) {
		(void)close(user);
		(void)close(net);
		return;
	}
	print_message("user namespaces need root, and a kernel that allows them\n");
	skip();
}

static void is_another(int fd, const char *ours)
{
	struct stat its, own;

	assert_int_equal(fstat(fd, &its), 0);
	assert_int_equal(stat(ours, &own), 0);
	assert_int_not_equal(its.st_ino, own.st_ino);
}

static void makes_both(void **state)
{
	int user = -1, net = -1;

	(void)state;
	need_root();
	assert_int_equal(userns_new(&ids, &user, &net, NULL), 0);
	is_another(user, "/proc/self/ns/user");
	is_another(net, "/proc/self/ns/net");
	assert_int_equal(close(user), 0);
	assert_int_equal(close(net), 0);
}

static void *make_many(void *arg)
{
	unsigned *made = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		int user = -1, net = -1;

		if (userns_new(&ids, &user, &net, NULL) < 0)
			break;
		*made += close(user) == 0 && close(net) == 0;
	}
	return NULL;
}

/* Each thread's child has copies of what the others hold theirs by: none waits for another. */
static void several_at_once(void **state)
{
	pthread_t t[THREADS];
	unsigned made[THREADS] = { 0 };

	(void)state;
	need_root();
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, make_many, &made[i]), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(made[i], ROUNDS);
}

RUN_TESTS("userns", cmocka_unit_test(makes_both), cmocka_unit_test(several_at_once))
