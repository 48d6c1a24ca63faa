/* A message is written field by field from its descriptor, each field with something harmless, except that the n-th field of a kind
 * is twisted: so each field of each message inside has each twist in its turn. */
#include "hostile.h"
#include "json.h"
#include "mem.h"
#include <string.h>

enum {
	DEPTH_MAX = 8,
	CUTS = 64,
	NOISES = 32,
	LONG = 256 << 10,
	HUGE_BYTES = 12 << 20,
	TOO_LONG = (16 << 20) + 64,
	NESTED = 3000,
	SOME = 16
};
enum { WIRE_VARINT, WIRE_64, WIRE_BYTES, WIRE_GROUP, WIRE_GROUP_END, WIRE_32 };

enum twist {
	PLAIN,
	BAD_UTF8,
	ZERO_INSIDE,
	NO_TEXT,
	LONG_TEXT,
	CONTROLS,
	CLIMBS,
	NO_SUCH_VALUE,
	LARGEST,
	LOWEST,
	OTHER_WIRE,
	TWICE,
	RAW
};
static const char *const twist_names[] = {
	"plain",
	"bad UTF-8",
	"a NUL inside",
	"empty",
	"long",
	"control characters",
	"a path that climbs",
	"an unknown enum value",
	"the largest number",
	"the lowest number",
	"another wire type",
	"twice",
	"msgpack",
};

struct filler {
	struct buf *out;
	enum twist twist;
	unsigned nth, at; /* which field of those that the twist is for */
	const struct buf *raw;
	const struct hostile_word *words;
	unsigned serial;
};

static void put_varint(struct buf *b, uint64_t n)
{
	for (; n > 0x7f; n >>= 7)
		buf_addc(b, (char)(n | 0x80));
	buf_addc(b, (char)n);
}

static void put_tag(struct buf *b, uint32_t field, unsigned wire) { put_varint(b, (uint64_t)field << 3 | wire); }

static void put_bytes(struct buf *b, uint32_t field, const void *p, size_t n)
{
	put_tag(b, field, WIRE_BYTES);
	put_varint(b, n);
	buf_add(b, p, n);
}

static bool twist_is_for(enum twist t, const ProtobufCFieldDescriptor *f)
{
	switch (t) {
	case BAD_UTF8:
	case ZERO_INSIDE:
	case NO_TEXT:
	case LONG_TEXT:
	case CONTROLS:
	case CLIMBS: return f->type == PROTOBUF_C_TYPE_STRING;
	case NO_SUCH_VALUE: return f->type == PROTOBUF_C_TYPE_ENUM;
	case LARGEST:
	case LOWEST:
		return f->type != PROTOBUF_C_TYPE_STRING && f->type != PROTOBUF_C_TYPE_BYTES && f->type != PROTOBUF_C_TYPE_MESSAGE;
	case OTHER_WIRE:
	case TWICE: return true;
	case RAW: return f->type == PROTOBUF_C_TYPE_BYTES;
	case PLAIN:
	default: return false;
	}
}

static const struct hostile_word *word_of(const struct filler *f, const char *field)
{
	for (const struct hostile_word *w = f->words; w && w->field; w++)
		if (!strcmp(w->field, field))
			return w;
	return NULL;
}

static void put_word(struct filler *f, const ProtobufCFieldDescriptor *field, const char *otherwise)
{
	const struct hostile_word *w = word_of(f, field->name);
	_cleanup_buf_ struct buf text = { 0 };

	buf_add(&text, w ? w->p : otherwise, w ? w->n : strlen(otherwise));
	if (w && w->numbered)
		buf_addf(&text, "%u", f->serial);
	put_bytes(f->out, field->id, buf_str(&text), text.len);
}

static void put_twisted_text(struct filler *f, uint32_t field)
{
	static char filled[LONG];

	if (f->twist == BAD_UTF8)
		put_bytes(f->out, field, "a\xff\xfe\xc0\x80", 5);
	else if (f->twist == ZERO_INSIDE)
		put_bytes(f->out, field, "a\0b", 3);
	else if (f->twist == NO_TEXT)
		put_bytes(f->out, field, "", 0);
	else if (f->twist == CONTROLS)
		put_bytes(f->out, field, "a\n\r\033[2Jb\x7f", 9);
	else if (f->twist == CLIMBS)
		put_bytes(f->out, field, "../../../../../../etc/shadow", 28);
	else
		put_bytes(f->out, field, memset(filled, 'y', LONG), LONG);
}

