/* Functions that write values as texts and read them: base64, URLs, JSON, CSV. */
#include "base64.h"
#include "hcl-function.h"
#include "hcl-json.h"
#include "hcl-yaml.h"
#include "utf8.h"
#include <string.h>

/* Bytes that came from outside as a text. */
static const struct hcl_value *hcl_gives_bytes(struct hcl_args *a, const struct buf *b)
{
	if (!utf8_valid(buf_str(b), b->len) || (b->len && memchr(b->data, '\0', b->len)))
		return hcl_lost(a, 0, "what comes of it is no text (not UTF-8, or with a NUL)");
	return hcl_gives(a, b);
}

static const struct hcl_value *fn_base64encode(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	base64_encode(&b, hcl_arg_text(a, 0), a->v[0]->n);
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_base64decode(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	if (base64_decode(&b, hcl_arg_text(a, 0), a->v[0]->n, NULL) < 0)
		return hcl_lost(a, 0, "not base64");
	return hcl_gives_bytes(a, &b);
}

static const struct hcl_value *fn_urlencode(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (const char *s = hcl_arg_text(a, 0); *s; s++) {
		if (*s == ' ')
			buf_addc(&b, '+');
		else if ((*s >= '0' && *s <= '9') || (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z') || strchr("-_.~", *s))
			buf_addc(&b, *s);
		else
			buf_addf(&b, "%%%02X", (unsigned)(unsigned char)*s);
	}
	return hcl_gives(a, &b);
}

static const struct hcl_value *fn_jsonencode(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	return hcl_json_write(a->h, a->at, a->v[0], &b) < 0 ? NULL : hcl_gives(a, &b);
}

static const struct hcl_value *fn_jsondecode(struct hcl_args *a)
{
	return hcl_json_read(a->h, a->places[0], hcl_arg_text(a, 0), a->v[0]->n);
}

/* A field of RFC 4180 at @p; behind it, what ends it not taken. NULL: quotes without an end. */
static const char *csv_field(const char *p, struct buf *out)
{
	buf_reset(out);
	if (*p != '"') {
		const size_t n = strcspn(p, ",\r\n");

		buf_add(out, p, n);
		return p + n;
	}
	for (p++; *p; p++) {
		if (*p == '"' && p[1] != '"')
			return p + 1;
		p += *p == '"';
		buf_addc(out, *p);
	}
	return NULL;
}

struct csv {
	struct hcl_args *a;
	const char *p;
	const struct hcl_value **fields; /* of one line */
	uint32_t n, room;
};

/* The fields of a line; behind its end. */
static int csv_line(struct csv *csv)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (csv->n = 0;; csv->p++) {
		if (csv->n == csv->room)
			return hcl_lost(csv->a, 0, "a line with more than %u fields", csv->room) ? 0 : -ERR_INVALID;
		csv->p = csv_field(csv->p, &b);
		if (!csv->p || (*csv->p && !strchr(",\r\n", *csv->p)))
			return hcl_lost(csv->a, 0, "quotes that do not end at the end of a field") ? 0 : -ERR_INVALID;
		csv->fields[csv->n] = hcl_gives(csv->a, &b);
		if (!csv->fields[csv->n++])
			return -ERR_EXHAUSTED;
		if (*csv->p != ',')
			break;
	}
	csv->p += *csv->p == '\r';
	csv->p += *csv->p == '\n';
	return 0;
}

static const struct hcl_value *csv_row(struct csv *csv, const char *const *keys, uint32_t n)
{
	const char **copy = hcl_array(csv->a->h, const char *, n);
	const struct hcl_value **items = hcl_array(csv->a->h, const struct hcl_value *, n);

	if (!copy || !items || csv_line(csv) < 0)
		return NULL;
	if (csv->n != n)
		return hcl_lost(csv->a, 0, "a line of %u fields below a heading of %u", csv->n, n);
	memcpy(copy, keys, n * sizeof *copy);
	memcpy(items, csv->fields, n * sizeof *items);
	return hcl_members(csv->a->h, HCL_OBJECT, copy, items, n);
}

static const struct hcl_value *fn_csvdecode(struct hcl_args *a)
{
	struct csv csv = { .a = a, .p = hcl_arg_text(a, 0), .room = 1000 };
	const char *keys[1000];
	struct hcl_value *v;
	uint32_t columns, lines = 1;

	csv.fields = hcl_array(a->h, const struct hcl_value *, csv.room);
	for (const char *p = csv.p; *p; p++)
		lines += *p == '\n';
	v = hcl_items(a->h, HCL_LIST, lines);
	if (!csv.fields || !v || csv_line(&csv) < 0)
		return NULL;
	columns = csv.n;
	for (uint32_t i = 0; i < columns; i++)
		keys[i] = csv.fields[i]->text;
	for (v->n = 0; *csv.p; v->n++) {
		if (*csv.p == '\n' || *csv.p == '\r') {
			csv.p++;
			v->n--;
			continue;
		}
		v->items[v->n] = csv_row(&csv, keys, columns);
		if (!v->items[v->n])
			return NULL;
	}
	return v;
}

static const struct hcl_value *fn_yamlencode(struct hcl_args *a)
{
	_cleanup_buf_ struct buf b = { 0 };

	return hcl_yaml_write(a->h, a->places[0], a->v[0], &b) < 0 ? NULL : hcl_gives(a, &b);
}

static const struct hcl_value *fn_yamldecode(struct hcl_args *a)
{
	return hcl_yaml_read(a->h, a->places[0], hcl_arg_text(a, 0), a->v[0]->n);
}

const struct hcl_function hcl_encoding_functions[] = {
	{ "base64decode", "t", 1, 1, fn_base64decode },
	{ "base64encode", "t", 1, 1, fn_base64encode },
	{ "csvdecode", "t", 1, 1, fn_csvdecode },
	{ "jsondecode", "t", 1, 1, fn_jsondecode },
	{ "jsonencode", "?", 1, 1, fn_jsonencode },
	{ "urlencode", "t", 1, 1, fn_urlencode },
	{ "yamldecode", "t", 1, 1, fn_yamldecode },
	{ "yamlencode", "?", 1, 1, fn_yamlencode },
	{ NULL, NULL, 0, 0, NULL },
};
