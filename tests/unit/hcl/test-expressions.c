/* expressions.tsv, row by row; tests/nomad asks Nomad the same. */
#include "test.h"
#include "buf.h"
#include "file.h"
#include "hcl-show.h"
#include "hcl.h"
#include "tree-json.h"

static struct buf table;
static unsigned wrong;
#define WRONG(...) (wrong++, print_error(__VA_ARGS__))

/* "\n" in a row is the end of a line where no text could have it: in heredocs, lists, objects. */
static void add_lines(struct buf *out, const char *expr, size_t n)
{
	const bool lines = memmem(expr, n, "EOF", 3) || *expr == '[' || *expr == '{';

	for (size_t i = 0; i < n; i++) {
		const bool end = lines && i + 1 < n && expr[i] == '\\' && expr[i + 1] == 'n';

		buf_addc(out, (char)(end ? '\n' : expr[i]));
		i += end;
	}
}

static int read_expression(const char *expr, size_t n, struct tree *t, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };

	buf_adds(&text, "x = ");
	add_lines(&text, expr, n);
	buf_addc(&text, '\n');
	return hcl_read(text.data, text.len, NULL, t, err);
}

static void is_as_the_table_has_it(const char *row, size_t n, const char *wanted)
{
	_cleanup_tree_ struct tree t = { .file = "f" }, json = { .file = "table" };
	_cleanup_buf_ struct buf ours = { 0 }, theirs = { 0 };
	struct err err = ERR_INIT;
	const int r = read_expression(row, n, &t, &err);

	if (*wanted == '!') {
		const char *why = wanted + strcspn(wanted, " ") + 1, *tail = err.msg + strlen(err.msg) - strlen(why);

		if (r != -ERR_INVALID || strlen(err.msg) < strlen(why) || strcmp(tail, why) != 0)
			WRONG("%.*s: %s, not %s\n", (int)n, row, r < 0 ? err.msg : "taken", why);
		return;
	}
	if (r < 0 || tree_json(wanted, strlen(wanted), &json, &err) < 0) {
		WRONG("%.*s: %s\n", (int)n, row, err.msg);
		return;
	}
	hcl_show(node_get(t.root, "x"), false, &ours);
	hcl_show(json.root, false, &theirs);
	if (strcmp(buf_str(&ours) + 3, buf_str(&theirs)) != 0)
		WRONG("%.*s: %s, not %s\n", (int)n, row, buf_str(&ours) + 3, buf_str(&theirs));
}

static void gives_what_the_table_says(void **state)
{
	size_t rows = 0;

	(void)state;
	for (char *line = table.data, *end; line && *line; line = end) {
		char *tab = strchr(line, '\t');

		end = strchr(line, '\n');
		*end++ = '\0';
		if (*line == '#' || !*line)
			continue;
		assert_non_null(tab);
		is_as_the_table_has_it(line, (size_t)(tab - line), tab + 1);
		rows++;
	}
	assert_true(rows > 200);
	assert_int_equal(wrong, 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(gives_what_the_table_says) };
	struct err err = ERR_INIT;
	int r = argc > 1 ? file_read(argv[1], 1 << 20, &table, &err) : -1;

	if (r >= 0)
		r = cmocka_run_group_tests_name("expressions", tests, NULL, NULL);
	buf_done(&table);
	return r < 0 ? 1 : r;
}
