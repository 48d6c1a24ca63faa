/* containerd-shim-davit-v2: the runtime io.containerd.davit.v2. containerd starts it for each container or pod. */
#include "runtime-shim.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int shim_run(int argc, char **argv, struct err *err)
{
	struct shim_args a;
	int r = shim_args_parse(argc, argv, &a, err);

	if (r < 0)
		return r;
	if (a.version)
		return dprintf(STDOUT_FILENO, SHIM_NAME " " DAVIT_VERSION "\n") < 0 ? -ERR_UNKNOWN : 0;
	if (a.info)
		return shim_info(err);
	if (a.action && !strcmp(a.action, "start"))
		return shim_start(&a, err);
	if (a.action && !strcmp(a.action, "delete"))
		return shim_delete(&a, err);
	return err_hint(err, err_set(err, ERR_INVALID, "no action: start or delete"),
			"containerd starts this program; davit runs jobs");
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	if (shim_run(argc, argv, &err) >= 0)
		return 0;
	(void)dprintf(STDERR_FILENO, SHIM_NAME ": %s\n", err.msg);
	return 1;
}
