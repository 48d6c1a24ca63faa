/* How a test drives the fake: methods of the service "davit.fake" on the same socket, whose messages are plain text.
 * They are not counted, and no fault meets them. */
#include "serve.h"
#include "mem.h"
#include "images.pb-c.h"
#include "snapshots.pb-c.h"
#include <string.h>

static const struct {
	const char *name;
	enum fault_kind kind;
	unsigned value;
} fault_kinds[] = {
	{ "fail", FAULT_FAIL, 14 },
	{ "hang", FAULT_HANG, 0 },
	{ "drop", FAULT_DROP, 0 },
	{ "delay", FAULT_DELAY, 0 },
	{ "after-fail", FAULT_AFTER_FAIL, 14 },
	{ "after-drop", FAULT_AFTER_DROP, 0 },
	{ "raw", FAULT_RAW, 0 },
	{ "gather", FAULT_GATHER, 2 },
};

/* "WHERE:WHAT[=VALUE]" */
static bool parse_fault(const char *text, struct fault *ret)
{
	const char *what = strrchr(text, ':'), *value;
	size_t n;

	if (!what)
		return false;
	what++;
	n = strcspn(what, "=");
	value = what[n] ? what + n + 1 : NULL;
	for (size_t i = 0; i < sizeof fault_kinds / sizeof *fault_kinds; i++) {
		if (strlen(fault_kinds[i].name) != n || strncmp(fault_kinds[i].name, what, n))
			continue;
		*ret = (struct fault){ mem_strndup(text, (size_t)(what - 1 - text)), fault_kinds[i].kind, fault_kinds[i].value,
				       mem_strdup(value ? value : "") };
		if (value)
			ret->value = (unsigned)strtoul(value, NULL, 10);
		return true;
	}
	return false;
}

static void fault(struct served *s, const ProtobufCMessage *msg)
{
	struct fake_server *f = s->fake;
	struct fault one;

	(void)msg;
	if (!parse_fault(buf_str(&s->held), &one)) {
		served_fail(s, ERR_INVALID, "fault %s: is not WHERE:WHAT", buf_str(&s->held));
		return;
	}
	f->faults = mem_grow(f->faults, &f->faults_cap, f->n_faults + 1, sizeof *f->faults);
	f->faults[f->n_faults++] = one;
	served_bytes(s, "", 0);
}

static void reset(struct served *s, const ProtobufCMessage *msg)
{
	(void)msg;
	faults_forget(s->fake);
	served_bytes(s, "", 0);
}

static void clear(struct served *s, const ProtobufCMessage *msg)
{
	struct fake_server *f = s->fake;

	list_for_each(it, &f->calls)
		container_of(it, struct served, node)->ingest = NULL;
	store_done(&f->store);
	for (size_t i = 0; i < f->n_programs; i++) {
		free(f->programs[i].key);
		free(f->programs[i].what);
		free(f->programs[i].output);
	}
	f->n_programs = 0;
	reset(s, msg);
}

static void calls(struct served *s, const ProtobufCMessage *msg)
{
	(void)msg;
	served_bytes(s, buf_str(&s->fake->log), s->fake->log.len);
}

static void dump(struct served *s, const ProtobufCMessage *msg)
{
	_cleanup_buf_ struct buf out = { 0 };

	(void)msg;
	store_dump(&s->fake->store, &out);
	served_bytes(s, buf_str(&out), out.len);
}

/* "KEY WHAT [OUTPUT]" */
static void program(struct served *s, const ProtobufCMessage *msg)
{
	struct fake_server *f = s->fake;
	char *key = s->held.data, *save = NULL, *what, *output;

	(void)msg;
	key = key ? strtok_r(key, " ", &save) : NULL;
	what = key ? strtok_r(NULL, " ", &save) : NULL;
	output = what ? strtok_r(NULL, "", &save) : NULL;
	if (!what) {
		served_fail(s, ERR_INVALID, "a program is KEY WHAT [OUTPUT]");
		return;
	}
	f->programs = mem_grow(f->programs, &f->programs_cap, f->n_programs + 1, sizeof *f->programs);
	f->programs[f->n_programs++] = (struct program){ mem_strdup(key), mem_strdup(what), mem_strdup(output) };
	served_bytes(s, "", 0);
}

