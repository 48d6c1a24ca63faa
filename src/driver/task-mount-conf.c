/* What a task's options say of files: `mounts` and `mount` in all their forms, `volumes`, `tmpfs`, `devices`. */
#include "task-mount-conf.h"
#include "check.h"
#include "mem.h"
#include "mount-option.h"
#include <stdio.h>
#include <string.h>

static struct conf_mount *mount_conf_add(struct task_conf *c, enum conf_mount_type type)
{
	struct conf_mount *m;

	c->mounts = mem_resize(c->mounts, (c->n_mounts + 1) * sizeof *m);
	m = &c->mounts[c->n_mounts++];
	*m = (struct conf_mount){ .type = type };
	return m;
}

void conf_mount_done(struct conf_mount *m)
{
	free(m->source);
	free(m->target);
	strv_done(&m->options);
	*m = (struct conf_mount){ 0 };
}

static enum mount_kind kind_of_mount(const struct conf_mount *m)
{
	static const enum mount_kind kinds[] = {
		[CONF_MOUNT_BIND] = MOUNT_BIND, [CONF_MOUNT_VOLUME] = MOUNT_VOLUME, [CONF_MOUNT_TMPFS] = MOUNT_TMPFS
	};

	return kinds[m->type];
}

/* Words of fstab(5), which Roblox's driver takes whole, for what a mount is without them. */
static bool is_default_option(const char *option)
{
	static const char *const words[] = { "", "defaults", "async", "nomand", "nostrictatime" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(option, words[i]))
			return true;
	return false;
}

/* ro and rw are of the mount itself; what means nothing here is dropped. */
static int mount_option_add(struct conf_mount *m, const char *option, struct err *err)
{
	const enum mount_option_use use = is_default_option(option) ? MOUNT_OPTION_IGNORE : mount_option(kind_of_mount(m), option);

	if (use == MOUNT_OPTION_UNKNOWN)
		return mount_option_unknown("option", kind_of_mount(m), option, err);
	if (use == MOUNT_OPTION_RO || use == MOUNT_OPTION_RW)
		m->readonly = use == MOUNT_OPTION_RO;
	if (use == MOUNT_OPTION_KEEP)
		strv_push(&m->options, option);
	return 0;
}

static int mount_conf_target(struct conf_mount *m, const char *target, struct err *err)
{
	int r = *target ? check_inside(target, NULL, err)
			: err_set(err, ERR_INVALID, "no target: where it is to be in the container");

	if (r >= 0)
		m->target = mem_strdup(target);
	return r;
}

/* ---- a block */

/* As the block says it; then it is looked at as a whole. */
struct mount_said {
	char *type, *target, *source, *propagation, *driver;
	bool readonly, no_copy, has_tmpfs;
	struct strv options;
	int64_t size, mode;
	struct dict driver_options;
};
#define AT(field) .at = offsetof(struct mount_said, field)

