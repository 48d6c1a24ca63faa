#include "stats-fill.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessage *m, const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(m->descriptor, name);
}

static void *stats_member(ProtobufCMessage *m, size_t offset) { return (char *)m + offset; }

void *stats_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
	void *m = arena_get(a, type->sizeof_message);

	type->message_init(m);
	return m;
}

char *stats_text(struct arena *a, const char *text)
{
	const size_t n = strlen(text);

	return memcpy(arena_get(a, n + 1), text, n);
}

void stats_set(ProtobufCMessage *m, const char *field, const char *word)
{
	const ProtobufCFieldDescriptor *f = field_of(m, field);
	uint64_t n = 0;

	if (!f || f->label == PROTOBUF_C_LABEL_REPEATED)
		return;
	if (f->type == PROTOBUF_C_TYPE_DOUBLE)
		*(double *)stats_member(m, f->offset) = strtod(word, NULL);
	else if (!cgroup_number(word, &n))
		return;
	else if (f->type == PROTOBUF_C_TYPE_UINT64)
		*(uint64_t *)stats_member(m, f->offset) = n;
	else if (f->type == PROTOBUF_C_TYPE_UINT32)
		*(uint32_t *)stats_member(m, f->offset) = n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

void stats_pairs(ProtobufCMessage *m, const struct cgroup_line *l, size_t from)
{
	for (size_t i = from; i + 1 < l->n; i += 2)
		stats_set(m, l->word[i], l->word[i + 1]);
}

bool stats_lines(const char *path, const char *file, ProtobufCMessage *m)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;
	bool any = false;

	if (!cgroup_text(path, file, &text))
		return false;
	for (char *at = text.data; cgroup_line(&at, &l); any = true)
		stats_pairs(m, &l, 0);
	return any;
}

bool stats_files(const char *path, const char *prefix, ProtobufCMessage *m)
{
	bool any = false;

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
		_cleanup_free_ char *file = mem_printf("%s.%s", prefix, f->name);

		if (f->type == PROTOBUF_C_TYPE_UINT64 && cgroup_get(path, file, stats_member(m, f->offset)))
			any = true;
	}
	return any;
}

size_t stats_lines_in(const struct buf *text)
{
	size_t n = 1;

	for (size_t i = 0; i < text->len; i++)
		n += text->data[i] == '\n';
	return n;
}

void stats_repeat(const char *path, const char *file, ProtobufCMessage *m, const char *field, stats_each_fn *each, void *arg,
		  struct arena *a)
{
	const ProtobufCFieldDescriptor *f = field_of(m, field);
	_cleanup_buf_ struct buf text = { 0 };
	struct cgroup_line l;
	size_t *n;
	void **v;

	if (!cgroup_text(path, file, &text))
		return;
	v = arena_array(a, void *, stats_lines_in(&text));
	n = stats_member(m, f->quantifier_offset);
	*n = 0;
	*(void ***)stats_member(m, f->offset) = v;
	for (char *at = text.data; cgroup_line(&at, &l);) {
		v[*n] = each(arg, a, &l);
		*n += v[*n] != NULL;
	}
}
