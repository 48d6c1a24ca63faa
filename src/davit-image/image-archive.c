#include "image-archive.h"
#include "content.h"
#include "mem.h"
#include "name.h"
#include "sha.h"
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

enum { LINK_HOPS = 8, PATH_MAX_ = 4096 };

void archive_files_done(struct archive_files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].link);
		free(f->v[i].digest);
	}
	free(f->v);
	buf_done(&f->index);
	buf_done(&f->manifest);
	*f = (struct archive_files){ 0 };
}

char *archive_path(const char *dir, const char *path)
{
	_cleanup_strv_ struct strv parts = { 0 }, kept = { 0 };

	if (strlen(dir) + strlen(path) > PATH_MAX_)
		return NULL;
	if (*path != '/')
		strv_split(&parts, dir, "/");
	strv_split(&parts, path, "/");
	for (size_t i = 0; i < parts.n; i++) {
		if (strcmp(parts.v[i], ".") == 0)
			continue;
		if (strcmp(parts.v[i], "..") != 0) {
			strv_push(&kept, parts.v[i]);
			continue;
		}
		if (!kept.n)
			return NULL;
		free(TAKE_PTR(kept.v[--kept.n]));
	}
	return kept.n ? strv_join(&kept, "/") : NULL;
}

static struct archive_file *find_one(const struct archive_files *f, const char *path)
{
	for (size_t i = f->n; i--;) /* of two entries with one name the later counts, as in tar */
		if (strcmp(f->v[i].path, path) == 0)
			return &f->v[i];
	return NULL;
}

const struct archive_file *archive_find(const struct archive_files *f, const char *path)
{
	_cleanup_free_ char *clean = archive_path("", path);
	const struct archive_file *file = clean ? find_one(f, clean) : NULL;

	for (int hops = 0; file && file->link; hops++)
		file = hops < LINK_HOPS ? find_one(f, file->link) : NULL;
	return file;
}

static struct archive_file *add(struct archive_files *f, const char *path)
{
	f->v = mem_grow(f->v, &f->cap, f->n + 1, sizeof *f->v);
	f->v[f->n] = (struct archive_file){ .path = mem_strdup(path), .suffix = "" };
	return &f->v[f->n++];
}

static void add_link(struct archive_files *f, const char *path, const char *target, bool symbolic)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *dir = symbolic && slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup("");
	_cleanup_free_ char *to = archive_path(dir, target);

	if (to)
		add(f, path)->link = TAKE_PTR(to);
}

static int has_holes(const struct input *in, const char *path, struct err *err)
{
	return err_hint(err, err_set(err, ERR_INVALID, "%s: %s is stored with holes", in->name, path),
			"make the archive again, without tar's --sparse");
}

/* Data of the entry at which @a stands, piece by piece from byte *@at on: 1, 0 at its end. */
static int next_block(struct input *in, struct archive *a, const char *path, int64_t *at, const char **ret, size_t *ret_n,
		      struct err *err)
{
	const void *p = NULL;
	la_int64_t offset = 0;
	size_t n = 0;
	int r;

	do
		r = archive_read_data_block(a, &p, &n, &offset);
	while ((r == ARCHIVE_OK || r == ARCHIVE_WARN) && n == 0);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r < ARCHIVE_WARN)
		return input_archive_error(in, a, err);
	if (offset != *at)
		return has_holes(in, path, err);
	*at += (int64_t)n;
	*ret = p;
	*ret_n = n;
	return 1;
}

static int keep(struct input *in, struct archive *a, const char *path, struct buf *to, struct err *err)
{
	int64_t at = 0;
	const char *p;
	size_t n;
	int r;

	buf_reset(to);
	while ((r = next_block(in, a, path, &at, &p, &n, err)) == 1) {
		if (n > ARCHIVE_JSON_MAX - to->len)
			return err_set(err, ERR_EXHAUSTED, "%s: %s is longer than %d MiB", in->name, path, ARCHIVE_JSON_MAX >> 20);
		buf_add(to, p, n);
	}
	return r;
}

static const char *suffix_of(const char *p, size_t n)
{
	if (n >= 3 && memcmp(p, "\x1f\x8b\x08", 3) == 0)
		return "gzip";
	return n >= 4 && memcmp(p, "\x28\xb5\x2f\xfd", 4) == 0 ? "zstd" : "";
}

struct ingest {
	struct session *s;
	struct content_writer *writer; /* NULL: the blob is there already */
	char *ref;
	char *expected;                /* digest that the path promises, or NULL */
	struct sha sha;
	int64_t size;
};

