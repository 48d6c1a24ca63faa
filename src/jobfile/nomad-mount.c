/* What a task sees below /alloc, /local and /secrets, and what it mounts.
 *
 * Nomad makes the folders alloc, local and secrets on the host. Here /alloc is a folder of the job that its tasks share, /local
 * one of the task's own (mounts of type job), /secrets in memory; all of them go with the job. A template's text is a file that is
 * mounted where it belongs (struct job_file): below these folders, and again where a mount or a volume says that local/x shall be
 * seen. */
#include "nomad.h"
#include "mem.h"
#include "parse.h"
#include "path.h"
#include <string.h>

#define KEYS(rows) .keys = rows, .n = sizeof rows / sizeof *rows

/* "alloc", "local" or "secrets", as the first folder of the cleaned @path; its length, 0: none. */
static size_t task_folder(const char *path)
{
	static const char *const folders[] = { "/alloc", "/local", "/secrets" };

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		const size_t len = strlen(folders[i]);

		if (!strncmp(path, folders[i], len) && (!path[len] || path[len] == '/'))
			return len;
	}
	return 0;
}

int nomad_task_path(struct nomad *n, const char *path, const char **ret, struct err *err)
{
	_cleanup_free_ char *clean = path_clean(!strncmp(path, "../alloc", 8) ? path + 2 : path, "/");

	*ret = NULL;
	return task_folder(clean) ? nomad_keep(n, clean, ret, err) : 0;
}

static int task_file_add(struct nomad *n, const struct nomad_template *from, const char *target, struct err *err)
{
	struct job_file *f;
	int r = nomad_spend(n, sizeof *f + strlen(from->data) + strlen(target), err);

	if (r < 0)
		return r;
	f = shape_add(nomad_field(&task_shape, "files"), n->task);
	f->target = mem_strdup(target);
	f->data = mem_strdup(from->data);
	f->mode = mem_strdup(from->mode);
	return 0;
}

enum { SEEN_NONE, SEEN_BELOW, SEEN_FILE };

/* Templates of @path, a file or a folder, are seen at @target. */
static int add_templates(struct nomad *n, const char *path, const char *target, struct err *err)
{
	const size_t len = strlen(path);
	int r = nomad_spend(n, n->n_templates, err), seen = SEEN_NONE;

	for (size_t i = 0; r >= 0 && i < n->n_templates; i++) {
		const struct nomad_template *t = &n->templates[i];
		_cleanup_free_ char *below = NULL;

		if (!strcmp(t->path, path)) {
			r = task_file_add(n, t, target, err);
			return r < 0 ? r : SEEN_FILE;
		}
		if (strncmp(t->path, path, len) != 0 || t->path[len] != '/')
			continue;
		below = mem_printf("%s%s", target, t->path + len);
		r = task_file_add(n, t, below, err);
		seen = SEEN_BELOW;
	}
	return r < 0 ? r : seen;
}

/* The job's folder for one of a task's: "alloc" of all tasks, "TASK.local", and of what lies deeper a folder of its own,
 * "TASK.local+conf.d", which is mounted in both places. The caller frees. */
static char *job_folder_name(const struct nomad *n, const char *path)
{
	char *name = !strncmp(path, "/alloc", 6) ? mem_strdup(path + 1) : mem_printf("%s.%s", n->task->name, path + 1);

	for (char *p = name; *p; p++)
		*p = *p == '/' ? '+' : *p;
	return name;
}

static int task_folder_add(struct nomad *n, const struct node *v, const char *path, const char *target, bool read_only,
			   struct err *err)
{
	struct mount *m;
	int r = nomad_spend(n, sizeof *m + strlen(path) + strlen(target), err);

	if (r < 0)
		return r;
	m = task_add_mount(n->task);
	m->kind = MOUNT_JOB;
	m->source = job_folder_name(n, path);
	m->target = mem_strdup(target);
	m->read_only = read_only;
	r = shape_check(&mount_shape, m, err);
	if (r < 0 && v)
		n->at = v->at;
	return r;
}

static bool is_mounted(const struct task *t, const char *target)
{
	for (size_t i = 0; i < t->n_mounts; i++)
		if (!strcmp(t->mounts[i].target, target))
			return true;
	return false;
}

