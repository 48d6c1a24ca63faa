/* The loop over a block's table. A key is seen in its row's turn, so that what is said of meta, ports and volumes is known when a
 * task is read, wherever it stands in the file. */
#include "nomad.h"
#include "mem.h"
#include "name.h"
#include "value.h"
#include <math.h>
#include <stdarg.h>
#include <string.h>

enum { MEMBER_COST = 128 }; /* what looking at a key counts as, in bytes that are made */

/* errors */

_printf_(4, 0) static int bad_place(struct nomad *n, struct node_place at, struct err *err, const char *fmt, va_list ap)
{
	_cleanup_free_ char *text = mem_vprintf(fmt, ap);

	n->at = at;
	return err_set(err, ERR_INVALID, "%s", text);
}

int nomad_bad(struct nomad *n, const struct node *v, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad_place(n, v->at, err, fmt, ap);
	va_end(ap);
	return r;
}

int nomad_bad_key(struct nomad *n, const struct node *v, struct err *err, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = bad_place(n, v->key_at, err, fmt, ap);
	va_end(ap);
	return r;
}

int nomad_spend(struct nomad *n, size_t bytes, struct err *err)
{
	n->spent += bytes;
	if (n->spent <= NOMAD_SPEND_MAX)
		return 0;
	return err_set(err, ERR_EXHAUSTED, "the jobs of this file would take more than %d MiB", NOMAD_SPEND_MAX >> 20);
}

int nomad_keep(struct nomad *n, const char *text, const char **ret, struct err *err)
{
	const size_t len = strlen(text) + 1;
	char *room = NULL;
	int r = nomad_spend(n, len, err);

	if (r < 0)
		return r;
	room = tree_room(&n->scratch, len);
	if (!room)
		return tree_full(err);
	memcpy(room, text, len);
	*ret = room;
	return 0;
}

int nomad_node(struct nomad *n, const struct node *from, enum node_kind kind, const char *text, struct node **ret, struct err *err)
{
	struct node *made = NULL;
	int r = nomad_spend(n, sizeof *made, err);

	if (r < 0)
		return r;
	made = tree_add(&n->scratch, NULL, kind, from->at);
	if (!made)
		return tree_full(err);
	made->key = from->key;
	made->key_at = from->key_at;
	if (text)
		made->text = text;
	*ret = made;
	return 0;
}

void nomad_pass_over(struct nomad *n, const char *what)
{
	if (!strv_has(&n->passed_over, what))
		strv_push(&n->passed_over, what);
}

/* values */

static const char *kind_name(const struct node *v)
{
	static const char *const names[] = {
		[NODE_NULL] = "null", [NODE_BOOL] = "a bool", [NODE_NUMBER] = "a number",
		[NODE_TEXT] = "text", [NODE_LIST] = "a list", [NODE_MAP] = "a map",
	};

	return v->block ? "a block" : names[v->kind];
}

static int nomad_wants(struct nomad *n, const struct node *v, const char *what, struct err *err)
{
	return nomad_bad(n, v, err, "%s%swants %s, not %s", v->key ? v->key : "", v->key ? ": " : "", what, kind_name(v));
}

int nomad_plain(struct nomad *n, const struct node *v, const char **ret, struct err *err)
{
	if (v->block)
		return nomad_wants(n, v, "text", err);
	switch (v->kind) {
	case NODE_TEXT:
	case NODE_NUMBER: *ret = v->text; return 0;
	case NODE_BOOL: *ret = v->yes ? "true" : "false"; return 0;
	case NODE_NULL: return 0;
	case NODE_LIST:
	case NODE_MAP: break;
	}
	return nomad_wants(n, v, "text", err);
}

int nomad_text(struct nomad *n, const struct node *v, const char **ret, struct err *err)
{
	const char *text = NULL;
	int r = nomad_plain(n, v, &text, err);

	return r < 0 || !text ? r : nomad_expand(n, v, text, ret, err);
}

