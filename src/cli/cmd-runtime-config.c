/* runtime config: containerd's tables for the handlers that a RuntimeClass names, printed or written. */
#include "cli.h"
#include "commands.h"
#include "conf-write.h"
#include "ctrd-conf.h"
#include "ctrd-path.h"
#include "handler.h"
#include "mem.h"
#include "socket.h"
#include "toml-put.h"
#include <string.h>

/* A file that is made has what each containerd since 1.6 reads. */
enum { VERSION_NEW = 2 };
#define UNTRUSTED "untrusted" /* the handler of pods with the annotation io.kubernetes.cri.untrusted-workload */

struct config_flags {
	bool write, untrusted, systemd, systemd_given;
	const char *file, *version;
};

static int config_set_systemd(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct config_flags *f = into;

	f->systemd_given = true;
	return opt_to_bool(o, value, &f->systemd, err);
}

#define AT(f) .at = offsetof(struct config_flags, f)
static const struct opt config_opts[] = {
	{ "write", 'w', .help = "Write it into the file, whose old text is kept beside it", .topic = "Flags", .set = opt_bool,
	  AT(write) },
	{ "config", 'c', .arg = "FILE", .help = "containerd's file (that of the containerd that runs, else " CTRD_CONF ")",
	  .words = COMPLETE_FILE, .set = opt_string, AT(file) },
	{ "form", .arg = "VERSION",
	  .help = "Print the form of this version of the file: 2, or 3 of containerd 2 (what the file has)", .words = "2 3",
	  .set = opt_word, AT(version) },
	{ "systemd-cgroup", .help = "systemd makes the cgroups (as the file has it for runc)", .set = config_set_systemd },
	{ "untrusted", .help = "For pods that are marked as untrusted: under the name untrusted", .set = opt_bool, AT(untrusted) },
	{ 0 },
};

struct config_run {
	struct cli *cli;
	const struct config_flags *flags;
	struct ctrd_conf conf;
	struct handler_wish wish;
	char *folders;
};

static void config_run_done(struct config_run *c)
{
	ctrd_conf_done(&c->conf);
	free(c->folders);
}

static bool is_systemd(const struct config_run *c)
{
	json *said = c->flags->systemd_given ? NULL : ctrd_conf_of_runtime(&c->conf, "runc", "options.SystemdCgroup");

	return c->flags->systemd_given ? c->flags->systemd : said && json_object_get_boolean(said);
}

static int config_run_open(struct cli *cli, const struct config_flags *f, struct config_run *ret, struct err *err)
{
	const pid_t pid = socket_listener(cli->conf.address ? cli->conf.address : CTRD_ADDRESS);
	_cleanup_free_ char *named = f->file ? mem_strdup(f->file) : ctrd_conf_named(pid);
	unsigned version;
	int r = ctrd_conf_load(named ? named : CTRD_CONF, &ret->conf, err);

	if (r < 0)
		return r;
	version = ctrd_conf_version(&ret->conf);
	ret->cli = cli;
	ret->flags = f;
	ret->folders = ctrd_path(pid);
	ret->wish = (struct handler_wish){ .as = f->untrusted ? UNTRUSTED : NULL,
					   .version = f->version ? (unsigned)(f->version[0] - '0')
						      : version  ? version
								 : VERSION_NEW,
					   .systemd = is_systemd(ret),
					   .folders = ret->folders,
					   .root = "" };
	return 0;
}

/* What keeps it from working that stands elsewhere. */
static void say_cri_off(const struct config_run *c)
{
	const char *file = NULL, *word = ctrd_conf_cri_off(&c->conf, &file);

	if (word)
		cli_notice(c->cli, "%s: disabled_plugins has \"%s\": Kubernetes cannot use this containerd; take it out", file,
			   word);
}

static void say_missing(const struct config_run *c, const struct handler *h, const char *missing)
{
	if (missing)
		cli_notice(c->cli, "runtime %s: %s, is not installed where containerd looks", handler_name(h), missing);
}

