/* A table has a row for each kind of field: its size in the struct, how it is read from JSON and how written. protobuf-c says in
 * the descriptor where a field stands; repeated fields are a counter and an array of such values. */
#include "pb-json.h"
#include "base64.h"
#include <string.h>

typedef ProtobufCFieldDescriptor field;

struct pb_reader {
	struct arena *arena;
	unsigned depth;
	struct err *err;
};

struct kind {
	size_t size;
	int (*read)(struct pb_reader *, const field *, json *, void *to);
	json *(*write)(const field *, const void *from);
};

static int wants(struct pb_reader *in, const char *what) { return err_set(in->err, ERR_INVALID, "has to be %s", what); }

/* numbers */

static int read_within(struct pb_reader *in, json *v, int64_t min, int64_t max, int64_t *ret)
{
	int64_t n;

	if (!json_object_is_type(v, json_type_int))
		return wants(in, "a whole number");
	n = json_object_get_int64(v); /* what is above is its largest */
	if (n < min || n > max || (n == INT64_MAX && json_object_get_uint64(v) > INT64_MAX))
		return err_set(in->err, ERR_INVALID, "has to be between %lld and %lld", (long long)min, (long long)max);
	*ret = n;
	return 0;
}

static int read_int32(struct pb_reader *in, const field *f, json *v, void *to)
{
	int64_t n = 0;
	int r = read_within(in, v, INT32_MIN, INT32_MAX, &n);

	(void)f;
	*(int32_t *)to = (int32_t)n;
	return r;
}

static int read_uint32(struct pb_reader *in, const field *f, json *v, void *to)
{
	int64_t n = 0;
	int r = read_within(in, v, 0, UINT32_MAX, &n);

	(void)f;
	*(uint32_t *)to = (uint32_t)n;
	return r;
}

static int read_int64(struct pb_reader *in, const field *f, json *v, void *to)
{
	(void)f;
	return read_within(in, v, INT64_MIN, INT64_MAX, to);
}

static int read_uint64(struct pb_reader *in, const field *f, json *v, void *to)
{
	(void)f;
	if (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)
		return wants(in, "a whole number that is not negative");
	*(uint64_t *)to = json_object_get_uint64(v);
	return 0;
}

static int read_bool(struct pb_reader *in, const field *f, json *v, void *to)
{
	(void)f;
	if (!json_object_is_type(v, json_type_boolean))
		return wants(in, "true or false");
	*(protobuf_c_boolean *)to = json_object_get_boolean(v);
	return 0;
}

static json *write_int32(const field *f, const void *from)
{
	(void)f;
	return json_object_new_int64(*(const int32_t *)from);
}

static json *write_uint32(const field *f, const void *from)
{
	(void)f;
	return json_object_new_int64(*(const uint32_t *)from);
}

static json *write_int64(const field *f, const void *from)
{
	(void)f;
	return json_object_new_int64(*(const int64_t *)from);
}

static json *write_uint64(const field *f, const void *from)
{
	(void)f;
	return json_object_new_uint64(*(const uint64_t *)from);
}

/* A whole number is one, too. */
static int read_double(struct pb_reader *in, const field *f, json *v, void *to)
{
	(void)f;
	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return wants(in, "a number");
	*(double *)to = json_object_get_double(v);
	return 0;
}

static json *write_double(const field *f, const void *from)
{
	(void)f;
	return json_object_new_double(*(const double *)from);
}

static json *write_bool(const field *f, const void *from)
{
	(void)f;
	return json_object_new_boolean(*(const protobuf_c_boolean *)from);
}

/* names, texts, bytes */

static int read_enum(struct pb_reader *in, const field *f, json *v, void *to)
{
	const char *name = json_text(v);
	const ProtobufCEnumValue *value = name ? protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, name) : NULL;

	if (!value)
		return err_set(in->err, ERR_INVALID, "%s is no %s", name ? name : "what is there",
			       ((const ProtobufCEnumDescriptor *)f->descriptor)->short_name);
	*(int *)to = value->value;
	return 0;
}

/* A peer may be newer than we are: the number of a value that has no name for us. */
static json *write_enum(const field *f, const void *from)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(f->descriptor, *(const int *)from);

	return value ? json_new_str(value->name) : json_object_new_int64(*(const int *)from);
}

static int read_string(struct pb_reader *in, const field *f, json *v, void *to)
{
	const char *text = json_text(v);

	(void)f;
	if (!text)
		return wants(in, "a text");
	*(const char **)to = text;
	return 0;
}

