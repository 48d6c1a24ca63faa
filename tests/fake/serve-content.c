/* Content and Diff. */
#include "serve.h"
#include "mem.h"
#include "content.pb-c.h"
#include "diff.pb-c.h"
#include <archive.h>
#include <string.h>

enum { READ_CHUNK = 1 << 20, INFLATED_MAX = 256 << 20 };

void blob_put(struct fake_server *f, const char *ns, const void *p, size_t n, char ret_digest[72])
{
	struct record *r;

	digest_of(p, n, ret_digest);
	r = store_find(&f->store, CONTENT, ns, ret_digest);
	if (r)
		return;
	r = store_add(&f->store, CONTENT, ns, ret_digest);
	buf_add(&r->body, p, n);
}

static void info(struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = served_find(s, CONTENT, ((const Content__InfoRequest *)(const void *)msg)->digest);
	_cleanup_arena_ struct arena a = { 0 };
	Content__Info i = CONTENT__INFO__INIT;
	Content__InfoResponse reply = CONTENT__INFO_RESPONSE__INIT;

	if (!r)
		return;
	i.digest = r->key;
	i.size = (int64_t)r->body.len;
	i.created_at = i.updated_at = time_pack(&a, r->created);
	i.labels = entries_pack(&a, &r->labels, &i.n_labels);
	reply.info = &i;
	served_reply(s, &reply.base);
}

static void update(struct served *s, const ProtobufCMessage *msg)
{
	const Content__UpdateRequest *req = (const void *)msg;
	struct record *r = served_find(s, CONTENT, req->info ? req->info->digest : "");
	_cleanup_dict_ struct dict labels = { 0 };

	if (!r)
		return;
	(void)entries_unpack(req->info->labels, req->info->n_labels, &labels, NULL);
	for (size_t i = 0; req->update_mask && i < req->update_mask->n_paths; i++)
		if (!update_labels(r, req->update_mask->paths[i], &labels)) {
			served_fail(s, ERR_INVALID, "cannot update %s field: invalid argument", req->update_mask->paths[i]);
			return;
		}
	served_empty(s);
}

static void delete (struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = served_find(s, CONTENT, ((const Content__DeleteRequest *)(const void *)msg)->digest);

	if (!r)
		return;
	record_free(r);
	served_empty(s);
}

static void read_(struct served *s, const ProtobufCMessage *msg)
{
	const Content__ReadRequest *req = (const void *)msg;
	struct record *r = served_find(s, CONTENT, req->digest);

	if (!r)
		return;
	if (req->offset < 0 || (size_t)req->offset > r->body.len) {
		served_fail(s, ERR_RANGE, "read past object length %zu bytes: out of range", r->body.len);
		return;
	}
	for (size_t at = (size_t)req->offset, n; at < r->body.len; at += n) {
		Content__ReadResponse reply = CONTENT__READ_RESPONSE__INIT;

		n = r->body.len - at < READ_CHUNK ? r->body.len - at : READ_CHUNK;
		reply.offset = (int64_t)at;
		reply.data = (ProtobufCBinaryData){ .len = n, .data = (uint8_t *)r->body.data + at };
		served_send(s, &reply.base);
	}
	served_finish(s);
}

static void abort_(struct served *s, const ProtobufCMessage *msg)
{
	struct record *r = served_find(s, INGEST, ((const Content__AbortRequest *)(const void *)msg)->ref);

	if (!r)
		return;
	if (r->writer) {
		served_fail(s, ERR_UNAVAILABLE, "ref %s locked: unavailable", r->key);
		return;
	}
	record_free(r);
	served_empty(s);
}

static void answer_write(struct served *s, Content__Action action, int64_t total)
{
	Content__WriteResponse reply = CONTENT__WRITE_RESPONSE__INIT;
	char digest[72];

	digest_of(s->ingest->body.data, s->ingest->body.len, digest);
	reply.action = action;
	reply.offset = (int64_t)s->ingest->body.len;
	reply.total = total;
	reply.digest = action == CONTENT__ACTION__STAT ? NULL : digest;
	served_send(s, &reply.base);
}

/* The first message: opens the ingest or says why not. */
static bool open_ingest(struct served *s, const Content__WriteRequest *req)
{
	struct record *r;

	if (s->ingest)
		return true;
	if (!*req->ref) {
		served_fail(s, ERR_INVALID, "first message must have a reference: invalid argument");
		return false;
	}
	if (*req->expected && store_find(&s->fake->store, CONTENT, s->ns, req->expected)) {
		lease_add(s, "content", req->expected);
		served_fail(s, ERR_EXISTS, "content %s: already exists", req->expected);
		return false;
	}
	r = store_find(&s->fake->store, INGEST, s->ns, req->ref);
	if (r && r->writer) {
		served_fail(s, ERR_UNAVAILABLE, "ref %s locked for 1s: unavailable", req->ref);
		return false;
	}
	if (!r)
		r = store_add(&s->fake->store, INGEST, s->ns, req->ref);
	lease_add(s, "ingests", req->ref);
	r->writer = s;
	s->ingest = r;
	return true;
}

