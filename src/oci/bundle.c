#include "bundle.h"
#include "beneath.h"
#include "cgroup-path.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* reading */

static int config_open(const char *dir, struct err *err)
{
	_cleanup_close_ int folder = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (folder < 0)
		return err_sys(err, errno, "bundle %s", dir);
	fd = beneath_open(folder, "config.json", O_PATH | O_CLOEXEC);
	if (fd < 0 && (errno == ELOOP || errno == EXDEV))
		return err_set(err, ERR_INVALID, "bundle %s: config.json is a link or a mount, not a file of the bundle", dir);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_hint(err, err_sys(err, errno, "bundle %s: config.json", dir), "runc spec makes one");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "bundle %s: config.json is %s, not a file", dir, file_kind(st.st_mode));
	if (st.st_size > BUNDLE_SPEC_MAX)
		return err_set(err, ERR_INVALID, "bundle %s: config.json is longer than %d MiB", dir, BUNDLE_SPEC_MAX >> 20);
	return TAKE_FD(fd);
}

static bool is_text_list(json *list)
{
	size_t i = 0;

	while (i < json_len(list) && json_text(json_at(list, i)))
		i++;
	return i > 0 && i == json_len(list);
}

/* What davit itself has to know of it; the engine checks the rest. */
static int bundle_check_config(json *spec, const char *dir, struct err *err)
{
	const char *version = json_get_str(spec, "ociVersion");
	json *process = json_get_object(spec, "process");
	const char *cwd = json_get_str(process, "cwd");
	const struct {
		const char *key, *wanted;
		bool there;
	} rows[] = {
		{ "ociVersion", "a version 1.x", version && !strncmp(version, "1.", 2) },
		{ "root.path", "the path of a folder", json_get_str(json_get_object(spec, "root"), "path") },
		{ "process.args", "a list of texts", is_text_list(json_get_array(process, "args")) },
		{ "process.cwd", "an absolute path", cwd && *cwd == '/' },
		{ "linux", "an object", json_get_object(spec, "linux") },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (!rows[i].there)
			return err_hint(err,
					err_set(err, ERR_INVALID, "bundle %s: config.json is no OCI spec: %s is not %s", dir,
						rows[i].key, rows[i].wanted),
					"runc spec makes one");
	return 0;
}

/* Engines want it without links on the way. */
static int bundle_fix_root(json *spec, const char *dir, struct err *err)
{
	json *root = json_get_object(spec, "root");
	const char *path = json_get_str(root, "path");
	_cleanup_free_ char *joined = *path == '/' ? mem_strdup(path) : mem_printf("%s/%s", dir, path);
	_cleanup_free_ char *real = realpath(joined, NULL);
	struct stat st;

	if (!real || stat(real, &st) < 0)
		return err_sys(err, errno, "bundle %s: root file system %s", dir, path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "bundle %s: root file system %s is %s, not a folder", dir, path,
			       file_kind(st.st_mode));
	json_put_str(root, "path", real);
	return 0;
}

static bool is_bind(json *mount)
{
	json *options = json_get_array(mount, "options");
	const char *type = json_get_str(mount, "type");
	bool bind = type && !strcmp(type, "bind");

	for (size_t i = 0; i < json_len(options); i++) {
		const char *o = json_text(json_at(options, i));

		bind |= o && (!strcmp(o, "bind") || !strcmp(o, "rbind"));
	}
	return bind;
}

static void bundle_fix_mounts(json *spec, const char *dir)
{
	json *mounts = json_get_array(spec, "mounts");

	for (size_t i = 0; i < json_len(mounts); i++) {
		json *m = json_at(mounts, i);
		const char *source = json_get_str(m, "source");
		_cleanup_free_ char *path = NULL;

		if (!source || *source == '/' || !is_bind(m))
			continue;
		path = path_clean(source, dir);
		json_put_str(m, "source", path);
	}
}

int bundle_read(const char *dir, json **ret, struct err *err)
{
	_cleanup_close_ int fd = config_open(dir, err);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *spec = NULL;
	char self[BENEATH_PATH];
	int r = fd;

	if (r >= 0)
		r = file_read(beneath_path(fd, self), BUNDLE_SPEC_MAX, &text, err);
	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &spec, err);
	if (fd >= 0 && r < 0)
		return err_wrap(err, r, "bundle %s: config.json", dir);
	if (r >= 0)
		r = bundle_check_config(spec, dir, err);
	if (r >= 0)
		r = bundle_fix_root(spec, dir, err);
	if (r < 0)
		return r;
	bundle_fix_mounts(spec, dir);
	*ret = TAKE_PTR(spec);
	return 0;
}

/* network */

/* Its entry of that namespace; NULL: it has none, so it is the host's. */
static json *network_of(json *spec)
{
	json *all = json_get_array(json_get_object(spec, "linux"), "namespaces");

	for (size_t i = 0; i < json_len(all); i++) {
		const char *type = json_get_str(json_at(all, i), "type");

		if (type && !strcmp(type, "network"))
			return json_at(all, i);
	}
	return NULL;
}

static bool joins_another(json *entry)
{
	const char *path = json_get_str(entry, "path");

	return path && *path;
}

int bundle_check_network(json *spec, bool netns, bool none, struct err *err)
{
	json *entry = network_of(spec);
	int r;

	if (!entry)
		return netns ? err_hint(err, err_set(err, ERR_INVALID, "the bundle's config.json has the host's network"),
					"--network host runs it so")
			     : 0;
	if (joins_another(entry)) {
		if (none)
			return 0;
		r = err_set(err, ERR_INVALID, "the bundle's config.json joins the network namespace %s",
			    json_get_str(entry, "path"));
		return err_hint(err, r, "--network none leaves it so");
	}
	if (netns)
		return 0;
	r = err_set(err, ERR_INVALID, "network \"host\": the bundle's config.json has a network namespace of its own");
	return err_hint(err, r, "leave out --network host, or the namespace");
}

/* the container's */

static void put_process(json *spec, const struct bundle_in *in)
{
	json *process = json_get_object(spec, "process"), *console;

	if (in->args->n)
		json_put_strv(process, "args", in->args);
	json_put_bool(process, "terminal", in->tty);
	json_object_object_del(process, "consoleSize");
	if (!in->tty || !in->console.rows)
		return;
	console = json_new_object();
	json_put_int(console, "height", in->console.rows);
	json_put_int(console, "width", in->console.cols);
	json_put(process, "consoleSize", console);
}

static void put_annotations(json *spec, const struct dict *own)
{
	json *all = json_get_object(spec, "annotations");

	if (!own || !own->n)
		return;
	if (!all)
		json_put(spec, "annotations", all = json_new_object());
	for (size_t i = 0; i < own->n; i++)
		json_put_str(all, own->v[i].key, own->v[i].value);
}

int bundle_spec(json *spec, const struct bundle_in *in, struct buf *out, struct err *err)
{
	json *entry = network_of(spec);
	_cleanup_free_ char *cgroup = in->cgroup    ? mem_strdup(in->cgroup)
				      : in->systemd ? mem_printf(CGROUP_SYSTEMD, in->ns, in->id)
						    : mem_printf(CGROUP_PATH, in->ns, in->id);

	if (entry && !joins_another(entry) && in->netns)
		json_put_str(entry, "path", in->netns);
	json_put_str(json_get_object(spec, "linux"), "cgroupsPath", cgroup);
	put_process(spec, in);
	put_annotations(spec, in->annotations);
	json_write(spec, out);
	return out->len ? 0 : err_set(err, ERR_INTERNAL, "bundle: no spec");
}
