/* libyaml's events, one after the other, by recursion. Its marks count characters, ours bytes: a cursor in the text (spot) goes
 * along with the events.
 *
 * An alias is a copy of its anchor's node that shares what is below. So a small file can be a tree that is endless to walk:
 * `all` counts values and texts as if each alias were written out, and each anchor knows what is below it. */
#include "tree-yaml.h"
#include "mem.h"
#include "yaml-scalar.h"
#include <string.h>
#include <yaml.h>

enum { ANCHORS_MAX = 4096, ANCHOR_SLOTS = 256, TAG_LINES_MAX = 16 };
#define CORE_TAG "tag:yaml.org,2002:"

struct yaml_weight {
	size_t values, bytes;
};

struct yaml_anchor {
	struct yaml_anchor *next;
	char *name;
	const struct node *node; /* NULL while it is read */
	struct yaml_weight weight;
	int levels;
};

struct yaml_spot {
	const char *line_begin, *p;
	size_t line, column; /* as libyaml counts: from 0, in characters */
};

struct yaml_in {
	struct tree *tree;
	yaml_parser_t parser;
	const char *data, *end;
	struct yaml_spot spot;
	struct yaml_anchor *anchors[ANCHOR_SLOTS];
	unsigned n_anchors;
	struct yaml_weight all;
	struct err *err;
};

/* places */

/* The length of the line break at @p, 0: none. YAML 1.1 has NEL, LS and PS as well. */
static size_t break_len(const char *p, const char *end)
{
	if (*p == '\n')
		return 1;
	if (*p == '\r')
		return end - p > 1 && p[1] == '\n' ? 2 : 1;
	if (end - p > 1 && !memcmp(p, "\xc2\x85", 2))
		return 2;
	return end - p > 2 && !memcmp(p, "\xe2\x80", 2) && (p[2] == '\xa8' || p[2] == '\xa9') ? 3 : 0;
}

static void spot_begin(struct yaml_in *in) { in->spot = (struct yaml_spot){ .line_begin = in->data, .p = in->data }; }

/* To the next line; false: there is none. */
static bool spot_next_line(struct yaml_in *in)
{
	struct yaml_spot *s = &in->spot;

	for (const char *p = s->line_begin; p < in->end; p++) {
		size_t n = break_len(p, in->end);

		if (n) {
			*s = (struct yaml_spot){ .line_begin = p + n, .p = p + n, .line = s->line + 1 };
			return true;
		}
	}
	return false;
}

static struct node_place place_of_mark(struct yaml_in *in, yaml_mark_t mark)
{
	struct yaml_spot *s = &in->spot;

	if (mark.line < s->line)
		spot_begin(in);
	while (s->line < mark.line && spot_next_line(in))
		;
	if (s->line < mark.line) /* libyaml ends what has no end of a line with one */
		mark.column = SIZE_MAX;
	if (mark.column < s->column)
		*s = (struct yaml_spot){ .line_begin = s->line_begin, .p = s->line_begin, .line = s->line };
	for (; s->column < mark.column && s->p < in->end; s->column++)
		for (s->p++; s->p < in->end && (*s->p & 0xc0) == 0x80; s->p++)
			;
	return (struct node_place){ (uint32_t)s->line + 1, (uint32_t)(s->p - s->line_begin) + 1 };
}

static struct node_place place_of_offset(struct yaml_in *in, size_t offset)
{
	const char *at = in->data + offset;
	struct yaml_spot line;

	spot_begin(in);
	do
		line = in->spot;
	while (spot_next_line(in) && in->spot.line_begin <= at);
	return (struct node_place){ (uint32_t)line.line + 1, (uint32_t)(at - line.line_begin) + 1 };
}

/* errors */

static int yaml_bad(struct yaml_in *in, struct node_place at, const char *why, const char *what)
{
	return tree_err(in->tree, at, err_set(in->err, ERR_INVALID, what ? "%s \"%.80s\"" : "%s", why, what), in->err);
}

