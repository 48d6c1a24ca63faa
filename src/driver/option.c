/* Reading. A value that is not of its type is an error that says what it is and what it should be; the option's name is put before
 * it by the loop over the rows, once a level. */
#include "option.h"
#include "dict.h"
#include "mem.h"
#include "name.h"
#include "strv.h"
#include "value.h"
#include <limits.h>
#include <string.h>

/* Of any list; and of an object, which is looked through for each of its keys. */
enum { OPTION_MEMBERS_MAX = 65536, OPTION_DICT_MAX = 4096 };

static int option_kind_bad(const struct node *n, const char *wanted, struct err *err)
{
	static const char *const kinds[] = {
		[NODE_NULL] = "nothing", [NODE_BOOL] = "true or false", [NODE_NUMBER] = "a number",
		[NODE_TEXT] = "a text",  [NODE_LIST] = "a list",        [NODE_MAP] = "an object",
	};

	return err_set(err, ERR_INVALID, "%s, where %s is wanted", kinds[n->kind], wanted);
}

int option_text(const struct node *n, const char **ret, struct err *err)
{
	if (n->kind != NODE_TEXT && n->kind != NODE_NUMBER && n->kind != NODE_BOOL)
		return option_kind_bad(n, "a text", err);
	*ret = n->kind == NODE_BOOL ? (n->yes ? "true" : "false") : n->text;
	return 0;
}

int option_bool(const struct node *n, bool *ret, struct err *err)
{
	if (n->kind == NODE_BOOL) {
		*ret = n->yes;
		return 0;
	}
	if (n->kind == NODE_TEXT && parse_switch(n->text, ret))
		return 0;
	if (n->kind == NODE_TEXT)
		return err_set(err, ERR_INVALID, "\"%.80s\", where true or false is wanted", n->text);
	return option_kind_bad(n, "true or false", err);
}

static int range_bad(const char *text, int64_t min, int64_t max, struct err *err)
{
	if (max == INT64_MAX)
		return err_set(err, ERR_INVALID, "%.80s: at least %lld is allowed", text, (long long)min);
	return err_set(err, ERR_INVALID, "%.80s: %lld to %lld are allowed", text, (long long)min, (long long)max);
}

int option_number(const struct node *n, int64_t min, int64_t max, int64_t *ret, struct err *err)
{
	bool fits = false;
	int64_t whole = 0;

	if (n->kind != NODE_NUMBER && n->kind != NODE_TEXT)
		return option_kind_bad(n, "a number", err);
	if (n->kind == NODE_TEXT)
		fits = parse_whole(n->text, &whole);
	else if (node_whole(n, &whole, &fits) && !fits)
		return range_bad(n->text, min, max, err);
	if (!fits)
		return err_set(err, ERR_INVALID, "\"%.80s\", where a whole number is wanted", n->text);
	if (whole < min || whole > max)
		return range_bad(n->text, min, max, err);
	*ret = whole;
	return 0;
}

int option_each(const struct node *n, int (*each)(const struct node *, void *, struct err *), void *into, struct err *err)
{
	int r = 0;

	if (n->kind != NODE_LIST)
		return each(n, into, err);
	if (n->n > OPTION_MEMBERS_MAX)
		return err_set(err, ERR_INVALID, "more than %d of them", OPTION_MEMBERS_MAX);
	for (const struct node *m = n->first; r >= 0 && m; m = m->next)
		r = m->kind == NODE_NULL ? 0 : each(m, into, err);
	return r;
}

/* ---- by type. Of a row, into what is at its place */

static int64_t option_max(const struct option *o) { return o->min || o->max ? o->max : INT64_MAX; }

