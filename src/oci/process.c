/* The process of a container and of an exec: arguments, environment, identity, capabilities, limits. */
#include "cap.h"
#include "json.h"
#include "mem.h"
#include "path.h"
#include "spec-parts.h"
#include "ulimit.h"
#include "utf8.h"
#include <ctype.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/resource.h>

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
enum { NOFILE_WANTED = 1048576 };

static bool cleared(const struct strv *s) { return s->n == 0 || (s->n == 1 && !*s->v[0]); /* --entrypoint "" */ }

void spec_args(const struct task *t, const struct image_config *image, struct strv *out)
{
	const struct strv *entrypoint = t->has_entrypoint ? &t->entrypoint : &image->entrypoint;

	if (!cleared(entrypoint))
		strv_add(out, entrypoint);
	if (t->args.n)
		strv_add(out, &t->args);
	else if (!t->has_entrypoint) /* the image's command belongs to the image's entrypoint */
		strv_add(out, &image->cmd);
}

static int check_process_text(const char *noun, const char *s, struct err *err)
{
	if (utf8_valid(s, strlen(s)))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "%s \"%.80s\": not UTF-8, which the runtime spec is made of", noun, s),
			"pass other bytes in a file");
}

static int check_process_texts(const char *noun, const struct strv *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n && r >= 0; i++)
		r = check_process_text(noun, s->v[i], err);
	return r;
}

/* An empty word is a program that nobody finds: as the engines have it, but not in the words of each. */
static int empty_command(const char *where, struct err *err)
{
	int r = err_set(err, ERR_NOT_FOUND, "command \"\": not found in the %s", where);

	if (err)
		err->exit_code = 127;
	return err_hint(err, r, "is a shell's variable not set?");
}

static int emit_args(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	int r;

	spec_args(in->task, in->image, &args);
	if (!args.n) {
		r = err_set(err, ERR_INVALID, "no command: image %s has none", in->task->image ? in->task->image : "");
		return err_hint(err, r, "name one behind the image, such as: davit run %s sh",
				in->task->image ? in->task->image : "IMAGE");
	}
	r = *args.v[0] ? check_process_texts("argument", &args, err) : empty_command("image", err);
	if (r >= 0)
		emit_strv(out, "args", &args);
	return r;
}

static void setenv_unless(struct strv *env, const char *key, const char *value)
{
	if (!strv_env(env, key))
		strv_pushf(env, "%s=%s", key, value);
}

/* HOME is always set, so that no engine looks for it. One that comes from the user's entry is the first variable, where none that
 * was given ever stands: an exec as another user tells them by that (has_own_home), and replaces only this one. An empty one is
 * as none, as the engines have it. */
static void home_unless_given(struct strv *env, const char *home)
{
	_cleanup_strv_ struct strv all = { 0 };
	const char *given = strv_env(env, "HOME");

	if (given && *given)
		return;
	strv_pushf(&all, "HOME=%s", home ? home : "/");
	for (size_t i = 0; i < env->n; i++)
		if (strcmp(env->v[i], "HOME=") != 0)
			strv_push(&all, env->v[i]);
	strv_done(env);
	*env = TAKE_STRUCT(all);
}

static bool has_own_home(const struct strv *env) { return env->n && !strncmp(env->v[0], "HOME=", 5); }

/* As Docker has it: what is usual gives way to the image, and that to the task. */
static int emit_env(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv env = { 0 }, given = { 0 };
	int r;

	strv_push(&env, DEFAULT_PATH);
	if (in->hostname)
		strv_pushf(&env, "HOSTNAME=%s", in->hostname);
	if (in->task->tty)
		strv_push(&env, "TERM=xterm");
	for (size_t i = 0; i < in->image->env.n; i++)
		if (strchr(in->image->env.v[i], '=') > in->image->env.v[i])
			strv_push(&given, in->image->env.v[i]);
	strv_setenvs(&env, &given);
	strv_setenvs(&env, &in->task->env);
	home_unless_given(&env, in->user->home);
	r = check_process_texts("environment variable", &env, err);
	if (r >= 0)
		emit_strv(out, "env", &env);
	return r;
}

