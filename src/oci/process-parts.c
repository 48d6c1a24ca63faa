#include "process-parts.h"
#include "cap.h"
#include "utf8.h"
#include <string.h>

int process_check_text(const char *noun, const char *s, struct err *err)
{
	if (utf8_valid(s, strlen(s)))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "%s \"%.80s\": not UTF-8, which the runtime spec is made of", noun, s),
			"pass other bytes in a file");
}

int process_check_texts(const char *noun, const struct strv *s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; i < s->n && r >= 0; i++)
		r = process_check_text(noun, s->v[i], err);
	return r;
}

int process_empty_command(const char *where, struct err *err)
{
	int r = err_set(err, ERR_NOT_FOUND, "command \"\": not found in the %s", where);

	if (err)
		err->exit_code = 127;
	return err_hint(err, r, "is a shell's variable not set?");
}

void process_set_home(struct strv *env, const char *home)
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

void process_emit_user(const struct user *u, struct buf *out)
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

static void emit_cap_set(const char *key, uint64_t caps, struct buf *out)
{
	emit_open(out, key, '[');
	for (unsigned i = 0; cap_name(i); i++)
		if (caps & CAP_BIT(i))
			emit_str(out, NULL, cap_name(i));
	emit_close(out, ']');
}

void process_emit_caps(uint64_t caps, uid_t uid, struct buf *out)
{
	uint64_t held = uid == 0 ? caps : 0;

	emit_open(out, "capabilities", '{');
	emit_cap_set("bounding", caps, out);
	emit_cap_set("effective", held, out);
	emit_cap_set("permitted", held, out);
	emit_close(out, '}');
}

void process_emit_terminal(struct spec_console size, struct buf *out)
{
	emit_bool(out, "terminal", true);
	if (!size.rows || !size.cols)
		return;
	emit_open(out, "consoleSize", '{');
	emit_uint(out, "height", size.rows);
	emit_uint(out, "width", size.cols);
	emit_close(out, '}');
}