static const struct option bind_rows[] = {
	{ "propagation", OPTION_TEXT, .from = FROM_DOCKER, AT(propagation), .otherwise = "`rprivate`",
	  .words = "rprivate|private|rshared|shared|rslave|slave",
	  .doc = "whether mounts made later on either side are seen on the other" },
	{ .name = NULL },
};
static const struct option tmpfs_rows[] = {
	{ "size", OPTION_SIZE, .from = FROM_DOCKER, AT(size), .has = offsetof(struct mount_said, has_tmpfs), .min = 1,
	  .max = INT64_MAX, .otherwise = "half of the memory", .doc = "bytes" },
	{ "mode", OPTION_NUMBER, .from = FROM_DOCKER, AT(mode), .has = offsetof(struct mount_said, has_tmpfs), .max = 07777,
	  .otherwise = "1023, that is 01777", .doc = "permissions, a decimal number as in Nomad's docker driver: 511 is 0777" },
	{ .name = NULL },
};
static const struct option volume_driver_rows[] = {
	{ "name", OPTION_TEXT, .from = FROM_DOCKER, AT(driver), .words = "local", .doc = "who keeps it" },
	{ "options", OPTION_DICT, .from = FROM_DOCKER, AT(driver_options), .doc = "none are known" },
	{ .name = NULL },
};
static const struct option volume_rows[] = {
	{ "no_copy", OPTION_BOOL, .from = FROM_DOCKER, AT(no_copy), .value = "false",
	  .doc = "a new volume does not get what the image has at its place" },
	{ "labels", OPTION_DICT, OPTION_MAPPED, FROM_DOCKER, .at = OPTION_NOWHERE, .doc = "nothing is made of them" },
	{ "driver_config", OPTION_BLOCK, .from = FROM_DOCKER, .nested = volume_driver_rows, .doc = "of a volume that is made" },
	{ .name = NULL },
};
const struct option task_mount_rows[] = {
	{ "type", OPTION_TEXT, .from = OPTION_R_D, AT(type), .value = "volume", .words = "bind|volume|tmpfs",
	  .doc = "what it is; a `volume` whose source is a path is a bind where the options say `bind` or `rbind`" },
	{ "target", OPTION_TEXT, .from = OPTION_R_D, AT(target), .otherwise = "required", .doc = "where it is in the container" },
	{ "source", OPTION_TEXT, .from = OPTION_R_D, AT(source), .otherwise = "none",
	  .doc = "a path of the host, or in the task's folder (`local/x`, `/local/x`, `secrets/x`, `../alloc/x`); or a volume's "
		 "name" },
	{ "options", OPTION_TEXTS, .from = FROM_ROBLOX, AT(options), .otherwise = "none",
	  .doc = "as mount(8) has them: `ro`, `rbind`, `noexec`, `rslave`, `size=64m` ..." },
	{ "readonly", OPTION_BOOL, .from = FROM_DOCKER, AT(readonly), .value = "false", .doc = "nothing can be written" },
	{ "bind_options", OPTION_BLOCK, .from = FROM_DOCKER, .nested = bind_rows, .doc = "of a bind" },
	{ "tmpfs_options", OPTION_BLOCK, .from = FROM_DOCKER, .nested = tmpfs_rows, .doc = "of a tmpfs" },
	{ "volume_options", OPTION_BLOCK, .from = FROM_DOCKER, .nested = volume_rows, .doc = "of a volume" },
	{ .name = NULL },
};
#undef AT

static bool is_folder_word(const char *source)
{
	return !strcmp(source, "local") || !strcmp(source, "secrets") || !strcmp(source, "alloc");
}

/* In jobs for Roblox's driver "volume", which is its default, is a bind where the options say bind or rbind: they are all that the
 * engine looks at. */
static enum conf_mount_type mount_said_type(const struct mount_said *s)
{
	const bool binds = strv_has(&s->options, "bind") || strv_has(&s->options, "rbind");

	if (!strcmp(s->type, "tmpfs"))
		return CONF_MOUNT_TMPFS;
	if (!strcmp(s->type, "bind") || (binds && s->source && (strchr(s->source, '/') || is_folder_word(s->source))))
		return CONF_MOUNT_BIND;
	return CONF_MOUNT_VOLUME;
}

static int mount_misplaced(const struct mount_said *s, const struct conf_mount *m, struct err *err)
{
	if (m->type == CONF_MOUNT_BIND && !s->source)
		return err_set(err, ERR_INVALID, "no source: what it is to be on the host or in the task's folder");
	if (m->type == CONF_MOUNT_VOLUME && s->source && strchr(s->source, '/'))
		return err_hint(err, err_set(err, ERR_INVALID, "source \"%.120s\" is a path, where a volume has a name", s->source),
				"type = \"bind\"");
	if (m->type == CONF_MOUNT_TMPFS && s->source && strcmp(s->source, "tmpfs") != 0)
		return err_set(err, ERR_INVALID, "source \"%.120s\": a tmpfs has none", s->source);
	if (m->type != CONF_MOUNT_BIND && s->propagation)
		return err_set(err, ERR_INVALID, "bind_options: it is a %s", s->type);
	if (m->type != CONF_MOUNT_TMPFS && s->has_tmpfs)
		return err_set(err, ERR_INVALID, "tmpfs_options: it is a %s", s->type);
	if (s->driver_options.n)
		return err_set(err, ERR_INVALID, "volume_options: driver_config: option %.80s is not known",
			       s->driver_options.v[0].key);
	return 0;
}