static void put_number(struct filler *f, const ProtobufCFieldDescriptor *field, bool twisted)
{
	const bool one = field->type == PROTOBUF_C_TYPE_BOOL || field->type == PROTOBUF_C_TYPE_ENUM;

	put_tag(f->out, field->id, WIRE_VARINT);
	if (twisted && f->twist == NO_SUCH_VALUE)
		put_varint(f->out, 99999);
	else if (twisted && f->twist == LARGEST)
		put_varint(f->out, INT64_MAX);
	else if (twisted && f->twist == LOWEST)
		put_varint(f->out, (uint64_t)INT64_MIN);
	else
		put_varint(f->out, one ? 1 : SOME);
}

static void put_double(struct filler *f, uint32_t field, bool twisted)
{
	static const unsigned char not_a_number[8] = { 0, 0, 0, 0, 0, 0, 0xf8, 0x7f },
				   infinite[8] = { 0, 0, 0, 0, 0, 0, 0xf0, 0xff };
	static const double one = 1;

	put_tag(f->out, field, WIRE_64);
	buf_add(f->out, !twisted ? (const void *)&one : f->twist == LARGEST ? not_a_number : infinite, 8);
}

static void fill(struct filler *f, const ProtobufCMessageDescriptor *m, unsigned depth);

static void put_message(struct filler *f, const ProtobufCFieldDescriptor *field, unsigned depth)
{
	_cleanup_buf_ struct buf inner = { 0 };
	struct buf *outer = f->out;

	f->out = &inner;
	if (depth < DEPTH_MAX)
		fill(f, field->descriptor, depth + 1);
	f->out = outer;
	put_bytes(f->out, field->id, buf_str(&inner), inner.len);
}

static void put_value(struct filler *f, const ProtobufCFieldDescriptor *field, bool twisted, unsigned depth)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		put_message(f, field, depth);
	else if (field->type == PROTOBUF_C_TYPE_STRING && twisted)
		put_twisted_text(f, field->id);
	else if (field->type == PROTOBUF_C_TYPE_STRING)
		put_word(f, field, "x");
	else if (field->type == PROTOBUF_C_TYPE_BYTES && twisted && f->raw)
		put_bytes(f->out, field->id, buf_str(f->raw), f->raw->len);
	else if (field->type == PROTOBUF_C_TYPE_BYTES)
		put_word(f, field, "\x80"); /* an empty map of msgpack's */
	else if (field->type == PROTOBUF_C_TYPE_DOUBLE)
		put_double(f, field->id, twisted);
	else
		put_number(f, field, twisted);
}

static void fill(struct filler *f, const ProtobufCMessageDescriptor *m, unsigned depth)
{
	for (unsigned i = 0; i < m->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &m->fields[i];
		bool twisted = twist_is_for(f->twist, field) && f->at++ == f->nth;

		if (twisted && f->twist == OTHER_WIRE) {
			put_tag(f->out, field->id, WIRE_32);
			buf_add(f->out, "abcd", 4);
			continue;
		}
		put_value(f, field, twisted, depth);
		if (twisted && f->twist == TWICE)
			put_value(f, field, false, depth);
	}
}

/* A number for each message: two of the same id are one too many for who takes it as such. */
static unsigned serial(void)
{
	static unsigned last;

	return ++last;
}

void hostile_plain(const ProtobufCMessageDescriptor *m, const struct hostile_word *words, struct buf *out)
{
	struct filler f = { .out = out, .words = words, .serial = serial() };

	fill(&f, m, 0);
}

static void each_twist(const struct hostile *h, enum twist t, const struct buf *raw, const char *what)
{
	struct filler f = { .twist = t, .raw = raw, .words = h->words };

	do {
		_cleanup_buf_ struct buf message = { 0 };
		_cleanup_free_ char *name = mem_printf("%s, field %u", what, f.nth);

		f.out = &message;
		f.at = 0;
		f.serial = serial();
		fill(&f, h->type, 0);
		if (f.at > f.nth || t == PLAIN)
			h->each(h->arg, name, &message);
		f.nth++;
	} while (f.at > f.nth);
}

static void each_cut(const struct hostile *h, const struct buf *plain)
{
	size_t step = plain->len / CUTS + 1;

	for (size_t n = 1; n < plain->len; n += step) {
		struct buf cut = { .data = plain->data, .len = n };
		_cleanup_free_ char *name = mem_printf("cut after %zu of %zu bytes", n, plain->len);

		h->each(h->arg, name, &cut);
	}
}