/* A number, or a text that is one. */
static int number_node(struct nomad *n, const struct node *v, struct node *ret, struct err *err)
{
	int r = 0;

	*ret = *v;
	if (v->kind == NODE_TEXT && !v->block) {
		r = nomad_text(n, v, &ret->text, err);
		ret->kind = NODE_NUMBER;
	}
	return r;
}

int nomad_whole(struct nomad *n, const struct node *v, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	struct node number;
	bool fits = false;
	int64_t got;
	int r = number_node(n, v, &number, err);

	if (r < 0 || v->kind == NODE_NULL)
		return r;
	if (!node_whole(&number, &got, &fits))
		return v->kind == NODE_TEXT || v->kind == NODE_NUMBER
			       ? nomad_bad(n, v, err, "%s: wants a whole number, not %.80s", v->key ? v->key : "value", number.text)
			       : nomad_wants(n, v, "a whole number", err);
	if (!fits || got < min || got > max) {
		r = nomad_bad(n, v, err, "%s %.40s: out of range", v->key ? v->key : "value", number.text);
		return err_hint(err, r, "%lld to %lld", (long long)min, (long long)max);
	}
	*ret = got;
	return 0;
}

int nomad_switch(struct nomad *n, const struct node *v, bool *ret, struct err *err)
{
	const char *text = NULL;
	int r = v->kind == NODE_TEXT ? nomad_text(n, v, &text, err) : 0;

	if (r < 0 || v->kind == NODE_NULL)
		return r;
	if (v->kind == NODE_BOOL)
		*ret = v->yes;
	else if (text && (!strcmp(text, "true") || !strcmp(text, "false")))
		*ret = *text == 't';
	else
		return nomad_wants(n, v, "true or false", err);
	return 0;
}

