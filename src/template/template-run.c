/* The tree is walked with the current object and a stack of variables. Every step is counted and every text that is made is
 * charged, so a template ends: a range within a range over the same list does not go on for long. */
#include "template-value.h"
#include "mem.h"
#include "name.h"
#include <string.h>

enum { STEPS = 1000000, WORK = 4 * TEMPLATE_OUT_MAX, VARIABLES = 256, FIELDS_TOLD = 600 };
enum flow { FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

struct variable {
	const char *name;
	json *value;
};

struct run {
	const struct template *t;
	const struct template_style *style;
	json *top;
	struct buf *out;
	size_t begin;       /* where ours begins in @out */
	size_t steps, work; /* left */
	struct variable vars[VARIABLES];
	size_t n_vars;
};

/* A value that is looked at: owned, so that what makes it may be gone. @is_map: its keys are data, so that an absent one is no
 * mistake. */
struct value {
	json *j;
	bool is_map;
};

static void value_done(struct value *v)
{
	json_freep(&v->j);
	v->j = NULL;
}

static int step_into(struct run *r, size_t at, struct err *err)
{
	if (!r->steps)
		return lex_error(r->t->text, at, err, "takes more steps than a template may");
	r->steps--;
	return 0;
}

/* The members of a docker object that are maps of users' keys. */
static bool names_map(const char *field)
{
	static const char *const maps[] = { "Labels",       "labels",      "Networks",    "Ports",   "PortBindings",
					    "ExposedPorts", "Annotations", "annotations", "Options", "Sysctls",
					    "Volumes",      "sysctls",     "Tmpfs",       "Label" };

	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		if (!strcmp(maps[i], field))
			return true;
	return false;
}

static int no_field(const char *text, size_t at, const char *field, json *of, struct err *err)
{
	_cleanup_buf_ struct buf list = { 0 };
	size_t n = 0;
	_cleanup_free_ const char **keys = value_keys(of, &n);
	const char *near = name_nearest(field, keys, n);
	int r;

	for (size_t i = 0; i < n && list.len < FIELDS_TOLD; i++)
		buf_addf(&list, " .%.60s", keys[i]);
	if (list.len >= FIELDS_TOLD)
		buf_adds(&list, " ...");
	r = lex_error(text, at, err, "no field .%.80s: there are%s", field, n ? buf_str(&list) : " none");
	return near ? err_hint(err, r, "did you mean .%s?", near) : r;
}

/* v becomes its member. Nothing has no members, and that is no mistake: it was an absent one itself. */
static int member(const struct run *run, size_t at, struct value *v, const char *field, struct err *err)
{
	json *next = NULL;

	if (!v->j)
		return 0;
	if (!json_object_is_type(v->j, json_type_object))
		return lex_error(run->t->text, at, err, "no field .%.80s: what stands before is no object", field);
	if (!json_object_object_get_ex(v->j, field, &next) && !v->is_map && !run->style->any_field)
		return no_field(run->t->text, at, field, v->j, err);
	(void)json_object_get(next);
	value_done(v);
	*v = (struct value){ next, names_map(field) };
	return 0;
}

static json *variable_value(const struct run *r, const char *name)
{
	if (!*name)
		return r->top;
	for (size_t i = r->n_vars; i-- > 0;)
		if (!strcmp(r->vars[i].name, name))
			return r->vars[i].value;
	return NULL;
}

static int pipe_value(struct run *, const struct pipe *, json *dot, struct value *ret, struct err *err);

static int operand_value(struct run *run, const struct operand *o, json *dot, struct value *ret, struct err *err)
{
	struct value v = { 0 };
	int r = step_into(run, o->at, err);

	if (r >= 0 && o->kind == OPERAND_PIPE)
		r = pipe_value(run, o->pipe, dot, &v, err);
	else if (r >= 0 && o->kind == OPERAND_FUNC)
		r = lex_error(run->t->text, o->at, err, "a function is called within ( )");
	else if (o->kind != OPERAND_PIPE)
		v.j = json_object_get(o->kind == OPERAND_DOT     ? dot
				      : o->kind == OPERAND_VALUE ? o->value
								 : variable_value(run, o->name));
	for (size_t i = 0; r >= 0 && i < o->fields.n; i++)
		r = member(run, o->at, &v, o->fields.v[i], err);
	if (r < 0)
		value_done(&v);
	else
		*ret = v;
	return r;
}

/* and, or: as far as the answer is not known. */
static int lazy_value(struct run *run, const struct call *c, bool until, json *dot, struct value *last, bool piped,
		      struct value *ret, struct err *err)
{
	struct value v = { 0 };
	int r = 0;

