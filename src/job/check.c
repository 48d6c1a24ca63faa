#include "check.h"
#include "labels.h"
#include "mount-option.h"
#include "name.h"
#include "path.h"
#include "ulimit.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { LABEL_MAX = 4096, PATH_LONGEST = 4095 };

int check_fail(const char *noun, const char *value, const char *why, struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid %s \"%.200s\": %s", noun, value, why);
}

int check_env(const char *kv, const char *unused, struct err *err)
{
	size_t key = strcspn(kv, "=");

	(void)unused;
	if (!key)
		return check_fail("environment variable", kv, "no name before \"=\"", err);
	return kv[key] ? 0 : check_fail("environment variable", kv, "not NAME=VALUE", err);
}

int check_label(const char *key, const char *value, struct err *err)
{
	if (!*key)
		return check_fail("label", key, "no name before \"=\"", err);
	if (strlen(key) + strlen(value) > LABEL_MAX)
		return check_fail("label", key, "key and value are longer than 4096 bytes together", err);
	if (!strncmp(key, "containerd.io/", 14) || !strncmp(key, "io.cri-containerd", 17))
		return check_fail("label", key, "reserved for containerd", err);
	if (!strncmp(key, LABEL_PREFIX, strlen(LABEL_PREFIX))) /* what davit itself remembers of a job stands there */
		return err_hint(err, check_fail("label", key, "reserved for davit", err), "choose another beginning than davit.");
	return 0;
}

/* What runc and crun let a container set: parameters that are per namespace. */
int check_sysctl(const char *key, const char *value, struct err *err)
{
	static const char *const namespaced[] = {
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni",          "kernel.sem",        "kernel.shmall",
		"kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced", "kernel.domainname",
	};
	int r;

	if (!*key || strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") != strlen(key) ||
	    strstr(key, "..") || *key == '/')
		return check_fail("sysctl", key, "not the name of a kernel parameter", err);
	if (!*value)
		return check_fail("sysctl", key, "no value", err);
	if (!strncmp(key, "net.", 4) || !strncmp(key, "fs.mqueue.", 10))
		return 0;
	for (size_t i = 0; i < sizeof namespaced / sizeof *namespaced; i++)
		if (!strcmp(key, namespaced[i]))
			return 0;
	r = check_fail("sysctl", key, "not separate for containers: it would change the host", err);
	return err_hint(err, r,
			"net.*, fs.mqueue.*, kernel.msg*, kernel.sem, kernel.shm* and kernel.domainname are; sysctl -w "
			"for the host");
}

int check_ulimit(const void *ulimit, struct err *err)
{
	const struct ulimit *u = ulimit;

	if (ulimit_resource(u->name) < 0) {
		const char *near = ulimit_nearest(u->name);
		int r = check_fail("ulimit", u->name, "there is no such limit", err);

		return near ? err_hint(err, r, "did you mean \"%s\"?", near)
			    : err_hint(err, r, "limits are nofile, nproc, memlock, core, stack ...: man 2 setrlimit");
	}
	if (u->soft > u->hard)
		return check_fail("ulimit", u->name, "the soft limit is above the hard limit", err);
	return 0;
}

int check_extra_host(const char *s, const char *unused, struct err *err)
{
	size_t n = strcspn(s, ":");
	unsigned char ip[16];

	(void)unused;
	if (!n || !s[n])
		return check_fail("extra host", s, "not NAME:IP", err);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-", s[i]))
			return check_fail("extra host", s, "not a host name before the \":\"", err);
	if (strcmp(s + n + 1, "host-gateway") != 0 && inet_pton(AF_INET, s + n + 1, ip) != 1 &&
	    inet_pton(AF_INET6, s + n + 1, ip) != 1)
		return check_fail("extra host", s, "not an IP address after the \":\" (nor \"host-gateway\")", err);
	return 0;
}

static int check_target(const char *noun, const char *path, struct err *err)
{
	if (*path != '/')
		return check_fail(noun, path, "not an absolute path", err);
	if (strlen(path) > PATH_LONGEST)
		return check_fail(noun, path, "longer than 4095 bytes", err);
	return 0;
}

/* A name in a folder: no path, so nothing that a task does in it leads elsewhere. */
static int check_job_folder(const struct mount *m, struct err *err)
{
	const char *s = m->source;

	if (!s || !*s)
		return check_fail("mount", m->target, "a folder of the job wants a name as its source", err);
	if (*s == '.' || strchr(s, '/') || strlen(s) > NAME_MAX)
		return check_fail("folder of the job", s, "a name without \"/\" that does not begin with a dot", err);
	return 0;
}