static int mount_options_of(const struct mount_said *s, struct conf_mount *m, struct err *err)
{
	int r = 0;

	m->readonly = s->readonly;
	for (size_t i = 0; r >= 0 && i < s->options.n; i++)
		r = mount_option_add(m, s->options.v[i], err);
	if (r < 0)
		return err_wrap(err, r, "options");
	m->readonly |= s->readonly;
	if (m->type == CONF_MOUNT_TMPFS && s->options.n && !strv_has(&m->options, "noexec") && !strv_has(&m->options, "exec"))
		strv_push(&m->options, "exec"); /* the options of Roblox's driver are all that there are */
	if (s->propagation)
		strv_push(&m->options, s->propagation);
	if (s->size)
		strv_pushf(&m->options, "size=%lld", (long long)s->size);
	if (s->mode >= 0)
		strv_pushf(&m->options, "mode=%04llo", (unsigned long long)s->mode);
	if (s->no_copy && m->type == CONF_MOUNT_VOLUME)
		strv_push(&m->options, "nocopy");
	return 0;
}

static int mount_of(struct mount_said *s, struct conf_mount *m, struct err *err)
{
	int r = mount_misplaced(s, m, err);

	if (r >= 0)
		r = mount_conf_target(m, s->target ? s->target : "", err);
	if (r >= 0)
		r = mount_options_of(s, m, err);
	if (r < 0)
		return r;
	m->source = m->type == CONF_MOUNT_TMPFS ? NULL : TAKE_PTR(s->source);
	return 0;
}

int task_mount_read(const struct node *n, void *into, struct err *err)
{
	struct mount_said s = { .mode = -1 };
	int r;

	option_defaults(task_mount_rows, &s);
	r = option_block(task_mount_rows, n, &s, err);
	if (r >= 0)
		r = mount_of(&s, mount_conf_add(into, mount_said_type(&s)), err);
	if (r < 0 && s.target)
		err_wrap(err, r, "%.120s", s.target);
	option_done(task_mount_rows, &s);
	return r;
}

/* ---- volumes and tmpfs */

static int options_split(struct conf_mount *m, const char *text, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 };
	int r = 0;

	strv_split(&words, text, ",");
	for (size_t i = 0; r >= 0 && i < words.n; i++)
		r = mount_option_add(m, words.v[i], err);
	return r;
}

/* Whether its source is a volume's name is known once all options are read. */
static int volume_add(const struct node *n, void *into, struct err *err)
{
	struct conf_mount *m = mount_conf_add(into, CONF_MOUNT_BIND);
	_cleanup_free_ char *target = NULL;
	const char *text = "", *colon, *more;
	int r = option_text(n, &text, err);

	if (r < 0)
		return r;
	colon = strchr(text, ':');
	more = colon ? strchr(colon + 1, ':') : NULL;
	if (!colon || colon == text)
		return err_hint(err, err_set(err, ERR_INVALID, "\"%.120s\" is not SOURCE:TARGET[:OPTIONS]", text),
				"local/data:/data:ro");
	target = mem_strndup(colon + 1, more ? (size_t)(more - colon - 1) : strlen(colon + 1));
	m->source = mem_strndup(text, (size_t)(colon - text));
	strv_push(&m->options, MOUNT_CREATE); /* as Docker has it, for these alone */
	r = mount_conf_target(m, target, err);
	if (r >= 0 && more)
		r = options_split(m, more + 1, err);
	return r < 0 ? err_wrap(err, r, "%.120s", text) : 0;
}

