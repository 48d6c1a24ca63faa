#include "engine-words.h"
#include "err.h"
#include "limit.h"
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *says;
	int exit_code;
} engine_says[] = {
	{ "executable file not found in $PATH", 127 },
	{ "executable file `", 127 },
	{ "no such file or directory: unknown", 127 },
	{ "stat /", 127 },
	{ "No such file or directory", 127 },
	{ "permission denied", 126 },
	{ "Permission denied", 126 },
	{ "exec format error", 126 },
	{ "Exec format error", 126 },
	{ "is a directory", 126 },
	{ "Is a directory", 126 },
	{ "open executable: Operation not permitted", 126 },
};

static bool is_about_exec(const char *msg)
{
	static const char *const others[] = { "mount", "cgroup", "chdir" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strstr(msg, others[i]))
			return false;
	return strstr(msg, "exec") != NULL;
}

static int not_found(const char *command, const char *where, struct err *err)
{
	int r = err_set(err, ERR_NOT_FOUND, "command %s: not found in the %s", command, where);

	err->exit_code = 127;
	if (*command == '-')
		return r; /* the face knows better */
	if (strchr(command, ' '))
		return err_hint(err, r, "that is one word, so one program: leave the quotes away, or name a shell: sh -c '...'");
	if (strchr(command, '/'))
		return err_hint(err, r, "there is no such file, or what its first line names behind #! or its loader is not there");
	return err_hint(err, r, "it is in no folder of PATH there: give its whole path, or take %s that has it",
			!strcmp(where, "job") ? "a job" : "an image");
}

static int not_invoked(const char *command, const char *where, struct err *err)
{
	int r = err_set(err, ERR_PERMISSION, "command %s: cannot be invoked: permission denied, or not a program", command);

	err->exit_code = 126;
	return err_hint(err, r, "in the %s it must be a file with permission x, for this machine, or begin with #! and its shell",
			where);
}

int exec_error(const char *command, const char *where, int r, struct err *err)
{
	if (!err || r != -ERR_UNKNOWN || !is_about_exec(err->msg))
		return r;
	for (size_t i = 0; i < sizeof engine_says / sizeof *engine_says; i++) {
		int code = engine_says[i].exit_code;

		if (!strstr(err->msg, engine_says[i].says))
			continue;
		err_clear(err);
		return code == 127 ? not_found(command, where, err) : not_invoked(command, where, err);
	}
	return r;
}

int limit_error(int r, struct err *err)
{
	const char *controller = err && r == -ERR_UNKNOWN ? limit_controller_in(err->msg) : NULL;

	if (!controller)
		return r;
	(void)err_wrap(err, r, "limit of the cgroup controller \"%s\"", controller);
	return err_hint(
		err, r,
		"leave that limit out, or take another engine with --runtime: it did not take the host's files as they are");
}

int exit_code_of(const struct err *err) { return err->exit_code ? err->exit_code : 125; }