static int yaml_full(struct yaml_in *in, struct node_place at) { return tree_err(in->tree, at, tree_full(in->err), in->err); }

static void hint_of_char(struct yaml_in *in, int r)
{
	const char *p = in->spot.p;

	if (p < in->end && *p == '\t')
		(void)err_hint(in->err, r, "YAML is indented with spaces, not with tabs");
	else if (p < in->end && strchr("@`%", *p))
		(void)err_hint(in->err, r, "a text that begins with it is put in quotes");
}

static int parser_error(struct yaml_in *in)
{
	const yaml_parser_t *p = &in->parser;
	const char *problem = p->problem ? p->problem : "no YAML";
	int r;

	if (p->error == YAML_MEMORY_ERROR)
		return yaml_full(in, place_of_mark(in, p->mark));
	if (p->error == YAML_READER_ERROR)
		return yaml_bad(in, place_of_offset(in, p->problem_offset), problem, NULL);
	if (p->context && p->context_mark.line != p->problem_mark.line)
		r = err_set(in->err, ERR_INVALID, "%s %s that begins in line %zu", problem, p->context, p->context_mark.line + 1);
	else
		r = err_set(in->err, ERR_INVALID, "%s%s%s", problem, p->context ? " " : "", p->context ? p->context : "");
	r = tree_err(in->tree, place_of_mark(in, p->problem_mark), r, in->err);
	hint_of_char(in, r);
	return r;
}

static int yaml_next(struct yaml_in *in, yaml_event_t *ret)
{
	*ret = (yaml_event_t){ 0 };
	return yaml_parser_parse(&in->parser, ret) ? 0 : parser_error(in);
}

static int yaml_count(struct yaml_in *in, struct node_place at, size_t values, size_t bytes)
{
	in->all.values += values;
	in->all.bytes += bytes;
	if (in->all.values <= YAML_VALUES_MAX && in->all.bytes <= YAML_TEXTS_MAX)
		return 0;
	return tree_err(in->tree, at,
			err_set(in->err, ERR_EXHAUSTED, "too many values, aliases written out: at most %d, and %d MiB of texts",
				YAML_VALUES_MAX, YAML_TEXTS_MAX >> 20),
			in->err);
}

/* anchors */

static struct yaml_anchor **anchor_slot(struct yaml_in *in, const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return &in->anchors[h % ANCHOR_SLOTS];
}

/* What @name is from here on; NULL without a name. */
static int anchor_begin(struct yaml_in *in, const char *name, struct node_place at, struct yaml_anchor **ret)
{
	struct yaml_anchor **slot, *a;

	*ret = NULL;
	if (!name)
		return 0;
	if (++in->n_anchors > ANCHORS_MAX)
		return yaml_bad(in, at, "more than 4096 anchors", NULL);
	slot = anchor_slot(in, name);
	a = mem_new(struct yaml_anchor);
	*a = (struct yaml_anchor){ .next = *slot, .name = mem_strdup(name), .weight = in->all };
	*slot = *ret = a;
	return 0;
}

/* @levels: what reading it returned. */
static void anchor_end(struct yaml_in *in, struct yaml_anchor *a, struct node *node, int levels)
{
	if (!a)
		return;
	node->anchored = true;
	a->weight = (struct yaml_weight){ in->all.values - a->weight.values, in->all.bytes - a->weight.bytes };
	a->levels = levels;
	a->node = node;
}

static void anchors_done(struct yaml_in *in)
{
	for (size_t i = 0; i < ANCHOR_SLOTS; i++)
		while (in->anchors[i]) {
			struct yaml_anchor *a = in->anchors[i];

			in->anchors[i] = a->next;
			free(a->name);
			free(a);
		}
}

/* The newest of that name. */
static int anchor_find(struct yaml_in *in, const char *name, struct node_place at, const struct yaml_anchor **ret)
{
	const struct yaml_anchor *a = *anchor_slot(in, name);

	while (a && strcmp(a->name, name) != 0)
		a = a->next;
	if (!a)
		return yaml_bad(in, at, "no anchor stands before the alias", name);
	if (!a->node)
		return yaml_bad(in, at, "an alias within its own anchor", name);
	*ret = a;
	return 0;
}

