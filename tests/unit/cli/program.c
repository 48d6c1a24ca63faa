#include "test.h"
#include "child.h"
#include "program.h"
#include <sys/wait.h>

enum { OUT_MAX = 1 << 20, PATIENCE_MS = 60000 };

int program_run(const char *path, const char *const *args, const char *input, struct buf *out, struct buf *errors)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(child_freep) struct child *child = NULL;
	const struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	const struct child_spec spec = { .path = path,
					 .argv = (char *const *)(uintptr_t)args,
					 .input = input,
					 .input_len = strlen(input),
					 .out_max = OUT_MAX,
					 .err_max = OUT_MAX };
	struct err err = ERR_INIT;
	int r = child_start(loop, &spec, &child, &err);

	if (r >= 0)
		r = child_wait(child, &ctx, &err);
	if (r < 0)
		fail_msg("%s: %s", path, err.msg);
	buf_adds(out, buf_str(child_out(child)));
	if (errors)
		buf_adds(errors, buf_str(child_err(child)));
	return WIFEXITED(r) ? WEXITSTATUS(r) : -1;
}