	if (c->n + piped < 2)
		return lex_error(run->t->text, c->v[0].at, err, "arguments are missing");
	for (size_t i = 1; r >= 0 && i < c->n; i++) {
		value_done(&v);
		r = operand_value(run, &c->v[i], dot, &v, err);
		if (r >= 0 && value_true(v.j) == until) {
			*ret = v;
			return 0;
		}
	}
	if (r >= 0 && piped) {
		value_done(&v);
		v = TAKE_STRUCT(*last);
	}
	if (r < 0)
		value_done(&v);
	else
		*ret = v;
	return r;
}

/* What a function looks at and what it makes counts as work, whether or not it is written. */
static int charge(struct run *run, size_t at, json *j, struct err *err)
{
	size_t n = json_object_is_type(j, json_type_string)  ? (size_t)json_object_get_string_len(j)
		   : json_object_is_type(j, json_type_array) ? json_len(j)
							     : 1;

	if (n > run->work)
		return lex_error(run->t->text, at, err, "works on more text than a template may");
	run->work -= n;
	return 0;
}

static int func_value(struct run *run, const struct call *c, json *dot, struct value *last, bool piped, struct value *ret,
		      struct err *err)
{
	_cleanup_free_ struct value *values = mem_array(struct value, c->n + 1);
	_cleanup_free_ json **v = mem_array(json *, c->n + 1);
	struct args args = { .v = v };
	struct err why = ERR_INIT;
	int r = 0;

	for (size_t i = 1; r >= 0 && i < c->n; i++) {
		r = operand_value(run, &c->v[i], dot, &values[args.n], err);
		v[args.n] = values[args.n].j;
		args.n += r >= 0;
	}
	if (piped)
		v[args.n++] = last->j;
	for (size_t i = 0; r >= 0 && i < args.n; i++)
		r = charge(run, c->v[0].at, v[i], err);
	if (r >= 0) {
		r = func_call(run->style, c->v[0].func, &args, run->work, &ret->j, &why);
		r = r < 0 ? lex_error(run->t->text, c->v[0].at, err, "%s", why.msg) : charge(run, c->v[0].at, ret->j, err);
		if (*why.hint)
			(void)err_hint(err, r, "%s", why.hint);
	}
	for (size_t i = 0; i < c->n; i++)
		value_done(&values[i]);
	return r;
}

/* As Docker: what stands behind the last dot, with blanks for - and _. */
static json *label_title(const char *key)
{
	const char *dot = strrchr(key, '.');
	_cleanup_free_ char *title = mem_strdup(dot ? dot + 1 : key);

	for (char *c = title; *c; c++)
		if (*c == '-' || *c == '_')
			*c = ' ';
	return json_new_str(title);
}

/* A field with an argument: Docker's .Label "k" looks into the labels. */
static int label_value(struct run *run, const struct call *c, json *dot, struct value *ret, struct err *err)
{
	struct value of = { 0 }, key = { 0 };
	const struct operand *o = &c->v[0];
	json *found = NULL;
	int r;

	if (o->kind != OPERAND_DOT || o->fields.n != 1 || strcmp(o->fields.v[0], "Label") != 0 || c->n != 2)
		return lex_error(run->t->text, c->v[1].at, err, "what stands before takes no arguments");
	r = operand_value(run, &c->v[1], dot, &key, err);
	if (r >= 0 && !json_text(key.j))
		r = lex_error(run->t->text, c->v[1].at, err, "a label's key is text");
	of.j = json_object_get(dot);
	if (r >= 0)
		r = member(run, o->at, &of, "labels", err);
	if (r >= 0 && json_text(of.j)) { /* a table's titles: the label's own name is its title */
		ret->j = label_title(json_text(key.j));
	} else if (r >= 0) {
		found = json_get(of.j, json_text(key.j));
		ret->j = found ? json_object_get(found) : json_new_str("");
	}
	value_done(&of);
	value_done(&key);
	return r;
}

static int call_value(struct run *run, const struct call *c, json *dot, struct value *last, bool piped, struct value *ret,
		      struct err *err)
{
	bool until;

