#include "shim-options.h"
#include "buf.h"
#include "file.h"
#include "mem.h"
#include "options.pb-c.h"
#include "pb.h"
#include "runtimeoptions.pb-c.h"
#include "toml.h"
#include <stdlib.h>
#include <string.h>

enum { TOML_MAX = 1 << 20 };
enum kind { TEXT, NUMBER, SWITCH };

#define TO(member) offsetof(struct shim_options, member)
static const struct {
	const char *name;
	enum kind kind;
	size_t to;
} rows[] = {
	{ "BinaryName", TEXT, TO(binary_name) },
	{ "Root", TEXT, TO(root) },
	{ "ShimCgroup", TEXT, TO(shim_cgroup) },
	{ "CriuImagePath", TEXT, TO(criu_image_path) },
	{ "CriuWorkPath", TEXT, TO(criu_work_path) },
	{ "IoUid", NUMBER, TO(io_uid) },
	{ "IoGid", NUMBER, TO(io_gid) },
	{ "NoPivotRoot", SWITCH, TO(no_pivot_root) },
	{ "NoNewKeyring", SWITCH, TO(no_new_keyring) },
	{ "SystemdCgroup", SWITCH, TO(systemd_cgroup) },
};
enum { ROWS = sizeof rows / sizeof *rows };

void shim_options_done(struct shim_options *o)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].kind == TEXT)
			free(*(char **)(void *)((char *)o + rows[i].to));
	*o = (struct shim_options){ 0 };
}

/* TOML */

static bool take_option(enum kind kind, json *value, void *to)
{
	const char *text = json_text(value);

	if (kind == NUMBER) {
		const int64_t number = json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

		*(uint64_t *)to = (uint64_t)number;
		return number >= 0 && number < UINT32_MAX; /* the last of them is no owner */
	}
	if (kind == SWITCH) {
		*(bool *)to = json_object_get_boolean(value);
		return json_object_is_type(value, json_type_boolean);
	}
	if (text) {
		free(*(char **)to);
		*(char **)to = *text ? mem_strdup(text) : NULL;
	}
	return text;
}

/* containerd's own reader does not look at case either. */
static int take_named(const char *key, json *value, struct shim_options *o, struct err *err)
{
	static const char *const kinds[] = { [TEXT] = "string", [NUMBER] = "number of a user or group", [SWITCH] = "boolean" };

	for (size_t i = 0; i < ROWS; i++)
		if (!strcasecmp(key, rows[i].name) && !take_option(rows[i].kind, value, (char *)o + rows[i].to))
			return err_set(err, ERR_INVALID, "%s: not a %s", rows[i].name, kinds[rows[i].kind]);
	return 0;
}

int shim_options_toml(const char *text, size_t len, struct shim_options *ret, struct err *err)
{
	_cleanup_json_ json *table = NULL;
	struct shim_options o = { 0 };
	int r = toml_parse(text, len, &table, err);

	if (r < 0)
		return r;
	json_object_object_foreach(table, key, value) {
		if (r >= 0)
			r = take_named(key, value, &o, err);
	}
	if (r < 0)
		shim_options_done(&o);
	else
		*ret = o;
	return r;
}

/* the messages */

static char *given(const char *s) { return *s ? mem_strdup(s) : NULL; }

static int from_runc(const ProtobufCMessage *msg, struct shim_options *ret)
{
	const Containerd__Runc__V1__Options *o = (const void *)msg;

	*ret = (struct shim_options){
		.binary_name = given(o->binary_name),
		.root = given(o->root),
		.shim_cgroup = given(o->shim_cgroup),
		.criu_image_path = given(o->criu_image_path),
		.criu_work_path = given(o->criu_work_path),
		.io_uid = o->io_uid,
		.io_gid = o->io_gid,
		.no_pivot_root = o->no_pivot_root,
		.no_new_keyring = o->no_new_keyring,
		.systemd_cgroup = o->systemd_cgroup,
	};
	return 0;
}

static int from_generic(const ProtobufCMessage *msg, struct shim_options *ret, struct err *err)
{
	const Runtimeoptions__V1__Options *o = (const void *)msg;
	_cleanup_buf_ struct buf text = { 0 };
	int r = 0;

	if (*o->config_path)
		r = file_read(o->config_path, TOML_MAX, &text, err);
	else
		buf_add(&text, o->config_body.data, o->config_body.len);
	if (r >= 0)
		r = shim_options_toml(buf_str(&text), text.len, ret, err);
	return r < 0 ? err_wrap(err, r, "%s", *o->config_path ? o->config_path : "config_body") : 0;
}

int shim_options_parse(const char *type_url, const void *data, size_t len, struct shim_options *ret, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	const bool runc = type_url && !strcmp(type_url, "containerd.runc.v1.Options");
	const ProtobufCMessage *msg = NULL;
	int r;

	*ret = (struct shim_options){ 0 };
	if (!runc && (!type_url || strcmp(type_url, "runtimeoptions.v1.Options") != 0))
		return 0;
	r = pb_unpack(runc ? &containerd__runc__v1__options__descriptor : &runtimeoptions__v1__options__descriptor, data, len, &a,
		      &msg, err);
	if (r >= 0)
		r = runc ? from_runc(msg, ret) : from_generic(msg, ret, err);
	return r < 0 ? err_wrap(err, r, "runtime options") : 0;
}
