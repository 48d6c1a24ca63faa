/* Job files: what `davit run -f FILE` and `davit plan -f FILE` read. A file may be davit's own JSON, a Nomad job file or a NuNet
 * ensemble; whatever it is written in, it becomes one struct jobset, which has passed jobset_check(). */
#pragma once
#include "ctx.h"
#include "err.h"
#include "strv.h"
#include <stddef.h>

struct dict;
struct jobset;

/* How a file is to be taken, beside what it says. A zeroed one is fine. */
struct jobfile_how {
	const char *name; /* of the set, instead of the one that the file has or is called by; NULL: none */
	const char *cwd;  /* absolute: relative paths in the file are below it; NULL: the file's folder, of standard input ours */
	const struct strv *vars;         /* "NAME=VALUE" of -var; NULL: none */
	const struct strv *var_files;    /* paths of -var-file; NULL: none */
	const struct dict *host_volumes; /* of --host-volume: what a Nomad job's host volume of that name is, a path; NULL: none */
	char *const *env;                /* what a file that asks for variables of our environment sees; NULL: none */
};

enum { JOBFILE_MAX = 16 << 20 /* bytes of a file */ };

/* The file at @path, "-": standard input; a pipe is waited for under @ctx. The form is known by the end of the name, else by how
 * the text begins. Errors are -ERR_INVALID "FILE:LINE:COLUMN: cause" where the file is to blame. */
int jobfile_read(const char *path, const struct jobfile_how *, const struct ctx *, struct jobset **ret, struct err *err);
/* The same of a text that is there: @file is what errors call it, and what its form is known by. @ctx: variable files that are
 * pipes. */
int jobfile_parse(const char *file, const char *data, size_t len, const struct jobfile_how *, const struct ctx *,
		  struct jobset **ret, struct err *err);
