/* containerd.services.content.v1.Content */
#pragma once
#include "ctrd.h"

struct ctrd_content {
	char *digest;
	int64_t size;
	struct dict labels;
};
void ctrd_content_done(struct ctrd_content *);

/* -ERR_NOT_FOUND, of a blob that is not in the namespace, here and for what follows. */
struct ctrd_call *content_info_begin(struct ctrd *, const char *digest, const struct ctx *);
int content_info_end(struct ctrd_call *, const struct ctx *, struct ctrd_content *ret, struct err *err);
int content_info(struct ctrd *, const char *digest, const struct ctx *, struct ctrd_content *ret, struct err *err);
/* The whole blob, appended to @ret; -ERR_EXHAUSTED when longer than @max. */
struct ctrd_call *content_read_begin(struct ctrd *, const char *digest, const struct ctx *);
int content_read_end(struct ctrd_call *, const struct ctx *, size_t max, struct buf *ret, struct err *err);
int content_read(struct ctrd *, const char *digest, size_t max, const struct ctx *, struct buf *ret, struct err *err);
/* A blob in pieces: @got is called with each; an error of it ends the read. It may take what time it needs: only containerd's
 * answers have a limit (ctrd_set_patience()). */
int content_stream(struct ctrd *, const char *digest, const struct ctx *,
		   int (*got)(void *arg, const void *p, size_t n, struct err *err), void *arg, struct err *err);
/* The same without waiting, from @offset on: content_stream_ready() says when content_stream_next() would not wait, which appends a
 * piece to @ret and returns 1, or 0 at the end. Whoever has it frees it (ctrd_call_free()). */
struct ctrd_call *content_stream_begin(struct ctrd *, const char *digest, int64_t offset, const struct ctx *);
bool content_stream_ready(const struct ctrd_call *);
int content_stream_next(struct ctrd_call *, const struct ctx *, struct buf *ret, struct err *err);
/* Set (value) or remove (NULL is not possible in a dict: use "") these labels only. */
int content_set_labels(struct ctrd *, const char *digest, const struct dict *labels, const struct ctx *, struct err *err);
int content_delete(struct ctrd *, const char *digest, const struct ctx *, struct err *err);
/* Drop an unfinished ingest; absent is success. */
int content_abort(struct ctrd *, const char *ref, const struct ctx *, struct err *err);

/* One upload (reference A.4). */
struct content_writer;
/* Opens the ingest @ref. 1: the blob @expected is already there (no writer is made). 0: *ret_offset bytes are already
 * there, to be continued from. A ref locked by another writer is retried until @ctx ends. @expected and @total may be
 * NULL and 0 when unknown. */
int content_writer_open(struct ctrd *, const char *ref, int64_t total, const char *expected, const struct ctx *,
			struct content_writer **ret, int64_t *ret_offset, struct err *err);
/* Same, without waiting for a lock: -ERR_UNAVAILABLE while the connection lives means that another writer has the ref. */
int content_writer_try(struct ctrd *, const char *ref, int64_t total, const char *expected, const struct ctx *,
		       struct content_writer **ret, int64_t *ret_offset, struct err *err);
/* Start again from 0 (a resume that the source cannot serve). */
int content_writer_truncate(struct content_writer *, const struct ctx *, struct err *err);
/* Pipelined: waits only while more than 4 MiB are unsent. */
int content_writer_write(struct content_writer *, const void *p, size_t n, const struct ctx *, struct err *err);
/* Commit; *ret_digest (may be NULL) is the caller's. A blob that exists already is success. */
int content_writer_commit(struct content_writer *, int64_t total, const char *expected, const struct dict *labels,
			  const struct ctx *, char **ret_digest, struct err *err);
void content_writer_free(struct content_writer *); /* without commit: the ingest stays and can be resumed */
DEFINE_CLEANUP(struct content_writer, content_writer_free)