static void emit_user(const struct user *u, struct buf *out)
{
	emit_open(out, "user", '{');
	emit_uint(out, "uid", u->uid);
	emit_uint(out, "gid", u->gid);
	if (u->n_groups) {
		emit_open(out, "additionalGids", '[');
		for (size_t i = 0; i < u->n_groups; i++)
			emit_uint(out, NULL, u->groups[i]);
		emit_close(out, ']');
	}
	emit_close(out, '}');
}

/* capabilities */

static int named_cap(const char *s, uint64_t bounding, uint64_t *set, struct err *err)
{
	uint64_t bits;
	int r = cap_parse(s, &bits, err);

	if (r < 0)
		return r;
	if (bits & (bits - 1))
		bits &= bounding; /* ALL: those there are */
	if (bits & ~bounding) {
		r = err_set(err, ERR_PERMISSION, "capability %s: davit does not have it itself, so it cannot give it", s);
		return err_hint(err, r, "leave it out, or run davit with it in its bounding set: grep CapBnd /proc/self/status");
	}
	*set |= bits;
	return 0;
}

int spec_capabilities(const struct spec_in *in, uint64_t *ret, struct err *err)
{
	const struct task *t = in->task;
	uint64_t dropped = 0, added = 0, known = 0, bits;
	int r;

	(void)cap_parse("ALL", &known, NULL);
	known &= in->bounding;
	for (size_t i = 0; i < t->cap_drop.n; i++) {
		r = cap_parse(t->cap_drop.v[i], &bits, err);
		if (r < 0)
			return err_wrap(err, r, "cap-drop");
		dropped |= bits;
	}
	for (size_t i = 0; i < t->cap_add.n; i++) {
		r = named_cap(t->cap_add.v[i], in->bounding, &added, err);
		if (r < 0)
			return err_wrap(err, r, "cap-add");
	}
	if (t->privileged)
		*ret = known;
	else if (added == known && t->cap_add.n) /* ALL but those dropped */
		*ret = known & ~dropped;
	else
		*ret = (cap_default & in->bounding & ~dropped) | added;
	return 0;
}

static void emit_cap_set(const char *key, uint64_t caps, struct buf *out)
{
	emit_open(out, key, '[');
	for (unsigned i = 0; cap_name(i); i++)
		if (caps & CAP_BIT(i))
			emit_str(out, NULL, cap_name(i));
	emit_close(out, ']');
}

/* A process that is not root starts as execve(2) would make it: with none but what a set-user-id program may gain. */
static void emit_caps(uint64_t caps, uid_t uid, struct buf *out)
{
	uint64_t held = uid == 0 ? caps : 0;

	emit_open(out, "capabilities", '{');
	emit_cap_set("bounding", caps, out);
	emit_cap_set("effective", held, out);
	emit_cap_set("permitted", held, out);
	emit_close(out, '}');
}

/* limits */

/* How far a limit can be raised without CAP_SYS_RESOURCE. */
static uint64_t own_hard_limit(const struct spec_in *in, const char *name)
{
	int resource = ulimit_resource(name);
	struct rlimit l;

	if (!strcmp(name, "nofile"))
		return in->nofile_max;
	if (resource < 0 || getrlimit((__rlimit_resource_t)resource, &l) < 0 || l.rlim_max == RLIM_INFINITY)
		return UINT64_MAX;
	return l.rlim_max;
}

static void emit_limit(const char *name, uint64_t soft, uint64_t hard, struct buf *out)
{
	char type[32];
	size_t n = (size_t)snprintf(type, sizeof type, "RLIMIT_%s", name);

	for (size_t i = 7; i < n && i < sizeof type; i++)
		type[i] = (char)toupper((unsigned char)type[i]);
	emit_open(out, NULL, '{');
	emit_str(out, "type", type);
	emit_uint(out, "hard", hard);
	emit_uint(out, "soft", soft);
	emit_close(out, '}');
}

