#include "bundle-task.h"
#include "bundle.h"
#include "pod.h"
#include <string.h>

int run_decide_bundle(struct run_task *t, struct err *err)
{
	int r = bundle_read(t->task->bundle, &t->bundle, err);

	if (r >= 0) /* what is said of a command that cannot be run */
		json_get_strv(json_get_object(t->bundle, "process"), "args", &t->found.config.cmd);
	return r;
}

int run_check_bundle(const struct run_task *t, struct err *err)
{
	const char *network = t->run->job->network;

	return t->bundle ? bundle_check_network(t->bundle, t->run->netns != NULL, network && !strcmp(network, "none"), err) : 0;
}

int run_bundle_spec(struct run_task *t, struct buf *out, struct err *err)
{
	_cleanup_dict_ struct dict annotations = { 0 };
	struct bundle_in in = {
		.id = t->id,
		.ns = t->core->conf.ns,
		.cgroup = t->task->cgroup,
		.systemd = t->run->runtime.systemd,
		.netns = t->run->netns,
		.args = &t->task->args,
		.annotations = &annotations,
		.tty = t->task->tty,
	};
	struct winsize size;

	pod_annotations(t, &annotations);
	if (t->run->opts->mode == RUN_FOREGROUND && t->task->tty && streams_size(t->task->stdin_open, &size))
		in.console = (struct spec_console){ size.ws_row, size.ws_col };
	return bundle_spec(t->bundle, &in, out, err);
}
