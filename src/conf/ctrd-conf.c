#include "ctrd-conf.h"
#include "file.h"
#include "mem.h"
#include "path.h"
#include "toml-put.h"
#include <errno.h>
#include <glob.h>
#include <string.h>

enum { TEXT_MAX = 1 << 20, FILES_MAX = 256, CMDLINE_MAX = 65536 };

/* What the CRI plugin is called in each form: its runtimes stand below the first name, and any of them switches it off. */
static const char *const cri_names[][4] = {
	[1] = { "cri" },
	[2] = { "io.containerd.grpc.v1.cri" },
	[3] = { "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri" },
	[4] = { "io.containerd.cri.v1.runtime", "io.containerd.cri.v1.images", "io.containerd.grpc.v1.cri" },
};
enum { VERSIONS = sizeof cri_names / sizeof *cri_names };

void ctrd_conf_done(struct ctrd_conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].path);
		buf_done(&c->v[i].text);
		json_freep(&c->v[i].tree);
	}
	free(c->v);
	free(c->path);
	*c = (struct ctrd_conf){ 0 };
}

char *ctrd_conf_named(pid_t pid)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/cmdline", (int)pid);
	_cleanup_buf_ struct buf line = { 0 };

	if (pid <= 0 || file_read(path, CMDLINE_MAX, &line, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < line.len; i += strlen(line.data + i) + 1) {
		const char *arg = line.data + i, *next = arg + strlen(arg) + 1;

		arg += strspn(arg, "-");
		if (!strncmp(arg, "config=", 7) || !strncmp(arg, "c=", 2))
			return mem_strdup(strchr(arg, '=') + 1);
		if ((!strcmp(arg, "config") || !strcmp(arg, "c")) && next < line.data + line.len)
			return mem_strdup(next);
	}
	return NULL;
}

static bool has_file(const struct ctrd_conf *c, const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].path, path))
			return true;
	return false;
}

static int conf_add_file(struct ctrd_conf *c, const char *path, struct err *err)
{
	struct ctrd_conf_file f = { 0 };
	int r;

	if (has_file(c, path))
		return 0;
	if (c->n >= FILES_MAX)
		return err_set(err, ERR_EXHAUSTED, "%s: more than %d files are imported", path, FILES_MAX);
	r = file_read(path, TEXT_MAX, &f.text, err);
	if (r < 0)
		return r;
	r = toml_parse(buf_str(&f.text), f.text.len, &f.tree, err);
	if (r < 0) {
		buf_done(&f.text);
		return err_wrap(err, r, "%s", path);
	}
	f.path = mem_strdup(path);
	c->v = mem_grow(c->v, &c->cap, c->n + 1, sizeof *c->v);
	c->v[c->n++] = f;
	return 0;
}

/* What @pattern stands for: itself, or what matches it where it has a "*". */
static void expand(const char *pattern, struct strv *out)
{
	glob_t found = { 0 };

	if (!strchr(pattern, '*')) {
		strv_push(out, pattern);
		return;
	}
	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			strv_push(out, found.gl_pathv[i]);
	globfree(&found);
}

static int add_imports(struct ctrd_conf *c, size_t of, struct err *err)
{
	_cleanup_strv_ struct strv patterns = { 0 }, paths = { 0 };
	const char *slash = strrchr(c->v[of].path, '/');
	_cleanup_free_ char *folder = mem_strndup(c->v[of].path, slash ? (size_t)(slash - c->v[of].path) : 0), *own = NULL;
	int r = 0;

	own = mem_strdup(c->v[of].path);
	json_get_strv(c->v[of].tree, "imports", &patterns);
	for (size_t i = 0; i < patterns.n; i++) {
		_cleanup_free_ char *whole = path_clean(patterns.v[i], *folder ? folder : "/");

		expand(whole, &paths);
	}
	for (size_t i = 0; r >= 0 && i < paths.n; i++)
		r = conf_add_file(c, paths.v[i], err);
	return r < 0 ? err_wrap(err, r, "imports of %s", own) : r;
}

int ctrd_conf_load(const char *path, struct ctrd_conf *ret, struct err *err)
{
	_cleanup_(ctrd_conf_done) struct ctrd_conf c = { .path = mem_strdup(path) };
	int r = file_exists(path) ? conf_add_file(&c, path, err) : 0;

	for (size_t i = 0; r >= 0 && i < c.n; i++)
		r = add_imports(&c, i, err);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct ctrd_conf){ 0 };
	return 0;
}

unsigned ctrd_conf_version(const struct ctrd_conf *c)
{
	int64_t version = c->n ? 1 : 0;

	for (size_t i = 0; i < c->n; i++) {
		const int64_t said = json_get_int(c->v[i].tree, "version", 0);

		if (said > 0)
			version = said;
	}
	return version > UINT32_MAX ? UINT32_MAX : (unsigned)version;
}

int ctrd_conf_cri(unsigned version, const char **ret, struct err *err)
{
	if (!version || version >= VERSIONS)
		return err_set(err, ERR_UNIMPLEMENTED, "version = %u: containerd's configuration is known up to version %d",
			       version, VERSIONS - 1);
	*ret = cri_names[version][0];
	return 0;
}

static const char *cri_of(const struct ctrd_conf *c)
{
	const char *key = NULL;

	return ctrd_conf_cri(ctrd_conf_version(c), &key, NULL) < 0 ? NULL : key;
}

const struct ctrd_conf_file *ctrd_conf_holder(const struct ctrd_conf *c)
{
	const char *key = cri_of(c);

	for (size_t i = c->n; key && i > 0; i--)
		if (json_get(json_get_object(c->v[i - 1].tree, "plugins"), key))
			return &c->v[i - 1];
	return c->n ? &c->v[0] : NULL;
}

static const char *off_in(json *tree, unsigned version)
{
	json *list = json_get_array(tree, "disabled_plugins");

	for (size_t i = 0; i < json_len(list); i++) {
		const char *word = json_text(json_at(list, i));

		for (const char *const *name = cri_names[version]; word && *name; name++)
			if (!strcmp(*name, word))
				return word;
	}
	return NULL;
}

const char *ctrd_conf_cri_off(const struct ctrd_conf *c, const char **ret_file)
{
	const unsigned version = ctrd_conf_version(c);

	for (size_t i = 0; version < VERSIONS && i < c->n; i++) {
		const char *word = off_in(c->v[i].tree, version);

		if (word) {
			*ret_file = c->v[i].path;
			return word;
		}
	}
	return NULL;
}

json *ctrd_conf_of_runtime(const struct ctrd_conf *c, const char *name, const char *key)
{
	const struct ctrd_conf_file *f = ctrd_conf_holder(c);
	const char *cri = cri_of(c);
	_cleanup_strv_ struct strv path = { 0 };

	if (!f || !cri)
		return NULL;
	strv_push(&path, "plugins");
	strv_push(&path, cri);
	strv_push(&path, "containerd");
	strv_push(&path, "runtimes");
	strv_push(&path, name);
	strv_split(&path, key, ".");
	return toml_at(f->tree, &path);
}