int nomad_folders(struct nomad *n, struct err *err)
{
	static const char *const folders[] = { "/alloc", "/alloc/data", "/alloc/tmp", "/local" };
	struct task *t = n->task;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof folders / sizeof *folders; i++)
		if (!is_mounted(t, folders[i]))
			r = task_folder_add(n, NULL, folders[i], folders[i], false, err);
	if (r >= 0 && !is_mounted(t, "/secrets")) {
		struct mount *m = task_add_mount(t);

		m->kind = MOUNT_TMPFS;
		m->target = mem_strdup("/secrets");
		strv_pushf(&m->options, "size=%lldm", (long long)n->secrets);
		strv_push(&m->options, "mode=0777");
	}
	for (size_t i = 0; r >= 0 && i < n->n_templates; i++)
		r = task_file_add(n, &n->templates[i], n->templates[i].path, err);
	return r;
}

/* Deeper than the folder itself: what other tasks see of /alloc is no other folder than the usual ones. */
static int mount_folder(struct nomad *n, const struct node *v, const char *path, const char *target, bool read_only,
			struct err *err)
{
	const size_t len = task_folder(path);
	const bool usual = !path[len] || !strcmp(path, "/alloc/data") || !strcmp(path, "/alloc/tmp");
	int r;

	if (!usual && !strncmp(path, "/alloc", 6))
		return err_hint(err, nomad_bad(n, v, err, "source \"%.200s\": not a folder that all tasks have", path),
				"alloc, alloc/data, alloc/tmp");
	r = nomad_spend(n, n->task->n_mounts, err);
	if (r >= 0)
		r = task_folder_add(n, v, path, target, read_only, err);
	return r < 0 || usual || is_mounted(n->task, path) ? r : task_folder_add(n, v, path, path, false, err);
}

/* A path of the task's folder, seen at @target. */
static int mount_task_path(struct nomad *n, const struct node *v, const char *source, const char *target, bool read_only,
			   struct err *err)
{
	const char *path = NULL;
	int r = nomad_task_path(n, source, &path, err);

	if (r >= 0 && !path)
		r = err_hint(err, nomad_bad(n, v, err, "source \"%.200s\": not below the task's folder", source),
			     "local/..., secrets/..., alloc/..., or an absolute path of the host");
	if (r < 0)
		return r;
	if (*target != '/')
		return nomad_bad(n, v, err, "target \"%.200s\": not an absolute path", target);
	r = add_templates(n, path, target, err);
	if (r < 0 || r == SEEN_FILE)
		return r < 0 ? r : 0;
	if (!strncmp(path, "/secrets", 8) && r == SEEN_BELOW)
		return 0;
	if (!strncmp(path, "/secrets", 8))
		return nomad_bad(n, v, err, "source \"%.200s\": no template has this destination", source);
	return mount_folder(n, v, path, target, read_only, err);
}

/* volume_mount: a volume of the group */

static int mount_volume(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.source, err); }
static int mount_target(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.target, err); }
static int mount_read_only(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_switch(n, v, &n->now.read_only, err);
}

static int mount_propagation(struct nomad *n, const struct node *v, struct err *err)
{
	static const char *const words[][2] = { { "private", "rprivate" },      { "host-to-task", "rslave" },
						{ "bidirectional", "rshared" }, { "rprivate", "rprivate" },
						{ "rslave", "rslave" },         { "rshared", "rshared" },
						{ "slave", "slave" },           { "shared", "shared" } };
	const char *mode = NULL;
	int r = nomad_text(n, v, &mode, err);

	if (r < 0 || !mode || !*mode)
		return r;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(mode, words[i][0])) {
			strv_push(&n->now.options, words[i][1]);
			return 0;
		}
	return err_hint(err, nomad_bad(n, v, err, "%s \"%.80s\": not known", v->key, mode), "private, host-to-task, bidirectional");
}

static const struct nomad_key volume_mount_keys[] = {
	{ "volume", .call = mount_volume },       { "destination", .call = mount_target },
	{ "read_only", .call = mount_read_only }, { "propagation_mode", .call = mount_propagation },
	{ "selinux_label", .cluster = true },
};
static const struct nomad_block volume_mount_block = { .name = "volume_mount", KEYS(volume_mount_keys) };

static void now_done(struct nomad *n)
{
	strv_done(&n->now.options);
	strv_done(&n->now.args);
	n->now = (struct nomad_now){ 0 };
}