static void ingest_done(struct ingest *i)
{
	struct ctx ctx = ctx_within(NULL, 5000);
	bool open = i->writer != NULL;

	content_writer_free(i->writer);
	if (open)
		(void)content_abort(i->s->ctrd, i->ref, &ctx, NULL);
	free(i->ref);
	free(i->expected);
	sha_done(&i->sha);
}

static int ingest_begin(struct ingest *i, const char *path, struct err *err)
{
	char digits[17];
	int64_t at = 0;
	int r;

	if (strncmp(path, "blobs/sha256/", 13) == 0 && digest_hex(path + 13, 64))
		i->expected = mem_printf("sha256:%s", path + 13);
	name_random(digits, 16);
	i->ref = mem_printf("load-%s", digits);
	sha_init(&i->sha);
	r = content_writer_open(i->s->ctrd, i->ref, i->size, i->expected, &i->s->ctx, &i->writer, &at, err);
	if (r == 0 && at > 0) /* known in another namespace: written again, so that what is here is checked */
		r = content_writer_truncate(i->writer, &i->s->ctx, err);
	return r < 0 ? r : 0;
}

static int ingest_copy(struct ingest *i, struct input *in, struct archive *a, struct archive_file *file, struct err *err)
{
	const char *p;
	size_t n;
	int r;

	while ((r = next_block(in, a, file->path, &file->size, &p, &n, err)) == 1) {
		if (file->size == (int64_t)n)
			file->suffix = suffix_of(p, n);
		sha_add(&i->sha, p, n);
		r = i->writer ? content_writer_write(i->writer, p, n, &i->s->ctx, err) : 0;
		if (r < 0)
			return r;
	}
	return r == 0 && file->size < i->size ? has_holes(in, file->path, err) : r;
}

static int ingest_end(struct ingest *i, struct input *in, struct archive_file *file, struct err *err)
{
	char digest[DIGEST_TEXT];
	int r = 0;

	sha_end(&i->sha, digest);
	if (i->expected && strcmp(i->expected, digest) != 0)
		return err_hint(err, err_set(err, ERR_DATA_LOSS, "%s: %s has the wrong digest %s", in->name, file->path, digest),
				"the archive is damaged: make it again");
	if (i->writer)
		r = content_writer_commit(i->writer, file->size, digest, NULL, &i->s->ctx, NULL, err);
	if (r < 0)
		return r;
	content_writer_free(TAKE_PTR(i->writer));
	file->digest = mem_strdup(digest);
	return 0;
}

static int store(struct session *s, struct input *in, struct archive *a, const char *path, int64_t size,
		 struct archive_files *f, struct err *err)
{
	_cleanup_(ingest_done) struct ingest i = { .s = s, .size = size };
	struct archive_file *file = add(f, path);
	int r = ingest_begin(&i, path, err);

	if (r == 0)
		r = ingest_copy(&i, in, a, file, err);
	return r < 0 ? r : ingest_end(&i, in, file, err);
}

/* Files of old archives that carry nothing. */
static bool boring(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	return strcmp(base, "VERSION") == 0 || strcmp(base, "json") == 0 || strcmp(path, "repositories") == 0;
}

static int take_entry(struct session *s, struct input *in, struct archive *a, struct archive_entry *e,
		      struct archive_files *f, struct err *err)
{
	const char *name = archive_entry_pathname(e), *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e);
	_cleanup_free_ char *path = name ? archive_path("", name) : NULL;

	if (!path || boring(path))
		return 0;
	if (hard || soft) {
		add_link(f, path, hard ? hard : soft, !hard);
		return 0;
	}
	if (archive_entry_filetype(e) != AE_IFREG)
		return 0;
	if (strcmp(path, "oci-layout") == 0)
		f->layout = true;
	else if (strcmp(path, "index.json") == 0)
		return keep(in, a, path, &f->index, err);
	else if (strcmp(path, "manifest.json") == 0)
		return keep(in, a, path, &f->manifest, err);
	else
		return store(s, in, a, path, archive_entry_size(e), f, err);
	return 0;
}

int archive_scan(struct session *s, struct input *in, struct archive_files *ret, struct err *err)
{
	_cleanup_(archive_files_done) struct archive_files f = { 0 };
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *entry;
	int r = input_tar(in, &a, err), n = 0;

	if (r < 0)
		return r;
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (++n > ARCHIVE_ENTRIES)
			return err_set(err, ERR_EXHAUSTED, "%s: more than %d entries", in->name, ARCHIVE_ENTRIES);
		r = take_entry(s, in, a, entry, &f, err);
		if (r < 0)
			return r;
	}
	if (r != ARCHIVE_EOF)
		return input_archive_error(in, a, err);
	*ret = TAKE_STRUCT(f);
	return 0;
}