/* The same each time. */
static unsigned noise(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static void each_noise(const struct hostile *h, const struct buf *plain)
{
	for (unsigned i = 0; i < NOISES; i++) {
		_cleanup_buf_ struct buf message = { 0 };
		_cleanup_free_ char *name = mem_printf("noise %u", i);
		unsigned seed = i;

		if (i % 2)
			buf_add(&message, buf_str(plain), plain->len);
		else
			for (unsigned k = 0; k < 20 + i * i; k++)
				buf_addc(&message, (char)noise(&seed));
		for (unsigned k = 0; i % 2 && k <= plain->len / 20; k++)
			if (message.len)
				message.data[noise(&seed) % message.len] = (char)noise(&seed);
		h->each(h->arg, name, &message);
	}
}

/* Field @id inside field @id inside ..., written from the inside. */
static void put_nested(struct buf *out, uint32_t id, unsigned depth)
{
	size_t sizes[NESTED + 1] = { 0 };

	for (unsigned i = 1; i <= depth; i++) {
		_cleanup_buf_ struct buf head = { 0 };

		put_tag(&head, id, WIRE_BYTES);
		put_varint(&head, sizes[i - 1]);
		sizes[i] = sizes[i - 1] + head.len;
	}
	for (unsigned i = depth; i > 0; i--) {
		put_tag(out, id, WIRE_BYTES);
		put_varint(out, sizes[i - 1]);
	}
}

static void each_size(const struct hostile *h)
{
	const ProtobufCMessageDescriptor *m = h->type;
	static const size_t sizes[] = { HUGE_BYTES, TOO_LONG };
	const uint32_t ids[] = { m->n_fields ? m->fields[0].id : 1, m->n_fields ? m->fields[m->n_fields - 1].id : 1, 536870911 };

	for (size_t k = 0; k < 2; k++) {
		_cleanup_buf_ struct buf message = { 0 };
		_cleanup_free_ char *filled = mem_zalloc(sizes[k]);

		put_bytes(&message, ids[0], memset(filled, 'z', sizes[k]), sizes[k]);
		h->each(h->arg, k ? "too long" : "huge", &message);
	}
	for (size_t k = 0; k < 3; k++) {
		_cleanup_buf_ struct buf nested = { 0 }, many = { 0 };

		put_nested(&nested, ids[k], NESTED);
		h->each(h->arg, "nested", &nested);
		for (unsigned i = 0; i < 100000; i++)
			put_bytes(&many, ids[k], "", 0);
		h->each(h->arg, "a hundred thousand of one field", &many);
	}
}

static void each_oddity(const struct hostile *h)
{
	static const struct {
		const char *name, *bytes;
		size_t len;
	} rows[] = {
		{ "nothing", "", 0 },
		{ "a tag of zero", "\0\0", 2 },
		{ "a group", "\x0b\x0b\x0c\x0c", 4 },
		{ "a group without an end", "\x0b\x0b\x0b", 3 },
		{ "wire type 7", "\x0f\x01", 2 },
		{ "a varint without an end", "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 13 },
		{ "a length beyond the end", "\x0a\xff\xff\xff\xff\x0f", 6 },
		{ "a length of 2^63", "\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 10 },
		{ "an unknown field", "\xfa\xff\xff\xff\x0f\x01x", 7 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf message = { .data = (char *)(uintptr_t)rows[i].bytes, .len = rows[i].len };

		h->each(h->arg, rows[i].name, &message);
	}
}

/* For fields of bytes, which are msgpack in a config. */
static const struct {
	const char *name, *bytes;
	size_t len;
} packs[] = {
#define PACK(name, bytes) \
	{ \
		name, bytes, sizeof(bytes) - 1 \
	}
	PACK("msgpack: nothing", ""),
	PACK("msgpack: nil", "\xc0"),
	PACK("msgpack: never used", "\xc1"),
	PACK("msgpack: a number", "\x07"),
	PACK("msgpack: an array of 4 billion", "\xdd\xff\xff\xff\xff"),
	PACK("msgpack: a map of 4 billion", "\xdf\xff\xff\xff\xff"),
	PACK("msgpack: a text of 4 billion", "\xdb\xff\xff\xff\xff"),
	PACK("msgpack: bytes of 4 billion", "\xc6\xff\xff\xff\xff"),
	PACK("msgpack: an ext of 4 billion", "\xc9\xff\xff\xff\xff\x01"),
	PACK("msgpack: ext 0", "\x81\xa5image\xd4\x00\x00"),
	PACK("msgpack: a number as a key", "\x81\x01\x02"),
	PACK("msgpack: a map as a key", "\x81\x80\x02"),
	PACK("msgpack: a key twice", "\x82\xa5image\xa1x\xa5image\xa1y"),
	PACK("msgpack: an unknown key", "\x81\xa7nothing\x01"),
	PACK("msgpack: image is a number", "\x81\xa5image\x07"),
	PACK("msgpack: image is a map", "\x81\xa5image\x81\xa1x\x80"),
	PACK("msgpack: image is not UTF-8", "\x81\xa5image\xa3\xff\xfe\xc0"),
	PACK("msgpack: image has a NUL", "\x81\xa5image\xa3y\0z"),
	PACK("msgpack: image is empty", "\x81\xa5image\xa0"),
	PACK("msgpack: image is no reference", "\x81\xa5image\xa4/::/"),
	PACK("msgpack: args is a text", "\x82\xa5image\xa1x\xa4"
					"args\xa1y"),
	PACK("msgpack: args of maps", "\x82\xa5image\xa1x\xa4"
				      "args\x91\x80"),
	PACK("msgpack: privileged is a text", "\x82\xa5image\xa1x\xaaprivileged\xa3yes"),
	PACK("msgpack: pids_limit is a fraction", "\x82\xa5image\xa1x\xaapids_limit\xcb\x3f\xf8\0\0\0\0\0\0"),
	PACK("msgpack: pids_limit is not a number", "\x82\xa5image\xa1x\xaapids_limit\xcb\x7f\xf8\0\0\0\0\0\0"),
	PACK("msgpack: pids_limit is huge", "\x82\xa5image\xa1x\xaapids_limit\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	PACK("msgpack: more behind the end", "\x80\x80"),
	PACK("msgpack: cut", "\x82\xa5image\xa1x\xa4"
			     "ar"),
	PACK("msgpack: mounts is a map", "\x82\xa5image\xa1x\xa6mounts\x80"),
	PACK("msgpack: mounts of texts", "\x82\xa5image\xa1x\xa6mounts\x91\xa1x"),
	PACK("msgpack: containerd_runtime is a list", "\x81\xb2"
						      "containerd_runtime\x90"),
	PACK("msgpack: gc is a list", "\x81\xa2gc\x91\x01"),
/* a driver_state */
#define STATE(name, n, more) PACK("state: " name, n HOSTILE_STATE more)
	STATE("of no boot", "\x86", ""),
	STATE("a number as its boot", "\x87",
	      "\xa4"
	      "boot\x07"),
	STATE("its namespace twice", "\x87", "\xa2ns\xa3../"),
	STATE("its container is bytes", "\x87",
	      "\xa9"
	      "container\xc4\x03\xff\0\xfe"),
	STATE("its job climbs", "\x87", "\xa3job\xa9../../etc"),
	STATE("its start is a text", "\x87", "\xaastarted_at\xa3now"),
	STATE("its start is huge", "\x87", "\xaastarted_at\xcf\xff\xff\xff\xff\xff\xff\xff\xff"),
	STATE("its terminal is a map", "\x87", "\xa3tty\x80"),
	STATE("its cgroup climbs", "\x87",
	      "\xa6"
	      "cgroup\xaf/../../../../etc"),
	STATE("its processors are shared with a file", "\x87", "\xa6shared\xab/etc/passwd"),
	STATE("its output is a folder", "\x87", "\xabstdout_path\xa4/etc"),
	STATE("its containerd is no socket", "\x87",
	      "\xa7"
	      "address\xab/etc/passwd"),
	PACK("state: of another version", "\x81\xa1v\x02"),
	PACK("state: a fraction as its version", "\x81\xa1v\xcb\x3f\xf8\0\0\0\0\0\0"),
	PACK("state: nothing but its version", "\x81\xa1v\x01"),
#undef STATE
#undef PACK
};

static void each_pack(const struct hostile *h)
{
	_cleanup_buf_ struct buf deep = { 0 }, wide = { 0 };

	for (size_t i = 0; i < sizeof packs / sizeof *packs; i++) {
		const struct buf raw = { .data = (char *)(uintptr_t)packs[i].bytes, .len = packs[i].len };

		each_twist(h, RAW, &raw, packs[i].name);
	}
	for (unsigned i = 0; i < 200000; i++)
		buf_addc(&deep, (char)0x91);
	each_twist(h, RAW, &deep, "msgpack: nested 200000 deep");
	buf_add(&wide, "\xdd\x00\x0f\x42\x40", 5);
	for (unsigned i = 0; i < 1000000; i++)
		buf_addc(&wide, (char)0x80);
	each_twist(h, RAW, &wide, "msgpack: a million maps");
}

void hostile_each(const struct hostile *h)
{
	_cleanup_buf_ struct buf plain = { 0 };

	hostile_plain(h->type, h->words, &plain);
	for (enum twist t = PLAIN; t < RAW; t++)
		each_twist(h, t, NULL, twist_names[t]);
	each_cut(h, &plain);
	each_noise(h, &plain);
	each_oddity(h);
	each_size(h);
	each_pack(h);
}