	if (c->v[0].kind != OPERAND_FUNC && c->n == 1 && !piped)
		return operand_value(run, &c->v[0], dot, ret, err);
	if (c->v[0].kind != OPERAND_FUNC && c->n > 1)
		return label_value(run, c, dot, ret, err);
	if (c->v[0].kind != OPERAND_FUNC)
		return lex_error(run->t->text, c->v[0].at, err, "a function is missing behind |");
	if (func_is_lazy(c->v[0].func, &until))
		return lazy_value(run, c, until, dot, last, piped, ret, err);
	return func_value(run, c, dot, last, piped, ret, err);
}

static int pipe_value(struct run *run, const struct pipe *p, json *dot, struct value *ret, struct err *err)
{
	struct value v = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n; i++) {
		struct value next = { 0 };

		r = step_into(run, p->at, err);
		if (r >= 0)
			r = call_value(run, &p->v[i], dot, &v, i > 0, &next, err);
		value_done(&v);
		v = next;
	}
	if (r < 0)
		value_done(&v);
	else
		*ret = v;
	return r;
}

static int declare(struct run *run, size_t at, const char *name, json *value, struct err *err)
{
	if (run->n_vars == VARIABLES)
		return lex_error(run->t->text, at, err, "more than %d variables", VARIABLES);
	run->vars[run->n_vars++] = (struct variable){ name, json_object_get(value) };
	return 0;
}

static void assign(struct run *run, const char *name, json *value)
{
	for (size_t i = run->n_vars; i-- > 0;)
		if (!strcmp(run->vars[i].name, name)) {
			json_freep(&run->vars[i].value);
			run->vars[i].value = json_object_get(value);
			return;
		}
}

static int name_value(struct run *run, const struct pipe *p, size_t i, json *value, struct err *err)
{
	if (!p->assigns)
		return declare(run, p->at, p->names.v[i], value, err);
	assign(run, p->names.v[i], value);
	return 0;
}

static void forget(struct run *run, size_t n)
{
	while (run->n_vars > n)
		json_freep(&run->vars[--run->n_vars].value);
}

static int run_nodes(struct run *, const struct node *, json *dot, struct err *err);

static int run_action(struct run *run, const struct node *n, json *dot, struct err *err)
{
	size_t room = TEMPLATE_OUT_MAX - (run->out->len - run->begin);
	struct value v = { 0 };
	int r = pipe_value(run, n->pipe, dot, &v, err);

	if (r >= 0 && n->pipe->names.n)
		r = name_value(run, n->pipe, 0, v.j, err);
	else if (r >= 0 && !value_print(v.j, room, run->out))
		r = lex_error(run->t->text, n->at, err, "writes more than %d MiB", TEMPLATE_OUT_MAX >> 20);
	value_done(&v);
	return r < 0 ? r : FLOW_ON;
}

static int run_choice(struct run *run, const struct node *n, json *dot, struct err *err)
{
	size_t vars = run->n_vars;
	struct value v = { 0 };
	int r = pipe_value(run, n->pipe, dot, &v, err);

	if (r >= 0 && n->pipe->names.n)
		r = name_value(run, n->pipe, 0, v.j, err);
	if (r >= 0 && value_true(v.j))
		r = run_nodes(run, n->body, n->kind == NODE_WITH ? v.j : dot, err);
	else if (r >= 0)
		r = run_nodes(run, n->otherwise, dot, err);
	forget(run, vars);
	value_done(&v);
	return r;
}

/* One turn: FLOW_BREAK when it was the last. */
static int run_turn(struct run *run, const struct node *n, json *key, json *value, struct err *err)
{
	const struct pipe *p = n->pipe;
	size_t vars = run->n_vars;
	int r = step_into(run, n->at, err);

	if (r >= 0 && p->names.n == 2)
		r = name_value(run, p, 0, key, err);
	if (r >= 0 && p->names.n)
		r = name_value(run, p, p->names.n - 1, value, err);
	if (r >= 0)
		r = run_nodes(run, n->body, value, err);
	forget(run, vars);
	return r < 0 || r == FLOW_BREAK ? r : FLOW_ON;
}

static int range_object(struct run *run, const struct node *n, json *over, struct err *err)
{
	size_t len = 0;
	_cleanup_free_ const char **keys = value_keys(over, &len);
	int r = 0;

	for (size_t i = 0; r == FLOW_ON && i < len; i++) {
		_cleanup_json_ json *key = json_new_str(keys[i]);

		r = run_turn(run, n, key, json_get(over, keys[i]), err);
	}
	return r < 0 ? r : FLOW_ON;
}

