/* Names are sorted once and then found by halving. A variable has its value before anything asks for it; a local is evaluated at
 * the first question, in whatever order they stand. */
#include "hcl-variable.h"
#include "file.h"
#include "hcl-json.h"
#include "hcl-type.h"
#include "tree-json.h"
#include <stdlib.h>
#include <string.h>

enum name_state { NAME_FRESH, NAME_BUSY, NAME_READY };

struct hcl_name {
	const char *name;
	struct node_place at;
	const struct hcl_expr *expr;  /* of a local; of a variable its default */
	const struct hcl_body *block; /* of a variable that has one */
	const struct hcl_type *type;  /* NULL: none was said */
	const struct hcl_value *value;
	const char *from; /* the file of the value, for errors */
	struct node_place value_at;
	enum name_state state;
};

struct hcl_names {
	struct hcl_name *v;
	size_t n;
};

static int name_order(const void *a, const void *b)
{
	const struct hcl_name *x = a, *y = b;
	const int c = strcmp(x->name, y->name);

	if (c || x->at.line != y->at.line)
		return c ? c : (x->at.line > y->at.line) - (x->at.line < y->at.line);
	return (x->at.column > y->at.column) - (x->at.column < y->at.column);
}

static struct hcl_name *name_find(const struct hcl_names *names, const char *name)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const int c = strcmp(name, names->v[mid].name);

		if (!c)
			return &names->v[mid];
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

static bool hcl_is_block(const struct hcl_item *item, const char *type) { return item->body && !strcmp(item->name, type); }

/* `locals`, `variables`: blocks without labels, of attributes. */
static int hcl_check_plain(struct hcl *h, const struct hcl_item *block)
{
	if (block->n_labels)
		return hcl_bad(h, block->labels->at, "%s takes no label", block->name);
	for (const struct hcl_item *i = block->body->first; i; i = i->next)
		if (!i->expr)
			return hcl_bad(h, i->at, "a block in %s: NAME = VALUE is wanted", block->name);
	return 0;
}

static int names_gather_block(struct hcl *h, const struct hcl_item *block, const char *plain, struct hcl_names *names)
{
	if (hcl_is_block(block, plain)) {
		int r = hcl_check_plain(h, block);

		for (const struct hcl_item *i = block->body->first; r >= 0 && i; i = i->next)
			names->v[names->n++] = (struct hcl_name){ .name = i->name, .at = i->at, .expr = i->expr };
		return r;
	}
	if (block->n_labels != 1)
		return hcl_bad(h, block->at, "variable takes one label: variable \"NAME\" { ... }");
	names->v[names->n++] = (struct hcl_name){ .name = block->labels->text, .at = block->at, .block = block->body };
	return 0;
}

/* From the blocks of type @plain, and of `variable` where @variables. */
static struct hcl_names *names_gather(struct hcl *h, const struct hcl_body *root, const char *plain, bool variables)
{
	struct hcl_names *names = hcl_new(h, struct hcl_names);
	size_t n = 0;

	for (const struct hcl_item *i = root->first; i; i = i->next)
		n += hcl_is_block(i, plain) ? i->body->n : 1;
	if (names)
		names->v = hcl_array(h, struct hcl_name, n);
	if (!names || !names->v)
		return NULL;
	for (const struct hcl_item *i = root->first; i; i = i->next)
		if (hcl_is_block(i, plain) || (variables && hcl_is_block(i, "variable")))
			if (names_gather_block(h, i, plain, names) < 0)
				return NULL;
	if (names->n)
		qsort(names->v, names->n, sizeof *names->v, name_order);
	for (size_t i = 1; i < names->n; i++)
		if (!strcmp(names->v[i].name, names->v[i - 1].name)) {
			(void)hcl_bad(h, names->v[i].at, "%s %s stands twice", variables ? "variable" : "local", names->v[i].name);
			return NULL;
		}
	return names;
}