/* Text as Go has it, "1m30s", or a number of nanoseconds. */
int nomad_seconds(struct nomad *n, const struct node *v, int64_t *ret, struct err *err)
{
	const char *text = NULL, *key = v->key ? v->key : "time";
	int64_t nanoseconds = 0;
	int r = v->kind == NODE_TEXT ? nomad_text(n, v, &text, err) : 0;

	if (r < 0 || v->kind == NODE_NULL)
		return r;
	if (!text) {
		r = nomad_whole(n, v, 0, INT64_C(1000000000) * DURATION_MAX, &nanoseconds, err);
		if (r >= 0)
			*ret = nanoseconds / 1000000000 + (nanoseconds % 1000000000 != 0);
		return r;
	}
	if (*text && strcmp(text, "0") != 0 && !strpbrk(text, "smhuµn"))
		return err_hint(err, nomad_bad(n, v, err, "%s \"%.80s\": a time without a unit", key, text), "\"30s\", \"1m30s\"");
	r = parse_duration(key, text, ret, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

int nomad_texts(struct nomad *n, const struct node *v, struct strv *out, struct err *err)
{
	if (v->kind == NODE_NULL)
		return 0;
	if (v->kind != NODE_LIST)
		return nomad_wants(n, v, "a list of texts", err);
	for (const struct node *m = v->first; m; m = m->next) {
		const char *text = NULL;
		int r = m->kind == NODE_NULL ? nomad_wants(n, m, "text", err) : nomad_text(n, m, &text, err);

		if (r < 0)
			return r;
		strv_push(out, text);
	}
	return 0;
}

int nomad_members(struct nomad *n, const struct node *v, nomad_call *each, struct err *err)
{
	int r = 0;

	if (v->kind == NODE_NULL)
		return 0;
	if (v->kind == NODE_LIST) {
		for (const struct node *m = v->first; r >= 0 && m; m = m->next)
			r = m->kind == NODE_MAP ? nomad_members(n, m, each, err) : nomad_wants(n, m, "a map", err);
		return r;
	}
	if (v->kind != NODE_MAP)
		return nomad_wants(n, v, "a map", err);
	for (const struct node *m = v->first; r >= 0 && m; m = m->next)
		r = each(n, m, err);
	return r;
}

int nomad_each(struct nomad *n, const struct node *v, nomad_call *each, struct err *err)
{
	int r = 0;

	if (v->kind != NODE_LIST)
		return v->kind == NODE_NULL ? 0 : each(n, v, err);
	for (const struct node *m = v->first; r >= 0 && m; m = m->next)
		r = each(n, m, err);
	return r;
}

/* a field of the option table: the value becomes what that table's reader takes */

static int nomad_as_text(struct nomad *n, const struct node *v, struct node **ret, struct err *err)
{
	const char *text = NULL;
	int r = nomad_text(n, v, &text, err);

	return r < 0 ? r : nomad_node(n, v, text ? NODE_TEXT : NODE_NULL, text, ret, err);
}

static void node_join(struct node *to, struct node *member)
{
	if (to->last)
		to->last->next = member;
	else
		to->first = member;
	to->last = member;
	to->n++;
}

static int nomad_as_texts(struct nomad *n, const struct node *v, struct node *to, struct err *err)
{
	int r = 0;

	for (const struct node *m = v->first; r >= 0 && m; m = m->next) {
		struct node *text = NULL;

		if (v->kind == NODE_LIST && to->kind == NODE_MAP && m->kind == NODE_MAP) { /* a list of one map: sysctl */
			r = nomad_as_texts(n, m, to, err);
			continue;
		}
		r = nomad_as_text(n, m, &text, err);
		if (r >= 0)
			node_join(to, text);
	}
	return r;
}

static int as_number(struct nomad *n, const struct node *v, struct node **ret, struct err *err)
{
	const char *text = v->text;
	int r = v->kind == NODE_TEXT ? nomad_text(n, v, &text, err) : 0;

	return r < 0 ? r : nomad_node(n, v, NODE_NUMBER, text, ret, err);
}

static int as_time(struct nomad *n, const struct node *v, struct node **ret, struct err *err)
{
	_cleanup_free_ char *digits = NULL;
	const char *text = NULL;
	int64_t seconds = 0;
	int r = nomad_seconds(n, v, &seconds, err);

	digits = mem_printf("%lld", (long long)seconds);
	if (r >= 0)
		r = nomad_keep(n, digits, &text, err);
	return r < 0 ? r : nomad_node(n, v, NODE_NUMBER, text, ret, err);
}

static int as_bool(struct nomad *n, const struct node *v, struct node **ret, struct err *err)
{
	bool yes = false;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0)
		r = nomad_node(n, v, NODE_BOOL, NULL, ret, err);
	if (r >= 0)
		(*ret)->yes = yes;
	return r;
}

/* @v as the type of @f has it; what fits no type stays, for the reader to refuse. */
static int nomad_as_field(struct nomad *n, const struct field *f, const struct node *v, const struct node **ret, struct err *err)
{
	const bool scalar = v->kind == NODE_TEXT || v->kind == NODE_NUMBER || v->kind == NODE_BOOL;
	struct node *made = NULL;
	int r = 0;

	*ret = v;
	if (f->type == FIELD_TIME && scalar)
		r = as_time(n, v, &made, err);
	else if (f->type == FIELD_BOOL && scalar)
		r = as_bool(n, v, &made, err);
	else if ((f->type == FIELD_STR || f->type == FIELD_ENUM || (f->type == FIELD_SIZE && v->kind == NODE_TEXT)) && scalar)
		r = nomad_as_text(n, v, &made, err);
	else if (f->type != FIELD_STRV && f->type != FIELD_DICT && v->kind == NODE_TEXT)
		r = as_number(n, v, &made, err);
	else if ((f->type == FIELD_STRV && v->kind == NODE_LIST) ||
		 (f->type == FIELD_DICT && (v->kind == NODE_LIST || v->kind == NODE_MAP))) {
		r = nomad_node(n, v, f->type == FIELD_STRV ? NODE_LIST : NODE_MAP, NULL, &made, err);
		if (r >= 0)
			r = nomad_as_texts(n, v, made, err);
	}
	if (made)
		*ret = made;
	return r;
}

const struct field *nomad_field(const struct shape *s, const char *key)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++)
		if (f->key && !strcmp(f->key, key))
			return f;
	return NULL;
}