static int range_array(struct run *run, const struct node *n, json *over, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == FLOW_ON && i < json_len(over); i++) {
		_cleanup_json_ json *key = json_object_new_int64((int64_t)i);

		r = run_turn(run, n, key, json_at(over, i), err);
	}
	return r < 0 ? r : FLOW_ON;
}

static int run_range(struct run *run, const struct node *n, json *dot, struct err *err)
{
	struct value v = { 0 };
	int r = pipe_value(run, n->pipe, dot, &v, err);

	if (r < 0)
		return r;
	if (v.j && !json_object_is_type(v.j, json_type_array) && !json_object_is_type(v.j, json_type_object))
		r = lex_error(run->t->text, n->at, err, "range goes over lists and objects only");
	else if (!value_true(v.j))
		r = run_nodes(run, n->otherwise, dot, err); /* a break in it is of a range around this one */
	else if (json_object_is_type(v.j, json_type_array))
		r = range_array(run, n, v.j, err);
	else
		r = range_object(run, n, v.j, err);
	value_done(&v);
	return r;
}

static int run_text(struct run *run, const struct node *n, struct err *err)
{
	size_t len = strlen(n->text);

	if (len > TEMPLATE_OUT_MAX - (run->out->len - run->begin))
		return lex_error(run->t->text, n->at, err, "writes more than %d MiB", TEMPLATE_OUT_MAX >> 20);
	buf_add(run->out, n->text, len);
	return FLOW_ON;
}

static int run_nodes(struct run *run, const struct node *n, json *dot, struct err *err)
{
	size_t vars = run->n_vars;
	int r = FLOW_ON;

	for (; n && r == FLOW_ON; n = n->next) {
		r = step_into(run, n->at, err);
		if (r < 0)
			break;
		if (n->kind == NODE_TEXT)
			r = run_text(run, n, err);
		else if (n->kind == NODE_ACTION)
			r = run_action(run, n, dot, err);
		else if (n->kind == NODE_RANGE)
			r = run_range(run, n, dot, err);
		else if (n->kind == NODE_BREAK || n->kind == NODE_CONTINUE)
			r = n->kind == NODE_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
		else
			r = run_choice(run, n, dot, err);
	}
	forget(run, vars);
	return r;
}

int template_run(const struct template *t, json *data, struct buf *out, struct err *err)
{
	static const struct template_style dockers = { .steps = STEPS, .work = WORK };
	struct run *run = mem_new(struct run);
	int r;

	*run = (struct run){ .t = t, .style = t->style ? t->style : &dockers, .top = data, .out = out, .begin = out->len };
	run->steps = run->style->steps;
	run->work = run->style->work;
	r = run_nodes(run, t->root, data, err);
	if (t->style) {
		t->style->steps = run->steps;
		t->style->work = run->work;
	}
	free(run);
	return r < 0 ? r : 0;
}

static int check_pipe(const struct template *t, const struct pipe *p, bool at_top, json *fields, struct err *err);

static int check_operand(const struct template *t, const struct operand *o, bool at_top, json *fields, struct err *err)
{
	bool of_top = (o->kind == OPERAND_DOT && at_top) || (o->kind == OPERAND_VARIABLE && !*o->name);

	if (o->pipe)
		return check_pipe(t, o->pipe, at_top, fields, err);
	if (of_top && o->fields.n && strcmp(o->fields.v[0], "Label") != 0 &&
	    !json_object_object_get_ex(fields, o->fields.v[0], NULL))
		return no_field(t->text, o->at, o->fields.v[0], fields, err);
	return 0;
}

static int check_pipe(const struct template *t, const struct pipe *p, bool at_top, json *fields, struct err *err)
{
	int r = 0;

	for (size_t i = 0; p && i < p->n; i++)
		for (size_t k = 0; r >= 0 && k < p->v[i].n; k++)
			r = check_operand(t, &p->v[i].v[k], at_top, fields, err);
	return r;
}

static int check_nodes(const struct template *t, const struct node *n, bool at_top, json *fields, struct err *err)
{
	int r = 0;

	for (; r >= 0 && n; n = n->next) {
		bool moves = n->kind == NODE_RANGE || n->kind == NODE_WITH;

		r = check_pipe(t, n->pipe, at_top, fields, err);
		if (r >= 0)
			r = check_nodes(t, n->body, at_top && !moves, fields, err);
		if (r >= 0)
			r = check_nodes(t, n->otherwise, at_top, fields, err);
	}
	return r;
}

int template_check(const struct template *t, json *fields, struct err *err) { return check_nodes(t, t->root, true, fields, err); }