static json *write_string(const field *f, const void *from)
{
	const char *text = *(const char *const *)from;

	(void)f;
	return json_new_str(text ? text : "");
}

static int read_bytes(struct pb_reader *in, const field *f, json *v, void *to)
{
	_cleanup_buf_ struct buf raw = { 0 };
	ProtobufCBinaryData *bytes = to;
	const char *text = json_text(v);
	int r;

	(void)f;
	if (!text)
		return wants(in, "a text in base64");
	r = base64_decode(&raw, text, strlen(text), in->err);
	if (r < 0)
		return r;
	bytes->len = raw.len;
	bytes->data = arena_get(in->arena, raw.len);
	if (raw.len)
		memcpy(bytes->data, raw.data, raw.len);
	return 0;
}

static json *write_bytes(const field *f, const void *from)
{
	const ProtobufCBinaryData *bytes = from;
	_cleanup_buf_ struct buf text = { 0 };

	(void)f;
	base64_encode(&text, bytes->data, bytes->len);
	return json_new_str(buf_str(&text));
}

/* messages */

static int read_message_of(struct pb_reader *in, const ProtobufCMessageDescriptor *type, json *v, ProtobufCMessage **ret);

static int read_message(struct pb_reader *in, const field *f, json *v, void *to)
{
	return read_message_of(in, f->descriptor, v, to);
}

static json *write_message(const field *f, const void *from)
{
	(void)f;
	return pb_json_write(*(const ProtobufCMessage *const *)from);
}

static const struct kind kinds[] = {
	[PROTOBUF_C_TYPE_INT32] = { sizeof(int32_t), read_int32, write_int32 },
	[PROTOBUF_C_TYPE_INT64] = { sizeof(int64_t), read_int64, write_int64 },
	[PROTOBUF_C_TYPE_UINT32] = { sizeof(uint32_t), read_uint32, write_uint32 },
	[PROTOBUF_C_TYPE_UINT64] = { sizeof(uint64_t), read_uint64, write_uint64 },
	[PROTOBUF_C_TYPE_DOUBLE] = { sizeof(double), read_double, write_double },
	[PROTOBUF_C_TYPE_BOOL] = { sizeof(protobuf_c_boolean), read_bool, write_bool },
	[PROTOBUF_C_TYPE_ENUM] = { sizeof(int), read_enum, write_enum },
	[PROTOBUF_C_TYPE_STRING] = { sizeof(char *), read_string, write_string },
	[PROTOBUF_C_TYPE_BYTES] = { sizeof(ProtobufCBinaryData), read_bytes, write_bytes },
	[PROTOBUF_C_TYPE_MESSAGE] = { sizeof(ProtobufCMessage *), read_message, write_message },
};

/* A map<string, X> is compiled to repeated messages of a key and a value, whose type's name ends so. */
static const ProtobufCMessageDescriptor *entry_of(const field *f)
{
	const ProtobufCMessageDescriptor *m = f->descriptor;
	size_t n;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label != PROTOBUF_C_LABEL_REPEATED || m->n_fields != 2)
		return NULL;
	n = strlen(m->short_name);
	return n > 5 && !strcmp(m->short_name + n - 5, "Entry") && m->fields[0].type == PROTOBUF_C_TYPE_STRING ? m : NULL;
}

static void *place(const ProtobufCMessage *m, const field *f) { return (char *)(uintptr_t)m + f->offset; }
static size_t *counter(const ProtobufCMessage *m, const field *f)
{
	return (size_t *)(void *)((char *)(uintptr_t)m + f->quantifier_offset);
}

static uint32_t *chosen(const ProtobufCMessage *m, const field *f)
{
	return (uint32_t *)(void *)((char *)(uintptr_t)m + f->quantifier_offset);
}

static ProtobufCMessage *message_new(struct arena *a, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *m = arena_get(a, type->sizeof_message);

	type->message_init(m);
	return m;
}

static int read_array(struct pb_reader *in, const field *f, json *v, ProtobufCMessage *m)
{
	const struct kind *kind = &kinds[f->type];
	char *all;

	if (!json_object_is_type(v, json_type_array))
		return wants(in, "a list");
	all = arena_get(in->arena, json_len(v) * kind->size);
	for (size_t i = 0; i < json_len(v); i++) {
		int r = kind->read(in, f, json_at(v, i), all + i * kind->size);

		if (r < 0)
			return err_wrap(in->err, r, "%zu", i);
	}
	*counter(m, f) = json_len(v);
	*(char **)place(m, f) = all;
	return 0;
}