static int check_limit(const struct spec_in *in, const struct ulimit *u, struct err *err)
{
	uint64_t own = own_hard_limit(in, u->name);
	int r;

	if (u->hard <= own || in->bounding & CAP_BIT(CAP_SYS_RESOURCE))
		return 0;
	if (u->hard == UINT64_MAX)
		r = err_set(err, ERR_PERMISSION, "ulimit %s unlimited: above davit's own hard limit of %" PRIu64, u->name, own);
	else
		r = err_set(err, ERR_PERMISSION, "ulimit %s %" PRIu64 ": above davit's own hard limit of %" PRIu64, u->name,
			    u->hard, own);
	return err_hint(err, r, "at most %" PRIu64 ", or run davit with CAP_SYS_RESOURCE", own);
}

static int emit_limits(const struct spec_in *in, struct buf *out, struct err *err)
{
	const struct task *t = in->task;
	uint64_t nofile = in->nofile_max < NOFILE_WANTED ? in->nofile_max : NOFILE_WANTED;
	bool given = false;
	int r;

	emit_open(out, "rlimits", '[');
	for (size_t i = 0; i < t->n_ulimits; i++) {
		size_t later = i + 1;

		while (later < t->n_ulimits && strcmp(t->ulimits[later].name, t->ulimits[i].name) != 0)
			later++;
		if (later < t->n_ulimits)
			continue; /* the last one of a name counts: engines refuse two */
		r = check_limit(in, &t->ulimits[i], err);
		if (r < 0)
			return r;
		given |= !strcmp(t->ulimits[i].name, "nofile");
		emit_limit(t->ulimits[i].name, t->ulimits[i].soft, t->ulimits[i].hard, out);
	}
	if (!given)
		emit_limit("nofile", nofile, nofile, out);
	emit_close(out, ']');
	return 0;
}

/* The kernel lets a process lower its score only with CAP_SYS_RESOURCE. With it the score is always set, because
 * containerd's own (often -999) would be inherited. */
static int emit_oom_score(const struct spec_in *in, struct buf *out, struct err *err)
{
	bool may_lower = in->bounding & CAP_BIT(CAP_SYS_RESOURCE);
	int r;

	if (in->task->oom_score_adj < 0 && !may_lower) {
		r = err_set(err, ERR_PERMISSION, "oom-score-adj %d: lowering it takes CAP_SYS_RESOURCE, which davit does not have",
			    in->task->oom_score_adj);
		return err_hint(err, r, "0 to 1000 needs no capability");
	}
	if (may_lower || in->task->oom_score_adj)
		emit_int(out, "oomScoreAdj", in->task->oom_score_adj);
	return 0;
}

static int emit_cwd(const struct spec_in *in, struct buf *out, struct err *err)
{
	const char *asked = in->cwd ? in->cwd : in->task->cwd ? in->task->cwd : in->image->cwd ? in->image->cwd : "/";
	_cleanup_free_ char *cwd = path_clean(asked, NULL);
	int r = check_process_text("working folder", cwd, err);

	if (r >= 0)
		emit_str(out, "cwd", cwd);
	return r;
}

static void emit_terminal(struct spec_console size, struct buf *out)
{
	emit_bool(out, "terminal", true);
	if (!size.rows || !size.cols)
		return;
	emit_open(out, "consoleSize", '{');
	emit_uint(out, "height", size.rows);
	emit_uint(out, "width", size.cols);
	emit_close(out, '}');
}

