#include "toml-put.h"
#include <string.h>

json *toml_at(json *tree, const struct strv *path)
{
	for (size_t i = 0; tree && i < path->n; i++)
		tree = json_get(tree, path->v[i]);
	return tree;
}

static bool is_below(const struct strv *path, const struct strv *top)
{
	if (path->n < top->n)
		return false;
	for (size_t i = 0; i < top->n; i++)
		if (strcmp(path->v[i], top->v[i]) != 0)
			return false;
	return true;
}

/* Out of the tree, with those above it that have nothing else: a new table brings them, too. */
static void toml_take_out(json *tree, const struct strv *path, size_t depth)
{
	json *next = json_get_object(tree, path->v[depth]);

	if (depth + 1 < path->n && next)
		toml_take_out(next, path, depth + 1);
	if (depth + 1 == path->n || (next && !json_object_object_length(next)))
		json_object_object_del(tree, path->v[depth]);
}

/* Is @text, but for what stands at @path, what @tree is, and there what @wanted is? */
static bool proves(const char *text, size_t len, const struct strv *path, json *tree, json *wanted)
{
	_cleanup_json_ json *now = NULL, *before = NULL;

	if (toml_parse(text, len, &now, NULL) < 0 || !json_object_equal(toml_at(now, path), wanted))
		return false;
	if (json_object_deep_copy(tree, &before, NULL) < 0)
		return false;
	toml_take_out(before, path, 0);
	toml_take_out(now, path, 0);
	return json_object_equal(before, now);
}

static void add_tables(struct buf *out, const char *tables)
{
	if (out->len && out->data[out->len - 1] != '\n')
		buf_addc(out, '\n');
	buf_adds(out, tables);
}

static void replace_sections(const char *text, size_t len, const struct toml_sections *s, const struct strv *path,
			     const char *tables, struct buf *out)
{
	size_t at = 0;
	bool placed = false;

	for (size_t i = 0; i < s->n; i++) {
		if (!is_below(&s->v[i].path, path))
			continue;
		buf_add(out, text + at, s->v[i].begin - at);
		at = s->v[i].end;
		if (!placed)
			add_tables(out, tables);
		placed = true;
	}
	buf_add(out, text + at, len - at);
	if (placed)
		return;
	if (out->len)
		buf_adds(out, out->data[out->len - 1] == '\n' ? "\n" : "\n\n");
	add_tables(out, tables);
}

int toml_put(const char *text, size_t len, const struct strv *path, const char *tables, char **ret, struct err *err)
{
	_cleanup_(toml_sections_done) struct toml_sections sections = { 0 };
	_cleanup_json_ json *tree = NULL, *ours = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	json *wanted;
	int r = toml_parse_sections(text, len, &sections, &tree, err);

	if (r >= 0)
		r = toml_parse(tables, strlen(tables), &ours, err);
	if (r < 0)
		return r;
	wanted = toml_at(ours, path);
	if (json_object_equal(toml_at(tree, path), wanted))
		return 0;
	replace_sections(text, len, &sections, path, tables, &out);
	if (!proves(buf_str(&out), out.len, path, tree, wanted))
		return err_set(err, ERR_PRECONDITION, "%s does not stand under a header of its own", path->v[path->n - 1]);
	*ret = buf_take(&out);
	return 1;
}