static const struct hcl_value *eval_plain(struct hcl *h, const struct hcl_expr *e)
{
	const struct hcl_value *v;

	h->plain = true;
	v = hcl_eval(h, e, NULL);
	h->plain = false;
	return v;
}

static int variable_set(struct hcl *h, struct hcl_name *name, const struct hcl_value *v, struct node_place at)
{
	if (v && name->type)
		v = hcl_convert(h, at, v, name->type);
	if (!v)
		return -ERR_INVALID;
	name->value = v;
	name->value_at = at;
	name->from = h->file;
	return 0;
}

static int variable_default(struct hcl *h, struct hcl_name *name)
{
	int r;

	if (!name->expr)
		return 0;
	r = variable_set(h, name, eval_plain(h, name->expr), name->expr->at);
	if (r >= 0 && !name->type)
		name->type = hcl_type_of(h, name->value);
	return r < 0 || name->type ? r : -ERR_EXHAUSTED;
}

static int variable_block(struct hcl *h, struct hcl_name *name)
{
	const struct hcl_expr *type = NULL;
	int r = 0;

	for (const struct hcl_item *i = name->block ? name->block->first : NULL; i; i = i->next) {
		const bool validation = hcl_is_block(i, "validation");

		if (i->expr && !strcmp(i->name, "type"))
			type = i->expr;
		else if (i->expr && !strcmp(i->name, "default"))
			name->expr = i->expr;
		else if (!validation && (!i->expr || strcmp(i->name, "description") != 0))
			return hcl_bad(h, i->at, "a variable has type, default, description and validation, not %s", i->name);
	}
	if (type)
		r = hcl_type_parse(h, type, &name->type);
	return r < 0 ? r : variable_default(h, name);
}

/* As the command line and the environment give it: a text as it is, anything else as HCL. */
static int variable_given(struct hcl *h, struct hcl_name *name, const char *text)
{
	const enum hcl_kind kind = name->type ? name->type->kind : HCL_TEXT;
	const struct node_place at = { 1, 1 };
	struct hcl_expr *e = NULL;
	char *copy;

	if (kind == HCL_TEXT || kind == HCL_NUMBER)
		return variable_set(h, name, hcl_text(h, text, strlen(text)), at);
	copy = hcl_copy(h, text, strlen(text));
	if (!copy)
		return -ERR_EXHAUSTED;
	if (hcl_parse_expr(h, copy, strlen(copy), &e) < 0)
		return -ERR_INVALID;
	return variable_set(h, name, eval_plain(h, e), e->at);
}

static int variables_from_env(struct hcl *h)
{
	static const char prefix[] = "NOMAD_VAR_";

	for (char *const *kv = h->options->env; kv && *kv; kv++) {
		const char *equals = strchr(*kv, '=');
		char label[160];
		struct hcl_name *name;
		int r;

		if (strncmp(*kv, prefix, sizeof prefix - 1) != 0 || !equals || (size_t)(equals - *kv) >= sizeof label)
			continue;
		memcpy(label, *kv, (size_t)(equals - *kv));
		label[equals - *kv] = '\0';
		name = name_find(h->variables, label + sizeof prefix - 1);
		if (!name)
			continue;
		h->file = hcl_copy(h, label, strlen(label));
		r = h->file ? variable_given(h, name, equals + 1) : -ERR_EXHAUSTED;
		if (r < 0)
			return r;
	}
	return 0;
}

static int variable_unknown(struct hcl *h, struct node_place at, const char *name)
{
	return hcl_bad(h, at, "no variable \"%s\" in the job file (there it would be: variable \"%s\" {})", name, name);
}

static const struct hcl_value *hcl_value_of_text(struct hcl *h, const struct node *n)
{
	struct hcl_expr *e = NULL;

	if (!strstr(n->text, "${") && !strstr(n->text, "%{"))
		return hcl_text(h, n->text, strlen(n->text));
	return hcl_parse_template(h, n->text, strlen(n->text), &e) < 0 ? NULL : eval_plain(h, e);
}