static bool node_same(const struct node *a, const struct node *b)
{
	if (a->kind != b->kind || a->n != b->n)
		return false;
	if (a->kind == NODE_TEXT || a->kind == NODE_NUMBER)
		return !strcmp(a->text, b->text);
	if (a->kind == NODE_BOOL)
		return a->yes == b->yes;
	if (a->kind < NODE_LIST)
		return true;
	for (a = a->first, b = b->first; a; a = a->next, b = b->next)
		if ((a->key && strcmp(a->key, b->key) != 0) || !node_same(a, b))
			return false;
	return true;
}

/* What all tasks of a group share, two tasks may say only alike. 1: it was said before. */
static int share(struct nomad *n, const struct field *f, const struct node *v, struct err *err)
{
	const char *task = n->task ? n->task->name : "";

	for (size_t i = 0; i < n->n_shared; i++) {
		const struct nomad_shared *s = &n->shared[i];

		if (s->field != f || !strcmp(s->task, task))
			continue;
		if (node_same(s->value, v))
			return 1;
		return err_hint(err,
				nomad_bad(n, v, err, "%s: %s%s has another", v->key, *s->task ? "task " : "the group", s->task),
				"the tasks of a group share it: say it once");
	}
	n->shared = mem_resize(n->shared, (n->n_shared + 1) * sizeof *n->shared);
	n->shared[n->n_shared++] = (struct nomad_shared){ f, v, task };
	return 0;
}

int nomad_put(struct nomad *n, const struct field *f, const char *key, const struct node *v, struct err *err)
{
	const bool of_job = f >= job_shape.fields && f < job_shape.fields + job_shape.n;
	const struct shape *shape = of_job ? &job_shape : &task_shape;
	const struct node *bad = v, *made = v;
	struct field named = *f;
	void *obj = shape_owner(shape, of_job ? (void *)n->job : (void *)n->task, f, &shape);
	int r;

	if (v->block && f->type != FIELD_DICT)
		return nomad_wants(n, v, "a value", err);
	r = nomad_as_field(n, f, v, &made, err);
	if (r >= 0 && of_job)
		r = share(n, f, made, err);
	if (r != 0)
		return r < 0 ? r : 0;
	named.key = key; /* as the file calls it */
	r = shape_read_field(&named, made, obj, &bad, err);
	if (r < 0)
		n->at = bad->at;
	return r;
}

/* the tables */

const struct nomad_key *nomad_key_find(const struct nomad_block *b, const char *key)
{
	for (const struct nomad_key *k = b->keys; k < b->keys + b->n; k++)
		if (!strcmp(k->key, key))
			return k;
	return NULL;
}

/* Is @key of block @b what the option table calls @name: "KEY" of a driver's config, else "BLOCK.KEY"? */
static bool is_called(const struct nomad_block *b, const char *key, const char *name)
{
	const size_t len = strlen(b->prefix);

	if (len && (strncmp(name, b->prefix, len) != 0 || name[len] != '.'))
		return false;
	return !strcmp(name + len + (len > 0), key);
}

static const struct field *field_called(const struct shape *s, const struct nomad_block *b, const char *key)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		const struct field *inner = f->key && f->type == FIELD_OBJECT ? field_called(f->of, b, key) : NULL;

		if (inner)
			return inner;
		if (f->key && f->nomad && is_called(b, key, f->nomad))
			return f;
	}
	return NULL;
}

const struct field *nomad_field_find(const struct nomad_block *b, const char *key)
{
	const struct field *f = b->prefix ? field_called(&task_shape, b, key) : NULL;

	return f || !b->prefix ? f : field_called(&job_shape, b, key);
}

