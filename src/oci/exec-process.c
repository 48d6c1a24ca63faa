/* The process of an exec: the members of the container's own process, most of them as they are. */
#include "cap.h"
#include "json.h"
#include "process-parts.h"
#include <string.h>

static void setenv_unless(struct strv *env, const char *key, const char *value)
{
	if (!strv_env(env, key))
		strv_pushf(env, "%s=%s", key, value);
}

static bool has_own_home(const struct strv *env) { return env->n && !strncmp(env->v[0], "HOME=", 5); }

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
		process_set_home(&env, x->user->home);
	r = process_check_texts("environment variable", &env, err);
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
		process_emit_user(x->user, out);
	else
		emit_json("user", user, out);
	/* The container may be of somebody who had more than we have. */
	process_emit_caps((x->privileged ? known : caps) & x->bounding, uid, out);
}

static int exec_process(json *process, const struct exec_process *x, struct buf *out, struct err *err)
{
	static const char *const kept[] = { "rlimits", "noNewPrivileges", "apparmorProfile", "selinuxLabel", "oomScoreAdj" };
	const char *cwd = json_get_str(process, "cwd");
	int r;

	if (!x->args || !x->args->n)
		return err_hint(err, err_set(err, ERR_INVALID, "no command"), "davit exec JOB COMMAND");
	r = *x->args->v[0] ? process_check_texts("argument", x->args, err) : process_empty_command("job", err);
	if (r < 0)
		return r;
	emit_open(out, NULL, '{');
	if (x->tty)
		process_emit_terminal(x->console, out);
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