static int check_source(const struct mount *m, struct err *err)
{
	if (m->kind == MOUNT_BIND)
		return m->source ? check_target("bind source", m->source, err)
				 : check_fail("mount", m->target, "a bind wants a source", err);
	if (m->kind == MOUNT_TMPFS)
		return m->source ? check_fail("mount", m->target, "a tmpfs has no source", err) : 0;
	if (m->kind == MOUNT_JOB)
		return check_job_folder(m, err);
	return m->source ? name_check("volume", m->source, NAME_ID_MAX, err) : 0;
}

/* As Docker has it: what is mounted later must not come to it writable. */
static int check_recursion(const struct mount *m, struct err *err)
{
	const bool rro = strv_has(&m->options, MOUNT_RRO), outer = strv_has(&m->options, MOUNT_RO_OUTER);

	if ((rro || outer) && !m->read_only)
		return err_hint(err, check_fail("bind-recursive", rro ? "readonly" : "writable", "the mount itself is not", err),
				"add readonly");
	if (rro && outer)
		return check_fail("mount option", MOUNT_RO_OUTER, "not with " MOUNT_RRO, err);
	for (size_t i = 0; rro && i < m->options.n; i++)
		if (mount_is_propagation(m->options.v[i]) && strcmp(m->options.v[i], "rprivate") != 0)
			return err_hint(err,
					check_fail("bind-propagation", m->options.v[i], "not with bind-recursive=readonly", err),
					"rprivate, which it is without");
	return 0;
}

static int check_mount_options(const struct mount *m, struct err *err)
{
	for (size_t i = 0; i < m->options.n; i++) {
		const char *o = m->options.v[i];

		if (!*o || strchr(o, ','))
			return check_fail("mount option", o, "empty, or with a comma", err);
		switch (mount_option(m->kind, o)) {
		case MOUNT_OPTION_KEEP: break;
		case MOUNT_OPTION_RO:
		case MOUNT_OPTION_RW: return check_fail("mount option", o, "\"read_only\" says so", err);
		case MOUNT_OPTION_IGNORE:
		case MOUNT_OPTION_UNKNOWN: return mount_option_unknown("mount option", m->kind, o, err);
		}
	}
	if (strv_has(&m->options, MOUNT_CREATE) && strv_has(&m->options, MOUNT_NO_LINKS))
		return check_fail("mount option", MOUNT_CREATE, "not with " MOUNT_NO_LINKS ": it would follow them", err);
	return check_recursion(m, err);
}

int check_mount(const void *mount, struct err *err)
{
	const struct mount *m = mount;
	_cleanup_free_ char *target = NULL;
	int r = check_target("mount target", m->target, err);

	if (r < 0)
		return r;
	target = path_clean(m->target, NULL);
	if (!strcmp(target, "/"))
		return check_fail("mount target", m->target, "the root folder cannot be mounted over", err);
	r = check_source(m, err);
	return r < 0 ? r : check_mount_options(m, err);
}

int check_device(const void *device, struct err *err)
{
	const struct device *d = device;
	int r = check_target("device", d->host, err);

	if (r >= 0 && d->inside)
		r = check_target("device", d->inside, err);
	if (r < 0)
		return r;
	if (d->access && (!*d->access || strspn(d->access, "rwm") != strlen(d->access) || strlen(d->access) > 3))
		return check_fail("device access", d->access, "not made of r, w and m", err);
	return 0;
}

int check_selinux(const char *s, const char *unused, struct err *err)
{
	static const char *const keys[] = { "user:", "role:", "type:", "level:", "filetype:" };
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	const char *value = NULL;
	bool level = !strncmp(s, "level:", 6);

	(void)unused;
	if (!strcmp(s, "disable"))
		return 0;
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (!strncmp(s, keys[i], strlen(keys[i])))
			value = s + strlen(keys[i]);
	if (!value)
		return err_hint(err, check_fail("SELinux label", s, "no part of one", err),
				"disable, or one of user:, role:, type:, level: and filetype: with a value");
	for (const char *p = value; *p; p++)
		if (!strchr(allowed, *p) && !(level && strchr(":,", *p)))
			return check_fail("SELinux label", s, level ? "not a level such as s0:c1,c2" : "not a name of SELinux's",
					  err);
	return *value ? 0 : check_fail("SELinux label", s, "empty", err);
}
