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
	spool_done(&f->spool);
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

static struct archive_file *find_one(struct archive_files *f, const char *path)
{
	for (size_t i = f->n; i--;) /* of two entries with one name the later counts, as in tar */
		if (strcmp(f->v[i].path, path) == 0)
			return &f->v[i];
	return NULL;
}

struct archive_file *archive_find(struct archive_files *f, const char *path)
{
	_cleanup_free_ char *clean = archive_path("", path);
	struct archive_file *file = clean ? find_one(f, clean) : NULL;

	for (int hops = 0; file && file->link; hops++)
		file = hops < LINK_HOPS ? find_one(f, file->link) : NULL;
	return file;
}

struct archive_file *archive_find_blob(struct archive_files *f, const char *digest)
{
	_cleanup_free_ char *path = mem_printf("blobs/sha256/%s", digest_digits(digest));

	return archive_find(f, path);
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
		return input_ended(in, err);
	if (r < ARCHIVE_WARN)
		return input_archive_error(in, a, err);
	if (offset != *at)
		return has_holes(in, path, err);
	*at += (int64_t)n;
	*ret = p;
	*ret_n = n;
	return 1;
}

/* The digest that @path promises: the caller's, or NULL. */
static char *promised(const char *path)
{
	return strncmp(path, "blobs/sha256/", 13) == 0 && digest_hex(path + 13, 64) ? mem_printf("sha256:%s", path + 13) : NULL;
}

static int wrong_digest(const struct input *in, const char *path, const char *digest, struct err *err)
{
	return err_hint(err, err_set(err, ERR_DATA_LOSS, "%s: %s has the wrong digest %s", in->name, path, digest),
			"the archive is damaged: make it again");
}

/* A reader that stands at the file's data. */
static int open_archive_file(struct archive_files *f, const struct archive_file *file, struct archive **ret, struct err *err)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *e;
	int r = spool_tar(&f->spool, file->at, &a, err);

	if (r < 0)
		return r;
	r = archive_read_next_header(a, &e);
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return input_archive_error(&f->spool.view, a, err);
	*ret = TAKE_PTR(a);
	return 0;
}

int archive_get(struct archive_files *f, const struct archive_file *file, size_t max, struct buf *ret, struct err *err)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	_cleanup_free_ char *expected = promised(file->path);
	struct input *in = &f->spool.view;
	char digest[DIGEST_TEXT];
	int64_t at = 0;
	const char *p;
	size_t n;
	int r = open_archive_file(f, file, &a, err);

	if (r < 0)
		return r;
	while ((r = next_block(in, a, file->path, &at, &p, &n, err)) == 1) {
		if (n > max - ret->len)
			return err_set(err, ERR_EXHAUSTED, "%s: %s is longer than %zu MiB", in->name, file->path, max >> 20);
		buf_add(ret, p, n);
	}
	if (r == 0 && expected && strcmp(sha_of(ret->data, ret->len, digest), expected) != 0)
		return wrong_digest(in, file->path, digest, err);
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
	char *expected; /* digest that the path promises, or NULL */
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

	i->expected = promised(path);
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
	int64_t at = 0;
	const char *p;
	size_t n;
	int r;

	while ((r = next_block(in, a, file->path, &at, &p, &n, err)) == 1) {
		if (at == (int64_t)n)
			file->suffix = suffix_of(p, n);
		sha_add(&i->sha, p, n);
		r = i->writer ? content_writer_write(i->writer, p, n, &i->s->ctx, err) : 0;
		if (r < 0)
			return r;
		if (i->expected)
			progress_at(i->s->progress, i->expected, at);
	}
	return r == 0 && at < i->size ? has_holes(in, file->path, err) : r;
}

static int ingest_end(struct ingest *i, struct input *in, struct archive_file *file, struct err *err)
{
	char digest[DIGEST_TEXT];
	int r = 0;

	sha_end(&i->sha, digest);
	if (i->expected && strcmp(i->expected, digest) != 0)
		return wrong_digest(in, file->path, digest, err);
	if (i->writer)
		r = content_writer_commit(i->writer, file->size, digest, NULL, &i->s->ctx, NULL, err);
	if (r < 0)
		return r;
	content_writer_free(TAKE_PTR(i->writer));
	file->digest = mem_strdup(digest);
	return 0;
}

int archive_store(struct session *s, struct archive_files *f, struct archive_file *file, struct err *err)
{
	_cleanup_(archive_freep) struct archive *a = NULL;
	_cleanup_(ingest_done) struct ingest i = { .s = s, .size = file->size };
	int r;

	if (file->digest)
		return 0;
	r = open_archive_file(f, file, &a, err);
	if (r == 0)
		r = ingest_begin(&i, file->path, err);
	if (r == 0 && i.expected) {
		progress_add(s->progress, i.expected, file->size);
		progress_state(s->progress, i.expected, PROGRESS_FETCHING);
	}
	if (r == 0)
		r = ingest_copy(&i, &f->spool.view, a, file, err);
	if (r == 0)
		r = ingest_end(&i, &f->spool.view, file, err);
	if (r == 0)
		progress_state(s->progress, file->digest, PROGRESS_FETCHED);
	return r;
}

static void take_archive_entry(struct archive_files *f, struct archive *a, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e);
	_cleanup_free_ char *path = name ? archive_path("", name) : NULL;
	struct archive_file *file;

	if (!path)
		return;
	if (hard || soft) {
		add_link(f, path, hard ? hard : soft, !hard);
	} else if (archive_entry_filetype(e) == AE_IFREG) {
		file = add(f, path);
		file->at = archive_read_header_position(a);
		file->size = archive_entry_size(e);
	}
}

int archive_list(struct input *in, struct archive_files *ret, struct err *err)
{
	_cleanup_(archive_files_done) struct archive_files f = { .spool = { .fd = -1 } };
	_cleanup_(archive_freep) struct archive *a = NULL;
	struct archive_entry *entry;
	int r = spool_open(&f.spool, in, err), n = 0;

	if (r == 0)
		r = spool_tar(&f.spool, 0, &a, err);
	if (r < 0)
		return r;
	while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK || r == ARCHIVE_WARN) {
		if (++n > ARCHIVE_ENTRIES)
			return err_set(err, ERR_EXHAUSTED, "%s: more than %d entries", in->name, ARCHIVE_ENTRIES);
		take_archive_entry(&f, a, entry);
	}
	r = r == ARCHIVE_EOF ? input_ended(&f.spool.view, err) : input_archive_error(&f.spool.view, a, err);
	if (r < 0)
		return r;
	*ret = TAKE_STRUCT(f);
	return 0;
}
