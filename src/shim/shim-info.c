/* "-info": what this runtime is and can do. containerd 2.2 and newer ask before they create a first container, all 2.x where a spec
 * maps ids of mounts; a person may, too. Source: reference containerd.md C.10. */
#include "any.pb-c.h"
#include "bootstrap.pb-c.h"
#include "child.h"
#include "engine.h"
#include "file.h"
#include "mem.h"
#include "pb.h"
#include "runtime-shim.h"
#include "shim-stdin.h"
#include <unistd.h>

#define FEATURES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/features/Features"
enum { FEATURES_MAX = 1 << 20, ENGINE_MS = 3000 };

/* What `ENGINE features` prints; nothing of one that has no such command. */
static void read_features(const struct engine *e, struct buf *out)
{
	char word[] = "features", *argv[] = { e->program, word, NULL };
	const struct child_spec spec = { .path = e->program, .argv = argv, .out_max = FEATURES_MAX, .err_max = FEATURES_MAX };
	const struct ctx limit = ctx_within(NULL, ENGINE_MS);
	_cleanup_(loop_freep) struct loop *l = loop_new();
	_cleanup_(child_freep) struct child *c = NULL;

	if (child_start(l, &spec, &c, NULL) >= 0 && child_wait(c, &limit, NULL) == 0)
		buf_add(out, child_out(c)->data, child_out(c)->len);
}

/* The engine that these options name; none: it is not there, which Create says better. */
static bool info_engine(const Google__Protobuf__Any *options, struct engine *ret)
{
	_cleanup_(shim_options_done) struct shim_options o = { 0 };

	if (options && shim_options_parse(options->type_url, options->value.data, options->value.len, &o, NULL) < 0)
		return false;
	return engine_choose("", &o, ret, NULL) >= 0 && file_executable(ret->program);
}

static int print_info(Google__Protobuf__Any *options, const struct engine *e /* NULL: none */, struct buf *features,
		      struct err *err)
{
	char name[] = "io.containerd.davit.v2", version[] = DAVIT_VERSION, type[] = FEATURES_TYPE, key[] = "io.davit.engine";
	Bootstrap__RuntimeVersion v = BOOTSTRAP__RUNTIME_VERSION__INIT;
	Google__Protobuf__Any any = GOOGLE__PROTOBUF__ANY__INIT;
	Types__Entry engine = TYPES__ENTRY__INIT, *annotations[] = { &engine };
	Bootstrap__RuntimeInfo info = BOOTSTRAP__RUNTIME_INFO__INIT;
	_cleanup_buf_ struct buf out = { 0 };

	v.version = version;
	any.type_url = type;
	any.value = (ProtobufCBinaryData){ features->len, (uint8_t *)features->data };
	engine.key = key;
	engine.value = e ? e->program : NULL;
	info.name = name;
	info.version = &v;
	info.options = options;
	info.features = features->len ? &any : NULL;
	info.annotations = annotations;
	info.n_annotations = e ? 1 : 0;
	pb_pack(&info.base, &out);
	return write(STDOUT_FILENO, out.data, out.len) == (ssize_t)out.len ? 0 : err_sys(err, errno, "standard output");
}

int shim_info(struct err *err)
{
	_cleanup_(engine_done) struct engine e = { 0 };
	_cleanup_buf_ struct buf in = { 0 }, features = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *options = NULL;
	bool there;
	int r = 0;

	shim_stdin_read(&in);
	if (in.len)
		r = pb_unpack(&google__protobuf__any__descriptor, in.data, in.len, &a, &options, err);
	if (r < 0)
		return err_wrap(err, r, "options on standard input");
	there = info_engine((const void *)options, &e);
	if (there)
		read_features(&e, &features);
	return print_info((void *)(uintptr_t)options, there ? &e : NULL, &features, err);
}