/* values: each function returns how many levels of lists and maps the value has */

static struct node *node_shared(struct tree *t, struct node *parent, const struct node *of, struct node_place at)
{
	struct node *n = tree_add(t, parent, of->kind, at);

	if (!n)
		return NULL;
	n->n = of->n;
	n->last = of->last;
	if (of->kind == NODE_BOOL)
		n->yes = of->yes;
	else if (of->kind >= NODE_LIST)
		n->first = of->first;
	else
		n->text = of->text;
	return n;
}

static int yaml_alias(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret)
{
	const struct node_place at = place_of_mark(in, ev->start_mark);
	const struct yaml_anchor *a = NULL;
	int r = anchor_find(in, (const char *)ev->data.alias.anchor, at, &a);

	if (r < 0)
		return r;
	if (depth + (unsigned)a->levels > TREE_DEPTH_MAX)
		return yaml_bad(in, at, "more than 64 levels deep", NULL);
	r = yaml_count(in, at, a->weight.values, a->weight.bytes);
	if (r < 0)
		return r;
	*ret = node_shared(in->tree, parent, a->node, at);
	return *ret ? a->levels : yaml_full(in, at);
}

/* What a scalar of tag @tag is; NODE_MAP: the tag does not fit. */
static enum node_kind tagged_kind(const char *tag, const char *text, size_t len, bool *ret_yes)
{
	static const struct {
		const char *tag;
		enum node_kind kind;
	} tags[] = { { "int", NODE_NUMBER }, { "float", NODE_NUMBER }, { "bool", NODE_BOOL }, { "null", NODE_NULL } };
	enum node_kind kind = yaml_plain(text, len, ret_yes);

	if (!strcmp(tag, "!") || !strcmp(tag, CORE_TAG "str"))
		return NODE_TEXT;
	if (strncmp(tag, CORE_TAG, strlen(CORE_TAG)) != 0)
		return NODE_MAP;
	tag += strlen(CORE_TAG);
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		if (!strcmp(tag, tags[i].tag) && kind == tags[i].kind)
			return !strcmp(tag, "int") && strpbrk(text, ".eE") && strncmp(text, "0x", 2) != 0 ? NODE_MAP : kind;
	return NODE_MAP;
}

/* A copy that lives as long as the tree. */
static int yaml_text(struct yaml_in *in, const yaml_event_t *ev, struct node_place at, const char **ret)
{
	const size_t n = ev->data.scalar.length;
	char *text;
	int r;

	if (memchr(ev->data.scalar.value, 0, n))
		return yaml_bad(in, at, "a NUL in a text", NULL);
	r = yaml_count(in, at, 0, n);
	if (r < 0)
		return r;
	text = tree_room(in->tree, n + 1);
	if (!text)
		return yaml_full(in, at);
	memcpy(text, ev->data.scalar.value, n + 1);
	*ret = text;
	return 0;
}

static int yaml_scalar(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, struct node **ret)
{
	const struct node_place at = place_of_mark(in, ev->start_mark);
	const char *tag = (const char *)ev->data.scalar.tag, *text = (const char *)ev->data.scalar.value;
	enum node_kind kind = NODE_TEXT;
	bool yes = false;
	int r;

	if (tag)
		kind = tagged_kind(tag, text, ev->data.scalar.length, &yes);
	else if (ev->data.scalar.plain_implicit)
		kind = yaml_plain(text, ev->data.scalar.length, &yes);
	if (kind == NODE_MAP)
		return yaml_bad(in, at, "this value has no tag", tag);
	*ret = tree_add(in->tree, parent, kind, at);
	if (!*ret)
		return yaml_full(in, at);
	r = yaml_text(in, ev, at, &text);
	if (r < 0)
		return r;
	if (kind == NODE_BOOL)
		(*ret)->yes = yes;
	else if (kind != NODE_NULL)
		(*ret)->text = text;
	return 0;
}

