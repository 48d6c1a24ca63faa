#include "hcl-yaml.h"
#include "hcl-json.h"
#include "tree-yaml.h"
#include <string.h>
#include <yaml.h>

struct yaml_out {
	struct hcl *h;
	yaml_emitter_t emitter;
	struct buf *out;
};

static int yaml_write_bytes(void *data, unsigned char *bytes, size_t n)
{
	struct yaml_out *y = data;

	buf_add(y->out, bytes, n);
	return y->out->len <= HCL_TEXT_MAX;
}

/* libyaml takes @event over, whatever comes of it. @made: it could be made. */
static bool yaml_emit(struct yaml_out *y, int made, yaml_event_t *event)
{
	return hcl_spend(y->h, 10) >= 0 && made && yaml_emitter_emit(&y->emitter, event);
}

static bool yaml_put_scalar(struct yaml_out *y, const char *s, size_t n, yaml_scalar_style_t style)
{
	yaml_event_t event;

	return hcl_spend(y->h, n / 16) >= 0 &&
	       yaml_emit(y, yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)s, (int)n, 1, 1, style), &event);
}

static bool yaml_put_text(struct yaml_out *y, const char *s, size_t n)
{
	return yaml_put_scalar(y, s, n, memchr(s, '\n', n) ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE);
}

static bool yaml_put_value(struct yaml_out *y, const struct hcl_value *v);

static bool yaml_put_many(struct yaml_out *y, const struct hcl_value *v)
{
	const bool map = hcl_is_mapping(v);
	yaml_event_t event;
	bool ok = yaml_emit(y,
			    map ? yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE)
				: yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE),
			    &event);

	for (uint32_t i = 0; i < v->n && ok; i++)
		ok = (!map || yaml_put_text(y, v->keys[i], strlen(v->keys[i]))) && yaml_put_value(y, v->items[i]);
	return ok &&
	       yaml_emit(y, map ? yaml_mapping_end_event_initialize(&event) : yaml_sequence_end_event_initialize(&event), &event);
}

static bool yaml_put_value(struct yaml_out *y, const struct hcl_value *v)
{
	_cleanup_buf_ struct buf number = { 0 };

	if (hcl_depth(v))
		return yaml_put_many(y, v);
	if (v->kind == HCL_TEXT)
		return yaml_put_text(y, v->text, v->n);
	if (v->kind == HCL_NUMBER)
		hcl_number_text(&number, v->number);
	else
		buf_adds(&number, v->kind == HCL_NULL ? "null" : v->yes ? "true" : "false");
	return yaml_put_scalar(y, buf_str(&number), number.len, YAML_PLAIN_SCALAR_STYLE);
}

static bool yaml_put_document(struct yaml_out *y, const struct hcl_value *v)
{
	yaml_event_t event;

	yaml_emitter_set_output(&y->emitter, yaml_write_bytes, y);
	yaml_emitter_set_unicode(&y->emitter, 1);
	return yaml_emit(y, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING), &event) &&
	       yaml_emit(y, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1), &event) && yaml_put_value(y, v) &&
	       yaml_emit(y, yaml_document_end_event_initialize(&event, 1), &event) &&
	       yaml_emit(y, yaml_stream_end_event_initialize(&event), &event);
}

/* Where the end is not to be seen the emitter of Go's writes "..." behind plain values, libyaml's behind literals with lines left.
 */
static void yaml_end(struct buf *out, const struct hcl_value *v)
{
	static const char end[] = "\n...\n";
	const size_t n = sizeof end - 1;

	if (out->len > n && !memcmp(out->data + out->len - n, end, n))
		out->len -= n - 1;
	if (!hcl_depth(v) && v->kind != HCL_TEXT)
		buf_adds(out, end + 1);
}

int hcl_yaml_write(struct hcl *h, struct node_place at, const struct hcl_value *v, struct buf *out)
{
	struct yaml_out y = { .h = h, .out = out };
	bool ok = yaml_emitter_initialize(&y.emitter) && yaml_put_document(&y, v);

	yaml_emitter_delete(&y.emitter);
	if (ok) {
		yaml_end(out, v);
		return 0;
	}
	return h->spent ? -ERR_EXHAUSTED : hcl_bad(h, at, "a text of more than %d MiB", HCL_TEXT_MAX >> 20);
}

const struct hcl_value *hcl_yaml_read(struct hcl *h, struct node_place at, const char *s, size_t n)
{
	_cleanup_tree_ struct tree t = { .file = "YAML" };
	int r = hcl_spend(h, 2 * n + 100); /* aliases and merge keys make more of it */

	if (r >= 0) {
		r = tree_yaml(s, n, &t, h->err);
		if (r < 0)
			(void)hcl_at(h, at, r);
	}
	return r < 0 ? NULL : hcl_from_node(h, t.root, NULL);
}
