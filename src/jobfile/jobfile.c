#include "jobfile-form.h"
#include "file.h"
#include "jobset.h"
#include "mem.h"
#include "path.h"
#include <string.h>

static const struct {
	const char *noun;
	jobfile_reader *read;
	bool has_variables;
} forms[N_FORMS] = {
	[FORM_JSON] = { "a job in JSON", json_read, false },
	[FORM_NOMAD] = { "a Nomad job file", nomad_read, true },
	[FORM_ENSEMBLE] = { "an ensemble", ensemble_read, false },
};

/* "web" of "/srv/web.nomad.hcl"; of standard input "job". */
static char *base_of(const char *file)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	size_t n = strcspn(name, ".");

	if (!strcmp(file, "-"))
		return mem_strdup("job");
	return mem_strndup(name, n ? n : strlen(name)); /* ".web" is all of its name */
}

/* The folder of @file, absolute; NULL: there is none, for one that stands below a folder of ours that is gone. */
static char *folder_of(const char *file)
{
	_cleanup_free_ char *here = getcwd(NULL, 0), *dir = NULL;
	const char *slash = strcmp(file, "-") != 0 ? strrchr(file, '/') : NULL;

	if (!slash)
		return TAKE_PTR(here);
	dir = mem_strndup(file, slash == file ? 1 : (size_t)(slash - file));
	return *dir == '/' || here ? path_clean(dir, here) : NULL;
}

static int check_variables(enum jobfile_form form, const struct jobfile_how *how, struct err *err)
{
	const struct strv *given = how->vars && how->vars->n ? how->vars : how->var_files;

	if (forms[form].has_variables || !given || !given->n)
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "variable \"%.80s\": %s has none", given->v[0], forms[form].noun),
			"only a Nomad job file has variables");
}

static int unknown_form(const char *file, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "job file %s: in no form that davit knows", file),
			"JSON (.json), a Nomad job file (.nomad, .hcl) or an ensemble (.yaml)");
}

int jobfile_parse(const char *file, const char *data, size_t len, const struct jobfile_how *how, const struct ctx *ctx,
		  struct jobset **ret, struct err *err)
{
	static const struct jobfile_how nothing = { 0 };
	_cleanup_free_ char *base = base_of(file), *folder = folder_of(file);
	struct jobfile_text in = { .file = file, .data = data, .len = len, .how = how ? how : &nothing, .ctx = ctx };
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	const enum jobfile_form form = jobfile_form(file, data, len);
	int r;

	if (!forms[form].read)
		return unknown_form(file, err);
	r = check_variables(form, in.how, err);
	if (r < 0)
		return r;
	in.base = in.how->name ? in.how->name : base;
	in.cwd = in.how->cwd ? in.how->cwd : folder ? folder : "/";
	r = forms[form].read(&in, &set, err);
	if (r >= 0)
		r = jobset_check(set, err);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(set);
	return 0;
}

int jobfile_read(const char *path, const struct jobfile_how *how, const struct ctx *ctx, struct jobset **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	const bool in = !strcmp(path, "-");
	int r = file_read_given(in ? "/dev/stdin" : path, JOBFILE_MAX, ctx, &text, err);

	if (r < 0)
		return err_wrap(err, r, "job file %s", in ? "of standard input" : path);
	return jobfile_parse(path, buf_str(&text), text.len, how, ctx, ret, err);
}
