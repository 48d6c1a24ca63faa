/* The command line of davit-image. */
#pragma once
#include "err.h"
#include "strv.h"

struct args {
	const char *verb, *address, *ns, *snapshotter, *platform, *lease, *progress, *hosts_dir, *input, *output, *output_fd, *ids,
		*base, *key, *freeze, *freeze_pid, *own_lease, *author, *message, *workdir, *user, *authfile, *helper, *only;
	bool quiet, debug, help, version, login, no_authfile, insecure, all_platforms, all;
	struct strv cmd, entrypoint, env, expose, label, mark, change, rest;
};
/* Strings are borrowed from @argv and the environment. -ERR_INVALID names the option and what is allowed. */
int args_parse(int argc, char **argv, struct args *ret, struct err *err);
void args_done(struct args *);
/* The text of --help, from the same table. The caller frees. */
char *args_help(void);
