/* The forms of a job file, and what a reader of one is given. Internal to jobfile: a form is a row in jobfile.c, and a reader in
 * files of its own, nomad-*.c, ensemble-*.c. */
#pragma once
#include "jobfile.h"
#include <stdbool.h>

enum jobfile_form { FORM_UNKNOWN, FORM_JSON, FORM_NOMAD, FORM_ENSEMBLE, N_FORMS };

/* By the end of the name (.json, .nomad, .hcl, .yaml, .yml), else by the first words that are no comment. What begins with a brace
 * is no HCL whatever it is called: Nomad's own JSON. */
enum jobfile_form jobfile_form(const char *file, const char *data, size_t len);

struct jobfile_text {
	const char *file; /* what errors call it */
	const char *data;
	size_t len;
	const char *base; /* what a set without a name is called: --name, else the file's name without folder and ending */
	const char *cwd;  /* absolute: relative paths are below it */
	const struct jobfile_how *how; /* never NULL */
	const struct ctx *ctx;
};

/* Reads it all; need not call jobset_check(), which jobfile_parse() does. Errors begin with FILE:LINE:COLUMN. */
typedef int jobfile_reader(const struct jobfile_text *, struct jobset **ret, struct err *err);
jobfile_reader json_read;     /* json-set.c */
jobfile_reader nomad_read;    /* nomad-*.c */
jobfile_reader ensemble_read; /* ensemble-*.c */

/* nomad-json.c: a Nomad job in JSON looks like davit's own until it is read. */
struct node;
bool nomad_json_is(const struct node *root);
int nomad_json_read(const struct jobfile_text *, const struct node *root, struct jobset **ret, struct err *err);
