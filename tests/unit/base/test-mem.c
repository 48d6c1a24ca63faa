#include "test.h"
#include "mem.h"
#include <signal.h>
#include <sys/wait.h>

static void copies(void **state)
{
	_cleanup_free_ char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 3), *c = mem_strndup("ab", 10),
			    *d = mem_dup("a\0b", 3), *e = mem_printf("%s-%d", "x", 7), *f = mem_dup(NULL, 0);
	static const char unended[3] = { 'x', 'y', 'z' };
	_cleanup_free_ char *g = mem_strndup(unended, 3);

	(void)state;
	assert_string_equal(a, "abc");
	assert_string_equal(b, "abc");
	assert_string_equal(c, "ab");
	assert_memory_equal(d, "a\0b", 4);
	assert_string_equal(e, "x-7");
	assert_string_equal(f, "");
	assert_string_equal(g, "xyz");
	assert_null(mem_strdup(NULL));
}

static void zeroes(void **state)
{
	_cleanup_free_ unsigned char *p = mem_array(unsigned char, 1000);
	_cleanup_free_ int *none = mem_array(int, 0);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	assert_non_null(none);
}

static void doubles(void **state)
{
	size_t cap = 0, moves = 0;
	int *v = NULL;

	(void)state;
	for (size_t n = 1; n <= 10000; n++) {
		size_t had = cap;

		v = mem_grow(v, &cap, n, sizeof *v);
		v[n - 1] = (int)n;
		moves += cap != had;
	}
	assert_true(cap >= 10000 && moves < 20);
	for (size_t n = 1; n <= 10000; n++)
		assert_int_equal(v[n - 1], n);
	free(v);
}

static void too_much_aborts(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		pid_t pid = fork(); /* no thread runs here */
		size_t cap = 0;
		int status;

		assert_true(pid >= 0);
		if (pid == 0) {
			(void)close(STDERR_FILENO);
			(void)signal(SIGABRT, SIG_DFL);
			if (kind == 0)
				(void)mem_grow(NULL, &cap, (size_t)-1, 1);
			else if (kind == 1)
				(void)mem_grow(NULL, &cap, (size_t)1 << 60, 64); /* the bytes overflow */
			else
				(void)mem_calloc((size_t)1 << 40, (size_t)1 << 40);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

/* By then its number is another's. */
static void a_descriptor_is_closed_once(void **state)
{
	int fd = dup(STDERR_FILENO), was = fd, next;

	(void)state;
	assert_true(fd >= 0);
	errno = ENOENT;
	closep(&fd);
	assert_int_equal(errno, ENOENT);
	assert_true(fd < 0);
	next = dup(STDERR_FILENO);
	assert_int_equal(next, was);
	closep(&fd);
	assert_int_equal(close(next), 0);
}

RUN_TESTS("mem", cmocka_unit_test(copies), cmocka_unit_test(zeroes), cmocka_unit_test(doubles), cmocka_unit_test(too_much_aborts),
	  cmocka_unit_test(a_descriptor_is_closed_once))
