/* All files are read for each run that names such a device: there are few, and who changes them need tell nobody. */
#include "cdi-file.h"
#include "check.h"
#include "file.h"
#include "mem.h"
#include <string.h>

enum { FILES_MAX = 1024, FILE_SIZE_MAX = 4 << 20, ALL_SIZE_MAX = 16 << 20, LISTED_MAX = 8, CDI_EDITS_MAX = 4096 };

const char *const cdi_folders[] = { "/etc/cdi", "/var/run/cdi", NULL };

struct cdi_entry {
	char *file;
	size_t folder; /* which of them: the later counts more */
	struct cdi_spec spec;
	bool used; /* its own edits are in already */
};
struct registry {
	struct cdi_entry *v;
	size_t n, cap;
	size_t bytes;
	struct err wrong; /* the first file that is not as it should be */
};

static void registry_done(struct registry *g)
{
	for (size_t i = 0; i < g->n; i++) {
		free(g->v[i].file);
		cdi_spec_done(&g->v[i].spec);
	}
	free(g->v);
}

static bool is_cdi_file(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot > name && *name != '.' && (!strcmp(dot, ".json") || !strcmp(dot, ".yaml"));
}

static void add_file(struct registry *g, size_t folder, const char *path)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct cdi_spec spec = { 0 };
	struct err err = ERR_INIT;
	int r = file_read(path, FILE_SIZE_MAX, &text, &err);

	g->bytes += text.len;
	if (r >= 0 && g->bytes > ALL_SIZE_MAX)
		r = err_set(&err, ERR_EXHAUSTED, "%s: with the files before it more than %d MiB", path, ALL_SIZE_MAX >> 20);
	if (r >= 0)
		r = cdi_spec_read(path, buf_str(&text), text.len, &spec, &err);
	if (r < 0) {
		if (!g->wrong.code)
			g->wrong = err;
		return;
	}
	g->v = mem_grow(g->v, &g->cap, g->n + 1, sizeof *g->v);
	g->v[g->n++] = (struct cdi_entry){ .file = mem_strdup(path), .folder = folder, .spec = spec };
}

static void add_folder(struct registry *g, size_t folder, const char *path)
{
	_cleanup_(closedirp) DIR *d = opendir(path);
	_cleanup_strv_ struct strv names = { 0 };

	if (!d)
		return;
	for (const struct dirent *e; names.n < FILES_MAX && (e = readdir(d));)
		if (is_cdi_file(e->d_name))
			strv_pushf(&names, "%s/%s", path, e->d_name);
	strv_sort(&names, 0);
	for (size_t i = 0; i < names.n; i++)
		add_file(g, folder, names.v[i]);
}

static struct cdi_device *entry_device(const struct cdi_entry *e, const char *kind, size_t kind_len, const char *name)
{
	if (strlen(e->spec.kind) != kind_len || memcmp(e->spec.kind, kind, kind_len) != 0)
		return NULL;
	for (size_t i = 0; i < e->spec.n_devices; i++)
		if (!strcmp(e->spec.devices[i].name, name))
			return &e->spec.devices[i];
	return NULL;
}

/* "a, b, c ... and 12 more", of devices; those of @kind if it has any. */
static void list_devices(const struct registry *g, const char *kind, size_t kind_len, struct buf *out)
{
	size_t n = 0, same = 0;

	for (size_t i = 0; i < g->n; i++)
		if (strlen(g->v[i].spec.kind) == kind_len && !memcmp(g->v[i].spec.kind, kind, kind_len))
			same += g->v[i].spec.n_devices;
	for (size_t i = 0; i < g->n; i++) {
		const struct cdi_spec *s = &g->v[i].spec;

		if (same && (strlen(s->kind) != kind_len || memcmp(s->kind, kind, kind_len) != 0))
			continue;
		for (size_t k = 0; k < s->n_devices; k++)
			if (n++ < LISTED_MAX && out->len < 120)
				buf_addf(out, "%s%s=%s", out->len ? ", " : "", s->kind, s->devices[k].name);
			else
				n += LISTED_MAX;
	}
	if (n > LISTED_MAX)
		buf_adds(out, " ...");
}