/* What n->now says, as a mount of the task. */
static int mount_add(struct nomad *n, const struct node *v, enum mount_kind kind, const char *source, struct err *err)
{
	struct mount *m;
	int r = nomad_spend(n, sizeof *m + (source ? strlen(source) : 0), err);

	if (r < 0)
		return r;
	m = task_add_mount(n->task);
	m->kind = kind;
	m->source = mem_strdup(source);
	m->target = mem_strdup(n->now.target);
	m->read_only = n->now.read_only;
	m->options = n->now.options;
	n->now.options = (struct strv){ 0 };
	r = shape_check(&mount_shape, m, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

static const struct nomad_volume *find_volume(const struct nomad *n, const char *name)
{
	for (size_t i = 0; name && i < n->n_volumes; i++)
		if (!strcmp(n->volumes[i].name, name))
			return &n->volumes[i];
	return NULL;
}

/* A client's host volume is in the client's configuration: here it is what --host-volume says, or davit's volume of that name. */
static int add_volume(struct nomad *n, const struct node *v, const struct nomad_volume *of, struct err *err)
{
	_cleanup_free_ char *source =
		of->per_alloc ? mem_printf("%s-%lld", of->source, (long long)n->index) : mem_strdup(of->source);
	const char *path = n->in->how->host_volumes ? dict_get(n->in->how->host_volumes, source) : NULL;

	n->now.read_only |= of->read_only;
	return path ? mount_add(n, v, MOUNT_BIND, path, err) : mount_add(n, v, MOUNT_VOLUME, source, err);
}

int nomad_volume_mount(struct nomad *n, const struct node *v, struct err *err)
{
	const struct node *body = hcl_body(v);
	const struct nomad_volume *of;
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_walk(n, &volume_mount_block, body, err);
	if (r >= 0)
		r = nomad_spend(n, n->n_volumes, err);
	of = find_volume(n, n->now.source);
	if (r >= 0 && (!n->now.source || !n->now.target))
		r = nomad_bad(n, body, err, "volume_mount without %s", n->now.source ? "destination" : "volume");
	else if (r >= 0 && !of)
		r = err_hint(
			err,
			nomad_bad(n, body, err, "volume_mount of \"%.80s\": the group has no volume of that name", n->now.source),
			"volume \"%.80s\" { type = \"host\" source = \"NAME\" }", n->now.source);
	if (r >= 0)
		r = add_volume(n, body, of, err);
	now_done(n);
	return r;
}

/* mount and mounts of a driver's config */

static int mount_type(struct nomad *n, const struct node *v, struct err *err) { return nomad_text(n, v, &n->now.type, err); }

static int mount_options(struct nomad *n, const struct node *v, struct err *err) { return nomad_texts(n, v, &n->now.options, err); }

static int tmpfs_size(struct nomad *n, const struct node *v, struct err *err)
{
	int64_t bytes = 0;
	int r = nomad_whole(n, v, 0, INT64_C(1) << 60, &bytes, err);

	if (r >= 0 && bytes)
		strv_pushf(&n->now.options, "size=%lld", (long long)bytes);
	return r;
}

/* A number, as Docker has it: 511 is 0777. */
static int tmpfs_mode(struct nomad *n, const struct node *v, struct err *err)
{
	int64_t mode = 0;
	int r = nomad_whole(n, v, 0, 07777, &mode, err);

	if (r >= 0 && mode)
		strv_pushf(&n->now.options, "mode=%04llo", (unsigned long long)mode);
	return r;
}

static int volume_no_copy(struct nomad *n, const struct node *v, struct err *err)
{
	bool yes = false;
	int r = nomad_switch(n, v, &yes, err);

	if (r >= 0 && yes)
		strv_push(&n->now.options, "nocopy");
	return r;
}

static const struct nomad_key bind_keys[] = { { "propagation", .call = mount_propagation } };
static const struct nomad_block bind_block = { .name = "bind_options", KEYS(bind_keys) };
static const struct nomad_key tmpfs_keys[] = { { "size", .call = tmpfs_size }, { "mode", .call = tmpfs_mode } };
static const struct nomad_block tmpfs_block = { .name = "tmpfs_options", KEYS(tmpfs_keys) };
static const struct nomad_key volume_keys[] = {
	{ "no_copy", .call = volume_no_copy },
	{ "labels", .cluster = true },
	{ "driver_config", .refused = "davit's volumes are folders of this machine: make others first, and bind them" },
};
static const struct nomad_block volume_block = { .name = "volume_options", KEYS(volume_keys) };

static const struct nomad_key mount_keys[] = {
	{ "type", .call = mount_type },
	{ "target", .call = mount_target },
	{ "source", .call = mount_volume },
	{ "readonly", .call = mount_read_only },
	{ "options", .call = mount_options },
	{ "bind_options", .block = &bind_block },
	{ "tmpfs_options", .block = &tmpfs_block },
	{ "volume_options", .block = &volume_block },
};
const struct nomad_block nomad_mount_block = { .name = "mount", KEYS(mount_keys) };

/* Of fstab's words davit knows those that say more than "bind" and "ro". */
static void settle_options(struct nomad_now *now)
{
	struct strv rest = { 0 };

	for (size_t i = 0; i < now->options.n; i++) {
		const char *o = now->options.v[i];

		if (!strcmp(o, "ro"))
			now->read_only = true;
		else if (strcmp(o, "rw") != 0 && strcmp(o, "bind") != 0 && strcmp(o, "rbind") != 0)
			strv_push(&rest, o);
	}
	strv_done(&now->options);
	now->options = rest;
}

static int mount_by_type(struct nomad *n, const struct node *v, struct err *err)
{
	const struct nomad_now *now = &n->now;
	const char *type = now->type ? now->type : "volume", *source = now->source && *now->source ? now->source : NULL;

	if (!now->target)
		return nomad_bad(n, v, err, "mount without target");
	if (!strcmp(type, "tmpfs"))
		return mount_add(n, v, MOUNT_TMPFS, NULL, err);
	if (!strcmp(type, "volume"))
		return mount_add(n, v, MOUNT_VOLUME, source, err);
	if (strcmp(type, "bind") != 0)
		return err_hint(err, nomad_bad(n, v, err, "mount type \"%.80s\": not known", type), "bind, volume, tmpfs");
	if (!source)
		return nomad_bad(n, v, err, "mount of type bind without source");
	return *source == '/' && !task_folder(source) ? mount_add(n, v, MOUNT_BIND, source, err)
						      : mount_task_path(n, v, source, now->target, now->read_only, err);
}

static int mount_one(struct nomad *n, const struct node *v, struct err *err)
{
	int r;

	n->now = (struct nomad_now){ 0 };
	r = nomad_walk(n, &nomad_mount_block, v, err);
	settle_options(&n->now);
	if (r >= 0)
		r = mount_by_type(n, v, err);
	now_done(n);
	return r;
}

int nomad_mount(struct nomad *n, const struct node *v, struct err *err)
{
	return nomad_each(n, v->block ? hcl_body(v) : v, mount_one, err);
}

/* volumes: "SOURCE:TARGET[:OPTIONS]" */

static int bind_task_path(struct nomad *n, const struct node *v, const char *text, struct err *err)
{
	_cleanup_strv_ struct strv parts = { 0 };
	int r;

	strv_split(&parts, text, ":");
	if (parts.n < 2 || parts.n > 3)
		return err_hint(err, nomad_bad(n, v, err, "volume \"%.200s\": not two paths", text), "SOURCE:TARGET[:ro]");
	n->now = (struct nomad_now){ .target = parts.v[1] };
	if (parts.n == 3)
		strv_split(&n->now.options, parts.v[2], ",");
	settle_options(&n->now);
	r = mount_task_path(n, v, parts.v[0], parts.v[1], n->now.read_only, err);
	now_done(n);
	return r;
}

static int bind_one(struct nomad *n, const struct node *v, struct err *err)
{
	_cleanup_free_ char *source = NULL;
	const char *text = NULL;
	int r = nomad_text(n, v, &text, err);

	if (r < 0 || !text)
		return r;
	source = mem_strndup(text, strcspn(text, ":"));
	if (!n->named_volumes && (*source != '/' || task_folder(source)))
		return bind_task_path(n, v, text, err);
	r = nomad_spend(n, sizeof(struct mount) + strlen(text), err);
	if (r >= 0)
		r = parse_volume(text, n->in->cwd, n->task, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

int nomad_binds(struct nomad *n, const struct node *v, struct err *err) { return nomad_each(n, v, bind_one, err); }

static int tmpfs_one(struct nomad *n, const struct node *v, struct err *err)
{
	const char *text = NULL;
	int r = nomad_text(n, v, &text, err);

	if (r < 0 || !text)
		return r;
	r = nomad_spend(n, sizeof(struct mount) + strlen(text), err);
	if (r >= 0)
		r = parse_tmpfs(text, n->task, err);
	if (r < 0)
		n->at = v->at;
	return r;
}

int nomad_tmpfs(struct nomad *n, const struct node *v, struct err *err) { return nomad_each(n, v, tmpfs_one, err); }