/* Data of WRITE and COMMIT at their offset. */
static bool write_data(struct served *s, const Content__WriteRequest *req)
{
	struct buf *b = &s->ingest->body;

	if (req->offset > 0 && (uint64_t)req->offset != b->len) {
		served_fail(s, ERR_RANGE, "write @%lld must occur at current offset %zu: out of range", (long long)req->offset,
			    b->len);
		return false;
	}
	if (req->offset == 0 && b->len)
		buf_cut(b, 0);
	buf_add(b, req->data.data, req->data.len);
	return true;
}

static void commit(struct served *s, const Content__WriteRequest *req)
{
	struct record *r = s->ingest, *blob;
	char digest[72];

	digest_of(r->body.data, r->body.len, digest);
	if (req->total && (uint64_t)req->total != r->body.len) {
		served_fail(s, ERR_PRECONDITION, "unexpected commit size %zu, expected %lld: failed precondition", r->body.len,
			    (long long)req->total);
		return;
	}
	if (*req->expected && strcmp(req->expected, digest)) {
		served_fail(s, ERR_PRECONDITION, "unexpected commit digest %s, expected %s: failed precondition", digest,
			    req->expected);
		return;
	}
	if (store_find(&s->fake->store, CONTENT, s->ns, digest)) {
		record_free(TAKE_PTR(s->ingest));
		lease_add(s, "content", digest);
		served_fail(s, ERR_EXISTS, "content %s: already exists", digest);
		return;
	}
	answer_write(s, CONTENT__ACTION__COMMIT, req->total);
	answer_write(s, CONTENT__ACTION__COMMIT, req->total); /* twice, as containerd does */
	blob = store_add(&s->fake->store, CONTENT, s->ns, digest);
	blob->body = TAKE_STRUCT(r->body);
	(void)entries_unpack(req->labels, req->n_labels, &blob->labels, NULL);
	lease_add(s, "content", digest);
	record_free(TAKE_PTR(s->ingest));
	served_finish(s);
}

static void write_(struct served *s, const ProtobufCMessage *msg)
{
	const Content__WriteRequest *req = (const void *)msg;

	if (s->ended || !open_ingest(s, req))
		return;
	if (req->action != CONTENT__ACTION__STAT && !write_data(s, req))
		return;
	if (req->action == CONTENT__ACTION__COMMIT)
		commit(s, req);
	else
		answer_write(s, req->action, req->total);
}

/* The digest of what is inside a compressed layer, or of the layer itself. */
static bool inflated_digest(const struct buf *in, char out[72])
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	_cleanup_buf_ struct buf all = { 0 };
	la_ssize_t n;

	(void)archive_read_support_filter_all(a);
	(void)archive_read_support_format_raw(a);
	(void)archive_read_open_memory(a, in->data, in->len);
	n = archive_read_next_header(a, &entry);
	while (n >= 0 && all.len < INFLATED_MAX) {
		n = archive_read_data(a, buf_room(&all, 65536), 65536);
		if (n <= 0)
			break;
		buf_grew(&all, (size_t)n);
	}
	(void)archive_read_free(a);
	digest_of(all.data, all.len, out);
	return n == 0;
}

static void apply(struct served *s, const ProtobufCMessage *msg)
{
	const Diff__ApplyRequest *req = (const void *)msg;
	struct record *r = served_find(s, CONTENT, req->diff ? req->diff->digest : "");
	Types__Descriptor applied = TYPES__DESCRIPTOR__INIT;
	Diff__ApplyResponse reply = DIFF__APPLY_RESPONSE__INIT;
	char digest[72];

	if (!r)
		return;
	if (!inflated_digest(&r->body, digest)) {
		served_fail(s, ERR_UNKNOWN, "failed to apply layer %s: unexpected EOF: unknown", r->key);
		return;
	}
	applied.media_type = borrow("application/vnd.oci.image.layer.v1.tar");
	applied.digest = digest;
	applied.size = (int64_t)r->body.len;
	reply.applied = &applied;
	served_reply(s, &reply.base);
}

#define CT "/containerd.services.content.v1.Content/"
const struct service_method content_methods[] = {
	{ CT "Info", &content__info_request__descriptor, info },
	{ CT "Update", &content__update_request__descriptor, update },
	{ CT "Delete", &content__delete_request__descriptor, delete },
	{ CT "Read", &content__read_request__descriptor, read_ },
	{ CT "Write", &content__write_request__descriptor, write_ },
	{ CT "Abort", &content__abort_request__descriptor, abort_ },
	{ "/containerd.services.diff.v1.Diff/Apply", &diff__apply_request__descriptor, apply },
	{ 0 },
};