static bool is_word_of(const char *words, const char *text)
{
	const size_t n = strlen(text);

	for (const char *w = words; n && w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (strcspn(w, "|") == n && !strncmp(w, text, n))
			return true;
	return false;
}

static int option_check(const struct option *o, const char *text, const char *value, struct err *err)
{
	if (o->words && !is_word_of(o->words, text))
		return err_set(err, ERR_INVALID, "\"%.80s\": allowed is %s", text, o->words);
	return o->check ? o->check(text, value, err) : 0;
}

static int option_put_text(const struct option *o, const struct node *n, void *at, struct err *err)
{
	const char *text = "";
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	r = option_check(o, text, NULL, err);
	if (r < 0)
		return r;
	free(*(char **)at);
	*(char **)at = mem_strdup(text);
	return 0;
}

static int put_bool(const struct option *o, const struct node *n, void *at, struct err *err)
{
	(void)o;
	return option_bool(n, at, err);
}

static int option_put_number(const struct option *o, const struct node *n, void *at, struct err *err)
{
	return option_number(n, o->min, option_max(o), at, err);
}

static int put_int(const struct option *o, const struct node *n, void *at, struct err *err)
{
	int64_t whole = 0;
	int r = option_number(n, o->min, o->max ? o->max : INT_MAX, &whole, err);

	if (r >= 0)
		*(int *)at = (int)whole;
	return r;
}

/* ns as people write it: "1m", "90s", "500ms" */
static void span_text(int64_t ns, char out[32])
{
	static const struct {
		int64_t ns;
		const char *name;
	} units[] = {
		{ INT64_C(3600000000000), "h" }, { INT64_C(60000000000), "m" }, { INT64_C(1000000000), "s" }, { 1000000, "ms" }
	};
	size_t i = 0;

	while (i < sizeof units / sizeof *units - 1 && (!ns || ns % units[i].ns))
		i++;
	(void)snprintf(out, 32, "%lld%s", (long long)(ns / units[i].ns), units[i].name);
}

static int put_span(const struct option *o, const struct node *n, void *at, struct err *err)
{
	char min[32], max[32];
	const char *text = "";
	int64_t ns = 0;
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	r = option_span(text, &ns, err);
	if (r < 0)
		return r;
	if (ns < o->min || ns > option_max(o)) {
		span_text(o->min, min);
		span_text(o->max, max);
		return o->max ? err_set(err, ERR_INVALID, "\"%.80s\": %s to %s are allowed", text, min, max)
			      : err_set(err, ERR_INVALID, "\"%.80s\": no time is less than none", text);
	}
	*(int64_t *)at = ns;
	return 0;
}

static int put_size(const struct option *o, const struct node *n, void *at, struct err *err)
{
	const char *text = "";
	int64_t size = 0;
	int r = option_text(n, &text, err);

	if (r < 0 || !*text)
		return r;
	r = parse_size("size", text, &size, err);
	if (r >= 0 && (size < o->min || size > option_max(o)))
		r = range_bad(text, o->min, option_max(o), err);
	if (r >= 0)
		*(int64_t *)at = size;
	return r;
}

struct texts_in {
	const struct option *option;
	void *at;
};

static int option_add_text(const struct node *n, void *into, struct err *err)
{
	const struct texts_in *in = into;
	const char *text = NULL;
	int r = option_text(n, &text, err);

	if (r >= 0)
		r = option_check(in->option, text, NULL, err);
	if (r >= 0)
		strv_push(in->at, text);
	return r;
}

static int put_texts(const struct option *o, const struct node *n, void *at, struct err *err)
{
	struct texts_in in = { o, at };

	if (n->kind != NODE_LIST)
		return option_kind_bad(n, "a list of texts, [\"...\"],", err);
	strv_done(at);
	return option_each(n, option_add_text, &in, err);
}

static int add_map(const struct node *n, void *into, struct err *err)
{
	const struct texts_in *in = into;
	struct dict *all = in->at;
	int r = 0;

	if (n->kind != NODE_MAP)
		return option_kind_bad(n, "an object of texts, { name = \"...\" },", err);
	for (const struct node *m = n->first; r >= 0 && m; m = m->next) {
		const char *text = "";

		if (all->n >= OPTION_DICT_MAX)
			return err_set(err, ERR_INVALID, "more than %d of them", OPTION_DICT_MAX);
		r = m->kind == NODE_NULL ? 0 : option_text(m, &text, err);
		if (r >= 0)
			r = option_check(in->option, m->key, text, err);
		if (r < 0)
			return err_wrap(err, r, "%.80s", m->key);
		dict_set(all, m->key, text);
	}
	return r;
}

static int put_dict(const struct option *o, const struct node *n, void *at, struct err *err)
{
	struct texts_in in = { o, at };

	dict_done(at);
	return option_each(n, add_map, &in, err);
}

static int put_block(const struct option *o, const struct node *n, void *at, struct err *err)
{
	const struct node *map = n->kind == NODE_LIST ? n->first : n;

	if (n->kind == NODE_LIST && n->n > 1)
		return err_set(err, ERR_INVALID, "%u blocks, where one is wanted", n->n);
	if (!map || map->kind == NODE_NULL)
		return 0;
	if (map->kind != NODE_MAP)
		return option_kind_bad(map, "a block", err);
	return option_block(o->nested, map, at, err);
}

/* @at is the struct as a whole. */
static int put_each(const struct option *o, const struct node *n, void *into, struct err *err)
{
	return option_each(n, o->read, into, err);
}

static int (*const puts_of[])(const struct option *, const struct node *, void *, struct err *) = {
	[OPTION_TEXT] = option_put_text, [OPTION_BOOL] = put_bool,   [OPTION_NUMBER] = option_put_number, [OPTION_INT] = put_int,
	[OPTION_SPAN] = put_span,        [OPTION_SIZE] = put_size,   [OPTION_TEXTS] = put_texts,          [OPTION_DICT] = put_dict,
	[OPTION_BLOCK] = put_block,      [OPTION_BLOCKS] = put_each,
};

/* ---- rows */

/* What says nothing: that an option which is refused stands there with it harms nobody. */
static bool is_nothing(const struct node *n)
{
	return n->kind == NODE_NULL || (n->kind == NODE_BOOL && !n->yes) || (n->kind == NODE_TEXT && !*n->text) ||
	       ((n->kind == NODE_LIST || n->kind == NODE_MAP) && !n->n);
}

static int read_row(const struct option *o, const struct node *n, void *into, struct err *err)
{
	int r = 0;

	if (n->kind == NODE_NULL)
		return 0;
	if (o->support == OPTION_REFUSED)
		return is_nothing(n) ? 0 : err_set(err, ERR_INVALID, "containerd-driver has it not: %s", o->doc);
	if (o->read && o->type != OPTION_BLOCKS)
		r = o->read(n, into, err);
	else if (o->type == OPTION_BLOCKS)
		r = put_each(o, n, into, err);
	else if (o->at != OPTION_NOWHERE)
		r = puts_of[o->type](o, n, (char *)into + o->at, err);
	if (r >= 0 && o->has)
		*(bool *)((char *)into + o->has) = true;
	return r;
}

static int option_unknown(const struct option *rows, const char *before, const char *name, struct err *err)
{
	const char *names[128], *nearest;
	size_t n = 0;
	int r = err_set(err, ERR_INVALID, "%s%.80s is not known", before, name);

	for (; rows[n].name && n < sizeof names / sizeof *names; n++)
		names[n] = rows[n].name;
	nearest = name_nearest(name, names, n);
	return nearest ? err_hint(err, r, "%s?", nearest) : r;
}

static const struct option *option_named(const struct option *rows, const char *name)
{
	for (; rows->name; rows++)
		if (!strcmp(rows->name, name))
			return rows;
	return NULL;
}

static int read_rows(const struct option *rows, const struct node *map, const char *before, void *into, struct err *err)
{
	int r = 0;

	if (map->kind != NODE_MAP)
		return option_kind_bad(map, "an object of options", err);
	for (const struct node *m = map->first; r >= 0 && m; m = m->next) {
		const struct option *o = option_named(rows, m->key);

		r = o ? read_row(o, m, into, err) : option_unknown(rows, before, m->key, err);
		if (r < 0 && o)
			err_wrap(err, r, "%s%s", before, o->name);
	}
	for (const struct option *o = rows; r >= 0 && o->name; o++) {
		const struct node *m = o->required ? node_get(map, o->name) : NULL;

		if (o->required && (!m || is_nothing(m)))
			r = err_set(err, ERR_INVALID, "%s%s: it must be said", before, o->name);
	}
	return r;
}

int option_read(const struct option *rows, const struct node *map, void *into, struct err *err)
{
	return read_rows(rows, map, "option ", into, err);
}

int option_block(const struct option *rows, const struct node *map, void *into, struct err *err)
{
	return read_rows(rows, map, "", into, err);
}

void option_defaults(const struct option *rows, void *into)
{
	for (const struct option *o = rows; o->name; o++) {
		const struct node n = { .kind = NODE_TEXT, .text = o->value };
		void *at = (char *)into + o->at;

		if (o->support != OPTION_REFUSED && o->type == OPTION_BLOCK)
			option_defaults(o->nested, at);
		else if (o->value && o->type == OPTION_TEXTS)
			strv_split(at, o->value, " ");
		else if (o->value && o->at != OPTION_NOWHERE)
			(void)puts_of[o->type](o, &n, at, NULL);
	}
}

void option_done(const struct option *rows, void *from)
{
	for (const struct option *o = rows; o->name; o++) {
		void *at = (char *)from + o->at;

		if (o->support == OPTION_REFUSED || o->at == OPTION_NOWHERE)
			continue;
		if (o->type == OPTION_TEXT) {
			free(*(char **)at);
			*(char **)at = NULL;
		} else if (o->type == OPTION_TEXTS) {
			strv_done(at);
		} else if (o->type == OPTION_DICT) {
			dict_done(at);
		} else if (o->type == OPTION_BLOCK) {
			option_done(o->nested, at);
		}
	}
}
