/* davit-docs [--check] FOLDER: writes what is derived into the files of docs/, or says which of them differ. Whole files, and in
 * others the tables between "<!-- table: NAME -->" and "<!-- end -->". Part of the build, not of what is installed. */
#include "docs.h"
#include "file.h"
#include "help.h"
#include "mem.h"
#include <string.h>

static const char begin[] = "<!-- table: ", end[] = "<!-- end -->";

typedef bool table_fn(const char *name, struct buf *out);
static const struct {
	const char *name;
	void (*whole)(struct buf *out);
	table_fn *table;
} files[] = {
	{ .name = "davit.1", .whole = help_man },          { .name = "job.schema.json", .whole = docs_schema },
	{ .name = "jobs.md", .table = docs_jobs_table },   { .name = "from-docker.md", .table = docs_docker_table },
	{ .name = "nomad.md", .table = docs_nomad_table },
};

/* @old with each table anew. */
static int tables_anew(const char *old, table_fn *table, struct buf *out, struct err *err)
{
	const char *mark;

	while ((mark = strstr(old, begin))) {
		const char *name = mark + sizeof begin - 1, *name_end = strstr(name, " -->\n"), *rest = strstr(name, end);
		_cleanup_free_ char *which = name_end ? mem_strndup(name, (size_t)(name_end - name)) : NULL;

		if (!which || !rest)
			return err_set(err, ERR_INVALID, "a table without an end: %.40s", mark);
		buf_add(out, old, (size_t)(name_end - old) + 5);
		if (!table(which, out))
			return err_set(err, ERR_INVALID, "there is no table \"%s\"", which);
		old = rest;
	}
	buf_adds(out, old);
	return 0;
}

static int document(const char *folder, size_t i, bool check, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, files[i].name);
	_cleanup_buf_ struct buf old = { 0 }, text = { 0 };
	int r = file_read(path, 1 << 20, &old, err);

	if (r < 0 && files[i].table)
		return r;
	err_clear(err);
	r = files[i].table ? tables_anew(buf_str(&old), files[i].table, &text, err) : 0;
	if (files[i].whole)
		files[i].whole(&text);
	if (r < 0)
		return err_wrap(err, r, "%s", path);
	if (strstr(buf_str(&text), "NOTHING IS SAID OF IT"))
		return err_set(err, ERR_INVALID, "%s: davit neither has it nor says what is instead", path);
	if (!strcmp(buf_str(&text), buf_str(&old)))
		return 0;
	if (check)
		return err_hint(err, err_set(err, ERR_INVALID, "%s: not what the tables say", path), "make docs");
	(void)printf("%s\n", path);
	return file_write(path, text.data, text.len, 0644, err);
}

int main(int argc, char **argv)
{
	const bool check = argc > 1 && !strcmp(argv[1], "--check");
	int code = 0;

	if (argc != 2 + check) {
		(void)fprintf(stderr, "usage: davit-docs [--check] FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct err err = ERR_INIT;

		if (document(argv[1 + check], i, check, &err) >= 0)
			continue;
		(void)fprintf(stderr, "%s%s%s\n", err.msg, *err.hint ? ": " : "", err.hint);
		code = 1;
	}
	return code;
}
