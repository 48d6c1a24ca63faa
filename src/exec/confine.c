/* What confines a job beside namespaces, capabilities and seccomp: AppArmor, where the host has it. */
#include "apparmor.h"
#include "job-state.h"
#include <string.h>

static const char host_root[] = ""; /* of this machine */

int run_confine_dry(struct run *run, struct err *err)
{
	run->apparmor = NULL;
	return run->runtime.vm ? 0 : apparmor_choose(host_root, run->task, &run->apparmor, err); /* a guest has a kernel of its own */
}

static int load_own(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = apparmor_loaded(host_root, APPARMOR_DEFAULT, err);

	if (r != 0)
		return r < 0 ? r : 0;
	return apparmor_load(host_root, run->core->loop, ctx, err);
}

int run_confine(struct run *run, const struct ctx *ctx, struct err *err)
{
	int r = run_confine_dry(run, err);

	if (r < 0 || !run->apparmor || strcmp(run->apparmor, APPARMOR_DEFAULT) != 0)
		return r;
	r = load_own(run, ctx, err);
	if (r == -ERR_NOT_FOUND && !run->task->apparmor) { /* whoever asked for it by name gets it or an error */
		core_notice(run->core, "this host has AppArmor, but no apparmor_parser to load davit's profile with: the job runs without one "
				       "(apt-get install apparmor)");
		run->apparmor = NULL;
		err_clear(err);
		return 0;
	}
	return r == -ERR_PRECONDITION ? err_hint(err, r, "--security-opt apparmor=unconfined runs the job without one") : r;
}

int run_confine_again(struct run *run, const struct ctx *ctx, struct err *err)
{
	static const char has_own[] = "\"apparmorProfile\":\"" APPARMOR_DEFAULT "\"";
	const struct buf *spec = &run->record->c.spec.value;

	if (!spec->len || !memmem(spec->data, spec->len, has_own, sizeof has_own - 1) || apparmor_state(host_root) != APPARMOR_ON)
		return 0;
	return load_own(run, ctx, err);
}
