/* The keys of a job's JSON form, as tables and as a JSON Schema. */
#include "docs.h"
#include "job-table.h"
#include <string.h>

static const char *const types[] = {
	[FIELD_STR] = "text",
	[FIELD_STRV] = "list of texts",
	[FIELD_DICT] = "object of texts",
	[FIELD_BOOL] = "true or false",
	[FIELD_INT] = "number",
	[FIELD_TIME] = "seconds, or text such as \"1m30s\"",
	[FIELD_SIZE] = "bytes, or text such as \"64m\"",
	[FIELD_INT32] = "number",
	[FIELD_U16] = "number",
	[FIELD_LIMIT] = "number",
	[FIELD_NUMBER] = "number",
	[FIELD_ENUM] = NULL,
	[FIELD_ARRAY] = NULL,
	[FIELD_OBJECT] = NULL,
};

static void add_type(const struct field *f, struct buf *out)
{
	if (f->type == FIELD_ARRAY)
		buf_addf(out, "list of %ss", f->of->noun);
	else if (f->type == FIELD_OBJECT)
		buf_addf(out, "%s", f->of->noun);
	else if (f->type != FIELD_ENUM)
		buf_adds(out, types[f->type]);
	for (const char *const *w = f->words; w && *w; w++)
		buf_addf(out, "%s`%s`", w == f->words ? "" : w[1] ? ", " : " or ", *w);
}

static void add_default(const struct field *f, struct buf *out)
{
	if (f->required)
		buf_adds(out, "required");
	else if (f->type == FIELD_ENUM)
		buf_addf(out, "`%s`", f->words[f->otherwise]);
	else if (f->type == FIELD_BOOL)
		buf_adds(out, f->otherwise ? "true" : "false");
	else if (f->otherwise)
		buf_addf(out, "%lld", (long long)f->otherwise);
}

/* Its own, and those that fill the same list in another form. */
static void jobs_flags_add(const struct shape *s, const struct field *f, struct buf *out)
{
	if (f->flag)
		buf_addf(out, "`--%s%s%s%s`", f->flag, f->part ? " " : "", f->part ? f->part : "", f->part ? "=" : "");
	for (const struct field *o = s->fields; o < s->fields + s->n; o++)
		if (!o->key && o->parse && o->offset == f->offset)
			buf_addf(out, "%s`--%s%s%s%s`", f->flag ? ", " : "", o->flag, o->part ? " " : "", o->part ? o->part : "",
				 o->part ? "=" : "");
}

/* What another kind of file calls it. */
static void jobs_other_add(const char *name, struct buf *out) { buf_addf(out, name ? " | `%s`" : " | ", name); }

bool docs_jobs_table(const char *name, struct buf *out)
{
	const struct shape *s = NULL;

	for (const struct shape *const *of = shapes_all; *of; of++)
		if (!strcmp((*of)->noun, name))
			s = *of;
	if (!s)
		return false;
	buf_adds(
		out,
		"| key | value | default | flag of `davit run` | Nomad | ensemble | what it is |\n|---|---|---|---|---|---|---|\n");
	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		if (!f->key)
			continue;
		buf_addf(out, "| `%s` | ", f->key);
		add_type(f, out);
		buf_adds(out, " | ");
		add_default(f, out);
		buf_adds(out, " | ");
		jobs_flags_add(s, f, out);
		jobs_other_add(f->nomad, out);
		jobs_other_add(f->ensemble, out);
		buf_addf(out, " | %s |\n", f->doc);
	}
	return true;
}

/* The schema */

static json *typed(const char *type)
{
	json *j = json_new_object();

	json_put_str(j, "type", type);
	return j;
}

/* From and to, where the default is not outside of them. */
static json *number_of(const struct field *f, const char *type)
{
	const int64_t most = f->type == FIELD_U16 ? UINT16_MAX : f->type == FIELD_INT32 ? INT32_MAX : 0;
	const bool bounded = f->min || f->max;
	json *j = typed(type);

	if (bounded || f->type == FIELD_U16 || f->type == FIELD_LIMIT)
		json_put_int(j, "minimum", f->type == FIELD_LIMIT ? -1 : f->min);
	if (bounded || most)
		json_put_int(j, "maximum", bounded ? f->max : most);
	return j;
}

static json *either(json *a, json *b)
{
	json *j = json_new_object(), *of = json_new_array();

	json_append(of, a);
	json_append(of, b);
	json_put(j, "anyOf", of);
	return j;
}

static json *number_or_default(const struct field *f, const char *type)
{
	json *j = number_of(f, type), *only;

	if ((!f->min && !f->max) || f->required || (f->otherwise >= f->min && f->otherwise <= f->max))
		return j;
	only = json_new_object();
	json_put_int(only, "const", f->otherwise);
	return either(j, only);
}

