#include "runtime.h"
#include "ctrd-path.h"
#include "file.h"
#include "kata.h"
#include "mem.h"
#include "runtime-kind.h"
#include "runtime-option.h"
#include "runtime-options.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RUNC_V2 "io.containerd.runc.v2"

static const struct {
	const char *name, *type, *engine;
} short_names[] = {
	{ "runc", RUNC_V2, NULL },
	{ "crun", RUNC_V2, "crun" },
	{ "runsc", "io.containerd.runsc.v1", NULL },
	{ "gvisor", "io.containerd.runsc.v1", NULL },
	{ "kata", "io.containerd.kata.v2", NULL },
	{ "davit", OWN_SHIM_TYPE, NULL },
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

/* Under the name that the table has, whatever was written. */
static void own_names(const struct dict *asked, struct dict *out)
{
	for (size_t i = 0; i < asked->n; i++) {
		const struct runtime_option *o = runtime_option(asked->v[i].key);

		dict_set(out, o ? o->name : asked->v[i].key, asked->v[i].value);
	}
}

/* The engine's program: the short name's, or that of BinaryName. containerd's PATH may be another than ours. */
static int find_engine(const char *name, const char *wants, struct dict *options, char **ret, struct err *err)
{
	const char *given = dict_get(options, "BinaryName");
	_cleanup_free_ char *path = NULL;

	if (given && wants)
		return err_hint(err,
				err_set(err, ERR_INVALID, "runtime option BinaryName %s: runtime %s is %s", given, name, wants),
				"--runtime runc takes any BinaryName");
	if (!given && !wants)
		return 0;
	path = !given || *given != '/' ? in_path(given ? given : wants) : file_executable(given) ? mem_strdup(given) : NULL;
	if (!path)
		return given ? err_set(err, ERR_NOT_FOUND, "runtime option BinaryName %s: there is no such program", given)
			     : unknown(name, "the program is not installed", err);
	*ret = given ? mem_strdup(given) : mem_strdup(wants);
	dict_set(options, "BinaryName", path);
	return 0;
}

/* What the job names must be there; Kata's is found where Kata looks for it. */
static int find_config(bool vm, const char *root, struct dict *options, struct err *err)
{
	const char *given = dict_get(options, "ConfigPath");
	_cleanup_free_ char *found = NULL, *path = given ? mem_printf("%s%s", root, given) : NULL;
	int r;

	if (path && !file_exists(path))
		return err_set(err, ERR_NOT_FOUND, "runtime option ConfigPath %s: there is no such file", given);
	if (given || !vm || dict_get(options, "ConfigBody"))
		return 0;
	r = kata_config(root, &found, err);
	if (r < 0)
		return err_wrap(err, r, "runtime kata");
	dict_set(options, "ConfigPath", found);
	return 0;
}

/* mount_setattr(2) is Linux 5.12's, and "rro" runc's since 1.1 and crun's since 1.4; of older ones it is left unread. */
static bool can_recursive_ro(const struct runtime *r)
{
	const char *slash = r->engine ? strrchr(r->engine, '/') : NULL, *engine = slash ? slash + 1 : r->engine;

	if (!runtime_takes_runc(r->type) || (engine && strcmp(engine, "runc") != 0 && strcmp(engine, "crun") != 0))
		return false;
	return syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) == 0 || errno != ENOSYS;
}

static const char *type_of(const char *name, const char **ret_engine)
{
	for (size_t i = 0; i < N_SHORT; i++)
		if (!strcmp(short_names[i].name, name)) {
			*ret_engine = short_names[i].engine;
			return short_names[i].type;
		}
	return name[0] == '/' || !strncmp(name, "io.containerd.", 14) ? name : NULL;
}

bool runtime_same(const char *a, const char *b)
{
	const char *engine_a = NULL, *engine_b = NULL, *type_a = type_of(a, &engine_a), *type_b = type_of(b, &engine_b);

	return type_a && type_b ? !strcmp(type_a, type_b) && !strcmp(engine_a ? engine_a : "", engine_b ? engine_b : "")
				: !strcmp(a, b);
}

int runtime_resolve(const char *name, const struct dict *asked, const char *root, struct runtime *ret, struct err *err)
{
	_cleanup_(runtime_done) struct runtime found = { 0 };
	_cleanup_dict_ struct dict options = { 0 };
	_cleanup_free_ char *shim = NULL;
	const char *wants = NULL, *type = type_of(name, &wants), *systemd;
	int r;

	if (!type)
		return unknown(name, "no such runtime", err);
	shim = runtime_shim(type);
	if (!shim)
		return unknown(name, "its shim is not installed", err);
	found.type = mem_strdup(type);
	found.vm = runtime_is_vm(type);
	own_names(asked, &options);
	r = find_engine(name, wants, &options, &found.engine, err);
	if (r >= 0)
		r = find_config(found.vm, root, &options, err);
	if (r >= 0)
		r = runtime_options_pack(type, &options, &found.options, err);
	if (r < 0)
		return r;
	systemd = dict_get(&options, "SystemdCgroup");
	found.systemd = systemd && runtime_option_is_on(systemd);
	found.recursive_ro = can_recursive_ro(&found);
	*ret = found;
	found = (struct runtime){ 0 };
	return 0;
}
