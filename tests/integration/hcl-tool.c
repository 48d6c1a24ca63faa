/* What davit reads of an HCL file, as JSON: hcl-tool FILE [-var NAME=VALUE] [-var-file FILE] [-folder FOLDER]. A body is
 * {"attributes": {NAME: VALUE}, "blocks": [[TYPE, [LABEL...], BODY]...]}. An error is one line on standard error, and 1. */
#include "file.h"
#include "hcl.h"
#include "json.h"
#include <stdio.h>
#include <string.h>

extern char **environ;

static void show_body(const struct node *body, struct buf *out);

static void show_text(const char *s, struct buf *out) { json_quote(out, s, strlen(s)); }

static void show_value(const struct node *n, struct buf *out)
{
	static const char open[] = "    [{", close[] = "    ]}";

	if (n->kind == NODE_NULL)
		buf_adds(out, "null");
	else if (n->kind == NODE_BOOL)
		buf_adds(out, n->yes ? "true" : "false");
	else if (n->kind == NODE_NUMBER)
		buf_adds(out, n->text);
	else if (n->kind == NODE_TEXT)
		show_text(n->text, out);
	if (n->kind < NODE_LIST)
		return;
	buf_addc(out, open[n->kind]);
	for (const struct node *m = n->first; m; m = m->next) {
		buf_adds(out, m == n->first ? "" : ",");
		if (m->key) {
			show_text(m->key, out);
			buf_addc(out, ':');
		}
		show_value(m, out);
	}
	buf_addc(out, close[n->kind]);
}

static void show_block(const struct node *block, struct buf *out)
{
	buf_addc(out, '[');
	show_text(block->key, out);
	buf_adds(out, ",[");
	for (unsigned i = 0; i < block->labels; i++) {
		buf_adds(out, i ? "," : "");
		show_text(hcl_label(block, i)->key, out);
	}
	buf_adds(out, "],");
	show_body(hcl_body(block), out);
	buf_addc(out, ']');
}

static void show_body(const struct node *body, struct buf *out)
{
	const char *between = "";

	buf_adds(out, "{\"attributes\":{");
	for (const struct node *m = body->first; m; m = m->next) {
		if (m->block)
			continue;
		buf_adds(out, between);
		between = ",";
		show_text(m->key, out);
		buf_addc(out, ':');
		show_value(m, out);
	}
	buf_adds(out, "},\"blocks\":[");
	between = "";
	for (const struct node *m = body->first; m; m = m->next) {
		if (!m->block)
			continue;
		buf_adds(out, between);
		between = ",";
		show_block(m, out);
	}
	buf_adds(out, "]}");
}

int main(int argc, char **argv)
{
	_cleanup_strv_ struct strv vars = { 0 }, files = { 0 };
	_cleanup_buf_ struct buf text = { 0 }, out = { 0 };
	struct hcl_options options = { .vars = &vars, .var_files = &files, .env = environ };
	_cleanup_tree_ struct tree tree = { .file = argc > 1 ? argv[1] : "" };
	struct err err = ERR_INIT;

	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "-folder"))
			options.folder = argv[i + 1];
		else
			strv_push(!strcmp(argv[i], "-var") ? &vars : &files, argv[i + 1]);
	}
	if (file_read(tree.file, HCL_SIZE_MAX + 1, &text, &err) < 0 || hcl_read(text.data, text.len, &options, &tree, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	show_body(tree.root, &out);
	(void)puts(buf_str(&out));
	return 0;
}