static void names_of(const struct shape *s, const struct nomad_block *b, struct strv *out)
{
	const size_t len = b->prefix ? strlen(b->prefix) : 0;

	for (const struct field *f = s->fields; b->prefix && f < s->fields + s->n; f++) {
		const char *name = f->key ? f->nomad : NULL;

		if (f->key && f->type == FIELD_OBJECT)
			names_of(f->of, b, out);
		if (name && !len && !strchr(name, '.'))
			strv_push(out, name);
		if (name && len && !strncmp(name, b->prefix, len) && name[len] == '.')
			strv_push(out, name + len + 1);
	}
}

static int key_unknown(struct nomad *n, const struct nomad_block *b, const struct node *m, struct err *err)
{
	int r = nomad_bad_key(n, m, err, "unknown %s \"%.80s\"", m->block ? "block" : "key", m->key);
	_cleanup_strv_ struct strv names = { 0 };
	const char *near;

	for (const struct nomad_key *k = b->keys; k < b->keys + b->n; k++)
		strv_push(&names, k->key);
	names_of(&task_shape, b, &names);
	names_of(&job_shape, b, &names);
	near = name_nearest(m->key, (const char *const *)names.v, names.n);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near) : r;
}

static int check_form(struct nomad *n, const struct nomad_key *k, const struct node *body, const struct node *m, struct err *err)
{
	if (k->is_block && !m->block)
		return nomad_bad_key(n, m, err, "%s is a block: %s%s { ... }", k->key, k->key, k->labelled ? " \"NAME\"" : "");
	if (k->is_block && m->labels != (k->labelled ? 1U : 0U))
		return nomad_bad_key(n, m, err, "block %s %s", k->key,
				     k->labelled ? m->labels ? "has one name" : "wants a name" : "has no name");
	for (const struct node *before = body->first; !k->many && before != m; before = before->next)
		if (!strcmp(before->key, m->key))
			return nomad_bad_key(n, m, err, "%s is given twice", m->key);
	return 0;
}

static int by_row(struct nomad *n, const struct nomad_key *k, const struct node *m, struct err *err)
{
	const struct field *f = k->job ? nomad_field(&job_shape, k->job) : k->task ? nomad_field(&task_shape, k->task) : NULL;

	if (f)
		return nomad_put(n, f, m->key, m, err);
	if (k->call)
		return k->call(n, m, err);
	if (k->block)
		return nomad_walk(n, k->block, m->block ? hcl_body(m) : m, err);
	if (k->refused)
		return err_hint(err, nomad_bad_key(n, m, err, "%s: davit does not take it", k->key), "%s", k->refused);
	if (k->cluster)
		nomad_pass_over(n, k->key);
	return 0;
}

static int nomad_walk_member(struct nomad *n, const struct nomad_block *b, const struct node *body, const struct node *m,
			     unsigned turn, struct err *err)
{
	const struct nomad_key *k = nomad_key_find(b, m->key);
	const struct field *f = k || turn ? NULL : nomad_field_find(b, m->key);
	int r;

	if (turn != (k ? k->turn : 0))
		return 0;
	if (!k && !f)
		return key_unknown(n, b, m, err);
	n->at = m->at;
	r = nomad_spend(n, MEMBER_COST, err);
	if (r >= 0 && k)
		r = check_form(n, k, body, m, err);
	if (r < 0 || (m->kind == NODE_NULL && !m->block))
		return r;
	return k ? by_row(n, k, m, err) : nomad_put(n, f, m->key, m, err);
}

int nomad_walk(struct nomad *n, const struct nomad_block *b, const struct node *body, struct err *err)
{
	unsigned turns = 0;

	if (body->kind != NODE_MAP)
		return nomad_bad(n, body, err, "%s wants a block or a map", *b->name ? b->name : "it");
	for (size_t i = 0; i < b->n; i++)
		turns = b->keys[i].turn > turns ? b->keys[i].turn : turns;
	for (unsigned turn = 0; turn <= turns; turn++)
		for (const struct node *m = body->first; m; m = m->next) {
			int r = nomad_walk_member(n, b, body, m, turn, err);

			if (r < 0)
				return *b->name ? err_wrap(err, r, "%s", b->name) : r;
		}
	return 0;
}