static int variables_from_json(struct hcl *h, const char *data, size_t len)
{
	_cleanup_tree_ struct tree t = { .file = h->file };
	int r = tree_json(data, len, &t, h->err);

	if (r >= 0 && t.root->kind != NODE_MAP)
		r = hcl_bad(h, t.root->at, "an object of variables is wanted");
	for (const struct node *m = r >= 0 ? t.root->first : NULL; m && r >= 0; m = m->next) {
		struct hcl_name *name = name_find(h->variables, m->key);

		r = name ? variable_set(h, name, hcl_from_node(h, m, hcl_value_of_text), m->at)
			 : variable_unknown(h, m->key_at, m->key);
	}
	return r;
}

static int variables_from_hcl(struct hcl *h, const char *data, size_t len)
{
	struct hcl_body *body = NULL;
	const char *copy = hcl_copy(h, data, len);
	int r = copy ? hcl_parse_body(h, copy, len, &body) : -ERR_EXHAUSTED;

	for (const struct hcl_item *i = r >= 0 ? body->first : NULL; i && r >= 0; i = i->next) {
		struct hcl_name *name = name_find(h->variables, i->name);

		if (i->body)
			r = hcl_bad(h, i->at, "a block in a file of variables, which has NAME = VALUE");
		else
			r = name ? variable_set(h, name, eval_plain(h, i->expr), i->expr->at) : variable_unknown(h, i->at, i->name);
	}
	return r;
}

static int variables_from_file(struct hcl *h, const char *path)
{
	_cleanup_buf_ struct buf b = { 0 };
	int r = file_read(path, HCL_SIZE_MAX, &b, h->err);
	size_t blanks = 0;

	if (r < 0)
		return err_wrap(h->err, r, "variables");
	h->file = path;
	while (blanks < b.len && b.data[blanks] == ' ')
		blanks++;
	if (blanks < b.len && b.data[blanks] == '{')
		return variables_from_json(h, b.data, b.len);
	return variables_from_hcl(h, b.data, b.len);
}

/* What errors of a -var call its file. */
static const char *flag_name_of(struct hcl *h, const char *name)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_addf(&b, "-var %s", name);
	return hcl_copy(h, b.data, b.len);
}

static int variables_from_flags(struct hcl *h, const char *job)
{
	for (size_t i = 0; h->options->vars && i < h->options->vars->n; i++) {
		const char *var = h->options->vars->v[i], *equals = strchr(var, '=');
		struct hcl_name *name;
		char *label;
		int r;

		if (!equals)
			return err_set(h->err, ERR_INVALID, "-var %s: NAME=VALUE is wanted", var);
		label = hcl_copy(h, var, (size_t)(equals - var));
		if (!label)
			return -ERR_EXHAUSTED;
		name = name_find(h->variables, label);
		if (!name)
			return err_set(h->err, ERR_INVALID, "-var %s: no variable of that name in %s", label, job);
		h->file = flag_name_of(h, label);
		r = h->file ? variable_given(h, name, equals + 1) : -ERR_EXHAUSTED;
		if (r < 0)
			return r;
	}
	return 0;
}

static int variables_given(struct hcl *h)
{
	const struct strv *files = h->options->var_files;
	const char *job = h->file;
	int r = variables_from_env(h);

	for (size_t i = 0; r >= 0 && files && i < files->n; i++)
		r = variables_from_file(h, files->v[i]);
	return r < 0 ? r : variables_from_flags(h, job);
}

int hcl_variables(struct hcl *h, const struct hcl_body *root)
{
	const char *file = h->file;
	int r = 0;

	h->variables = names_gather(h, root, "variables", true);
	h->locals = h->variables ? names_gather(h, root, "locals", false) : NULL;
	if (!h->locals)
		return h->spent ? -ERR_EXHAUSTED : -ERR_INVALID;
	for (size_t i = 0; r >= 0 && i < h->variables->n; i++)
		r = variable_block(h, &h->variables->v[i]);
	if (r >= 0)
		r = variables_given(h);
	h->file = file;
	return r;
}