static int print_tables(const struct config_run *c, const struct handler *only, struct err *err)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (c->wish.version > 1)
		buf_addf(&out, "version = %u\n", c->wish.version);
	for (size_t i = 0; handler_at(i); i++) {
		_cleanup_free_ char *missing = NULL;
		int r;

		if (only && handler_at(i) != only)
			continue;
		if (out.len)
			buf_addc(&out, '\n');
		r = handler_tables(handler_at(i), &c->wish, &out, &missing, err);
		if (r < 0)
			return r;
		if (only)
			say_missing(c, only, missing);
	}
	return cli_out(c->cli, out.data, out.len, err);
}

static int write_tables(const struct config_run *c, const struct handler *h, struct err *err)
{
	const struct ctrd_conf_file *f = ctrd_conf_holder(&c->conf);
	const char *path = f ? f->path : c->conf.path;
	_cleanup_strv_ struct strv at = { 0 };
	_cleanup_buf_ struct buf tables = { 0 }, fresh = { 0 };
	_cleanup_free_ char *missing = NULL, *text = NULL, *backup = NULL;
	int r = handler_path(h, &c->wish, &at, err);

	if (r >= 0)
		r = handler_tables(h, &c->wish, &tables, &missing, err);
	if (r < 0)
		return err_wrap(err, r, "%s", path);
	say_missing(c, h, missing);
	if (!f)
		buf_addf(&fresh, "version = %u\n", c->wish.version);
	r = toml_put(f ? buf_str(&f->text) : buf_str(&fresh), f ? f->text.len : fresh.len, &at, buf_str(&tables), &text, err);
	if (r < 0)
		return err_hint(err, err_wrap(err, r, "%s", path),
				"take it out by hand, then once more; or print it: without --write");
	if (r == 0)
		return cli_outf(c->cli, err, "%s has it\n", path);
	r = conf_write(path, f ? buf_str(&f->text) : NULL, text, &backup, err);
	if (r < 0)
		return r;
	cli_notice(c->cli, "containerd reads it when it is started again: systemctl restart containerd");
	return cli_outf(c->cli, err, backup ? "%s is written; what it was: %s\n" : "%s is written\n", path, backup);
}

static int check_flags(const struct config_flags *f, const struct handler *only, struct err *err)
{
	if (f->write && !only)
		return err_hint(err, err_set(err, ERR_INVALID, "runtime config --write: of which runtime?"),
				"davit runtime config --write davit");
	if (f->write && f->version)
		return err_set(err, ERR_INVALID, "runtime config: --form %s is not for --write: a file keeps its version",
			       f->version);
	if (f->untrusted && (!only || !handler_isolates(only)))
		return err_hint(
			err, err_set(err, ERR_INVALID, "runtime config --untrusted: what nobody trusts needs a kernel of its own"),
			"davit runtime config --untrusted kata, or runsc");
	return 0;
}

static int runtime_config_run(struct cli *cli, void *opts, const struct strv *args, struct err *err)
{
	const struct config_flags *f = opts;
	_cleanup_(config_run_done) struct config_run c = { 0 };
	const struct handler *only = NULL;
	int r = args->n ? handler_find(args->v[0], &only, err) : 0;

	if (r >= 0)
		r = check_flags(f, only, err);
	if (r >= 0)
		r = config_run_open(cli, f, &c, err);
	if (r < 0)
		return r;
	say_cri_off(&c);
	return f->write ? write_tables(&c, only, err) : print_tables(&c, only, err);
}

const struct command runtime_config_cmd = {
	.group = "runtime",
	.name = "config",
	.usage = "[FLAGS] [NAME]",
	.summary = "containerd's configuration for Kubernetes' RuntimeClass: printed, or written",
	.text = "NAME is davit, runc, crun, runsc or kata; without it all are printed. The tables are of the version that "
		"containerd's file has, "
		"with the programs and configurations that are found here. --write replaces or adds the tables of NAME in that of "
		"containerd's "
		"files (imports are looked through) whose word is the last, and changes nothing else; where they stand already, "
		"nothing is "
		"written.",
	.examples = "  davit runtime config davit\n  davit runtime config --form 3 kata\n"
		    "  davit runtime config --write davit\n  davit runtime config --write --untrusted kata",
	.opts = config_opts,
	.words = "davit runc crun runsc kata",
	.max = 1,
	.size = sizeof(struct config_flags),
	.run = runtime_config_run,
};
