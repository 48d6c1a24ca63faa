/* libyaml's events, counted on their own, are the oracle: what the tree takes has as many values as they say, aliases written out
 * as long as nothing is merged; and what libyaml refuses is refused. */
#include "tree-yaml.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	size_t values, keys;
	bool aliases, merges, ok;
};

static size_t walk(const struct node *n)
{
	size_t values = 1;

	assert(n->at.line >= 1 && n->at.column >= 1);
	assert(n->kind != NODE_TEXT || strlen(n->text) <= YAML_TEXTS_MAX);
	for (const struct node *m = n->kind >= NODE_LIST ? n->first : NULL; m; m = m->next) {
		assert((n->kind == NODE_MAP) == !!m->key);
		assert(!m->next == (m == n->last));
		values += walk(m);
	}
	assert(n->kind != NODE_MAP || !node_twice(n));
	return values;
}

static struct seen look(const uint8_t *data, size_t size)
{
	struct seen s = { 0 };
	yaml_parser_t p;
	yaml_event_t ev;
	bool end = false;

	assert(yaml_parser_initialize(&p));
	yaml_parser_set_encoding(&p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p, data, size);
	while (!end && yaml_parser_parse(&p, &ev)) {
		end = ev.type == YAML_STREAM_END_EVENT;
		s.values +=
			ev.type == YAML_SCALAR_EVENT || ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT;
		s.aliases |= ev.type == YAML_ALIAS_EVENT;
		s.merges |= ev.type == YAML_SCALAR_EVENT && !strcmp((const char *)ev.data.scalar.value, "<<");
		yaml_event_delete(&ev);
	}
	s.ok = end;
	yaml_parser_delete(&p);
	return s;
}

/* Members of maps: their keys are scalars as well. */
static size_t members(const struct node *n)
{
	size_t found = n->kind == NODE_MAP ? n->n : 0;

	for (const struct node *m = n->kind >= NODE_LIST ? n->first : NULL; m; m = m->next)
		found += members(m);
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(tree_done) struct tree t = { .file = "f" };
	struct err err = ERR_INIT;
	int r = tree_yaml((const char *)data, size, &t, &err);
	const bool tags = memmem(data, size, "%TAG", 4) != NULL, mark = size >= 3 && !memcmp(data, "\xef\xbb\xbf", 3);
	struct seen seen;

	assert(t.used <= TREE_MAX);
	assert(r >= 0 || r == -ERR_INVALID || r == -ERR_EXHAUSTED);
	assert(r >= 0 || !strncmp(err.msg, "f:", 2));
	if (r >= 0)
		assert(walk(t.root) <= YAML_VALUES_MAX);
	if (tags || mark)
		return 0;
	seen = look(data, size);
	if (r >= 0)
		assert(seen.ok);
	if (r >= 0 && !seen.aliases && !seen.merges)
		assert(walk(t.root) + members(t.root) == seen.values);
	return 0;
}
