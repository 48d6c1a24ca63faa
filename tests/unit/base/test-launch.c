#include "test.h"
#include "launch.h"
#include "mem.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char *run_sh(const char *script, struct launch l)
{
	char sh[] = "sh", flag[] = "-c", *argv[] = { sh, flag, (char *)script, NULL };
	static char out[500];
	int p[2], status = -1;
	struct launch_fd fds[] = { { -1, 0 }, { 0, 1 } };
	ssize_t n, len = 0;
	pid_t pid = 0;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	fds[1].ours = p[1];
	l.path = "/bin/sh";
	l.argv = argv;
	l.fds = fds;
	l.n_fds = 2;
	assert_int_equal(launch(&l, &pid), 0);
	(void)close(p[1]);
	while ((n = read(p[0], out + len, sizeof out - 1 - (size_t)len)) > 0)
		len += n;
	out[len] = '\0';
	(void)close(p[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return out;
}

static void has_what_was_asked_for(void **state)
{
	int inherited = open("/etc/passwd", O_RDONLY); /* a shell's: not close-on-exec */
	mode_t ours = umask(077);

	(void)state;
	assert_true(inherited >= 0);
	assert_string_equal(run_sh("umask; pwd; ls -l /proc/self/fd | grep -q /etc/passwd || echo closed",
				   (struct launch){ .umask = 022, .dir = "/", .close_from = 3 }),
			    "0022\n/\nclosed\n");
	assert_int_equal(umask(ours), 077); /* and ours is what it was */
	assert_string_equal(run_sh("set -- $(cat /proc/$$/stat); test $6 = $$ && echo leads", (struct launch){ .session = true }),
			    "leads\n");
	assert_string_equal(run_sh("set -- $(cat /proc/$$/stat); test $5 = $$ && test $6 != $$ && echo group",
				   (struct launch){ .group = true }),
			    "group\n");
	(void)close(inherited);
}

static void says_why_not(void **state)
{
	char x[] = "x", *argv[] = { x, NULL };
	pid_t pid = 0;

	(void)state;
	for (int k = 0; k < 2; k++)
		assert_int_equal(launch(&(struct launch){ .path = "/nonexistent", .argv = argv, .umask = k ? 022 : 0 }, &pid),
				 -ENOENT);
	assert_int_equal(pid, 0);
}

RUN_TESTS("launch", cmocka_unit_test(has_what_was_asked_for), cmocka_unit_test(says_why_not))
