#include "blob.h"
#include "content.h"
#include "manifest.h"
#include "mem.h"
#include "sha.h"

enum { BLOB_MS = 60000 };

int blob_put(struct session *s, const char *kind, const struct ctrd_descriptor *d, const void *p, size_t n,
	     const struct dict *labels, struct err *err)
{
	_cleanup_(content_writer_freep) struct content_writer *w = NULL;
	_cleanup_free_ char *ref = mem_printf("%s-%s", kind, d->digest);
	struct ctx ctx = ctx_within(&s->ctx, BLOB_MS);
	int64_t at = 0;
	int r = content_writer_open(s->ctrd, ref, d->size, d->digest, &ctx, &w, &at, err);

	if (r == 1)
		return labels && labels->n ? content_set_labels(s->ctrd, d->digest, labels, &ctx, err) : 0;
	if (r == 0 && at > (int64_t)n)
		r = content_writer_truncate(w, &ctx, err);
	if (r == 0 && at < (int64_t)n)
		r = content_writer_write(w, (const char *)p + at, n - (size_t)at, &ctx, err);
	if (r == 0)
		r = content_writer_commit(w, d->size, d->digest, labels, &ctx, NULL, err);
	return r < 0 ? err_wrap(err, r, "%s %s", kind, d->digest) : 0;
}

int blob_make(struct session *s, const char *kind, const char *media_type, const struct buf *data, const struct dict *labels,
	      struct ctrd_descriptor *ret, struct err *err)
{
	char digest[DIGEST_TEXT];

	ret->digest = mem_strdup(sha_of(data->data, data->len, digest));
	ret->media_type = mem_strdup(media_type);
	ret->size = (int64_t)data->len;
	return blob_put(s, kind, ret, data->data, data->len, labels, err);
}

int blob_get(struct session *s, const char *digest, struct buf *ret, struct err *err)
{
	struct ctx ctx = ctx_within(&s->ctx, BLOB_MS);

	return content_read(s->ctrd, digest, MANIFEST_MAX, &ctx, ret, err);
}
