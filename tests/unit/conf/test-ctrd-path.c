#include "test.h"
#include "ctrd-path.h"
#include "mem.h"
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static void has_the_process_s_own_path(void **state)
{
	_cleanup_free_ char *path = NULL, *usual = ctrd_path(0);
	char *const argv[] = { (char *)"cat", NULL }, *const envp[] = { (char *)"A=PATH=/no", (char *)"PATH=/one:/two", NULL };
	int in[2], ready[2];
	pid_t pid;
	char c;

	(void)state;
	assert_string_equal(usual, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)close(in[1]);
		(void)execve("/bin/cat", argv, envp);
		_exit(1);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 0); /* it is cat now */
	path = ctrd_path(pid);
	assert_true(!strcmp(path, "/one:/two:/usr/bin") || !strcmp(path, "/one:/two:/bin"));
	(void)close(in[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(in[0]);
	(void)close(ready[0]);
}

RUN_TESTS("ctrd-path", cmocka_unit_test(has_the_process_s_own_path))