static int tmpfs_add(const struct node *n, void *into, struct err *err)
{
	struct conf_mount *m = mount_conf_add(into, CONF_MOUNT_TMPFS);
	_cleanup_free_ char *target = NULL;
	const char *text = "", *colon;
	int r = option_text(n, &text, err);

	if (r < 0)
		return r;
	colon = strchr(text, ':');
	target = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	r = mount_conf_target(m, target, err);
	if (r >= 0 && colon)
		r = options_split(m, colon + 1, err);
	return r < 0 ? err_wrap(err, r, "%.120s", text) : 0;
}

int task_volumes_read(const struct node *n, void *into, struct err *err) { return option_each(n, volume_add, into, err); }

int task_tmpfs_read(const struct node *n, void *into, struct err *err) { return option_each(n, tmpfs_add, into, err); }

/* ---- devices */

void conf_device_done(struct conf_device *d)
{
	free(d->host);
	free(d->inside);
	free(d->access);
	*d = (struct conf_device){ 0 };
}

#define AT(field) .at = offsetof(struct conf_device, field)
const struct option task_device_rows[] = {
	{ "host_path", OPTION_TEXT, .from = FROM_DOCKER, AT(host), .otherwise = "required", .doc = "of the host" },
	{ "container_path", OPTION_TEXT, .from = FROM_DOCKER, AT(inside), .otherwise = "as on the host",
	  .doc = "in the container" },
	{ "cgroup_permissions", OPTION_TEXT, .from = FROM_DOCKER, AT(access), .value = "rwm", .doc = "read, write, make nodes" },
	{ .name = NULL },
};
#undef AT

/* @d is whole now, or it is wrong. */
static int device_check(struct conf_device *d, struct err *err)
{
	if (!d->host)
		return err_set(err, ERR_INVALID, "no host_path");
	d->inside = d->inside ? d->inside : mem_strdup(d->host);
	d->access = d->access ? d->access : mem_strdup("rwm");
	if (*d->host != '/' || *d->inside != '/')
		return err_set(err, ERR_INVALID, "\"%.120s\" is no absolute path", *d->host != '/' ? d->host : d->inside);
	if (!*d->access || d->access[strspn(d->access, "rwm")])
		return err_set(err, ERR_INVALID, "%.120s: permissions \"%.20s\" are not of r, w and m", d->host, d->access);
	return 0;
}

/* "host", "host:inside", "host:inside:rwm" */
static int device_split(const char *text, struct conf_device *d, struct err *err)
{
	_cleanup_strv_ struct strv parts = { 0 };

	strv_split(&parts, text, ":");
	if (!parts.n || parts.n > 3)
		return err_set(err, ERR_INVALID, "\"%.120s\" is not HOST[:CONTAINER[:rwm]]", text);
	d->host = mem_strdup(parts.v[0]);
	if (parts.n == 2 && !parts.v[1][strspn(parts.v[1], "rwm")])
		d->access = mem_strdup(parts.v[1]);
	else if (parts.n > 1)
		d->inside = mem_strdup(parts.v[1]);
	if (parts.n > 2)
		d->access = mem_strdup(parts.v[2]);
	return 0;
}

static int device_add(const struct node *n, void *into, struct err *err)
{
	struct task_conf *c = into;
	struct conf_device *d;
	const char *text = "";
	int r = n->kind == NODE_MAP ? 0 : option_text(n, &text, err);

	if (r >= 0 && *text && *text != '/' && strchr(text, '=')) {
		r = check_cdi(text, NULL, err);
		if (r >= 0)
			strv_push(&c->cdi_devices, text);
		return r;
	}
	if (r < 0)
		return r;
	c->devices = mem_resize(c->devices, (c->n_devices + 1) * sizeof *d);
	d = &c->devices[c->n_devices++];
	*d = (struct conf_device){ 0 };
	r = n->kind == NODE_MAP ? option_block(task_device_rows, n, d, err) : device_split(text, d, err);
	return r < 0 ? r : device_check(d, err);
}

int task_devices_read(const struct node *n, void *into, struct err *err) { return option_each(n, device_add, into, err); }
