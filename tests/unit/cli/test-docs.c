/* docs/jobs.md has a row for each field of the job's JSON form, as the table that drives reading and writing says it. */
#include "test.h"
#include "file.h"
#include "job-table.h"
#include "mem.h"

static const char *const types[] = {
	[FIELD_STR] = "text",
	[FIELD_STRV] = "list of texts",
	[FIELD_DICT] = "object of texts",
	[FIELD_BOOL] = "true or false",
	[FIELD_INT] = "number",
	[FIELD_SIZE] = "bytes, or text such as \"64m\"",
	[FIELD_INT32] = "number",
	[FIELD_U16] = "number",
	[FIELD_LIMIT] = "number",
	[FIELD_NUMBER] = "number",
	[FIELD_ENUM] = NULL,
	[FIELD_ARRAY] = NULL,
};

static void add_type(const struct field *f, struct buf *out)
{
	if (f->type == FIELD_ARRAY)
		buf_addf(out, "list of %ss", f->of->noun);
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

/* "| `host_ip` | text | | `--flag` | what it is |" */
static char *row_of(const struct field *f)
{
	struct buf row = { 0 };

	buf_addf(&row, "| `%s` | ", f->key);
	add_type(f, &row);
	buf_adds(&row, " | ");
	add_default(f, &row);
	if (f->flag)
		buf_addf(&row, " | `--%s`", f->flag);
	else
		buf_adds(&row, " | ");
	buf_addf(&row, " | %s |\n", f->doc);
	return buf_take(&row);
}

static size_t check_shape(const struct shape *s, const char *text)
{
	size_t rows = s->n;

	for (size_t i = 0; i < s->n; i++) {
		_cleanup_free_ char *row = row_of(&s->fields[i]);

		if (!strstr(text, row))
			fail_msg("docs/jobs.md has not: %s", row);
		if (s->fields[i].of)
			rows += check_shape(s->fields[i].of, text);
	}
	return rows;
}

static void describes_every_key(void **state)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct err err = ERR_INIT;
	size_t rows = 0;

	(void)state;
	if (file_read(JOBS, 1 << 20, &text, &err) < 0)
		fail_msg("%s", err.msg);
	for (const char *p = buf_str(&text); (p = strstr(p, "\n| `")); p++)
		rows++;
	assert_int_equal(rows, check_shape(&job_shape, buf_str(&text))); /* and none that is no key */
}

RUN_TESTS("docs", cmocka_unit_test(describes_every_key))
