#include "cli-console.h"
#include "cli.h"
#include "commands.h"
#include "fork-heir.h"
#include "interrupt.h"
#include "job-exec.h"
#include "parse.h"

struct exec_flags {
	bool detach, interactive, tty, privileged;
	struct strv env, file_env;
	const char *user, *cwd, *detach_keys;
};
#define AT(f) .at = offsetof(struct exec_flags, f)

static int set_env(const struct opt *o, const char *value, void *into, struct err *err)
{
	(void)o;
	return parse_env(value, environ, &((struct exec_flags *)into)->env, err);
}

static int add_env_file(const struct opt *o, const char *value, void *into, struct err *err)
{
	const struct ctx ctx = interrupt_ctx();

	(void)o;
	return parse_env_file(value, environ, &ctx, &((struct exec_flags *)into)->file_env, err);
}

static int set_user(const struct opt *o, const char *value, void *into, struct err *err)
{
	int r = parse_user(value, err);

	return r < 0 ? r : opt_string(o, value, into, err);
}

static const struct opt opts_table[] = {
	{ "interactive", 'i', .help = "Keep standard input open", .topic = "Flags", .set = opt_bool, AT(interactive) },
	{ "tty", 't', .help = "Give the process a terminal", .set = opt_bool, AT(tty) },
	{ "detach", 'd', .help = "In the background", .set = opt_bool, AT(detach) },
	{ "env", 'e', .arg = "K=V", .help = "Environment variable over the job's", .set = set_env },
	{ "env-file", .arg = "FILE", .help = "Environment variables, one a line", .words = COMPLETE_FILE, .set = add_env_file },
	{ "user", 'u', .arg = "USER[:GROUP]", .help = "Names of the job's files, or numbers", .set = set_user, AT(user) },
	{ "workdir", 'w', .arg = "DIR", .help = "Working folder", .set = opt_string, AT(cwd) },
	{ "privileged", .help = "All of davit's own capabilities", .set = opt_bool, AT(privileged) },
	{ "detach-keys", .arg = "KEYS", .help = "Keys that detach (ctrl-p,ctrl-q)", .set = opt_keys, AT(detach_keys) },
	{ 0 },
};

static void exec_done(void *opts)
{
	struct exec_flags *f = opts;

	strv_done(&f->env);
	strv_done(&f->file_env);
}

static int exec_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	struct exec_flags *f = opts;
	_cleanup_strv_ struct strv command = { 0 };
	struct exec_opts o = { .args = &command,
			       .env = &f->file_env,
			       .cwd = f->cwd,
			       .user = f->user,
			       .detach_keys = f->detach_keys,
			       .tty = f->tty,
			       .interactive = f->interactive,
			       .detach = f->detach,
			       .privileged = f->privileged,
			       .heir = fork_heir,
			       .console = &cli_console };
	int code = 0, r;

	if (f->tty && f->interactive && !f->detach && !isatty(STDIN_FILENO))
		return err_hint(err, err_set(err, ERR_INVALID, "standard input is not a terminal"), "leave -t away");
	strv_setenvs(&f->file_env, &f->env); /* -e wins over a file */
	for (size_t i = 1; i < args->n; i++)
		strv_push(&command, args->v[i]);
	r = cli_core(cli, err);
	if (r >= 0)
		r = job_exec(cli->core, args->v[0], &o, &cli->ctx, &code, err);
	return r < 0 ? cli_fail_run(cli, r, &command, "job", err) : code;
}

const struct command cmd_exec = {
	.name = "exec",
	.usage = "[FLAGS] JOB[.TASK] COMMAND [ARGUMENT...]",
	.summary = "Run a command in a running job",
	.text = "Ends with the command's exit status; 126 and 127 as in davit run. Of a job of several tasks without .TASK\n"
		"in its leader, else in its first main task.",
	.examples = "  davit exec -it web sh\n  davit exec -u nobody -e A=1 web env",
	.opts = opts_table,
	.words = COMPLETE_JOB,
	.min = 2,
	.max = ARGS_ANY,
	.stop_at_first = true,
	.size = sizeof(struct exec_flags),
	.done = exec_done,
	.run = exec_run,
};
