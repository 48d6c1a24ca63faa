#include "places.h"
#include "mem.h"
#include "netns.h"
#include <string.h>

static char *place_below(const char *folder, const char *name) { return mem_printf("%s%s%s", folder, *name ? "/" : "", name); }

/* TOP/KIND/NS/NAME; @kind may be empty. */
static char *of_namespace(const char *top, const char *kind, const char *ns, const char *name)
{
	_cleanup_free_ char *folder = mem_printf("%s/%s%s%s", top, kind, *kind ? "/" : "", ns);

	return place_below(folder, name);
}

char *places_run(const struct core *c, const char *id) { return of_namespace(c->conf.run_dir, "", c->conf.ns, id); }
char *places_files(const struct core *c, const char *id) { return of_namespace(c->conf.data_dir, "files", c->conf.ns, id); }
char *places_logs(const struct core *c, const char *id) { return of_namespace(c->conf.data_dir, "logs", c->conf.ns, id); }
char *places_kept(const struct core *c, const char *id) { return of_namespace(c->conf.data_dir, "kept", c->conf.ns, id); }
char *places_folders(const struct core *c, const char *id) { return of_namespace(c->conf.data_dir, "folders", c->conf.ns, id); }
char *places_volume(const struct core *c, const char *name) { return of_namespace(c->conf.data_dir, "volumes", c->conf.ns, name); }

char *places_map(const struct core *c, const char *id, size_t task)
{
	return mem_printf("%s/%s/%s/" PLACES_MAP "%zu", c->conf.run_dir, c->conf.ns, id, task);
}

char *places_held(const struct core *c, const char *id, size_t task)
{
	return mem_printf("%s/%s/%s/" PLACES_MAP "held.%zu", c->conf.run_dir, c->conf.ns, id, task);
}

char *places_shm(const struct core *c, const char *id, size_t task)
{
	return mem_printf("%s/%s/%s/" PLACES_MAP "shm.%zu", c->conf.run_dir, c->conf.ns, id, task);
}

char *places_attach(const struct core *c, const char *id, const char *what)
{
	return mem_printf("%s/%s/%s/attach.%s", c->conf.run_dir, c->conf.ns, id, what);
}

char *places_log(const struct core *c, const char *id)
{
	_cleanup_free_ char *folder = places_logs(c, id);

	return place_below(folder, "log");
}

char *places_cgroup(const struct core *c, const char *id)
{
	_cleanup_free_ char *dir = places_run(c, id);

	return mem_printf("%s/cgroup", dir);
}

char *places_networks(const char *run_dir, const char *alloc) { return of_namespace(run_dir, "", ".networks", alloc); }

char *places_monitor(const struct core *c, const char *id)
{
	_cleanup_free_ char *dir = places_run(c, id);

	return mem_printf("%s.monitor", dir);
}

char *places_health(const struct core *c, const char *id)
{
	_cleanup_free_ char *dir = places_run(c, id);

	return mem_printf("%s" PLACES_HEALTH_END, dir);
}

char *places_scratch(const struct core *c, const char *name)
{
	return mem_printf("%s/%s/%s" PLACES_SCRATCH_END, c->conf.run_dir, c->conf.ns, name);
}

char *places_lost(const struct core *c, const char *id)
{
	_cleanup_free_ char *dir = places_run(c, id);

	return mem_printf("%s" PLACES_LOST_END, dir);
}

/* Digits have no dot in them; what file_write() is at work on has a dot and six characters more. */
char *places_note_id(const char *entry)
{
	static const char *const ends[] = { PLACES_HEALTH_END, PLACES_LOST_END };
	const char *dash = strrchr(entry, '-');

	for (size_t i = 0; dash && i < sizeof ends / sizeof *ends; i++) {
		const char *end = strstr(dash, ends[i]), *rest = end ? end + strlen(ends[i]) : NULL;

		if (rest && (!*rest || (*rest == '.' && strlen(rest) == 7)))
			return mem_strndup(entry, (size_t)(end - entry));
	}
	return NULL;
}

char *places_netns(const char *id) { return place_below(NETNS_DIR, id); }

char *places_share(const struct core *c, const char *ns, const char *id)
{
	return mem_printf("%s/%s/%s" PLACES_SHARE_END, c->conf.run_dir, ns, id);
}

char *places_shares(const struct core *c, const char *ns) { return of_namespace(c->conf.run_dir, "", ns, ""); }

char *places_lock(const struct core *c, const char *name)
{
	return mem_printf("%s/%s/%s" PLACES_LOCK_END, c->conf.run_dir, c->conf.ns, name);
}

char *places_hosts_lock(const struct core *c) { return mem_printf("%s/%s/.hosts", c->conf.run_dir, c->conf.ns); }

char *places_recovery_lock(const struct core *c) { return mem_printf("%s/%s/.recovery", c->conf.run_dir, c->conf.ns); }

char *places_lock_name(const char *entry)
{
	const size_t n = strlen(entry), end = strlen(PLACES_LOCK_END);

	return n > end && !strcmp(entry + n - end, PLACES_LOCK_END) ? mem_strndup(entry, n - end) : NULL;
}

char *places_own_run(const struct core_conf *conf, const char *name)
{
	_cleanup_free_ char *folder = place_below(conf->run_dir ? conf->run_dir : CORE_RUN_DIR, PLACES_OWN);

	return place_below(folder, name);
}

char *places_own_data(const struct core_conf *conf, const char *name)
{
	_cleanup_free_ char *folder = place_below(conf->data_dir ? conf->data_dir : CORE_DATA_DIR, PLACES_OWN);

	return place_below(folder, name);
}