static int yaml_value(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret);

/* Of a list or a map that begins with @ev. */
static int many_begin(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret)
{
	const struct node_place at = place_of_mark(in, ev->start_mark);
	const bool map = ev->type == YAML_MAPPING_START_EVENT;
	const char *tag = (const char *)(map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag);

	if (depth == TREE_DEPTH_MAX)
		return yaml_bad(in, at, "more than 64 levels deep", NULL);
	if (tag && strcmp(tag, "!") != 0 && strcmp(tag, map ? CORE_TAG "map" : CORE_TAG "seq") != 0)
		return yaml_bad(in, at, "this value has no tag", tag);
	*ret = tree_add(in->tree, parent, map ? NODE_MAP : NODE_LIST, at);
	return *ret ? 0 : yaml_full(in, at);
}

static int yaml_list(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret)
{
	int r = many_begin(in, ev, parent, depth, ret), levels = 0;

	while (r >= 0) {
		_cleanup_(yaml_event_delete) yaml_event_t next = { 0 };
		struct node *member = NULL;

		r = yaml_next(in, &next);
		if (r >= 0 && next.type == YAML_SEQUENCE_END_EVENT)
			return levels + 1;
		if (r >= 0)
			r = yaml_value(in, &next, *ret, depth + 1, &member);
		levels = r > levels ? r : levels;
	}
	return r;
}

/* maps */

static int yaml_key(struct yaml_in *in, const yaml_event_t *ev, struct node_place at, const char **ret)
{
	const struct yaml_anchor *a = NULL;
	int r;

	if (ev->type == YAML_ALIAS_EVENT) {
		r = anchor_find(in, (const char *)ev->data.alias.anchor, at, &a);
		if (r < 0)
			return r;
		if (a->node->kind != NODE_TEXT && a->node->kind != NODE_NUMBER)
			return yaml_bad(in, at, "the alias is no text: a key is one", a->name);
		*ret = a->node->text;
		return yaml_count(in, at, 0, a->weight.bytes);
	}
	if (ev->type != YAML_SCALAR_EVENT)
		return yaml_bad(in, at, "a key that is a list or a map: a key is a text", NULL);
	return yaml_text(in, ev, at, ret);
}

/* Anchors of keys are of texts. */
static int key_anchor(struct yaml_in *in, const yaml_event_t *ev, struct node_place at, const char *key)
{
	struct node holder = { .kind = NODE_LIST }, *n;
	struct yaml_anchor *a = NULL;
	int r;

	if (ev->type != YAML_SCALAR_EVENT || !ev->data.scalar.anchor)
		return 0;
	r = anchor_begin(in, (const char *)ev->data.scalar.anchor, at, &a);
	n = r < 0 ? NULL : tree_add(in->tree, &holder, NODE_TEXT, at);
	if (!n)
		return r < 0 ? r : yaml_full(in, at);
	n->text = key;
	anchor_end(in, a, n, 0);
	a->weight = (struct yaml_weight){ 1, strlen(key) };
	return 0;
}

static bool is_merge(const yaml_event_t *ev)
{
	return ev->type == YAML_SCALAR_EVENT && ev->data.scalar.plain_implicit && !ev->data.scalar.tag &&
	       !strcmp((const char *)ev->data.scalar.value, "<<");
}

/* A key and its value; what is merged goes to @merged. */
static int yaml_member(struct yaml_in *in, const yaml_event_t *key_ev, struct node *map, struct node *merged, unsigned depth)
{
	const struct node_place at = place_of_mark(in, key_ev->start_mark);
	_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
	const char *key = NULL;
	struct node *member = NULL;
	const bool merge = is_merge(key_ev);
	int r = merge && merged->n ? yaml_bad(in, at, "key is given twice, where it may have a list:", "<<") : 0;

	if (r >= 0)
		r = yaml_key(in, key_ev, at, &key);
	if (r >= 0)
		r = key_anchor(in, key_ev, at, key);
	if (r >= 0)
		r = yaml_next(in, &ev);
	if (r >= 0)
		r = yaml_value(in, &ev, merge ? merged : map, depth, &member);
	if (r < 0)
		return r;
	member->key = key;
	member->key_at = at;
	return r;
}