static int hcl_validation_check(struct hcl *h, const struct hcl_name *name, const struct hcl_item *block)
{
	const struct hcl_expr *condition = NULL, *message = NULL;
	const struct hcl_value *v;
	const char *text, *file = h->file;
	bool yes;
	int r;

	for (const struct hcl_item *i = block->body->first; i; i = i->next) {
		if (i->expr && !strcmp(i->name, "condition"))
			condition = i->expr;
		else if (i->expr && !strcmp(i->name, "error_message"))
			message = i->expr;
	}
	if (!condition || !message)
		return hcl_bad(h, block->at, "a validation has condition and error_message");
	v = hcl_eval(h, condition, NULL);
	if (!v)
		return -ERR_INVALID;
	if (!hcl_to_bool(v, &yes))
		return hcl_bad(h, condition->at, "the condition of a validation is a bool, not %s", hcl_kind_name(v));
	text = hcl_eval_text(h, message, NULL, "error_message");
	if (!text || yes)
		return text ? 0 : -ERR_INVALID;
	h->file = name->from;
	r = hcl_bad(h, name->value_at, "variable %s: %s", name->name, text);
	h->file = file;
	return r;
}

static int variable_check(struct hcl *h, const struct hcl_name *name)
{
	int r = 0;

	if (!name->value)
		return err_hint(h->err, hcl_bad(h, name->at, "variable %s has no value", name->name),
				"give it one: -var %s=VALUE, -var-file, NOMAD_VAR_%s, or a default", name->name, name->name);
	for (const struct hcl_item *i = name->block ? name->block->first : NULL; i && r >= 0; i = i->next)
		if (i->body)
			r = hcl_validation_check(h, name, i);
	return r;
}

int hcl_variables_check(struct hcl *h)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < h->variables->n; i++)
		r = variable_check(h, &h->variables->v[i]);
	for (size_t i = 0; r >= 0 && i < h->locals->n; i++)
		r = hcl_local(h, h->locals->v[i].name, h->locals->v[i].at) ? 0 : -ERR_INVALID;
	return r;
}

const struct hcl_value *hcl_variable(struct hcl *h, const char *name, struct node_place at)
{
	const struct hcl_name *found = name_find(h->variables, name);

	if (found && found->value)
		return found->value;
	(void)hcl_bad(h, at, found ? "variable %s has no value" : "there is no variable %s", name);
	return NULL;
}

static const struct hcl_value *hcl_local_value(struct hcl *h, struct hcl_name *local, struct node_place at)
{
	const struct hcl_value *each = h->each;

	if (local->state == NAME_BUSY) {
		(void)hcl_bad(h, at, "local %s depends on itself", local->name);
		return NULL;
	}
	if (local->state == NAME_READY)
		return local->value;
	local->state = NAME_BUSY;
	local->value = hcl_eval(h, local->expr, NULL);
	local->state = local->value ? NAME_READY : NAME_FRESH;
	h->each = each;
	return local->value;
}

const struct hcl_value *hcl_local(struct hcl *h, const char *name, struct node_place at)
{
	struct hcl_name *found = name_find(h->locals, name);

	if (found)
		return hcl_local_value(h, found, at);
	(void)hcl_bad(h, at, "there is no local %s", name);
	return NULL;
}

const struct hcl_value *hcl_names_object(struct hcl *h, const struct hcl_names *names, struct node_place at)
{
	struct hcl_value *v = hcl_items(h, HCL_OBJECT, names->n);

	for (size_t i = 0; v && i < names->n; i++) {
		v->keys[i] = names->v[i].name;
		v->items[i] = names == h->locals ? hcl_local_value(h, &names->v[i], at) : hcl_variable(h, v->keys[i], at);
		if (!v->items[i])
			return NULL;
	}
	return v;
}
