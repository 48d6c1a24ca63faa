#include "test.h"
#include "ctrd-path.h"
#include "test-folder.h"
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

static void starts_a_shim_by_what_it_finds(void **state)
{
	struct test_folder *f = test_folder_new("ctrd-path", "containerd-shim-x-v2");
	_cleanup_free_ char *by_type = NULL, *none = ctrd_shim("/none:/such", "io.containerd.x.v2", "containerd-shim-x-v2");

	*state = f;
	assert_null(none);
	assert_int_equal(file_write(f->path, "", 0, 0755, NULL), 0);
	by_type = ctrd_shim(f->dir, "io.containerd.x.v2", "containerd-shim-x-v2");
	assert_string_equal(by_type, "io.containerd.x.v2");
}

/* "Beside davit" is beside this program. */
static void starts_the_one_beside_by_its_path(void **state)
{
	char exe[1000];
	const ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	_cleanup_free_ char *path = NULL, *found = NULL;

	(void)state;
	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	path = mem_printf("%s/containerd-shim-beside%d-v2", exe, (int)getpid());
	assert_int_equal(file_write(path, "", 0, 0755, NULL), 0);
	found = ctrd_shim("/none", "io.containerd.beside.v2", strrchr(path, '/') + 1);
	assert_int_equal(unlink(path), 0);
	assert_string_equal(found, path);
}

RUN_TESTS("ctrd-path", cmocka_unit_test_teardown(starts_a_shim_by_what_it_finds, test_folder_teardown),
	  cmocka_unit_test(starts_the_one_beside_by_its_path), cmocka_unit_test(has_the_process_s_own_path))
