#include "record.h"
#include "clock.h"
#include "mem.h"
#include <openssl/sha.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_PID = 5000000 }; /* above the kernel's own limit */

void store_init(struct store *s)
{
	*s = (struct store){ 0 };
	list_init(&s->records);
}

void record_free(struct record *r)
{
	list_unlink(&r->node);
	free(r->ns);
	free(r->key);
	free(r->parent);
	dict_done(&r->labels);
	buf_done(&r->body);
	strv_done(&r->resources);
	closep(&r->stdin_fd);
	closep(&r->stdout_fd);
	free(r);
}

void store_done(struct store *s)
{
	list_for_each(it, &s->records)
		record_free(container_of(it, struct record, node));
}

struct record *store_find(struct store *s, enum kind kind, const char *ns, const char *key)
{
	list_for_each(it, &s->records) {
		struct record *r = container_of(it, struct record, node);

		if (r->kind == kind && !strcmp(r->ns, ns) && !strcmp(r->key, key))
			return r;
	}
	return NULL;
}

struct record *store_add(struct store *s, enum kind kind, const char *ns, const char *key)
{
	struct record *r = mem_new(struct record);
	const char *pid = getenv("FAKE_PID");

	*r = (struct record){
		.kind = kind,
		.ns = mem_strdup(ns),
		.key = mem_strdup(key),
		.created = clock_wall(),
		.stdin_fd = -1,
		.stdout_fd = -1,
		.pid = pid ? (pid_t)strtol(pid, NULL, 10) : FIRST_PID + (pid_t)s->n_pids++,
	};
	list_push(&s->records, &r->node);
	return r;
}

void digest_of(const void *p, size_t n, char out[72])
{
	unsigned char sum[SHA256_DIGEST_LENGTH];
	int at = snprintf(out, 72, "sha256:");

	(void)SHA256(n ? p : "", n, sum);
	for (size_t i = 0; i < sizeof sum; i++)
		at += snprintf(out + at, 72 - (size_t)at, "%02x", sum[i]);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* " WHAT{a b c}", sorted. Takes what is in @v. */
static void dump_set(struct buf *out, const char *what, struct strv *v)
{
	_cleanup_free_ char *joined = NULL;

	if (!v->n)
		return;
	qsort(v->v, v->n, sizeof *v->v, by_text);
	joined = strv_join(v, " ");
	buf_addf(out, " %s{%s}", what, joined);
}

static char *dump_record(const struct record *r)
{
	static const char *const kinds[] = { "namespace", "lease",     "image", "content", "ingest",
					     "snapshot",  "container", "task",  "exec" };
	_cleanup_strv_ struct strv labels = { 0 }, resources = { 0 };
	struct buf line = { 0 };
	char digest[72];

	buf_addf(&line, "%s %s %s", r->ns, kinds[r->kind], r->key);
	if (r->state)
		buf_addf(&line, " state=%d", r->state);
	if (r->cols)
		buf_addf(&line, " size=%ux%u", r->cols, r->rows);
	if (r->parent)
		buf_addf(&line, " parent=%s", r->parent);
	if (r->body.len) {
		digest_of(r->body.data, r->body.len, digest);
		buf_addf(&line, " body=%zu,%.19s", r->body.len, digest);
	}
	for (size_t i = 0; i < r->labels.n; i++)
		strv_pushf(&labels, "%s=%s", r->labels.v[i].key, r->labels.v[i].value);
	dump_set(&line, "labels", &labels);
	strv_add(&resources, &r->resources);
	dump_set(&line, "resources", &resources);
	buf_addc(&line, '\n');
	return buf_take(&line);
}

void store_dump(const struct store *s, struct buf *out)
{
	_cleanup_strv_ struct strv lines = { 0 };

	list_for_each(it, &s->records)
		strv_own(&lines, dump_record(container_of(it, struct record, node)));
	if (lines.n)
		qsort(lines.v, lines.n, sizeof *lines.v, by_text);
	for (size_t i = 0; i < lines.n; i++)
		buf_adds(out, lines.v[i]);
}

static bool compare(const char *value, const char *op, const char *want)
{
	regex_t re;
	bool same;

	if (!*op)
		return value && *value;
	if (!value)
		value = "";
	if (!strcmp(op, "=="))
		return !strcmp(value, want);
	if (!strcmp(op, "!="))
		return strcmp(value, want) != 0;
	if (regcomp(&re, want, REG_EXTENDED | REG_NOSUB))
		return false;
	same = regexec(&re, value, 0, NULL, 0) == 0;
	regfree(&re);
	return same;
}

/* One side of a condition up to an operator, ',' or the end, without its quotes. */
static const char *operand(const char *p, struct buf *out)
{
	bool quoted = false;

	for (; *p && (quoted || (*p != ',' && strncmp(p, "==", 2) && strncmp(p, "!=", 2) && strncmp(p, "~=", 2))); p++) {
		if (*p == '"')
			quoted = !quoted;
		else
			buf_addc(out, *p);
	}
	return p;
}

bool filter_match(const char *filter, const char *(*get)(void *arg, const char *field), void *arg)
{
	const char *p = filter ? filter : "";

	while (*p) {
		_cleanup_buf_ struct buf field = { 0 }, value = { 0 };
		char op[3] = "";

		p = operand(p, &field);
		if (*p && *p != ',') {
			memcpy(op, p, 2);
			p = operand(p + 2, &value);
		}
		if (!compare(get(arg, buf_str(&field)), op, buf_str(&value)))
			return false;
		p += *p == ',';
	}
	return true;
}

bool filters_match(char *const *filters, size_t n, const char *(*get)(void *arg, const char *field), void *arg)
{
	for (size_t i = 0; i < n; i++)
		if (filter_match(filters[i], get, arg))
			return true;
	return n == 0;
}

const char *record_field(void *record, const char *field)
{
	const struct record *r = record;

	if (!strncmp(field, "labels.", 7))
		return dict_get(&r->labels, field + 7);
	if (!strcmp(field, "id") || !strcmp(field, "name") || !strcmp(field, "digest"))
		return r->key;
	return NULL;
}
