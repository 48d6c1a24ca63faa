/* Names of images: taken away, given. */
#include "containers.h"
#include "image.h"
#include "mem.h"
#include "ref.h"
#include <string.h>

static int check_unused(struct ctrd *c, const char *name, const struct ctx *ctx, struct err *err)
{
	_cleanup_(ctrd_containers_done) struct ctrd_containers users = { 0 };
	_cleanup_free_ char *filter = mem_printf("image==\"%s\"", name);
	const char *job;
	int r = containers_list(c, filter, ctx, &users, err);

	if (r < 0 || !users.n)
		return r;
	job = dict_get(&users.v[0].labels, CLAIM_JOB);
	if (job)
		(void)err_set(err, ERR_PRECONDITION, "image %s: in use by job %s", ref_familiar(name), job);
	else
		(void)err_set(err, ERR_PRECONDITION, "image %s: in use by container %s", ref_familiar(name), users.v[0].id);
	return err_hint(err, -ERR_PRECONDITION, "davit rm %s, or davit image rm --force", job ? job : users.v[0].id);
}

static int check_single_name(const char *what, const struct ctrd_images *found, struct err *err)
{
	_cleanup_buf_ struct buf names = { 0 };

	if (found->n == 1)
		return 0;
	for (size_t i = 0; i < found->n && names.len < 300; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", ref_familiar(found->v[i].name));
	return err_hint(err, err_set(err, ERR_PRECONDITION, "image %s: has %zu names: %s", what, found->n, buf_str(&names)),
			"name one, or remove all with --force");
}

/* A name that is not true can be taken away: it is looked for as it stands. */
static int find_removable(struct ctrd *c, const char *what, const struct ctx *ctx, struct ctrd_images *ret, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };

	if (!strchr(what, '@') || ref_parse(what, &ref, NULL) < 0 || images_get(c, ref.name, ctx, &record, NULL) < 0)
		return image_find_all(c, what, ctx, ret, err);
	ret->v = mem_array(struct ctrd_image, 1);
	ret->v[ret->n++] = TAKE_STRUCT(record);
	return 0;
}

int image_remove(struct ctrd *c, const char *what, bool force, const struct ctx *ctx, struct strv *removed, struct err *err)
{
	_cleanup_(ctrd_images_done) struct ctrd_images found = { 0 };
	int r = find_removable(c, what, ctx, &found, err);

	if (r == 0 && !force)
		r = check_single_name(what, &found, err);
	if (r == 0 && !force)
		r = check_unused(c, found.v[0].name, ctx, err);
	for (size_t i = 0; r == 0 && i < found.n; i++) {
		r = images_delete(c, found.v[i].name, i + 1 == found.n, ctx, err);
		if (r == 0)
			strv_push(removed, found.v[i].name);
	}
	return r;
}

int image_tag(struct ctrd *c, const char *what, const char *name, const struct ctx *ctx, char **ret_name, struct err *err)
{
	_cleanup_(ctrd_image_done) struct ctrd_image record = { 0 };
	_cleanup_(ref_done) struct ref ref = { 0 };
	int r;

	if (image_is_id(name))
		return err_set(err, ERR_INVALID, "image \"%s\": a new name is no ID", name);
	r = ref_parse(name, &ref, err);
	if (r == 0)
		r = image_find(c, what, ctx, &record, err);
	if (r == 0)
		r = image_check_name(ref.name, record.target.digest, err);
	if (r < 0)
		return r;
	free(record.name);
	record.name = mem_strdup(ref.name);
	r = images_put(c, &record, ctx, err);
	if (r == 0 && ret_name)
		*ret_name = TAKE_PTR(ref.name);
	return r;
}