static json *texts_of(const char *type, const char *which)
{
	json *j = typed(type);

	json_put(j, which, typed("string"));
	return j;
}

static json *words_schema(const struct field *f)
{
	json *j = json_new_object(), *words = json_new_array();

	for (const char *const *w = f->words; *w; w++)
		json_append(words, json_new_str(*w));
	json_put(j, "enum", words);
	return j;
}

#define SIZE_TEXT "^[0-9]+(\\.[0-9]*)?([bB]|[kKmMgGtTpP]([iI]?[bB])?)?$"

#define TIME_TEXT "^([0-9]+(\\.[0-9]*)?(ns|us|ms|s|m|h|d))+$|^[0-9]+(\\.[0-9]*)?$"

static json *value_schema(const struct field *f)
{
	_cleanup_buf_ struct buf ref = { 0 };
	json *j;

	switch (f->type) {
	case FIELD_STR: return typed("string");
	case FIELD_STRV: return texts_of("array", "items");
	case FIELD_DICT: return texts_of("object", "additionalProperties");
	case FIELD_BOOL: return typed("boolean");
	case FIELD_NUMBER: return number_of(f, "number");
	case FIELD_TIME:
		j = typed("string");
		json_put_str(j, "pattern", TIME_TEXT);
		return either(number_or_default(f, "integer"), j);
	case FIELD_INT:
	case FIELD_INT32:
	case FIELD_U16:
	case FIELD_LIMIT: return number_or_default(f, "integer");
	case FIELD_ENUM: return words_schema(f);
	case FIELD_SIZE:
		j = typed("string");
		json_put_str(j, "pattern", f->min == -1 ? "^-1$|" SIZE_TEXT : SIZE_TEXT);
		return either(number_or_default(f, "integer"), j);
	case FIELD_OBJECT:
	case FIELD_ARRAY: break;
	}
	j = json_new_object();
	buf_addf(&ref, "#/$defs/%s", f->of->noun);
	json_put_str(j, "$ref", buf_str(&ref));
	if (f->type == FIELD_OBJECT) {
		json *of = json_new_array(), *any = json_new_object();

		json_append(of, j);
		json_put(any, "anyOf", of);
		return any;
	}
	{
		json *list = typed("array");

		json_put(list, "items", j);
		return list;
	}
}

/* The reader takes null for a key that is not there. */
static void or_null(json *value)
{
	json *type = json_get(value, "type"), *of = json_get(value, "anyOf"), *words = json_get(value, "enum");

	if (of) {
		json_append(of, typed("null"));
	} else if (words) {
		json_append(words, NULL);
	} else if (type) {
		json *both = json_new_array();

		json_append(both, json_object_get(type));
		json_append(both, json_new_str("null"));
		json_put(value, "type", both);
	}
}

/* How many, and not none where something is required. */
static void put_bounds(const struct field *f, json *to)
{
	if (f->type == FIELD_STRV)
		json_put_int(to, "maxItems", f->max ? f->max : TEXTS_MAX);
	if (f->type == FIELD_ARRAY)
		json_put_int(to, "maxItems", ARRAY_MAX);
	if (f->type == FIELD_DICT)
		json_put_int(to, "maxProperties", ARRAY_MAX);
	if (f->required && (f->type == FIELD_STR || f->type == FIELD_ARRAY))
		json_put_int(to, f->type == FIELD_STR ? "minLength" : "minItems", 1);
}

static void put_default(const struct field *f, json *to)
{
	if (f->required)
		return;
	if (f->type == FIELD_ENUM)
		json_put_str(to, "default", f->words[f->otherwise]);
	else if (f->type == FIELD_BOOL)
		json_put_bool(to, "default", f->otherwise != 0);
	else if (f->otherwise)
		json_put_int(to, "default", f->otherwise);
}

static json *shape_schema(const struct shape *s)
{
	json *j = typed("object"), *members = json_new_object(), *required = json_new_array();

	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		json *value;

		if (!f->key)
			continue;
		value = value_schema(f);
		put_bounds(f, value);
		if (!f->required)
			or_null(value);
		json_put_str(value, "description", f->doc);
		put_default(f, value);
		json_put(members, f->key, value);
		if (f->required)
			json_append(required, json_new_str(f->key));
	}
	json_put(j, "properties", members);
	json_put(j, "required", required);
	json_put_bool(j, "additionalProperties", false);
	return j;
}

void docs_schema(struct buf *out)
{
	json *j = json_new_object(), *defs = json_new_object();

	json_put_str(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_put_str(j, "title", "A job of davit");
	json_put_str(j, "$ref", "#/$defs/job");
	for (const struct shape *const *of = shapes_all; *of; of++)
		json_put(defs, (*of)->noun, shape_schema(*of));
	json_put(j, "$defs", defs);
	json_write_pretty(j, out);
	buf_addc(out, '\n');
	(void)json_object_put(j);
}
