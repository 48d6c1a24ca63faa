/* What Nomad checks values by (hclspec), and the tables of the documentation. The schema has no defaults: what is not said comes as
 * null, and the tables say what that means. */
#include "option.h"

static Hclspec__Spec *spec_new(struct arena *a, Hclspec__Spec__BlockCase kind)
{
	Hclspec__Spec *s = arena_array(a, Hclspec__Spec, 1);

	hclspec__spec__init(s);
	s->block_case = kind;
	return s;
}

static Hclspec__Spec *spec_attr(const struct option *o, const char *type, struct arena *a)
{
	Hclspec__Spec *s = spec_new(a, HCLSPEC__SPEC__BLOCK_ATTR);

	s->attr = arena_array(a, Hclspec__Attr, 1);
	hclspec__attr__init(s->attr);
	s->attr->name = (char *)(uintptr_t)o->name;
	s->attr->type = (char *)(uintptr_t)type;
	s->attr->required = o->required;
	return s;
}

static Hclspec__Spec *spec_rows(const struct option *rows, bool lax, struct arena *a);

static Hclspec__Spec *spec_block(const struct option *o, struct arena *a)
{
	Hclspec__Spec *s = spec_new(a, HCLSPEC__SPEC__BLOCK_BLOCK_VALUE);

	s->block_value = arena_array(a, Hclspec__Block, 1);
	hclspec__block__init(s->block_value);
	s->block_value->name = (char *)(uintptr_t)o->name;
	s->block_value->nested = spec_rows(o->nested, false, a);
	return s;
}

static Hclspec__Spec *spec_blocks(const struct option *o, struct arena *a)
{
	Hclspec__Spec *s = spec_new(a, HCLSPEC__SPEC__BLOCK_BLOCK_LIST);

	s->block_list = arena_array(a, Hclspec__BlockList, 1);
	hclspec__block_list__init(s->block_list);
	s->block_list->name = (char *)(uintptr_t)o->name;
	s->block_list->nested = spec_rows(o->nested, false, a);
	return s;
}

static const char *const hcl_types[] = {
	[OPTION_TEXT] = "string", [OPTION_BOOL] = "bool",   [OPTION_NUMBER] = "number",      [OPTION_INT] = "number",
	[OPTION_SPAN] = "string", [OPTION_SIZE] = "string", [OPTION_TEXTS] = "list(string)", [OPTION_DICT] = "list(map(string))",
	[OPTION_ANY] = "any",     [OPTION_BLOCK] = "block", [OPTION_BLOCKS] = "blocks",
};

static Hclspec__Spec *spec_of(const struct option *o, bool lax, struct arena *a)
{
	if (lax)
		return spec_attr(o, "any", a);
	if (o->type == OPTION_BLOCK)
		return spec_block(o, a);
	if (o->type == OPTION_BLOCKS)
		return spec_blocks(o, a);
	return spec_attr(o, hcl_types[o->type], a);
}

static Hclspec__Spec *spec_rows(const struct option *rows, bool lax, struct arena *a)
{
	Hclspec__Spec *s = spec_new(a, HCLSPEC__SPEC__BLOCK_OBJECT);
	size_t n = 0;

	while (rows[n].name)
		n++;
	s->object = arena_array(a, Hclspec__Object, 1);
	hclspec__object__init(s->object);
	s->object->n_attributes = n;
	s->object->attributes = arena_array(a, Hclspec__Object__AttributesEntry *, n);
	for (size_t i = 0; i < n; i++) {
		Hclspec__Object__AttributesEntry *e = arena_array(a, Hclspec__Object__AttributesEntry, 1);

		hclspec__object__attributes_entry__init(e);
		e->key = (char *)(uintptr_t)rows[i].name;
		e->value = spec_of(&rows[i], lax, a);
		s->object->attributes[i] = e;
	}
	return s;
}

const Hclspec__Spec *option_schema(const struct option *rows, bool lax, struct arena *a) { return spec_rows(rows, lax, a); }

/* ---- documentation */

static void add_from(unsigned from, struct buf *out)
{
	static const char *const names[] = { "Roblox", "docker", "podman" };
	const char *between = "";

	for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
		if (from & 1u << i) {
			buf_addf(out, "%s%s", between, names[i]);
			between = ", ";
		}
	if (!from)
		buf_adds(out, "davit");
}

static void schema_default(const struct option *o, struct buf *out)
{
	if (o->required)
		buf_adds(out, "required");
	else if (o->otherwise)
		buf_adds(out, o->otherwise);
	else if (o->value)
		buf_addf(out, "`%s`", o->value);
}

/* A `|` would end the column. */
static void schema_escaped(const char *text, struct buf *out)
{
	for (; *text; text++)
		buf_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

/* Its rows stand there already, for a row before it. */
static bool is_shown(const struct option *rows, const struct option *o)
{
	for (; rows < o; rows++)
		if (rows->nested == o->nested)
			return true;
	return false;
}

static void add_rows(const struct option *rows, const char *block, struct buf *out)
{
	static const char *const supports[] = { "supported", "mapped", "refused" };

	for (const struct option *o = rows; o->name; o++) {
		char name[128];

		(void)snprintf(name, sizeof name, "%s%s%s", block, *block ? "." : "", o->name);
		buf_addf(out, "| `%s` | %s | ", name, hcl_types[o->type]);
		schema_default(o, out);
		buf_addf(out, " | %s | ", supports[o->support]);
		schema_escaped(o->doc, out);
		if (o->words && o->support != OPTION_REFUSED) {
			buf_adds(out, ": ");
			schema_escaped(o->words, out);
		}
		buf_adds(out, " | ");
		add_from(o->from, out);
		buf_adds(out, " |\n");
		if (o->nested && o->support != OPTION_REFUSED && !is_shown(rows, o))
			add_rows(o->nested, name, out);
	}
}

void option_table(const struct option *rows, struct buf *out)
{
	buf_adds(out, "| option | type | default | support | what it is | known from |\n|---|---|---|---|---|---|\n");
	add_rows(rows, "", out);
}
