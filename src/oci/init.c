#include "init.h"
#include "mem.h"
#include "path.h"
#include <string.h>

const char *init_inside(const struct task *t)
{
	for (size_t i = 0; i < t->n_mounts; i++) {
		_cleanup_free_ char *target = path_clean(t->mounts[i].target, NULL);

		if (!strcmp(target, "/dev"))
			return "/run/davit-init";
	}
	return "/dev/davit-init";
}

bool init_wanted(const struct spec_in *in) { return in->init && (in->reap || in->scripts.n); }

void init_wrap(const struct spec_in *in, struct strv *args)
{
	_cleanup_strv_ struct strv command = TAKE_STRUCT(*args);

	if (!init_wanted(in)) {
		*args = TAKE_STRUCT(command);
		return;
	}
	strv_push(args, init_inside(in->task));
	if (in->reap)
		strv_push(args, "--reap");
	for (size_t i = 0; i < in->scripts.n; i++) {
		strv_push(args, "--script");
		strv_push(args, in->scripts.v[i]);
	}
	strv_push(args, "--");
	strv_add(args, &command);
}
