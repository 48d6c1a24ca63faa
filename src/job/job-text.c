#include "job-text.h"
#include "check.h"
#include "hidden.h"
#include "mem.h"
#include "parse.h"
#include <string.h>

static void *value_at(const struct field *f, void *obj) { return (char *)obj + f->offset; }

static void text_put(const struct field *f, void *obj, const char *text)
{
	char **v = value_at(f, obj);

	free(*v);
	*v = mem_strdup(text);
}

/* Functions of parse.h that take the value and where it goes. */
#define TEXT(name, call) \
	int name(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err) \
	{ \
		(void)f; \
		(void)in; \
		return (call); \
	}

TEXT(text_ports, parse_ports(s, obj, err))
TEXT(text_expose, parse_expose(s, value_at(f, obj), err))
TEXT(text_volume, parse_volume(s, in->cwd, obj, err))
TEXT(text_mount, parse_mount(s, in->cwd, obj, err))
TEXT(text_tmpfs, parse_tmpfs(s, obj, err))
TEXT(text_device, parse_device(s, obj, err))
TEXT(text_ulimit, parse_ulimit(s, obj, err))
TEXT(text_sysctl, parse_sysctl(s, obj, err))
TEXT(text_env, parse_env(s, in->env, value_at(f, obj), err))
TEXT(text_label, parse_label(s, value_at(f, obj), err))
TEXT(text_extra_host, parse_extra_host(s, obj, err))
TEXT(text_cpus, parse_cpus(s, value_at(f, obj), err))

int text_checked(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	int r = *s ? f->check(s, NULL, err) : 0;

	(void)in;
	if (r >= 0)
		text_put(f, obj, *s ? s : NULL);
	return r;
}

/* "" clears the image's. */
int text_entrypoint(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	(void)in;
	(void)err;
	strv_done(value_at(f, obj));
	*(bool *)((char *)obj + f->extra) = true;
	if (*s)
		strv_push(value_at(f, obj), s);
	return 0;
}

/* Docker's name of a log in a file is taken too. */
int text_log(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	(void)in;
	if (!*s || !strcmp(s, "json-file"))
		s = f->words[JOB_LOG_FILE];
	return text_enum(f, s, obj, err);
}

int text_seccomp(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	_cleanup_free_ char *profile = NULL;

	(void)in;
	if (!strcmp(s, "default") || !strcmp(s, "builtin")) {
		text_put(f, obj, NULL);
		return 0;
	}
	profile = strcmp(s, "unconfined") != 0 && *s != '{' ? realpath(s, NULL) : mem_strdup(s);
	if (!profile)
		return err_hint(err, err_sys(err, errno, "seccomp profile %.200s", s), "\"unconfined\", or a profile's file");
	text_put(f, obj, profile);
	return 0;
}

int text_apparmor(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	(void)in;
	(void)err;
	text_put(f, obj, s);
	return 0;
}

int text_selinux(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	int r = check_selinux(s, NULL, err);

	(void)in;
	if (r >= 0)
		strv_push(value_at(f, obj), s);
	return r;
}

int text_mask(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	(void)f;
	(void)in;
	return hidden_mask(obj, s, err);
}

int text_unmask(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	(void)f;
	(void)in;
	return hidden_unmask(obj, s, err);
}

int text_systempaths(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct task *t = obj;

	(void)in;
	if (strcmp(s, "unconfined") != 0)
		return check_fail(f->part, s, "only \"unconfined\" is known", err);
	strv_done(&t->masked_paths);
	strv_done(&t->readonly_paths);
	t->has_masked_paths = t->has_readonly_paths = true;
	return 0;
}
