/* The process of a container: arguments, environment, identity, capabilities, limits. */
#include "cap.h"
#include "init.h"
#include "mem.h"
#include "path.h"
#include "port-env.h"
#include "process-parts.h"
#include "spec-parts.h"
#include "ulimit.h"
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

/* What stands for a named port in a text. */
static void expand_ports(const struct job *j, struct strv *texts)
{
	for (size_t i = 0; port_env_any(j) && i < texts->n; i++) {
		struct buf out = { 0 };

		if (!strstr(texts->v[i], "${NOMAD_"))
			continue;
		port_env_expand(j, texts->v[i], &out);
		free(texts->v[i]);
		texts->v[i] = buf_take(&out);
	}
}

static int emit_args(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv args = { 0 };
	int r;

	spec_args(in->task, in->image, &args);
	expand_ports(in->job, &args);
	if (!args.n) {
		r = err_set(err, ERR_INVALID, "no command: image %s has none", in->task->image ? in->task->image : "");
		return err_hint(err, r, "name one behind the image, such as: davit run %s sh",
				in->task->image ? in->task->image : "IMAGE");
	}
	r = *args.v[0] ? process_check_texts("argument", &args, err) : process_empty_command("image", err);
	if (r < 0)
		return r;
	init_wrap(in, &args);
	emit_strv(out, "args", &args);
	return r;
}

/* As Docker has it: what is usual gives way to the image, and that to the task. */
static int emit_env(const struct spec_in *in, struct buf *out, struct err *err)
{
	_cleanup_strv_ struct strv env = { 0 }, given = { 0 }, ports = { 0 };
	int r;

	strv_push(&env, DEFAULT_PATH);
	if (in->hostname)
		strv_pushf(&env, "HOSTNAME=%s", in->hostname);
	if (in->task->tty)
		strv_push(&env, "TERM=xterm");
	for (size_t i = 0; i < in->image->env.n; i++)
		if (strchr(in->image->env.v[i], '=') > in->image->env.v[i])
			strv_push(&given, in->image->env.v[i]);
	strv_add(&given, &in->task->env);
	expand_ports(in->job, &given);
	port_env(in->job, &ports);
	strv_setenvs(&env, &ports);
	strv_setenvs(&env, &given);
	if (in->cdi)
		strv_setenvs(&env, &in->cdi->env);
	process_set_home(&env, in->user->home);
	r = process_check_texts("environment variable", &env, err);
	if (r >= 0)
		emit_strv(out, "env", &env);
	return r;
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
	int r = process_check_text("working folder", cwd, err);

	if (r >= 0)
		emit_str(out, "cwd", cwd);
	return r;
}

/* With the groups that its CDI devices are of. */
static void emit_user(const struct spec_in *in, struct buf *out)
{
	const size_t more = in->cdi ? in->cdi->groups.n : 0;
	struct user all = *in->user;
	_cleanup_free_ gid_t *groups = mem_array(gid_t, all.n_groups + more);

	for (size_t i = 0; i < all.n_groups; i++)
		groups[i] = in->user->groups[i];
	for (size_t i = 0; i < more; i++) { /* 0 gives nothing, as CDI has it */
		groups[all.n_groups] = (gid_t)strtoul(in->cdi->groups.v[i], NULL, 10);
		all.n_groups += groups[all.n_groups] != 0;
	}
	all.groups = groups;
	process_emit_user(&all, out);
}

int spec_process(const struct spec_in *in, uint64_t caps, struct buf *out, struct err *err)
{
	typedef int part(const struct spec_in *, struct buf *, struct err *);
	static part *const parts[] = { emit_args, emit_env, emit_cwd, emit_limits, emit_oom_score };
	int r;

	emit_open(out, "process", '{');
	if (in->task->tty)
		process_emit_terminal(in->console, out);
	emit_user(in, out);
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		r = parts[i](in, out, err);
		if (r < 0)
			return r;
	}
	process_emit_caps(caps, in->user->uid, out);
	emit_str(out, "apparmorProfile", in->apparmor);
	emit_str(out, "selinuxLabel", in->selinux_process);
	emit_bool(out, "noNewPrivileges", in->task->no_new_privileges);
	emit_close(out, '}');
	return 0;
}
