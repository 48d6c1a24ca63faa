/* What people call an image: a reference, an ID, the beginning of one. */
#include "digest.h"
#include "image.h"
#include "mem.h"
#include "ref.h"
#include "resolve.h"
#include <string.h>

enum { PREFIX_MIN = 4, SHORT_ID = 12, LISTED = 5 };

static bool id_prefix(const char *s)
{
	size_t n = strlen(s);

	return n >= PREFIX_MIN && n <= 64 && digest_hex(s, n);
}

bool image_is_id(const char *what)
{
	const char *digits = digest_digits(what);

	return (digits != what || strlen(what) == 64) && id_prefix(digits);
}

bool image_may_differ(const char *what) { return strchr(what, '@') || id_prefix(digest_digits(what)); }

static int image_not_found(const char *what, struct err *err)
{
	return err_hint(err, err_set(err, ERR_NOT_FOUND, "image %s: not found", what), "davit images lists those there are");
}

/* Of one that others have made: down to the host's manifest. */
static bool walk_matches(struct ctrd *c, const struct ctrd_image *i, const char *prefix, const struct ctx *ctx, char **ret_digest)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_free_ char *digest = NULL;
	struct platform host;

	platform_host(&host);
	if (image_manifest(c, i->target.digest, &host, ctx, &m, &digest, NULL) < 0)
		return false;
	if (strncmp(digest_digits(m.config.digest), prefix, strlen(prefix)) == 0)
		*ret_digest = mem_strdup(m.config.digest);
	else if (strncmp(digest_digits(digest), prefix, strlen(prefix)) == 0)
		*ret_digest = TAKE_PTR(digest);
	return *ret_digest;
}

/* The digest by which @i has an ID that begins with @prefix: the caller's, or NULL. */
static char *matching_digest(struct ctrd *c, const struct ctrd_image *i, const char *prefix, const struct ctx *ctx)
{
	size_t n = strlen(prefix);
	bool labelled = false;
	char *digest = NULL;

	if (strncmp(digest_digits(i->target.digest), prefix, n) == 0)
		return mem_strdup(i->target.digest);
	for (size_t l = 0; l < i->labels.n && !digest; l++) {
		_cleanup_strv_ struct strv words = { 0 }; /* platform_label() */

		if (strncmp(i->labels.v[l].key, PLATFORM_LABELS, strlen(PLATFORM_LABELS)) != 0)
			continue;
		strv_split(&words, i->labels.v[l].value, " ");
		if (words.n < 3 || strcmp(words.v[0], i->target.digest) != 0)
			continue;
		labelled = true;
		for (size_t w = 2; w >= 1 && !digest; w--) /* as an ID, the configuration's comes first: it is Docker's */
			if (digest_valid(words.v[w]) && strncmp(digest_digits(words.v[w]), prefix, n) == 0)
				digest = mem_strdup(words.v[w]);
	}
	if (!digest && !labelled)
		(void)walk_matches(c, i, prefix, ctx, &digest);
	return digest;
}

struct matches {
	struct ctrd_images records;
	struct strv digests;
}; /* of each, the digest that it was found by */

static void matches_done(struct matches *m)
{
	ctrd_images_done(&m->records);
	strv_done(&m->digests);
}

/* Several names of one image are no ambiguity, several images are. */
static int check_single(const struct matches *m, const char *what, struct err *err)
{
	_cleanup_buf_ struct buf list = { 0 };
	bool several = false;

	for (size_t i = 0; i < m->records.n; i++) {
		several = several || (strcmp(m->digests.v[i], m->digests.v[0]) != 0 &&
				      strcmp(m->records.v[i].target.digest, m->records.v[0].target.digest) != 0);
		if (i < LISTED)
			buf_addf(&list, "%s%.*s (%s)", i ? ", " : "", SHORT_ID, digest_digits(m->digests.v[i]),
				 ref_familiar(m->records.v[i].name));
	}
	if (!several)
		return 0;
	return err_hint(err,
			err_set(err, ERR_INVALID, "image %s: several begin with that: %s%s", what, buf_str(&list),
				m->records.n > LISTED ? ", ..." : ""),
			"give more digits");
}

