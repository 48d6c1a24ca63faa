/* Text forms of a task's options that are neither mounts nor networks. */
#include "check.h"
#include "job-text.h"
#include "mem.h"
#include "path.h"
#include "value.h"
#include <string.h>

static void *text_value(const struct field *f, void *obj) { return (char *)obj + f->offset; }

static void text_set(char **to, char *owned)
{
	free(*to);
	*to = owned;
}

int text_path(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	if (*s && *s != '/' && !in->cwd)
		return check_fail(f->flag, s, "relative to the current folder, which is gone", err);
	text_set(text_value(f, obj), *s ? path_clean(s, in->cwd) : NULL);
	return 0;
}

/* USER[:PASSWORD] */
int text_creds(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct auth *a = obj;
	const size_t n = strcspn(s, ":");

	(void)in;
	if (!n)
		return check_fail(f->flag, "", "not USER[:PASSWORD]", err);
	text_set(&a->username, mem_strndup(s, n));
	text_set(&a->password, s[n] ? mem_strdup(s + n + 1) : NULL); /* who has the terminal asks */
	return 0;
}

/* POLICY[:TIMES] */
int text_restart(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct restart *to = obj;
	const size_t n = strcspn(s, ":");
	_cleanup_free_ char *policy = mem_strndup(s, n);
	int64_t times = 0;
	int r;

	(void)in;
	if (!*s) /* a script's variable that is not set */
		return 0;
	r = text_enum(f, policy, obj, err);
	if (r < 0)
		return r;
	if (s[n] && (to->policy != RESTART_ON_FAILURE || !parse_whole(s + n + 1, &times) || times < 0 || times > 1000000))
		return err_hint(err, check_fail(f->flag, s, "not a number of times, of on-failure alone", err), "on-failure:5");
	to->attempts = times;
	return 0;
}

/* As Docker has it: for a shell. */
int text_health_cmd(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct healthcheck *to = obj;

	(void)in;
	(void)f;
	(void)err;
	strv_done(&to->exec);
	to->kind = HEALTH_COMMAND;
	if (!strcmp(s, "none")) {
		to->kind = HEALTH_NONE;
		return 0;
	}
	strv_push(&to->exec, "/bin/sh");
	strv_push(&to->exec, "-c");
	strv_push(&to->exec, s);
	return 0;
}

int text_no_health(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	struct healthcheck *to = obj;
	bool none;

	(void)in;
	if (!parse_switch(s, &none))
		return err_set(err, ERR_INVALID, "flag --%s is true or false, not \"%.200s\"", f->flag, s);
	if (none) {
		strv_done(&to->exec);
		to->kind = HEALTH_NONE;
	}
	return 0;
}

/* all, a number from the first on, device=NAME,... */
int text_gpus(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	static const char device[] = "device=";
	struct strv *to = text_value(f, obj);
	_cleanup_strv_ struct strv names = { 0 };
	int64_t n;

	(void)in;
	if (!strcmp(s, "all")) {
		strv_push(to, "nvidia.com/gpu=all");
		return 0;
	}
	if (parse_whole(s, &n) && n > 0 && n <= 1024) {
		for (int64_t i = 0; i < n; i++)
			strv_own(to, mem_printf("nvidia.com/gpu=%lld", (long long)i));
		return 0;
	}
	if (strncmp(s, device, sizeof device - 1) != 0 || !s[sizeof device - 1])
		return err_hint(err, check_fail(f->flag, s, "not known", err), "all, a number, or device=NAME,NAME");
	strv_split(&names, s + sizeof device - 1, ",");
	for (size_t i = 0; i < names.n; i++)
		strv_own(to, mem_printf("nvidia.com/gpu=%s", names.v[i]));
	return 0;
}

int text_runtime_option(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	const size_t n = strcspn(s, "=");
	_cleanup_free_ char *key = mem_strndup(s, n);

	(void)in;
	if (!s[n] || !n)
		return check_fail(f->flag, s, "not NAME=VALUE", err);
	dict_set(text_value(f, obj), key, s + n + 1);
	return 0;
}

/* DEVICE:VALUE, split at the last colon. */
static const char *text_split(const struct field *f, const char *s, const char *form, char **ret_path, struct err *err)
{
	const char *colon = strrchr(s, ':');

	if (!colon || colon == s || *s != '/') {
		(void)err_hint(err, check_fail(f->flag, s, "not DEVICE:VALUE", err), "%s", form);
		return NULL;
	}
	*ret_path = mem_strndup(s, (size_t)(colon - s));
	return colon + 1;
}

int text_rate(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *value = text_split(f, s, "such as /dev/sda:10m", &path, err);
	struct blkio *b;
	int64_t rate;
	int r;

	(void)in;
	if (!value)
		return -ERR_INVALID;
	r = parse_size(f->flag, value, &rate, err);
	if (r < 0)
		return r;
	b = shape_add(f, obj);
	b->path = TAKE_PTR(path);
	b->rate = rate;
	return 0;
}

int text_weight(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	const char *value = text_split(f, s, "such as /dev/sda:500", &path, err);
	struct blkio *b;
	int64_t weight;

	(void)in;
	if (!value)
		return -ERR_INVALID;
	if (!parse_whole(value, &weight))
		return check_fail(f->flag, s, "the weight is not a number of 10 to 1000", err);
	b = shape_add(f, obj);
	b->path = TAKE_PTR(path);
	b->rate = weight;
	return 0;
}

/* SIZE=LIMIT */
int text_hugepages(const struct field *f, const char *s, void *obj, const struct text_in *in, struct err *err)
{
	const size_t n = strcspn(s, "=");
	struct hugepages *h;
	int64_t limit;
	int r;

	(void)in;
	if (!s[n] || !n)
		return err_hint(err, check_fail(f->flag, s, "not SIZE=LIMIT", err), "such as 2MB=64m");
	r = parse_size(f->flag, s + n + 1, &limit, err);
	if (r < 0)
		return r;
	h = shape_add(f, obj);
	h->size = mem_strndup(s, n);
	h->limit = limit;
	return 0;
}
