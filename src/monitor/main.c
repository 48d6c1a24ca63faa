/* davit-monitor: looks after one job that asks for it. Started by davit beside the job, with the words of core-words.h and the id
 * of its container; nobody waits for it, and it has neither input nor output. */
#include "mem.h"
#include "monitor.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *flag;
	size_t at;
} flags[] = {
	{ "--address", offsetof(struct core_conf, address) },   { "--namespace", offsetof(struct core_conf, ns) },
	{ "--cni-path", offsetof(struct core_conf, cni.path) }, { "--cni-conf-dir", offsetof(struct core_conf, cni.conf_dir) },
	{ "--run-dir", offsetof(struct core_conf, run_dir) },   { "--data-dir", offsetof(struct core_conf, data_dir) },
};

static bool monitor_words(char **argv, struct core_conf *conf, const char **ret_id)
{
	for (; argv[0] && argv[1]; argv += 2) {
		size_t i = 0;

		while (i < sizeof flags / sizeof *flags && strcmp(flags[i].flag, argv[0]) != 0)
			i++;
		if (i == sizeof flags / sizeof *flags)
			return false;
		*(const char **)((char *)conf + flags[i].at) = argv[1];
	}
	*ret_id = argv[0];
	return *ret_id && **ret_id != '-';
}

int main(int argc, char **argv)
{
	struct core_conf conf = { .ns = CORE_NAMESPACE,
				  .run_dir = CORE_RUN_DIR,
				  .data_dir = CORE_DATA_DIR,
				  .cni = { .path = CNI_PATH_DEFAULT, .conf_dir = CNI_CONF_DIR, .cache_dir = CNI_CACHE_DIR } };
	_cleanup_(core_freep) struct core *core = NULL;
	struct loop *loop = loop_new();
	struct err err = ERR_INIT;
	const char *id;
	int r;

	(void)argc;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (!monitor_words(argv + 1, &conf, &id)) {
		(void)fputs("davit-monitor: [--address SOCKET] [--namespace NAME] ... ID (started by davit for jobs that ask for "
			    "restarts)\n",
			    stderr);
		return 2;
	}
	r = core_open_on(loop, &conf, &core, &err);
	if (r >= 0) {
		(void)core_reconnect(core, NULL);
		r = monitor_run(core, id, &err);
	}
	if (r < 0)
		(void)fprintf(stderr, "davit-monitor: %s\n", err.msg);
	core_free(TAKE_PTR(core));
	loop_free(loop);
	return r < 0;
}