int spec_process(const struct spec_in *in, uint64_t caps, struct buf *out, struct err *err)
{
	typedef int part(const struct spec_in *, struct buf *, struct err *);
	static part *const parts[] = { emit_args, emit_env, emit_cwd, emit_limits, emit_oom_score };
	int r;

	emit_open(out, "process", '{');
	if (in->task->tty)
		emit_terminal(in->console, out);
	emit_user(in->user, out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		r = parts[i](in, out, err);
		if (r < 0)
			return r;
	}
	emit_caps(caps, in->user->uid, out);
	emit_str(out, "apparmorProfile", in->apparmor);
	emit_str(out, "selinuxLabel", in->selinux_process);
	emit_bool(out, "noNewPrivileges", in->task->no_new_privileges);
	emit_close(out, '}');
	return 0;
}

/* exec: the members of the container's own process, most of them as they are */

static uint64_t bounding_of(json *process)
{
	json *names = json_get_array(json_get_object(process, "capabilities"), "bounding");
	uint64_t set = 0, bits;

	for (size_t i = 0; i < json_len(names); i++)
		if (json_text(json_at(names, i)) && cap_parse(json_text(json_at(names, i)), &bits, NULL) >= 0)
			set |= bits;
	return set;
}

static int exec_env(json *process, const struct exec_process *x, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv env = { 0 };
	int r;

	json_get_strv(process, "env", &env);
	if (x->user && has_own_home(&env))
		strv_setenv(&env, "HOME=");
	if (x->tty)
		setenv_unless(&env, "TERM", "xterm");
	if (x->env)
		strv_setenvs(&env, x->env);
	if (x->user)
		home_unless_given(&env, x->user->home);
	r = check_process_texts("environment variable", &env, err);
	if (r >= 0)
		emit_strv(out, "env", &env);
	return r;
}

static void emit_json(const char *key, json *value, struct buf *out)
{
	if (!value)
		return;
	emit_key(out, key);
	json_write(value, out);
}

static void exec_identity(json *process, const struct exec_process *x, struct buf *out)
{
	uint64_t caps = bounding_of(process), known = 0;
	json *user = json_get_object(process, "user");
	uid_t uid = x->user ? x->user->uid : (uid_t)json_get_int(user, "uid", 0);

	(void)cap_parse("ALL", &known, NULL);
	if (x->user)
		emit_user(x->user, out);
	else
		emit_json("user", user, out);
	/* The container may be of somebody who had more than we have. */
	emit_caps((x->privileged ? known : caps) & x->bounding, uid, out);
}

static int exec_process(json *process, const struct exec_process *x, struct buf *out, struct err *err)
{
	static const char *const kept[] = { "rlimits", "noNewPrivileges", "apparmorProfile", "selinuxLabel", "oomScoreAdj" };
	const char *cwd = json_get_str(process, "cwd");
	int r;

	if (!x->args || !x->args->n)
		return err_hint(err, err_set(err, ERR_INVALID, "no command"), "davit exec JOB COMMAND");
	r = *x->args->v[0] ? check_process_texts("argument", x->args, err) : empty_command("job", err);
	if (r < 0)
		return r;
	emit_open(out, NULL, '{');
	if (x->tty)
		emit_terminal(x->console, out);
	emit_strv(out, "args", x->args);
	r = exec_env(process, x, out, err);
	if (r < 0)
		return r;
	emit_str(out, "cwd", x->cwd ? x->cwd : cwd ? cwd : "/");
	exec_identity(process, x, out);
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		emit_json(kept[i], json_get(process, kept[i]), out);
	emit_close(out, '}');
	return 0;
}

int spec_exec_process(const char *spec_json, size_t len, const struct exec_process *x, struct buf *out, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *spec = NULL;
	json *process;
	int r;

	r = json_parse(spec_json, len, &spec, err);
	if (r < 0)
		return err_wrap(err, r, "container's spec");
	process = json_get_object(spec, "process");
	if (!process)
		return err_set(err, ERR_INVALID, "container's spec: it has no process");
	if (x->cwd && *x->cwd != '/')
		return err_set(err, ERR_INVALID, "invalid working folder \"%.200s\": not an absolute path", x->cwd);
	r = exec_process(process, x, &text, err);
	if (r >= 0)
		buf_add(out, buf_str(&text), text.len);
	return r;
}
