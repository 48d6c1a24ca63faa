#include "exec-spec.h"
#include "identity.h"
#include "mem.h"
#include "user.h"

#define PROCESS_TYPE "types.containerd.io/opencontainers/runtime-spec/1/Process"

/* The user is looked up in the job as it is now: through its own root. Without one it is the job's own, but the look is taken all
 * the same: the engine opens those files in any case. */
static int look_up_user(pid_t pid, const char *spec, const struct strv *groups, struct user *ret, struct err *err)
{
	_cleanup_(user_files_done) struct user_files files = { 0 };
	int r = identity_of_process(pid, &files, err);

	if (r < 0 || !spec)
		return r;
	return user_lookup(&files, spec, groups ? strv_argv(groups) : NULL, ret, err);
}

int exec_spec(const struct ctrd_any *spec, pid_t pid, const char *asked, const struct strv *groups, struct exec_process *p,
	      struct ctrd_any *ret, struct err *err)
{
	struct user user = { 0 };
	int r = look_up_user(pid, asked, groups, &user, err);

	p->user = asked ? &user : NULL;
	if (r >= 0)
		r = spec_exec_process(buf_str(&spec->value), spec->value.len, p, &ret->value, err);
	if (r >= 0)
		ret->type_url = mem_strdup(PROCESS_TYPE);
	p->user = NULL;
	user_done(&user);
	return r;
}
