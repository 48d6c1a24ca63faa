/* The flags that describe a job: shared by run and create. Each value goes straight into the job. */
#pragma once
#include "opt.h"
#include "job.h"

/* Which file, and how it is taken: of any command that reads one. */
struct file_flags {
	const char *file; /* NULL: none was given */
	struct strv vars, var_files, host_volumes;
};
void file_flags_done(struct file_flags *);
/* @from: where the command's flags have a struct file_flags. */
/* clang-format off */
#define FILE_OPTS(from) \
	{ "file", 'f', .arg = "FILE", .help = "The jobs of this file, not an image (JSON, Nomad, ensemble; - is input)", \
	  .topic = "File", .words = COMPLETE_FILE, .set = opt_string, AT(from.file) }, \
	{ "var", .arg = "NAME=VALUE", .help = "A variable of a Nomad file", .set = opt_list, AT(from.vars), .one_dash = true }, \
	{ "var-file", .arg = "FILE", .help = "A file of such variables", .words = COMPLETE_FILE, .set = opt_list, \
	  AT(from.var_files), .one_dash = true }, \
	{ "host-volume", .arg = "NAME=DIR", .help = "What a Nomad file's host volume is", .set = opt_list, AT(from.host_volumes) }
/* clang-format on */

struct job_flags {
	struct job *job;
	struct file_flags from;
	const char *not_beside; /* the first flag that was given and is none of JOB_FLAGS_BESIDE_FILE; NULL: there is none */
	const char *set;        /* of which set the job is; NULL: of none */
	bool detach, dry_run, timing, quiet, sig_proxy;
	const char *format, *cidfile, *detach_keys;
	struct strv env;    /* of --env-file: what --env says wins, wherever it stands */
	struct dict labels; /* of --label-file, likewise */
	char *cwd;          /* ours, for relative sources */
};
void job_flags_init(void *flags);
void job_flags_done(void *flags);
/* Flags of run that say something of the jobs of a file, or of how they are run. */
#define JOB_FLAGS_BESIDE_FILE \
	"--name --rm --runtime --detach --quiet --var --var-file --host-volume --cidfile --dry-run --format --timing " \
	"--detach-keys --sig-proxy"
void job_flags_seen(const struct opt *, void *flags);

/* Image, command and what files said into the job. */
int job_flags_args(struct job_flags *, const struct strv *args, struct err *err);

/* The flags of the two commands, from the job's tables and the client's own; the caller frees. */
struct opt *run_opts_make(void);
struct opt *create_opts_make(void);
/* Of the rows that can be changed of a job that exists alone, with @set, which finds its row in opt.row, and @own. */
struct opt *live_opts_make(const struct opt *own, opt_fn *set);