/* "NAMESPACE KEY STATUS" */
static void exit_(struct served *s, const ProtobufCMessage *msg)
{
	_cleanup_strv_ struct strv words = { 0 };
	struct record *r = NULL;

	(void)msg;
	strv_split(&words, buf_str(&s->held), " ");
	if (words.n == 3)
		r = store_find(&s->fake->store, strchr(words.v[1], '/') ? EXEC : TASK, words.v[0], words.v[1]);
	if (!r) {
		served_fail(s, ERR_NOT_FOUND, "process %s: not found", buf_str(&s->held));
		return;
	}
	task_exit(s->fake, r, (uint32_t)strtoul(words.v[2], NULL, 10));
	served_bytes(s, "", 0);
}

static void seed_config(struct buf *out, const char *diff_id)
{
	buf_addf(out,
		 "{\"architecture\":\"amd64\",\"os\":\"linux\","
		 "\"config\":{\"Env\":[\"PATH=/bin:/usr/bin\"],\"Cmd\":[\"true\"],\"WorkingDir\":\"/\"},"
		 "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\"]}}",
		 diff_id);
}

static void seed_label(struct fake_server *f, const char *ns, const char *digest, const char *key, const char *value)
{
	dict_set(&store_find(&f->store, CONTENT, ns, digest)->labels, key, value);
}

static void seed_image_record(struct fake_server *f, const char *ns, const char *name, const char *digest, size_t size)
{
	Types__Descriptor target = TYPES__DESCRIPTOR__INIT;
	Images__Image image = IMAGES__IMAGE__INIT;
	struct record *r = store_add(&f->store, IMAGE, ns, name);

	target.media_type = borrow("application/vnd.oci.image.manifest.v1+json");
	target.digest = borrow(digest);
	target.size = (int64_t)size;
	image.name = borrow(name);
	image.target = &target;
	pb_pack(&image.base, &r->body);
}

/* "NAMESPACE NAME": what an image is after it was pulled and unpacked. */
static void seed_image(struct served *s, const ProtobufCMessage *msg)
{
	static const char layer_bytes[1024], mt[] = "application/vnd.oci.image"; /* an empty tar */
	_cleanup_strv_ struct strv words = { 0 };
	_cleanup_buf_ struct buf config = { 0 }, manifest = { 0 };
	_cleanup_free_ char *key = NULL;
	char layer_digest[72], config_digest[72], manifest_digest[72];
	struct record *snapshot;

	(void)msg;
	strv_split(&words, buf_str(&s->held), " ");
	if (words.n != 2) {
		served_fail(s, ERR_INVALID, "an image is NAMESPACE NAME");
		return;
	}
	blob_put(s->fake, words.v[0], layer_bytes, sizeof layer_bytes, layer_digest);
	seed_config(&config, layer_digest);
	blob_put(s->fake, words.v[0], config.data, config.len, config_digest);
	buf_addf(&manifest,
		 "{\"schemaVersion\":2,\"mediaType\":\"%s.manifest.v1+json\","
		 "\"config\":{\"mediaType\":\"%s.config.v1+json\",\"digest\":\"%s\",\"size\":%zu},"
		 "\"layers\":[{\"mediaType\":\"%s.layer.v1.tar\",\"digest\":\"%s\",\"size\":%zu}]}",
		 mt, mt, config_digest, config.len, mt, layer_digest, sizeof layer_bytes);
	blob_put(s->fake, words.v[0], manifest.data, manifest.len, manifest_digest);
	seed_label(s->fake, words.v[0], manifest_digest, "containerd.io/gc.ref.content.config", config_digest);
	seed_label(s->fake, words.v[0], manifest_digest, "containerd.io/gc.ref.content.l.0", layer_digest);
	seed_label(s->fake, words.v[0], config_digest, "containerd.io/gc.ref.snapshot.overlayfs", layer_digest);
	key = mem_printf("overlayfs %s", layer_digest);
	snapshot = store_find(&s->fake->store, SNAPSHOT, words.v[0], key);
	if (!snapshot)
		snapshot = store_add(&s->fake->store, SNAPSHOT, words.v[0], key);
	snapshot->state = SNAPSHOTS__KIND__COMMITTED;
	seed_image_record(s->fake, words.v[0], words.v[1], manifest_digest, manifest.len);
	served_bytes(s, "", 0);
}

#define FK "/davit.fake/"
const struct service_method control_methods[] = {
	{ FK "Fault", NULL, fault },
	{ FK "Reset", NULL, reset },
	{ FK "Clear", NULL, clear },
	{ FK "Calls", NULL, calls },
	{ FK "Dump", NULL, dump },
	{ FK "Program", NULL, program },
	{ FK "Exit", NULL, exit_ },
	{ FK "SeedImage", NULL, seed_image },
	{ 0 },
};
