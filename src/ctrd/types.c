/* containerd's common types, to and from their wire form. */
#include "call.h"
#include "clock.h"
#include "mem.h"
#include <limits.h>
#include <string.h>

enum { ENTRIES_MAX = 4096 }; /* a dict is looked up from end to end */

void ctrd_any_done(struct ctrd_any *a)
{
	free(a->type_url);
	buf_done(&a->value);
	*a = (struct ctrd_any){ 0 };
}

void ctrd_descriptor_done(struct ctrd_descriptor *d)
{
	free(d->media_type);
	free(d->digest);
	dict_done(&d->annotations);
	*d = (struct ctrd_descriptor){ 0 };
}

void ctrd_descriptor_copy(struct ctrd_descriptor *to, const struct ctrd_descriptor *from)
{
	struct ctrd_descriptor copy = {
		.media_type = mem_strdup(from->media_type),
		.digest = mem_strdup(from->digest),
		.size = from->size,
	};

	dict_add(&copy.annotations, &from->annotations);
	ctrd_descriptor_done(to);
	*to = copy;
}

void ctrd_mounts_done(struct ctrd_mounts *m)
{
	for (size_t i = 0; i < m->n; i++) {
		free(m->v[i].type);
		free(m->v[i].source);
		free(m->v[i].target);
		strv_done(&m->v[i].options);
	}
	free(m->v);
	*m = (struct ctrd_mounts){ 0 };
}

char *text_unpack(const char *s) { return s && *s ? mem_strdup(s) : NULL; }

Types__Entry **entries_pack(struct arena *a, const struct dict *d, size_t *ret_n)
{
	size_t n = d ? d->n : 0;
	Types__Entry **v = arena_array(a, Types__Entry *, n);

	for (size_t i = 0; i < n; i++) {
		v[i] = arena_array(a, Types__Entry, 1);
		types__entry__init(v[i]);
		v[i]->key = d->v[i].key;
		v[i]->value = d->v[i].value;
	}
	*ret_n = n;
	return v;
}

int entries_unpack(Types__Entry *const *v, size_t n, struct dict *ret, struct err *err)
{
	if (n > ENTRIES_MAX)
		return err_set(err, ERR_EXHAUSTED, "%zu labels, at most %d are taken", n, ENTRIES_MAX);
	for (size_t i = 0; i < n; i++)
		dict_set(ret, v[i]->key, v[i]->value);
	dict_sort(ret); /* the wire has them in any order, anew each time */
	return 0;
}

Types__Descriptor *descriptor_pack(struct arena *a, const struct ctrd_descriptor *d)
{
	Types__Descriptor *m = arena_array(a, Types__Descriptor, 1);

	types__descriptor__init(m);
	m->media_type = d->media_type;
	m->digest = d->digest;
	m->size = d->size;
	m->annotations = entries_pack(a, &d->annotations, &m->n_annotations);
	return m;
}

int descriptor_unpack(const Types__Descriptor *m, struct ctrd_descriptor *ret, struct err *err)
{
	if (!m)
		return err_set(err, ERR_DATA_LOSS, "containerd sent no descriptor");
	ret->media_type = mem_strdup(m->media_type);
	ret->digest = mem_strdup(m->digest);
	ret->size = m->size;
	return entries_unpack(m->annotations, m->n_annotations, &ret->annotations, err);
}

Types__Mount **mounts_pack(struct arena *a, const struct ctrd_mounts *mounts)
{
	Types__Mount **v = arena_array(a, Types__Mount *, mounts->n);

	for (size_t i = 0; i < mounts->n; i++) {
		const struct ctrd_mount *m = &mounts->v[i];

		v[i] = arena_array(a, Types__Mount, 1);
		types__mount__init(v[i]);
		v[i]->type = m->type;
		v[i]->source = m->source;
		v[i]->target = m->target;
		v[i]->n_options = m->options.n;
		v[i]->options = m->options.v;
	}
	return v;
}

void mounts_unpack(Types__Mount *const *v, size_t n, struct ctrd_mounts *ret)
{
	ret->v = mem_array(struct ctrd_mount, n);
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		ret->v[i].type = mem_strdup(v[i]->type);
		ret->v[i].source = mem_strdup(v[i]->source);
		ret->v[i].target = text_unpack(v[i]->target);
		for (size_t k = 0; k < v[i]->n_options; k++)
			strv_push(&ret->v[i].options, v[i]->options[k]);
	}
}

Google__Protobuf__Any *any_pack(struct arena *a, const struct ctrd_any *any)
{
	Google__Protobuf__Any *m;

	if (!any || !any->type_url)
		return NULL;
	m = arena_array(a, Google__Protobuf__Any, 1);
	google__protobuf__any__init(m);
	m->type_url = any->type_url;
	m->value = (ProtobufCBinaryData){ .len = any->value.len, .data = (uint8_t *)any->value.data };
	return m;
}

void any_unpack(const Google__Protobuf__Any *m, struct ctrd_any *ret)
{
	if (!m)
		return;
	ret->type_url = text_unpack(m->type_url);
	buf_add(&ret->value, m->value.data, m->value.len);
}

int64_t time_unpack(const Google__Protobuf__Timestamp *t)
{
	int64_t ns;

	if (!t || __builtin_mul_overflow(t->seconds, NSEC_PER_SEC, &ns) || __builtin_add_overflow(ns, t->nanos, &ns))
		return 0;
	return ns > 0 ? ns : 0; /* Go's zero time is the year 1 */
}

pid_t pid_unpack(uint32_t pid) { return pid <= INT_MAX ? (pid_t)pid : 0; }

Google__Protobuf__FieldMask *labels_mask(struct arena *a, const struct dict *labels)
{
	static const char prefix[] = "labels.";
	Google__Protobuf__FieldMask *m = arena_array(a, Google__Protobuf__FieldMask, 1);

	google__protobuf__field_mask__init(m);
	m->n_paths = labels->n;
	m->paths = arena_array(a, char *, labels->n);
	for (size_t i = 0; i < labels->n; i++) {
		size_t n = sizeof prefix + strlen(labels->v[i].key);

		m->paths[i] = arena_get(a, n);
		(void)snprintf(m->paths[i], n, "%s%s", prefix, labels->v[i].key);
	}
	return m;
}
