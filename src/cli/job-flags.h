/* The flags that describe a job: shared by run and create. Each value goes straight into the job. */
#pragma once
#include "opt.h"
#include "job.h"

struct job_flags {
	struct job *job;
	bool detach, dry_run, timing, quiet, sig_proxy;
	const char *format, *cidfile, *detach_keys;
	struct strv env;    /* of --env-file: what --env says wins, wherever it stands */
	struct dict labels; /* of --label-file, likewise */
	char *cwd;          /* ours, for relative sources */
};
void job_flags_init(void *flags);
void job_flags_done(void *flags);

/* Image, command and what files said into the job. */
int job_flags_args(struct job_flags *, const struct strv *args, struct err *err);

/* The flags of the two commands, from the job's tables and the client's own; the caller frees. */
struct opt *run_opts_make(void);
struct opt *create_opts_make(void);
