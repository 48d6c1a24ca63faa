#include "runtime.h"
#include "file.h"
#include "mem.h"
#include "options.pb-c.h"
#include <string.h>

#define RUNC_V2 "io.containerd.runc.v2"

static const struct {
	const char *name, *type, *engine;
} short_names[] = {
	{ "runc", RUNC_V2, NULL },
	{ "crun", RUNC_V2, "crun" },
	{ "runsc", "io.containerd.runsc.v1", NULL },
	{ "gvisor", "io.containerd.runsc.v1", NULL },
	{ "kata", "io.containerd.kata.v2", NULL },
	{ "davit", "io.containerd.davit.v2", NULL },
};
enum { N_SHORT = sizeof short_names / sizeof *short_names };

void runtime_done(struct runtime *r)
{
	free(r->type);
	free(r->engine);
	ctrd_any_done(&r->options);
	*r = (struct runtime){ 0 };
}

static char *in_path(const char *program)
{
	_cleanup_free_ char *list = NULL;
	const char *path = getenv("PATH");

	list = mem_printf("%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", path ? path : "");
	return file_find(list, program);
}

/* io.containerd.NAME.VERSION is containerd-shim-NAME-VERSION (reference A.8). */
char *runtime_shim(const char *type)
{
	_cleanup_free_ char *copy = mem_strdup(type), *program = NULL;
	char *version, *name;

	if (type[0] == '/')
		return file_executable(type) ? TAKE_PTR(copy) : NULL;
	version = strrchr(copy, '.');
	if (!version)
		return NULL;
	*version++ = '\0';
	name = strrchr(copy, '.');
	if (!name)
		return NULL;
	program = mem_printf("containerd-shim-%s-%s", name + 1, version);
	return in_path(program);
}

static bool can_run(size_t i)
{
	_cleanup_free_ char *shim = runtime_shim(short_names[i].type), *engine = NULL;

	if (!shim)
		return false;
	engine = short_names[i].engine ? in_path(short_names[i].engine) : mem_strdup("");
	return engine != NULL;
}

void runtime_list(struct strv *out)
{
	for (size_t i = 0; i < N_SHORT; i++)
		if (can_run(i))
			strv_push(out, short_names[i].name);
}

static int unknown(const char *name, const char *why, struct err *err)
{
	_cleanup_strv_ struct strv found = { 0 };
	_cleanup_free_ char *list = NULL;
	int r;

	runtime_list(&found);
	list = strv_join(&found, ", ");
	r = err_set(err, ERR_NOT_FOUND, "runtime %s: %s (found here: %s)", name, why, found.n ? list : "none");
	return err_hint(err, r, "see: davit doctor");
}

/* VM runtimes end in kata.v2: io.containerd.kata.v2 and the older io.containerd.run.kata.v2. */
bool runtime_is_vm(const char *type)
{
	size_t n = strlen(type), m = strlen("kata.v2");

	return n >= m && !strcmp(type + n - m, "kata.v2");
}

static void engine_options(const char *engine, struct ctrd_any *out)
{
	Containerd__Runc__V1__Options o = CONTAINERD__RUNC__V1__OPTIONS__INIT;

	o.binary_name = (char *)(uintptr_t)engine;
	out->type_url = mem_strdup("containerd.runc.v1.Options");
	buf_grew(&out->value, containerd__runc__v1__options__pack(
				      &o, (uint8_t *)buf_room(&out->value, containerd__runc__v1__options__get_packed_size(&o))));
}

int runtime_resolve(const char *name, struct runtime *ret, struct err *err)
{
	_cleanup_free_ char *shim = NULL, *engine = NULL;
	const char *type = name, *wants = NULL;

	for (size_t i = 0; i < N_SHORT; i++)
		if (!strcmp(short_names[i].name, name)) {
			type = short_names[i].type;
			wants = short_names[i].engine;
		}
	if (type == name && name[0] != '/' && strncmp(name, "io.containerd.", 14) != 0)
		return unknown(name, "no such runtime", err);
	shim = runtime_shim(type);
	if (!shim)
		return unknown(name, "its shim is not installed", err);
	engine = wants ? in_path(wants) : NULL;
	if (wants && !engine)
		return unknown(name, "the program is not installed", err);
	*ret = (struct runtime){ .type = mem_strdup(type), .engine = mem_strdup(wants), .vm = runtime_is_vm(type) };
	if (engine)
		engine_options(engine, &ret->options);
	return 0;
}