static int find_id(struct ctrd *c, const char *what, const struct ctx *ctx, struct ctrd_images *ret, struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };
	_cleanup_(matches_done) struct matches found = { 0 };
	const char *prefix = digest_digits(what);
	int r = images_list(c, NULL, ctx, &all, err);

	if (r < 0)
		return r;
	found.records.v = mem_array(struct ctrd_image, all.n + 1);
	for (size_t i = 0; i < all.n; i++) {
		char *digest = matching_digest(c, &all.v[i], prefix, ctx);

		if (!digest)
			continue;
		strv_own(&found.digests, digest);
		found.records.v[found.records.n++] = TAKE_STRUCT(all.v[i]);
	}
	if (!found.records.n)
		return ctx_check(ctx, err) < 0 ? -(int)err->code : image_not_found(what, err);
	r = check_single(&found, what, err);
	if (r == 0)
		*ret = TAKE_STRUCT(found.records);
	return r;
}

/* NAME@DIGEST under a tag of NAME; the tag that is named too comes first. */
static int find_digest(struct ctrd *c, const char *what, const struct ref *ref, const struct ctx *ctx, struct ctrd_image *ret,
		       struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };
	struct ctrd_image *found = NULL;
	int r = images_list(c, NULL, ctx, &all, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_(ref_done) struct ref its = { 0 };

		if (strcmp(all.v[i].target.digest, ref->digest) != 0 || ref_parse(all.v[i].name, &its, NULL) < 0 ||
		    strcmp(its.host, ref->host) != 0 || strcmp(its.path, ref->path) != 0 ||
		    (its.digest && strcmp(its.digest, ref->digest) != 0))
			continue;
		if (!found || (ref->tag && its.tag && strcmp(its.tag, ref->tag) == 0))
			found = &all.v[i];
	}
	if (!found)
		return image_not_found(what, err);
	*ret = TAKE_STRUCT(*found);
	return 0;
}

static void put_one(struct ctrd_images *ret, struct ctrd_image *one)
{
	ret->v = mem_array(struct ctrd_image, 1);
	ret->v[ret->n++] = TAKE_STRUCT(*one);
}

/* By its own name, which is true when it says a digest. */
static int find_by_name(struct ctrd *c, const char *what, const struct ref *ref, const struct ctx *ctx, struct ctrd_image *ret,
			struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	int r = images_get(c, ref->name, ctx, &record, err);

	if (r == 0)
		r = image_check_name(ref->name, record.target.digest, err);
	if (r == 0)
		*ret = TAKE_STRUCT(record);
	if (r != -ERR_NOT_FOUND)
		return r;
	err_clear(err);
	return ref->digest ? find_digest(c, what, ref, ctx, ret, err) : image_not_found(what, err);
}

int image_find_all(struct ctrd *c, const char *what, const struct ctx *ctx, struct ctrd_images *ret, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	struct err none = ERR_INIT;
	int r;

	if (!err)
		err = &none;
	if (image_is_id(what))
		return find_id(c, what, ctx, ret, err);
	r = ref_parse(what, &ref, err);
	if (r == 0)
		r = find_by_name(c, what, &ref, ctx, &record, err);
	if (r == -ERR_NOT_FOUND && id_prefix(what)) {
		err_clear(err);
		return find_id(c, what, ctx, ret, err);
	}
	if (r == 0)
		put_one(ret, &record);
	return r;
}

int image_find(struct ctrd *c, const char *what, const struct ctx *ctx, struct ctrd_image *ret, struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images all = { 0 };
	int r = image_find_all(c, what, ctx, &all, err);

	if (r == 0)
		*ret = TAKE_STRUCT(all.v[0]);
	return r;
}
