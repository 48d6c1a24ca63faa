#include "engine.h"
#include "engine-file.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "name.h"
#include "runtime-shim.h"
#include "spawn.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_DEFAULT "/run/containerd/runc"
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { STATE_MAX = 64 << 10, LOG_MAX = 1 << 20, LOG_NAME = 16 };

void engine_done(struct engine *e)
{
	if (e->file > 0)
		(void)close(e->file);
	free(e->program);
	free(e->root);
	free(e->criu_image_path);
	free(e->criu_work_path);
	*e = (struct engine){ 0 };
}

/* crun 1.8 refuses a host of cgroup v1 on which hugetlb is a controller that is not mounted. */
static bool crun_works_here(void)
{
	_cleanup_buf_ struct buf text = { 0 };

	if (file_exists("/sys/fs/cgroup/cgroup.controllers"))
		return true;
	return file_read("/proc/cgroups", STATE_MAX, &text, NULL) < 0 || !strstr(buf_str(&text), "\nhugetlb\t") ||
	       file_exists("/sys/fs/cgroup/hugetlb/cgroup.procs");
}

static int find_program(const char *name, char **ret, struct err *err)
{
	const char *path = getenv("PATH");

	if (name && *name == '/') {
		*ret = mem_strdup(name);
		return 0;
	}
	if (!path || !*path)
		path = PATH_DEFAULT;
	if (name && *name)
		*ret = file_find(path, name);
	else
		*ret = crun_works_here() ? file_find(path, "crun") : NULL;
	if (!*ret && (!name || !*name))
		*ret = file_find(path, "runc");
	if (*ret)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "no %s in containerd's PATH", name && *name ? name : "crun and no runc");
}

int engine_choose(const char *ns, const struct shim_options *o, struct engine *ret, struct err *err)
{
	struct engine e = { 0 };
	int r = find_program(o->binary_name, &e.program, err);

	if (r < 0)
		return r;
	e.root = mem_printf("%s/%s", o->root ? o->root : ROOT_DEFAULT, ns);
	e.criu_image_path = o->criu_image_path ? mem_strdup(o->criu_image_path) : NULL;
	e.criu_work_path = o->criu_work_path ? mem_strdup(o->criu_work_path) : NULL;
	e.io_uid = (uid_t)o->io_uid;
	e.io_gid = (gid_t)o->io_gid;
	e.systemd = o->systemd_cgroup;
	e.no_pivot = o->no_pivot_root;
	e.no_new_keyring = o->no_new_keyring;
	e.file = engine_file_open(e.program);
	*ret = e;
	return 0;
}

int engine_store(const struct engine *e, const char *bundle, struct err *err)
{
	_cleanup_json_ json *o = json_new_object();
	_cleanup_free_ char *path = mem_printf("%s/" SHIM_STATE, bundle);
	_cleanup_buf_ struct buf text = { 0 };

	json_put_str(o, "program", e->program);
	json_put_str(o, "root", e->root);
	json_put_bool(o, "systemd", e->systemd);
	json_write(o, &text);
	return file_write(path, text.data, text.len, 0600, err);
}

int engine_load(const char *bundle, struct engine *ret, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/" SHIM_STATE, bundle);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *o = NULL;
	int r = file_read(path, STATE_MAX, &text, err);

	if (r >= 0)
		r = json_parse(text.data, text.len, &o, err);
	if (r < 0)
		return r;
	if (!json_get_str(o, "program") || !json_get_str(o, "root"))
		return err_set(err, ERR_DATA_LOSS, "%s: names no engine", path);
	*ret = (struct engine){ .program = mem_strdup(json_get_str(o, "program")),
				.root = mem_strdup(json_get_str(o, "root")),
				.systemd = json_get_bool(o, "systemd", false) };
	return 0;
}

static void engine_words(const struct engine *e, const char *log, const struct strv *words, struct strv *out)
{
	strv_push(out, e->program);
	strv_push(out, "--root");
	strv_push(out, e->root);
	if (log) {
		strv_push(out, "--log");
		strv_push(out, log);
		strv_push(out, "--log-format");
		strv_push(out, "json");
	}
	if (e->systemd)
		strv_push(out, "--systemd-cgroup");
	strv_add(out, words);
}

/* Ours, and that it runs from its file. */
static void engine_env(struct strv *out)
{
	for (char **v = environ; *v; v++)
		strv_push(out, *v);
	strv_push(out, ENGINE_FILE_ENV);
}

