#include "spec-update.h"
#include "json.h"
#include "limit.h"
#include "mem.h"
#include <string.h>

/* What an engine changes of a running container, and what it is told for no limit: a number, or the host's whole list.
 * crun 1.8 writes a -1 of a quota and of pids in ways that the kernel refuses: 65536 processors, and all pids that a kernel has. */
static const struct live_limit {
	const char *section, *key;
	int64_t none;
	enum limit set; /* LIMITS: a number */
} lives[] = {
	{ "memory", "limit", -1, LIMITS },
	{ "memory", "swap", -1, LIMITS },
	{ "memory", "reservation", -1, LIMITS },
	{ "cpu", "shares", 1024, LIMITS },
	{ "cpu", "quota", 100000LL * 65536, LIMITS },
	{ "cpu", "period", 100000, LIMITS },
	{ "cpu", "cpus", 0, LIMIT_CPUSET_CPUS },
	{ "cpu", "mems", 0, LIMIT_CPUSET_MEMS },
	{ "pids", "limit", 1 << 22, LIMITS },
	{ "blockIO", "weight", 100, LIMITS },
};
enum { N_LIVES = sizeof lives / sizeof *lives };

void spec_update_done(struct spec_update *u)
{
	json_freep(&u->now);
	json_freep(&u->back);
	*u = (struct spec_update){ 0 };
}

static json *limit_member(json *limits, const struct live_limit *l)
{
	return json_get(json_get_object(limits, l->section), l->key);
}

static bool same_limit(json *a, json *b) { return a && b ? json_object_equal(a, b) : a == b; }

static json *section_of(json *limits, const char *name)
{
	json *s = json_get_object(limits, name);

	if (!s)
		json_put(limits, name, s = json_new_object());
	return s;
}

static void put_value(json *limits, const struct live_limit *l, json *value)
{
	json *s = section_of(limits, l->section);

	if (value)
		json_put(s, l->key, json_object_get(value));
	else
		json_object_object_del(s, l->key);
}

/* On v2 memory.low takes no "-1": a byte is no page. */
static int64_t none_of(const struct spec_in *in, const struct live_limit *l)
{
	return in->cgroup2 && !strcmp(l->key, "reservation") ? 1 : l->none;
}

static void put_none(const struct spec_in *in, json *limits, const struct live_limit *l)
{
	_cleanup_free_ char *whole = l->set == LIMITS ? NULL : limit_whole_set(in, l->set);

	if (l->set == LIMITS)
		json_put_int(section_of(limits, l->section), l->key, none_of(in, l));
	else if (whole)
		json_put_str(section_of(limits, l->section), l->key, whole);
}

/* All of a section of which anything changes: engines look at what belongs together, such as memory and swap. */
static void tell_limit(const struct spec_in *in, json *limits, const struct live_limit *l, json *value, json *other)
{
	if (value)
		put_value(limits, l, value);
	else if (other)
		put_none(in, limits, l);
}

static bool section_changes(const char *section, json *was, json *to)
{
	for (const struct live_limit *l = lives; l < lives + N_LIVES; l++)
		if (!strcmp(l->section, section) && !same_limit(limit_member(was, l), limit_member(to, l)))
			return true;
	return false;
}

void spec_update(const struct spec_in *in, json *spec, json *was, json *to, struct spec_update *ret)
{
	json *linux_part = section_of(spec, "linux"), *resources = section_of(linux_part, "resources");
	_cleanup_(spec_update_done) struct spec_update u = { json_new_object(), json_new_object() };
	bool any = false;

	for (const struct live_limit *l = lives; l < lives + N_LIVES; l++) {
		json *before = limit_member(resources, l), *after = before;

		if (!section_changes(l->section, was, to))
			continue;
		any = true;
		if (!same_limit(limit_member(was, l), limit_member(to, l)))
			after = limit_member(to, l);
		tell_limit(in, u.now, l, after, before);
		tell_limit(in, u.back, l, before, after);
		put_value(resources, l, after);
	}
	*ret = any ? TAKE_STRUCT(u) : (struct spec_update){ 0 };
}
