#include "exec-heir.h"
#include "exec-clear.h"
#include "launch.h"
#include "log.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

enum { NAMES = 3 }; /* of each: namespace, container, process */

void exec_heir_launch(const struct exec_sessions *execs, const char *address, const char *run_dir)
{
	static const struct launch_fd fds[] = { { -1, STDIN_FILENO }, { -1, STDOUT_FILENO }, { -1, STDERR_FILENO } };
	_cleanup_strv_ struct strv args = { 0 };
	struct launch how = { .path = SELF, .fds = fds, .n_fds = 3, .session = true, .close_from = STDERR_FILENO + 1, .dir = "/" };
	const char *const begin[] = { "containerd-driver", EXEC_HEIR, address, run_dir };
	size_t n = sizeof begin / sizeof *begin;
	pid_t pid;
	int r;

	for (size_t i = 0; i < n; i++)
		strv_push(&args, begin[i]);
	exec_sessions_left(execs, &args);
	if (args.n == n)
		return;
	how.argv = strv_argv(&args);
	r = launch(&how, &pid);
	if (r < 0)
		log_warn("%zu executed processes may outlive the plugin: %s", (args.n - n) / NAMES, strerror(-r));
}

struct inherited {
	struct exec_clear *clear;
	size_t *left;
};

static void on_inherited_over(void *arg, bool gone)
{
	struct inherited *i = arg;

	(void)gone;
	exec_clear_free(TAKE_PTR(i->clear));
	--*i->left;
}

static void inherited_begin(struct inherited *i, struct core *core, char *const *names, size_t *left)
{
	struct core there = core_in(core, names[0]);

	i->left = left;
	i->clear = exec_clear_new(&there, NULL, names[1], names[2], EXEC_CLEAR_KILL, EXEC_HEIR_MS, on_inherited_over, i);
	core_leave(&there);
}

int exec_heir_run(char *const *argv)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(core_freep) struct core *core = NULL;
	_cleanup_free_ struct inherited *all = NULL;
	size_t n = 0, left;
	struct core_conf how = { .ns = CORE_NAMESPACE };

	while (argv[n])
		n++;
	if (n < 2 || (n - 2) % NAMES)
		return EXIT_FAILURE;
	how.address = argv[0];
	how.run_dir = argv[1];
	how.data_dir = CORE_DATA_DIR;
	if (core_open_on(loop, &how, &core, NULL) < 0)
		return EXIT_FAILURE;
	left = n = (n - 2) / NAMES;
	all = mem_zalloc((n ? n : 1) * sizeof *all);
	for (size_t i = 0; i < n; i++)
		inherited_begin(&all[i], core, argv + 2 + i * NAMES, &left);
	while (left && loop_turn(loop, NULL, NULL) >= 0)
		;
	for (size_t i = 0; i < n; i++)
		exec_clear_free(all[i].clear);
	return EXIT_SUCCESS;
}
