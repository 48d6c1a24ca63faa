#include "hidden.h"
#include "check.h"
#include <fnmatch.h>
#include <string.h>

const char *const hidden_masked[] = {
	"/proc/acpi",        "/proc/asound",
	"/proc/interrupts",  "/proc/kcore",
	"/proc/keys",        "/proc/latency_stats",
	"/proc/timer_list",  "/proc/timer_stats",
	"/proc/sched_debug", "/proc/scsi",
	"/sys/firmware",     "/sys/devices/virtual/powercap",
	HIDDEN_CPUS,         NULL,
};
const char *const hidden_read_only[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };

static void begin_with(struct strv *list, bool *has, const char *const *usual)
{
	for (size_t i = 0; !*has && usual[i]; i++)
		strv_push(list, usual[i]);
	*has = true;
}

static int split_paths(const char *what, const char *list, struct strv *out, struct err *err)
{
	strv_split(out, list, ":");
	if (!out->n)
		return check_fail(what, list, "paths with \":\" between them are wanted", err);
	for (size_t i = 0; i < out->n; i++)
		if (*out->v[i] != '/')
			return check_fail(what, out->v[i], "not an absolute path", err);
	return 0;
}

int hidden_mask(struct task *t, const char *list, struct err *err)
{
	_cleanup_strv_ struct strv paths = { 0 };
	int r = split_paths("mask", list, &paths, err);

	if (r < 0)
		return r;
	begin_with(&t->masked_paths, &t->has_masked_paths, hidden_masked);
	strv_add(&t->masked_paths, &paths);
	return 0;
}

static void take_out(struct strv *list, const char *pattern)
{
	_cleanup_strv_ struct strv all = TAKE_STRUCT(*list);

	for (size_t i = 0; i < all.n; i++)
		if (fnmatch(pattern, all.v[i], FNM_NOESCAPE) != 0)
			strv_push(list, all.v[i]);
}

int hidden_unmask(struct task *t, const char *list, struct err *err)
{
	_cleanup_strv_ struct strv paths = { 0 };
	const bool all = !strcasecmp(list, "all");
	int r = all ? 0 : split_paths("unmask", list, &paths, err);

	if (r < 0)
		return r;
	begin_with(&t->masked_paths, &t->has_masked_paths, hidden_masked);
	begin_with(&t->readonly_paths, &t->has_readonly_paths, hidden_read_only);
	if (all) {
		strv_done(&t->masked_paths);
		strv_done(&t->readonly_paths);
	}
	for (size_t i = 0; i < paths.n; i++) {
		take_out(&t->masked_paths, paths.v[i]);
		take_out(&t->readonly_paths, paths.v[i]);
	}
	return 0;
}