struct merge_from {
	const struct node *member;
	size_t order;
	bool hidden;
};

static int compare_keys(const void *a, const void *b)
{
	const struct merge_from *const *x = a, *const *y = b;
	int by_key = (*x)->member->key == (*y)->member->key ? 0 : strcmp((*x)->member->key, (*y)->member->key);

	return by_key ? by_key : (*x)->order < (*y)->order ? -1 : 1;
}

/* Of each key the first stays. */
static void hide_later(struct merge_from *v, size_t n)
{
	struct merge_from **sorted = mem_array(struct merge_from *, n + 1);

	for (size_t i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, n, sizeof *sorted, compare_keys);
	for (size_t i = 1; i < n; i++)
		sorted[i]->hidden = !strcmp(sorted[i - 1]->member->key, sorted[i]->member->key);
	free(sorted);
}

static void merge_collect(const struct node *map, struct merge_from **v, size_t *n, size_t *cap)
{
	for (const struct node *m = map->first; m; m = m->next) {
		*v = mem_grow(*v, cap, *n + 1, sizeof **v);
		(*v)[*n] = (struct merge_from){ .member = m, .order = *n };
		++*n;
	}
}

static int merge_kinds(struct yaml_in *in, const struct node *merge)
{
	const struct node *bad = merge->kind == NODE_MAP ? NULL : merge;

	if (merge->kind == NODE_LIST)
		for (bad = merge->first; bad && bad->kind == NODE_MAP; bad = bad->next)
			;
	return bad ? yaml_bad(in, bad->at, "<< wants a map or a list of maps", NULL) : 0;
}

static int yaml_merge(struct yaml_in *in, struct node *map, const struct node *merge)
{
	struct merge_from *v = NULL;
	size_t n = 0, cap = 0;
	int r = merge_kinds(in, merge);

	if (r < 0)
		return r;
	merge_collect(map, &v, &n, &cap);
	if (merge->kind == NODE_MAP)
		merge_collect(merge, &v, &n, &cap);
	for (const struct node *m = merge->kind == NODE_LIST ? merge->first : NULL; m; m = m->next)
		merge_collect(m, &v, &n, &cap);
	hide_later(v, n);
	for (size_t i = map->n; i < n && r >= 0; i++) {
		struct node *copy = v[i].hidden ? NULL : node_shared(in->tree, map, v[i].member, v[i].member->at);

		if (!v[i].hidden && !copy)
			r = yaml_full(in, merge->at);
		if (copy) {
			copy->key = v[i].member->key;
			copy->key_at = v[i].member->key_at;
		}
	}
	free(v);
	return r;
}

static int map_end(struct yaml_in *in, struct node *map, const struct node *merged)
{
	const struct node *twice = node_twice(map);

	if (twice)
		return yaml_bad(in, twice->key_at, "key is given twice:", twice->key);
	return merged->n ? yaml_merge(in, map, merged->first) : 0;
}

static int yaml_map(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret)
{
	struct node merged = { .kind = NODE_LIST };
	int r = many_begin(in, ev, parent, depth, ret), levels = 0;

	while (r >= 0) {
		_cleanup_(yaml_event_delete) yaml_event_t next = { 0 };

		r = yaml_next(in, &next);
		if (r >= 0 && next.type == YAML_MAPPING_END_EVENT) {
			r = map_end(in, *ret, &merged);
			return r < 0 ? r : levels + 1;
		}
		if (r >= 0)
			r = yaml_member(in, &next, *ret, &merged, depth + 1);
		levels = r > levels ? r : levels;
	}
	return r;
}

