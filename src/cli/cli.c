/* From argv to a command and from its result to an exit code. Global flags may stand before or after the command's name;
 * what they do not say comes from the environment, then from the defaults. */
#include "cli.h"
#include "alias.h"
#include "core-words.h"
#include "engine-words.h"
#include "help.h"
#include "interrupt.h"
#include "log.h"
#include "mem.h"
#include "name.h"
#include "own.h"
#include "self.h"
#include <string.h>

#define AT(f) .at = offsetof(struct globals, f)

const struct opt global_opts[] = {
	{ "namespace", 'n', .arg = "NAME", .help = "containerd namespace (CONTAINERD_NAMESPACE; davit)", .topic = "Global",
	  .set = opt_string, AT(ns), .early = true },
	{ "address", .arg = "SOCKET", .help = "containerd's socket (CONTAINERD_ADDRESS; " CTRD_ADDRESS ")", .words = COMPLETE_FILE,
	  .set = opt_string, AT(address) },
	{ "snapshotter", .arg = "NAME", .help = "Snapshotter (CONTAINERD_SNAPSHOTTER; the namespace's, else overlayfs)",
	  .set = opt_string, AT(snapshotter) },
	{ "cni-path", .arg = "DIRS", .help = "Folders of CNI plugins (CNI_PATH; " CNI_PATH_DEFAULT ")", .words = COMPLETE_FILE,
	  .set = opt_string, AT(cni_path) },
	{ "cni-conf-dir", .arg = "DIR", .help = "Folder of networks (NETCONFPATH; " CNI_CONF_DIR ")", .words = COMPLETE_FILE,
	  .set = opt_string, AT(cni_conf_dir) },
	{ "run-dir", .arg = "DIR", .help = "Folder of the running jobs' state (DAVIT_RUN_DIR; " CORE_RUN_DIR ")", .set = opt_string,
	  AT(run_dir), .hidden = true },
	{ "data-dir", .arg = "DIR", .help = "Folder of logs and volumes (DAVIT_DATA_DIR; " CORE_DATA_DIR ")", .set = opt_string,
	  AT(data_dir), .hidden = true },
	{ "no-engine", .help = "Start no containerd", .set = opt_bool, AT(no_engine), .hidden = true },
	{ "debug", .help = "Say what is done, on standard error", .set = opt_bool, AT(debug) },
	{ "json-log", .help = "Errors and notices as JSON lines", .set = opt_bool, AT(json_log) },
	{ "version", 'v', .help = "Print davit's version", .set = opt_bool, AT(version) },
	{ "help", 'h', .help = "Print help", .set = opt_bool, AT(help) },
	{ 0 },
};

static void globals_from_environment(struct globals *g)
{
	*g = (struct globals){
		.address = self_env("CONTAINERD_ADDRESS", NULL),
		.ns = self_env("CONTAINERD_NAMESPACE", NULL),
		.snapshotter = self_env("CONTAINERD_SNAPSHOTTER", NULL),
		.cni_path = self_env("CNI_PATH", CNI_PATH_DEFAULT),
		.cni_conf_dir = self_env("NETCONFPATH", CNI_CONF_DIR),
		.run_dir = self_env("DAVIT_RUN_DIR", CORE_RUN_DIR),
		.data_dir = self_env("DAVIT_DATA_DIR", CORE_DATA_DIR),
	};
}

static void on_notice(void *arg, const char *line) { cli_notice(arg, "%s", line); }

/* What is bound into a job, or told to another program, is found from the root alone. */
static const char *folder(struct cli *cli, const char *path)
{
	_cleanup_free_ char *whole = path && *path ? core_absolute(mem_strdup(path)) : NULL;

	if (!whole)
		return path;
	strv_push(&cli->folders, whole);
	return cli->folders.v[cli->folders.n - 1];
}

static const char *folders(struct cli *cli, const char *list)
{
	_cleanup_strv_ struct strv parts = { 0 };
	_cleanup_free_ char *all = NULL;

	strv_split(&parts, list ? list : "", ":");
	for (size_t i = 0; i < parts.n; i++)
		parts.v[i] = core_absolute(parts.v[i]);
	all = strv_join(&parts, ":");
	strv_push(&cli->folders, all);
	return cli->folders.v[cli->folders.n - 1];
}

/* What own_open() and everything behind it see. */
static int configure(struct cli *cli, struct err *err)
{
	static const char scheme[] = "unix://";
	const struct globals *g = &cli->global;
	const char *address = g->address;
	int r = g->ns ? name_check("namespace", g->ns, NAME_ID_MAX, err) : 0;

	if (r < 0)
		return r;
	if (address && strncmp(address, scheme, strlen(scheme)) == 0)
		address += strlen(scheme);
	if (address && address[0] != '/')
		return err_hint(err, err_set(err, ERR_INVALID, "address \"%s\": not an absolute path of a socket", address),
				"such as " CTRD_ADDRESS);
	log_init(g->debug ? LOG_DEBUG : g->json_log ? LOG_INFO : LOG_WARN, g->json_log ? LOG_JSON : LOG_TEXT);
	cli->conf = (struct core_conf){
		.address = address,
		.ns = g->ns ? g->ns : CORE_NAMESPACE,
		.snapshotter = g->snapshotter,
		.runtime = self_env("DAVIT_RUNTIME", NULL),
		.cni = { .path = folders(cli, g->cni_path), .conf_dir = folder(cli, g->cni_conf_dir), .cache_dir = CNI_CACHE_DIR },
		.run_dir = folder(cli, g->run_dir),
		.data_dir = folder(cli, g->data_dir),
		.debug = g->debug,
		.notice = on_notice,
		.notice_arg = cli,
	};
	return 0;
}