static int cdi_unknown(const struct registry *g, const char *const *folders, const char *name, size_t kind_len, struct err *err)
{
	_cleanup_buf_ struct buf there = { 0 };
	int r = err_set(err, ERR_NOT_FOUND, "device %.200s: no file in %s%s%s has it", name, folders[0] ? folders[0] : "",
			folders[0] && folders[1] ? " or " : "", folders[0] && folders[1] ? folders[1] : "");

	if (g->wrong.code)
		return err_hint(err, r, "mend %.180s", g->wrong.msg);
	list_devices(g, name, kind_len, &there);
	return there.len ? err_hint(err, r, "there are %s", buf_str(&there))
			 : err_hint(err, r, "who made the device has a program that writes one, such as nvidia-ctk cdi generate");
}

/* The one that counts; NULL with the error when there is none, or are two. */
static struct cdi_entry *cdi_choose(struct registry *g, const char *const *folders, const char *name,
				    struct cdi_device **ret_device, struct err *err)
{
	const char *equals = strchr(name, '=');
	size_t kind_len = (size_t)(equals - name);
	struct cdi_entry *best = NULL, *rival = NULL;

	for (size_t i = 0; i < g->n; i++) {
		struct cdi_device *d = entry_device(&g->v[i], name, kind_len, equals + 1);

		if (!d)
			continue;
		rival = best && best->folder == g->v[i].folder ? best : NULL;
		best = &g->v[i];
		*ret_device = d;
	}
	if (best && !rival)
		return best;
	if (!best)
		(void)cdi_unknown(g, folders, name, kind_len, err);
	else
		(void)err_hint(err, err_set(err, ERR_INVALID, "device %.200s: both in %s and in %s", name, rival->file, best->file),
			       "take it out of one");
	return NULL;
}

/* Appends what @from has, by the table. */
static int cdi_add(const struct cdi_edits *from, struct cdi_edits *to, struct err *err)
{
	for (size_t i = 0; from && i < cdi_edits_shape.n; i++) {
		const struct field *f = &cdi_edits_shape.fields[i];
		const char *src = (const char *)from + f->offset;
		char *dst = (char *)to + f->offset;

		if (f->type == FIELD_STRV) {
			strv_add((struct strv *)(void *)dst, (const struct strv *)(const void *)src);
		} else if (f->type == FIELD_ARRAY) {
			size_t n = *(const size_t *)(const void *)((const char *)from + f->extra), size = f->of->size;
			size_t *have = (size_t *)(void *)((char *)to + f->extra);
			char *v = *(char *const *)(const void *)src, **all = (char **)(void *)dst;

			if (*have + n > CDI_EDITS_MAX)
				return err_set(err, ERR_EXHAUSTED, "devices: more than %d %s in all", CDI_EDITS_MAX, f->key);
			*all = n ? mem_resize(*all, (*have + n) * size) : *all;
			for (size_t k = 0; k < n; k++)
				shape_copy(f->of, v + k * size, *all + (*have + k) * size);
			*have += n;
		} else if (*(void *const *)(const void *)src) {
			struct cdi_edits held = { .rdt = to->rdt };

			to->rdt = NULL;
			cdi_edits_done(&held);
			to->rdt = mem_new(struct cdi_rdt);
			shape_copy(f->of, from->rdt, to->rdt);
		}
	}
	return 0;
}

static int cdi_find_one(struct registry *g, const char *const *folders, const char *name, struct cdi_edits *out, struct err *err)
{
	struct cdi_device *device = NULL;
	struct cdi_entry *e;
	int r = check_cdi(name, NULL, err);

	if (r < 0)
		return r;
	e = cdi_choose(g, folders, name, &device, err);
	if (!e)
		return -(int)err->code;
	if (!e->used)
		r = cdi_add(e->spec.edits, out, err);
	e->used = true;
	return r < 0 ? r : cdi_add(device->edits, out, err);
}

int cdi_find(const char *const *folders, const struct strv *names, struct cdi_edits *out, struct err *err)
{
	_cleanup_(registry_done) struct registry g = { .wrong = ERR_INIT };
	struct cdi_edits all = { 0 };
	struct err unused = ERR_INIT;
	int r = 0;

	if (!names->n)
		return 0;
	for (size_t i = 0; folders[i]; i++)
		add_folder(&g, i, folders[i]);
	for (size_t i = 0; r >= 0 && i < names->n; i++)
		r = cdi_find_one(&g, folders, names->v[i], &all, err ? err : &unused);
	if (r >= 0)
		r = cdi_add(&all, out, err);
	cdi_edits_done(&all);
	return r;
}