static const char *anchor_name(const yaml_event_t *ev)
{
	const yaml_char_t *name = NULL;

	if (ev->type == YAML_SCALAR_EVENT)
		name = ev->data.scalar.anchor;
	else if (ev->type == YAML_SEQUENCE_START_EVENT)
		name = ev->data.sequence_start.anchor;
	else if (ev->type == YAML_MAPPING_START_EVENT)
		name = ev->data.mapping_start.anchor;
	return (const char *)name;
}

static int yaml_value(struct yaml_in *in, const yaml_event_t *ev, struct node *parent, unsigned depth, struct node **ret)
{
	const struct node_place at = place_of_mark(in, ev->start_mark);
	struct yaml_anchor *a = NULL;
	int r;

	if (ev->type == YAML_ALIAS_EVENT)
		return yaml_alias(in, ev, parent, depth, ret);
	r = anchor_begin(in, anchor_name(ev), at, &a);
	if (r >= 0)
		r = yaml_count(in, at, 1, 0);
	if (r < 0)
		return r;
	if (ev->type == YAML_SEQUENCE_START_EVENT)
		r = yaml_list(in, ev, parent, depth, ret);
	else if (ev->type == YAML_MAPPING_START_EVENT)
		r = yaml_map(in, ev, parent, depth, ret);
	else
		r = yaml_scalar(in, ev, parent, ret);
	if (r >= 0)
		anchor_end(in, a, *ret, r);
	if (r >= 0 && parent)
		parent->anchored |= (*ret)->anchored;
	return r;
}

/* the file */

/* libyaml compares each %TAG with all before it. */
static int check_directives(struct yaml_in *in)
{
	size_t n = 0;

	spot_begin(in);
	do
		if (in->end - in->spot.line_begin > 4 && !memcmp(in->spot.line_begin, "%TAG", 4) && ++n > TAG_LINES_MAX)
			return yaml_bad(in, (struct node_place){ (uint32_t)in->spot.line + 1, 1 }, "more than 16 %TAG directives",
					NULL);
	while (spot_next_line(in));
	spot_begin(in);
	return 0;
}

/* Is the next event of that type? */
static int yaml_expect(struct yaml_in *in, yaml_event_type_t type, const char *else_why)
{
	_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
	int r = yaml_next(in, &ev);

	if (r < 0 || ev.type == type)
		return r;
	return yaml_bad(in, place_of_mark(in, ev.start_mark), else_why, NULL);
}

static int yaml_document(struct yaml_in *in)
{
	_cleanup_(yaml_event_delete) yaml_event_t ev = { 0 };
	struct node *root = NULL;
	int r = yaml_expect(in, YAML_STREAM_START_EVENT, "no YAML");

	if (r >= 0)
		r = yaml_expect(in, YAML_DOCUMENT_START_EVENT, "empty");
	if (r >= 0)
		r = yaml_next(in, &ev);
	if (r >= 0)
		r = yaml_value(in, &ev, NULL, 0, &root);
	if (r >= 0)
		r = yaml_expect(in, YAML_DOCUMENT_END_EVENT, "no YAML");
	if (r >= 0)
		r = yaml_expect(in, YAML_STREAM_END_EVENT, "a second document: one is allowed");
	return r < 0 ? r : 0;
}

int tree_yaml(const char *data, size_t len, struct tree *tree, struct err *err)
{
	static const char mark[] = "\xef\xbb\xbf"; /* of the byte order */
	struct yaml_in in = { .tree = tree, .err = err };
	int r;

	if (len > TREE_MAX)
		return err_wrap(err, tree_full(err), "%s", tree->file);
	if (len >= 3 && !memcmp(data, mark, 3)) {
		data += 3;
		len -= 3;
	}
	in.data = data ? data : "";
	in.end = in.data + len;
	r = check_directives(&in);
	if (r < 0)
		return r;
	if (!yaml_parser_initialize(&in.parser))
		return yaml_full(&in, (struct node_place){ 1, 1 });
	yaml_parser_set_encoding(&in.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&in.parser, (const unsigned char *)in.data, len);
	r = yaml_document(&in);
	yaml_parser_delete(&in.parser);
	anchors_done(&in);
	return r;
}