/* Where the bundle has been removed it logs nowhere: a container can be killed and deleted without. */
static int engine_launch(const struct engine *e, const char *log, const char *bundle, const struct strv *words,
			 const struct engine_io *io, pid_t *ret, struct err *err)
{
	static const struct engine_io none = { -1, -1, -1 };
	const struct engine_io *of = io ? io : &none;
	_cleanup_strv_ struct strv argv = { 0 }, env = { 0 };
	_cleanup_free_ char *file = mem_printf("/proc/self/fd/%d", e->file);
	const bool has_bundle = file_exists(bundle);
	struct spawn spawn = { .path = e->program, .fds = { of->in, of->out, of->err }, .dir = has_bundle ? bundle : "/" };
	int r;

	engine_words(e, has_bundle ? log : NULL, words, &argv);
	spawn.argv = strv_argv(&argv);
	if (e->file > 0) {
		engine_env(&env);
		spawn.envp = strv_argv(&env);
		spawn.path = file;
	}
	r = spawn_dying(&spawn, ret);
	return r < 0 ? err_sys(err, -r, "engine %s", e->program) : 0;
}

/* The last line of level error. */
static char *last_error(const char *log)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_strv_ struct strv lines = { 0 };
	char *found = NULL;

	if (file_read(log, LOG_MAX, &text, NULL) < 0)
		return NULL;
	strv_split(&lines, buf_str(&text), "\n");
	for (size_t i = lines.n; i > 0 && !found; i--) {
		_cleanup_json_ json *o = NULL;
		const char *level;

		if (json_parse(lines.v[i - 1], strlen(lines.v[i - 1]), &o, NULL) < 0)
			continue;
		level = json_get_str(o, "level");
		if ((!level || !strcmp(level, "error") || !strcmp(level, "fatal")) && json_get_str(o, "msg"))
			found = mem_strdup(json_get_str(o, "msg"));
	}
	return found;
}

static void drop_log(struct engine_call *c)
{
	if (c->log)
		(void)unlink(c->log);
	free(TAKE_PTR(c->log));
}

static void on_engine_end(void *arg, int status)
{
	struct engine_call *c = arg;

	if (status)
		c->said = last_error(c->log);
	drop_log(c);
	c->ended(c->arg, status);
}

int engine_begin(struct engine_call *c, const struct engine *e, struct loop *loop, const char *bundle, const struct strv *words,
		 const struct engine_io *io, struct err *err)
{
	char random[LOG_NAME + 1];
	pid_t pid;
	int fd, r;

	free(TAKE_PTR(c->said));
	name_random(random, LOG_NAME);
	c->log = mem_printf("%s/log-%s.json", bundle, random);
	r = engine_launch(e, c->log, bundle, words, io, &pid, err);
	if (r < 0)
		return drop_log(c), r;
	fd = reap_open(pid);
	if (fd < 0)
		return drop_log(c), err_sys(err, -fd, "engine %s", e->program);
	reap_init(&c->reap, loop, fd, on_engine_end, c);
	return 0;
}

int engine_error(const struct engine_call *c, const char *what, int status, struct err *err)
{
	if (c->said)
		return err_set(err, ERR_UNKNOWN, "%s: %s", what, c->said);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_UNKNOWN, "%s: the engine was killed by signal %d", what, WTERMSIG(status));
	return err_set(err, ERR_UNKNOWN, "%s: the engine ended with %d", what, WEXITSTATUS(status));
}

void engine_call_done(struct engine_call *c)
{
	if (reap_on(&c->reap))
		reap_end(&c->reap);
	drop_log(c);
	free(c->said);
	*c = (struct engine_call){ 0 };
}

int engine_run(const struct engine *e, const char *bundle, const struct strv *words, struct err *err)
{
	_cleanup_free_ char *log = mem_printf("%s/log.json", bundle);
	pid_t pid;
	int fd, r = engine_launch(e, log, bundle, words, NULL, &pid, err);

	if (r < 0)
		return r;
	fd = reap_open(pid);
	if (fd < 0)
		return err_sys(err, -fd, "engine %s", e->program);
	r = reap_take(fd, true);
	(void)close(fd);
	return r < 0 ? err_sys(err, -r, "engine %s", e->program) : r;
}
