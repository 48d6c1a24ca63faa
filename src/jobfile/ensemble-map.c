#include "ensemble.h"
#include "file.h"
#include "mem.h"
#include "name.h"
#include "path.h"
#include <string.h>
#include <sys/stat.h>

/* errors */

int ensemble_bad(struct ensemble *e, const struct node *v, struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	e->at = v->at;
	return err_set(err, ERR_INVALID, "%s", text);
}

int ensemble_bad_key(struct ensemble *e, const struct node *v, struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	e->at = v->key_at;
	return err_set(err, ERR_INVALID, "%s", text);
}

int ensemble_bad_word(struct ensemble *e, const struct node *v, const char *what, const char *const *words, struct err *err)
{
	_cleanup_buf_ struct buf allowed = { 0 };
	const char *text = node_text(v), *near;
	size_t n = 0;
	int r;

	for (; words[n]; n++)
		buf_addf(&allowed, "%s%s", n ? ", " : "", words[n]);
	r = ensemble_bad(e, v, err, "%s is one of %s, not \"%.80s\"", what, buf_str(&allowed), text ? text : "");
	near = text ? name_nearest(text, words, n) : NULL;
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

void ensemble_ignore(struct ensemble *e, const char *key)
{
	if (!strv_has(&e->ignored, key))
		strv_push(&e->ignored, key);
}

/* values */

int ensemble_text(struct ensemble *e, const struct node *v, const char **ret, struct err *err)
{
	if (v->kind != NODE_TEXT && v->kind != NODE_NUMBER)
		return ensemble_bad(e, v, err, "%s wants text", v->key ? v->key : "a list's member");
	*ret = v->text;
	return 0;
}

int ensemble_whole(struct ensemble *e, const struct node *v, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	int64_t n = 0;
	bool fits = false;

	if (!node_whole(v, &n, &fits) || !fits || n < min || n > max)
		return ensemble_bad(e, v, err, "%s wants a whole number from %lld to %lld", v->key ? v->key : "a list's member",
				    (long long)min, (long long)max);
	*ret = n;
	return 0;
}

/* YAML 1.1, which Go's reader takes where it expects a bool, has more words for them. */
static bool yaml_bool(const struct node *v, bool *ret)
{
	static const char *const words[] = { "no", "yes", "off", "on", "n", "y", NULL };

	if (v->kind == NODE_BOOL)
		*ret = v->yes;
	for (size_t i = 0; v->kind == NODE_TEXT && words[i]; i++)
		if (!strcasecmp(v->text, words[i])) {
			*ret = i % 2;
			return true;
		}
	return v->kind == NODE_BOOL;
}

int ensemble_switch(struct ensemble *e, const struct node *v, bool *ret, struct err *err)
{
	return yaml_bool(v, ret) ? 0 : ensemble_bad(e, v, err, "%s wants true or false", v->key);
}

int ensemble_each(struct ensemble *e, const struct node *v, ensemble_call *each, struct err *err)
{
	int r = 0;

	if (v->kind != NODE_LIST)
		return each(e, v, err);
	for (const struct node *m = v->first; m && r >= 0; m = m->next)
		r = m->kind == NODE_NULL ? 0 : each(e, m, err);
	return r;
}

int ensemble_file(struct ensemble *e, const struct node *v, const char *what, char **ret, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *name = NULL;
	struct stat st;
	int r = ensemble_text(e, v, &name, err);

	if (r < 0)
		return r;
	path = path_clean(name, e->in->cwd);
	if (!*name || stat(path, &st) < 0)
		return ensemble_bad(e, v, err, "%s %.200s: no such file", what, *name ? path : "\"\"");
	if (!S_ISREG(st.st_mode))
		return ensemble_bad(e, v, err, "%s %.200s: %s, not a file", what, path, file_kind(st.st_mode));
	*ret = TAKE_PTR(path);
	return 0;
}

/* fields of the option table */

static const struct shape *const ensemble_shapes[] = { &job_shape, &task_shape, &healthcheck_shape };

const struct field *ensemble_field(const char *fills, const struct shape **ret_shape)
{
	for (size_t i = 0; i < sizeof ensemble_shapes / sizeof *ensemble_shapes; i++)
		for (const struct field *f = ensemble_shapes[i]->fields; f < ensemble_shapes[i]->fields + ensemble_shapes[i]->n;
		     f++)
			if (f->ensemble && !strcmp(f->ensemble, fills)) {
				*ret_shape = ensemble_shapes[i];
				return f;
			}
	return NULL;
}

static int made_copy(struct ensemble *e, struct node *parent, const struct node *from, enum node_kind kind, struct node **ret,
		     struct err *err)
{
	struct node *n = tree_add(&e->scratch, parent, kind, from->at);

	if (!n)
		return tree_full(err);
	n->key = from->key;
	n->key_at = from->key_at;
	*ret = n;
	return 0;
}

/* A text of a number or a bool; else as it is. */
static int as_text(struct ensemble *e, struct node *parent, const struct node *v, struct node **ret, struct err *err)
{
	const enum node_kind kind = v->kind == NODE_NUMBER || v->kind == NODE_BOOL ? NODE_TEXT : v->kind;
	int r = made_copy(e, parent, v, kind, ret, err);

	if (r < 0)
		return r;
	if (v->kind == NODE_BOOL)
		(*ret)->text = v->yes ? "true" : "false";
	else if (v->kind == NODE_NUMBER || v->kind == NODE_TEXT)
		(*ret)->text = v->text;
	return 0;
}

static int as_texts(struct ensemble *e, const struct node *v, struct node **ret, struct err *err)
{
	struct node *member;
	int r = made_copy(e, NULL, v, NODE_LIST, ret, err);

	if (v->kind != NODE_LIST && v->kind != NODE_MAP && r >= 0)
		return as_text(e, *ret, v, &member, err);
	for (const struct node *m = v->first; m && r >= 0; m = m->next)
		r = as_text(e, *ret, m, &member, err);
	return r;
}

/* As the reader of the option table, which is JSON's, wants it. */
static int as_field(struct ensemble *e, const struct field *f, const struct node *v, const struct node **ret, struct err *err)
{
	struct node *made = NULL;
	bool yes;
	int r = 0;

	if (f->type == FIELD_STR || f->type == FIELD_ENUM)
		r = as_text(e, NULL, v, &made, err);
	else if (f->type == FIELD_STRV && v->kind != NODE_MAP)
		r = as_texts(e, v, &made, err);
	else if (f->type == FIELD_BOOL && yaml_bool(v, &yes))
		r = made_copy(e, NULL, v, NODE_BOOL, &made, err);
	if (r >= 0 && made && made->kind == NODE_BOOL)
		(void)yaml_bool(v, &made->yes);
	*ret = made ? made : v;
	return r;
}

int ensemble_put(struct ensemble *e, const char *fills, const char *key, const struct node *v, struct err *err)
{
	const struct shape *shape = NULL;
	const struct field *f = ensemble_field(fills, &shape);
	const struct node *made = v, *bad = v;
	struct field named = *f;
	void *obj = shape == &job_shape ? (void *)e->job : (void *)e->task;
	int r = as_field(e, f, v, &made, err);

	if (r < 0) {
		e->at = v->at;
		return r;
	}
	if (shape == &healthcheck_shape)
		obj = task_make_healthcheck(e->task);
	named.key = key; /* as the file calls it */
	r = shape_read_field(&named, made, obj, &bad, err);
	if (r < 0)
		e->at = bad->at;
	return r;
}

int ensemble_list_begin(struct ensemble *e, const struct node *from, struct err *err)
{
	return made_copy(e, NULL, from, NODE_LIST, &e->made, err);
}

int ensemble_list_add(struct ensemble *e, const struct node *from, const char *text, struct err *err)
{
	struct node *n = NULL;
	int r = made_copy(e, e->made, from, NODE_TEXT, &n, err);
	char *copy = r < 0 ? NULL : tree_room(&e->scratch, strlen(text) + 1);

	if (!copy)
		return r < 0 ? r : tree_full(err);
	n->text = memcpy(copy, text, strlen(text) + 1);
	return 0;
}

int ensemble_list_put(struct ensemble *e, const char *fills, const char *key, struct err *err)
{
	return ensemble_put(e, fills, key, e->made, err);
}

/* the tables */

const struct ensemble_key *ensemble_row(const struct ensemble_block *b, const char *key)
{
	for (const struct ensemble_key *k = b->keys; k < b->keys + b->n; k++)
		if (!strcmp(k->key, key) || (k->also && !strcmp(k->also, key)))
			return k;
	return NULL;
}

static int ensemble_unknown(struct ensemble *e, const struct ensemble_block *b, const struct node *m, struct err *err)
{
	const char **keys = mem_array(const char *, 2 * b->n), *near;
	size_t n = 0;
	int r = ensemble_bad_key(e, m, err, "unknown key \"%.80s\" of %s %s", m->key, strchr("aeiou", *b->noun) ? "an" : "a",
				 b->noun);

	for (size_t i = 0; i < b->n; i++) {
		keys[n++] = b->keys[i].key;
		if (b->keys[i].also)
			keys[n++] = b->keys[i].also;
	}
	near = name_nearest(m->key, keys, n);
	free(keys);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

/* One of the two names of a key is enough. */
static int check_key_names(struct ensemble *e, const struct ensemble_key *k, const struct node *map, const struct node *m,
			   struct err *err)
{
	const char *other = !k->also ? NULL : strcmp(m->key, k->key) ? k->key : k->also;
	const struct node *twice = other ? node_get(map, other) : NULL;

	if (!twice || twice->kind == NODE_NULL)
		return 0;
	return ensemble_bad_key(e, m, err, "%s and %s are two names of one key: leave out one", k->key, k->also);
}

static int walk_row(struct ensemble *e, const struct ensemble_key *k, const struct node *m, struct err *err)
{
	int r;

	e->at = m->at;
	if (k->call)
		return k->call(e, m, err);
	if (!k->block)
		return ensemble_put(e, k->fills, m->key, m, err);
	r = ensemble_walk(e, k->block, m, err);
	return r < 0 ? err_wrap(err, r, "%s", m->key) : 0;
}

static int walk_member(struct ensemble *e, const struct ensemble_block *b, const struct node *map, const struct node *m,
		       unsigned turn, struct err *err)
{
	const struct ensemble_key *k = ensemble_row(b, m->key);
	int r;

	if (!k)
		return (b->anchors && m->anchored) || turn ? 0 : ensemble_unknown(e, b, m, err);
	if (k->turn != turn || m->kind == NODE_NULL)
		return 0;
	r = check_key_names(e, k, map, m, err);
	return r < 0 ? r : walk_row(e, k, m, err);
}

int ensemble_walk(struct ensemble *e, const struct ensemble_block *b, const struct node *map, struct err *err)
{
	int r = map->kind == NODE_MAP
			? 0
			: ensemble_bad(e, map, err, "%s %s is a map", strchr("aeiou", *b->noun) ? "an" : "a", b->noun);

	for (unsigned turn = 0; turn < ENSEMBLE_TURNS; turn++)
		for (const struct node *m = map->first; map->kind == NODE_MAP && m && r >= 0; m = m->next)
			r = walk_member(e, b, map, m, turn, err);
	return r;
}
