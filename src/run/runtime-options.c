#include "runtime-options.h"
#include "mem.h"
#include "options.pb-c.h"
#include "runtime-option.h"
#include "runtimeoptions.pb-c.h"
#include <string.h>

typedef Containerd__Runc__V1__Options runc_options;
typedef Runtimeoptions__V1__Options other_options;

static const struct {
	const char *name;
	size_t at;
} members[] = {
#define RUNC(name, member, kind) { #name, offsetof(runc_options, member) },
#define OTHER(name, member, kind) { #name, offsetof(other_options, member) },
	RUNTIME_OPTIONS_RUNC(RUNC) RUNTIME_OPTIONS_OTHER(OTHER)
#undef RUNC
#undef OTHER
};

static void *member_of(void *message, const char *name)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (!strcmp(members[i].name, name))
			return (char *)message + members[i].at;
	return NULL;
}

/* The message borrows the value. */
static void put_option(void *message, const struct runtime_option *o, const char *value)
{
	void *at = member_of(message, o->name);

	if (o->kind == RUNTIME_OPTION_SWITCH)
		*(protobuf_c_boolean *)at = runtime_option_is_on(value);
	else if (o->kind == RUNTIME_OPTION_ID)
		*(uint32_t *)at = (uint32_t)strtoul(value, NULL, 10);
	else if (!strcmp(o->name, "ConfigBody"))
		*(ProtobufCBinaryData *)at = (ProtobufCBinaryData){ strlen(value), (uint8_t *)(uintptr_t)value };
	else
		*(const char **)at = value;
}

/* The third part of io.containerd.NAME.VERSION, or of a path .../containerd-shim-NAME-VERSION. */
static bool is_shim_of(const char *type, const char *name)
{
	_cleanup_free_ char *as_type = mem_printf(".%s.", name), *as_path = mem_printf("/containerd-shim-%s-", name);

	return strstr(type, *type == '/' ? as_path : as_type) != NULL;
}

bool runtime_takes_runc(const char *type) { return is_shim_of(type, "runc") || is_shim_of(type, "davit"); }

static int not_its_own(const char *type, const struct runtime_option *o, struct err *err)
{
	int r = err_set(err, ERR_INVALID, "runtime option %s: not one of %s", o->name, type);

	return o->runc ? err_hint(err, r, "it takes ConfigPath, TypeUrl and ConfigBody: what %s says stands in its configuration",
				  o->name)
		       : err_hint(err, r, "it takes BinaryName, SystemdCgroup, Root ...: %s is for runsc, Kata and others",
				  o->name);
}

bool runtime_is_davit(const char *type) { return is_shim_of(type, "davit"); }

static void pack(const ProtobufCMessage *m, const char *type_url, struct ctrd_any *out)
{
	out->type_url = mem_strdup(type_url);
	buf_grew(&out->value, protobuf_c_message_pack(m, (uint8_t *)buf_room(&out->value, protobuf_c_message_get_packed_size(m))));
}

int runtime_options_pack(const char *type, const struct dict *options, struct ctrd_any *out, struct err *err)
{
	runc_options runc = CONTAINERD__RUNC__V1__OPTIONS__INIT;
	other_options other = RUNTIMEOPTIONS__V1__OPTIONS__INIT;
	char of_runsc[] = "io.containerd.runsc.v1.options";
	const bool is_runc = runtime_takes_runc(type);

	if (is_shim_of(type, "runsc"))
		other.type_url = of_runsc;
	for (size_t i = 0; i < options->n; i++) {
		const struct runtime_option *o = runtime_option(options->v[i].key);

		if (!o || o->runc != is_runc)
			return o ? not_its_own(type, o, err) : err_set(err, ERR_INVALID, "runtime option %s", options->v[i].key);
		put_option(is_runc ? (void *)&runc : (void *)&other, o, options->v[i].value);
	}
	if (options->n)
		pack(is_runc ? &runc.base : &other.base, is_runc ? "containerd.runc.v1.Options" : "runtimeoptions.v1.Options", out);
	return 0;
}
