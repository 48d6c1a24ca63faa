#include "listing.h"
#include "mem.h"
#include <ctype.h>
#include <string.h>

bool format_is_template(const char *format) { return strstr(format, "{{") != NULL; }

int opt_format(const struct opt *o, const char *value, void *into, struct err *err)
{
	struct err why = ERR_INIT;
	int r;

	if (format_is_template(value))
		return opt_string(o, value, into, err);
	r = opt_word(o, value, into, &why);
	if (r >= 0)
		return r;
	if (err)
		*err = why;
	return err_hint(err, r, "or a template, as in '{{json .}}'");
}

json *listing_fields(const char *list)
{
	_cleanup_strv_ struct strv words = { 0 };
	json *o = json_new_object();

	strv_split(&words, list, " ");
	for (size_t i = 0; i < words.n; i++) {
		char *title = strchr(words.v[i], '=');

		if (title)
			*title++ = '\0';
		_cleanup_free_ char *text = mem_strdup(title ? title : words.v[i]);
		for (char *c = text; *c; c++)
			*c = *c == '_' ? ' ' : (char)toupper((unsigned char)*c);
		json_put_str(o, words.v[i], text);
	}
	return o;
}

int listing_open(struct listing *l, const char *format, json *fields, struct err *err)
{
	int r;

	*l = (struct listing){ .fields = fields };
	if (!strncmp(format, "table ", 6) || !strncmp(format, "table\t", 6) || !strncmp(format, "table{{", 7)) {
		l->table = true;
		format += 5 + (format[5] != '{');
	}
	r = template_parse(format, &l->t, err);
	if (r >= 0)
		r = template_check(l->t, fields, err);
	return r < 0 ? err_wrap(err, r, "flag --format") : 0;
}

static void complete(json *row, json *fields)
{
	json_object_object_foreach(fields, key, title) {
		(void)title;
		if (!json_object_object_get_ex(row, key, NULL))
			(void)json_object_object_add(row, key, NULL);
	}
}

int listing_add(struct listing *l, struct cli *cli, json *row, struct err *err)
{
	_cleanup_buf_ struct buf line = { 0 };
	int r;

	complete(row, l->fields);
	r = template_run(l->t, row, &line, err);
	if (r < 0)
		return err_wrap(err, r, "flag --format");
	if (l->table) {
		strv_push(&l->lines, buf_str(&line));
		return 0;
	}
	buf_addc(&line, '\n');
	return cli_out(cli, line.data, line.len, err);
}

static size_t cells_of(const char *line)
{
	size_t n = 1;

	for (; *line; line++)
		n += *line == '\t';
	return n;
}

/* The next cell of a line, "" behind its last. */
static char *next_cell(const char **line)
{
	size_t n = strcspn(*line, "\t");
	char *cell = mem_strndup(*line, n);

	*line += n + ((*line)[n] == '\t');
	return cell;
}

int listing_close(struct listing *l, struct cli *cli, bool whole, struct err *err)
{
	_cleanup_buf_ struct buf titles = { 0 };
	_cleanup_strv_ struct strv names = { 0 };
	_cleanup_free_ struct column *columns = NULL;
	_cleanup_(table_done) struct table t = { 0 };
	const char *line;

	if (!l->table)
		return 0;
	(void)template_run(l->t, l->fields, &titles, NULL); /* what goes with values only leaves its title empty */
	t.n_columns = cells_of(buf_str(&titles));
	for (size_t i = 0; i < l->lines.n; i++)
		if (cells_of(l->lines.v[i]) > t.n_columns)
			t.n_columns = cells_of(l->lines.v[i]);
	columns = mem_array(struct column, t.n_columns);
	t.columns = columns;
	line = buf_str(&titles);
	for (size_t c = 0; c < t.n_columns; c++) {
		strv_own(&names, next_cell(&line));
		columns[c] = (struct column){ .title = names.v[c], .list = c > 0 };
	}
	for (size_t i = 0; i < l->lines.n; i++) {
		line = l->lines.v[i];
		for (size_t c = 0; c < t.n_columns; c++) {
			_cleanup_free_ char *cell = next_cell(&line);

			table_cell(&t, cell);
		}
	}
	return cli_out_table(cli, &t, whole, err);
}

void listing_done(struct listing *l)
{
	template_free(l->t);
	json_freep(&l->fields);
	strv_done(&l->lines);
}

void listing_flags_init(void *opts) { ((struct listing_flags *)opts)->format = "table"; }
void listing_flags_done(void *opts) { strv_done(&((struct listing_flags *)opts)->filters); }

bool list_suits_label(const struct dict *labels, const char *filter)
{
	const char *value = strchr(filter, '=') + 1, *wanted = strchr(value, '=');
	_cleanup_free_ char *key = mem_strndup(value, strcspn(value, "="));
	const char *has = dict_get(labels, key);

	return has && (!wanted || !strcmp(has, wanted + 1));
}

static bool list_is_templated(const struct listing_flags *f) { return format_is_template(f->format) && !f->quiet; }

int list_open(const struct listing_flags *f, const struct list_kind *k, struct listing *ret, struct err *err)
{
	return list_is_templated(f) ? listing_open(ret, f->format, listing_fields(k->fields), err) : 0;
}

int list_print(struct cli *cli, const struct listing_flags *f, const struct list_kind *k, struct listing *to, const void *rows,
	       size_t n, struct err *err)
{
	const bool templated = list_is_templated(f), as_json = !f->quiet && !strcmp(f->format, "json");
	int r = 0;

	if (!f->quiet && !strcmp(f->format, "table"))
		return k->table(cli, rows, f->no_trunc, err);
	for (size_t i = 0; r >= 0 && i < n; i++) {
		_cleanup_json_ json *o = templated || as_json ? k->object(cli, rows, i) : NULL;

		if (templated)
			k->view(o);
		r = templated ? listing_add(to, cli, o, err)
		    : as_json ? cli_out_json(cli, o, err)
			      : cli_outf(cli, err, "%s\n", k->name(rows, i));
	}
	return r < 0 || !templated ? r : listing_close(to, cli, f->no_trunc, err);
}
