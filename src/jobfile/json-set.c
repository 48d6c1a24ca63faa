/* davit's own form: a job, or with "jobs" a set of them. Beside what the tables of job-table.c say, a file may name others by
 * relative paths, which are below its folder; the job that is made of it has absolute ones, and no environment files: what
 * they say is in it. */
#include "jobfile-form.h"
#include "job-table.h"
#include "jobset.h"
#include "mem.h"
#include "parse.h"
#include "path.h"
#include "tree-json.h"
#include <string.h>

/* Keys of a task that are paths. A mount's source is one where it begins with a dot: else it may be a volume's name. */
static const struct {
	const char *key;
	bool dotted; /* only "." "./x" or "../x" */
} paths[] = {
	{ "bundle", false },
	{ "env_files", false },
	{ "provision", false },
	{ "seccomp", true },
};

static bool is_dotted(const char *s) { return s[0] == '.' && (!s[1] || s[1] == '/' || (s[1] == '.' && (!s[2] || s[2] == '/'))); }

static int make_absolute(struct tree *tree, struct node *n, const char *cwd, bool dotted, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	char *room;

	if (!node_text(n) || !*n->text || n->text[0] == '/' || (dotted && !is_dotted(n->text)))
		return 0;
	path = path_clean(n->text, cwd);
	room = tree_room(tree, strlen(path) + 1);
	if (!room)
		return tree_full(err);
	n->text = memcpy(room, path, strlen(path) + 1);
	return 0;
}

/* @n itself, or each of its list. */
static int make_all_absolute(struct tree *tree, struct node *n, const char *cwd, bool dotted, struct err *err)
{
	int r = make_absolute(tree, n, cwd, dotted, err);

	for (struct node *m = n->kind == NODE_LIST ? n->first : NULL; r >= 0 && m; m = m->next)
		r = make_absolute(tree, m, cwd, dotted, err);
	return r;
}

/* Every member @key of each map in @list, or of @list itself where that is a map. */
static int each_member(struct tree *tree, struct node *list, const char *key,
		       int (*one)(struct tree *, struct node *, const void *arg, struct err *), const void *arg, struct err *err)
{
	int r = 0;

	for (struct node *m = list->kind == NODE_MAP || list->kind == NODE_LIST ? list->first : NULL; r >= 0 && m; m = m->next) {
		if (list->kind == NODE_MAP && !strcmp(m->key, key))
			r = one(tree, m, arg, err);
		else if (list->kind == NODE_LIST && m->kind == NODE_MAP)
			r = each_member(tree, m, key, one, arg, err);
	}
	return r;
}

static int fix_source(struct tree *tree, struct node *n, const void *cwd, struct err *err)
{
	return make_absolute(tree, n, cwd, true, err);
}

static int fix_any(struct tree *tree, struct node *n, const void *cwd, struct err *err)
{
	return make_absolute(tree, n, cwd, false, err);
}

static int fix_mounts(struct tree *tree, struct node *n, const void *cwd, struct err *err)
{
	return each_member(tree, n, "source", fix_source, cwd, err);
}

static int fix_auth(struct tree *tree, struct node *n, const void *cwd, struct err *err)
{
	return each_member(tree, n, "file", fix_any, cwd, err);
}

static int fix_task(struct tree *tree, struct node *task, const char *cwd, struct err *err)
{
	int r = 0;

	for (struct node *m = task->kind == NODE_MAP ? task->first : NULL; r >= 0 && m; m = m->next) {
		for (size_t i = 0; r >= 0 && i < sizeof paths / sizeof *paths; i++)
			if (!strcmp(m->key, paths[i].key))
				r = make_all_absolute(tree, m, cwd, paths[i].dotted, err);
		if (r >= 0 && !strcmp(m->key, "mounts"))
			r = fix_mounts(tree, m, cwd, err);
		if (r >= 0 && !strcmp(m->key, "auth"))
			r = fix_auth(tree, m, cwd, err);
	}
	return r;
}

static int fix_tasks(struct tree *tree, struct node *tasks, const void *cwd, struct err *err)
{
	int r = 0;

	for (struct node *m = tasks->kind == NODE_LIST ? tasks->first : NULL; r >= 0 && m; m = m->next)
		r = fix_task(tree, m, cwd, err);
	return r;
}

static int fix_jobs(struct tree *tree, struct node *jobs, const void *cwd, struct err *err)
{
	return each_member(tree, jobs, "tasks", fix_tasks, cwd, err);
}

static int fix_paths(struct tree *tree, const char *cwd, struct err *err)
{
	int r = each_member(tree, tree->root, "tasks", fix_tasks, cwd, err);

	return r < 0 ? r : each_member(tree, tree->root, "jobs", fix_jobs, cwd, err);
}

/* What the files say, and over it what the task says. */
static int read_env_files(const struct jobfile_text *in, struct task *t, struct err *err)
{
	_cleanup_strv_ struct strv env = { 0 };
	int r = 0;

	if (!t->env_files.n)
		return 0;
	for (size_t i = 0; r >= 0 && i < t->env_files.n; i++)
		r = parse_env_file(t->env_files.v[i], in->how->env, in->ctx, &env, err);
	if (r < 0)
		return r;
	strv_setenvs(&env, &t->env);
	strv_done(&t->env);
	t->env = TAKE_STRUCT(env);
	strv_done(&t->env_files);
	return 0;
}

static int read_all_env_files(const struct jobfile_text *in, struct jobset *set, struct err *err)
{
	for (size_t i = 0; i < set->n_jobs; i++)
		for (size_t k = 0; k < set->jobs[i].n_tasks; k++) {
			int r = read_env_files(in, &set->jobs[i].tasks[k], err);

			if (r < 0)
				return err_wrap(err, r, "%s", in->file);
		}
	return 0;
}

static void put_name(char **field, const char *text)
{
	free(*field);
	*field = mem_strdup(text);
}

/* Some editors begin a file with a byte order mark. A reader may pass over it (RFC 8259, 8.1), as those of the other forms do. */
static size_t order_mark(const struct jobfile_text *in)
{
	static const char mark[] = "\xef\xbb\xbf";

	return in->len >= 3 && !memcmp(in->data, mark, 3) ? 3 : 0;
}

int json_read(const struct jobfile_text *in, struct jobset **ret, struct err *err)
{
	_cleanup_tree_ struct tree tree = { .file = in->file };
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	const size_t skip = order_mark(in);
	int r = tree_json(skip ? in->data + skip : in->data, in->len - skip, &tree, err);

	if (r >= 0 && nomad_json_is(tree.root))
		return nomad_json_read(in, tree.root, ret, err);
	if (r >= 0)
		r = fix_paths(&tree, in->cwd, err);
	if (r >= 0)
		r = jobset_read(&tree, &set, err);
	if (r >= 0)
		r = read_all_env_files(in, set, err);
	if (r < 0)
		return r;
	if (in->how->name && set->n_jobs == 1 && !set->name)
		put_name(&set->jobs[0].name, in->how->name);
	else if (in->how->name)
		put_name(&set->name, in->how->name);
	*ret = TAKE_PTR(set);
	return 0;
}
