#include "runtime-option.h"
#include "check.h"
#include "name.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PATH_LONGEST = 4095 };
#define ID_MAX_ INT64_C(4294967294)

static const struct runtime_option options[] = {
#define RUNC(name, member, kind) { #name, RUNTIME_OPTION_##kind, true },
#define OTHER(name, member, kind) { #name, RUNTIME_OPTION_##kind, false },
	RUNTIME_OPTIONS_RUNC(RUNC) RUNTIME_OPTIONS_OTHER(OTHER)
#undef RUNC
#undef OTHER
};
enum { N_OPTIONS = sizeof options / sizeof *options };

static bool same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (*a == '_' || *a == '-')
			a++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (!*a)
			return true;
	}
}

const struct runtime_option *runtime_option(const char *name)
{
	for (size_t i = 0; i < N_OPTIONS; i++)
		if (same_name(name, options[i].name))
			return &options[i];
	return NULL;
}

bool runtime_option_is_on(const char *value) { return !strcasecmp(value, "true") || !strcmp(value, "1"); }

static bool is_switch(const char *v) { return runtime_option_is_on(v) || !strcasecmp(v, "false") || !strcmp(v, "0"); }

static bool is_path(const char *v) { return *v == '/' && strlen(v) <= PATH_LONGEST; }

static bool is_id(const char *v)
{
	return *v && strspn(v, "0123456789") == strlen(v) && strlen(v) <= 10 && strtoll(v, NULL, 10) <= ID_MAX_;
}

static const char *wrong_value(enum runtime_option_kind kind, const char *v)
{
	switch (kind) {
	case RUNTIME_OPTION_SWITCH: return is_switch(v) ? NULL : "neither true nor false";
	case RUNTIME_OPTION_PATH: return is_path(v) ? NULL : "not an absolute path";
	case RUNTIME_OPTION_PROGRAM:
		return is_path(v) || (*v && !strchr(v, '/')) ? NULL : "neither a program's name nor an absolute path";
	case RUNTIME_OPTION_ID: return is_id(v) ? NULL : "not a number from 0 to 4294967294";
	case RUNTIME_OPTION_TEXT: return *v ? NULL : "empty";
	}
	return NULL;
}

static int unknown_option(const char *name, struct err *err)
{
	const char *names[N_OPTIONS], *near;
	int r = check_fail("runtime option", name, "there is no such option", err);

	for (size_t i = 0; i < N_OPTIONS; i++)
		names[i] = options[i].name;
	near = name_nearest(name, names, N_OPTIONS);
	return near ? err_hint(err, r, "did you mean \"%s\"?", near)
		    : err_hint(err, r, "BinaryName, SystemdCgroup, Root, ShimCgroup, IoUid ... of runc, ConfigPath of others");
}

int check_runtime_option(const char *name, const char *value, struct err *err)
{
	const struct runtime_option *o = runtime_option(name);
	const char *why = o ? wrong_value(o->kind, value) : NULL;

	if (!o)
		return unknown_option(name, err);
	return why ? err_set(err, ERR_INVALID, "invalid runtime option %s \"%.200s\": %s", o->name, value, why) : 0;
}