static int read_map(struct pb_reader *in, const field *f, const ProtobufCMessageDescriptor *type, json *v, ProtobufCMessage *m)
{
	const field *value = &type->fields[1];
	ProtobufCMessage **all;
	size_t n = 0;

	if (!json_object_is_type(v, json_type_object))
		return wants(in, "an object");
	all = arena_array(in->arena, ProtobufCMessage *, (size_t)json_object_object_length(v));
	json_object_object_foreach(v, key, member) {
		int r;

		all[n] = message_new(in->arena, type);
		*(const char **)place(all[n], &type->fields[0]) = key;
		r = kinds[value->type].read(in, value, member, place(all[n], value));
		if (r < 0)
			return err_wrap(in->err, r, "%s", key);
		n++;
	}
	*counter(m, f) = n;
	*(ProtobufCMessage ***)place(m, f) = all;
	return 0;
}

static int read_field(struct pb_reader *in, const field *f, json *v, ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *entry = entry_of(f);

	if (entry)
		return read_map(in, f, entry, v, m);
	return f->label == PROTOBUF_C_LABEL_REPEATED ? read_array(in, f, v, m) : kinds[f->type].read(in, f, v, place(m, f));
}

/* One of several, of which one at most is there. */
static bool is_choice(const field *f) { return f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF; }

static int read_members(struct pb_reader *in, const ProtobufCMessageDescriptor *type, json *v, ProtobufCMessage *m)
{
	json_object_object_foreach(v, key, member) {
		const field *f = protobuf_c_message_descriptor_get_field_by_name(type, key);
		int r;

		if (!f)
			return err_set(in->err, ERR_INVALID, "%s has no %s", type->short_name, key);
		if (member && is_choice(f) && *chosen(m, f))
			return err_set(in->err, ERR_INVALID, "%s has %s besides another of its kind", type->short_name, key);
		if (member && is_choice(f))
			*chosen(m, f) = f->id;
		r = member ? read_field(in, f, member, m) : 0;
		if (r < 0)
			return err_wrap(in->err, r, "%s", key);
	}
	return 0;
}

static int read_message_of(struct pb_reader *in, const ProtobufCMessageDescriptor *type, json *v, ProtobufCMessage **ret)
{
	int r;

	if (!json_object_is_type(v, json_type_object))
		return wants(in, "an object");
	if (in->depth >= PB_DEPTH_MAX)
		return err_set(in->err, ERR_INVALID, "nested too deeply");
	*ret = message_new(in->arena, type);
	in->depth++;
	r = read_members(in, type, v, *ret);
	in->depth--;
	return r;
}

int pb_json_read(const ProtobufCMessageDescriptor *type, json *value, struct arena *a, ProtobufCMessage **ret, struct err *err)
{
	struct pb_reader in = { .arena = a, .err = err };

	return read_message_of(&in, type, value, ret);
}

static json *write_array(const ProtobufCMessage *m, const field *f)
{
	const char *all = *(char *const *)place(m, f);
	json *array = json_new_array();

	for (size_t i = 0; i < *counter(m, f); i++)
		json_append(array, kinds[f->type].write(f, all + i * kinds[f->type].size));
	return array;
}

static json *write_map(const ProtobufCMessage *m, const field *f, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *const *all = *(ProtobufCMessage ***)place(m, f);
	json *object = json_new_object();

	for (size_t i = 0; i < *counter(m, f); i++)
		json_put(object, *(const char *const *)place(all[i], &type->fields[0]),
			 kinds[type->fields[1].type].write(&type->fields[1], place(all[i], &type->fields[1])));
	return object;
}

static bool is_absent(const ProtobufCMessage *m, const field *f)
{
	if (is_choice(f) && *chosen(m, f) != f->id)
		return true;
	return f->type == PROTOBUF_C_TYPE_MESSAGE && f->label != PROTOBUF_C_LABEL_REPEATED &&
	       !*(ProtobufCMessage *const *)place(m, f);
}

static json *write_field(const ProtobufCMessage *m, const field *f)
{
	const ProtobufCMessageDescriptor *entry = entry_of(f);

	if (entry)
		return write_map(m, f, entry);
	return f->label == PROTOBUF_C_LABEL_REPEATED ? write_array(m, f) : kinds[f->type].write(f, place(m, f));
}

json *pb_json_write(const ProtobufCMessage *m)
{
	json *object = json_new_object();

	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const field *f = &m->descriptor->fields[i];

		if (!is_absent(m, f))
			json_put(object, f->name, write_field(m, f));
	}
	return object;
}