int cli_core(struct cli *cli, struct err *err)
{
	if (cli->global.no_engine)
		return cli_core_existing(cli, err);
	return cli->core ? 0 : own_open(&cli->conf, &cli->ctx, &cli->core, err);
}

int cli_core_existing(struct cli *cli, struct err *err) { return cli->core ? 0 : own_open_existing(&cli->conf, &cli->core, err); }

int cli_fail_run(struct cli *cli, int r, const struct strv *words, const char *noun, struct err *err)
{
	cli->fail_code = exit_code_of(err);
	if (cli->fail_code != EXIT_DAVIT && words && words->n && words->v[0][0] == '-')
		return err_hint(err, r, "what stands behind the %s is its command: davit's flags go before", noun);
	return r;
}

int cli_end_run(const struct cli *cli, const struct run_result *res)
{
	if (!res->detached)
		return res->exit_code;
	if (!cli->global.json_log && isatty(STDERR_FILENO))
		(void)!write(STDERR_FILENO, "\n", 1); /* the cursor stands where the job left it */
	cli_notice(cli, "detached: job %s goes on; davit logs -f %s follows it", res->name, res->name);
	return 0;
}

static int print_help(struct cli *cli, const struct command *cmd, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (cmd)
		help_command(cmd, &text);
	else
		help_overview(&text);
	return cli_out(cli, buf_str(&text), text.len, err);
}

static int print_version(struct cli *cli, struct err *err) { return cli_outf(cli, err, "davit %s\n", DAVIT_VERSION); }

/* @opts is zeroed memory of cmd->size. */
static int run_with(struct cli *cli, const struct command *cmd, void *opts, char *const *argv, size_t i, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	int r = command_parse(cmd, &cli->global, argv, i, opts, &args, err);

	if (r < 0)
		return r;
	if (cli->global.help)
		return print_help(cli, cmd, err);
	if (cli->global.version)
		return print_version(cli, err);
	r = command_check_args(cmd, &args, err);
	if (r < 0)
		return r;
	r = configure(cli, err);
	if (r < 0)
		return r;
	return cmd->run(cli, opts, &args, err);
}

static int run_command(struct cli *cli, const struct command *cmd, char *const *argv, size_t i, struct err *err)
{
	_cleanup_free_ void *opts = mem_zalloc(cmd->size ? cmd->size : 1);
	int r;

	if (cmd->init)
		cmd->init(opts);
	r = run_with(cli, cmd, opts, argv, i, err);
	if (cmd->done)
		cmd->done(opts);
	return r;
}

/* argv with Docker's other name at @i replaced, in @words; argv itself where it is none. */
static char *const *without_alias(char *const *argv, size_t i, struct strv *words)
{
	size_t used;
	const char *is = alias_of(argv[i], argv[i + 1], &used);

	if (!is)
		return argv;
	for (size_t k = 0; k < i; k++)
		strv_push(words, argv[k]);
	strv_split(words, is, " ");
	for (size_t k = i + used; argv[k]; k++)
		strv_push(words, argv[k]);
	return strv_argv(words);
}

/* Down the tree of commands to the one that *argv names; NULL when it names none. *i is then what stands behind it. *argv
 * becomes @words where another name was used. */
static int find_command(struct cli *cli, char *const **argv, size_t *i, struct strv *words, const struct command **ret,
			struct err *err)
{
	const struct opt_table global = { .opts = global_opts, .into = &cli->global };
	const struct command *const *list = commands;
	const struct command *cmd = NULL;

	while (list) {
		int r = opt_flags(&global, 1, cmd ? cmd->name : "", *argv, i, err);

		if (r < 0)
			return r;
		if (!(*argv)[*i])
			break;
		if (!cmd)
			*argv = without_alias(*argv, *i, words);
		r = command_find(list, cmd ? cmd->name : NULL, (*argv)[*i], &cmd, err);
		if (r < 0)
			return r;
		(*i)++;
		list = cmd->sub;
	}
	*ret = cmd;
	return 0;
}

static int no_command(struct cli *cli, const struct command *group, struct err *err)
{
	if (cli->global.version)
		return print_version(cli, err);
	if (cli->global.help || !group)
		return print_help(cli, group, err);
	return err_hint(err, err_set(err, ERR_INVALID, "%s: a command is missing", group->name), "davit help %s lists them",
			group->name);
}

static int run_words(struct cli *cli, char *const *argv, struct strv *words, struct err *err)
{
	const struct command *cmd = NULL;
	size_t i = 1;
	int r = find_command(cli, &argv, &i, words, &cmd, err);

	if (r < 0)
		return r;
	if (!cmd || cmd->sub)
		return no_command(cli, cmd, err);
	return run_command(cli, cmd, argv, i, err);
}

/* A full disk may say so only now. */
static int close_out(struct err *err) { return close(STDOUT_FILENO) < 0 ? err_sys(err, errno, "standard output") : 0; }

int cli_main(char *const *argv)
{
	struct cli cli = { .fail_code = EXIT_DAVIT, .ctx = { .cancel = interrupt_catch() } };
	_cleanup_strv_ struct strv words = { 0 };
	struct err err = ERR_INIT;
	int r;

	globals_from_environment(&cli.global);
	r = run_words(&cli, argv, &words, &err);
	if (cli.core)
		core_free(cli.core);
	free(cli.file_ns);
	strv_done(&cli.folders);
	if (r >= 0 && (close_out(&err) >= 0 || r > 0))
		return r;
	log_init(LOG_ERROR, cli.global.json_log ? LOG_JSON : LOG_TEXT); /* an error of parsing comes before configure() */
	cli_report(&cli, &err);
	if (r == -ERR_CANCELLED && cli.ctx.cancel->on)
		return 128 + cli.ctx.cancel->on;
	return cli.fail_code;
}
