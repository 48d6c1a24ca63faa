#include "ensemble.h"
#include "check.h"
#include "mem.h"
#include "path.h"
#include <string.h>

int ensemble_volume_type(struct ensemble *e, const struct node *v, struct err *err)
{
	static const char *const words[] = { "local", NULL };
	const char *text = node_text(v);

	if (text && !strcmp(text, words[0]))
		return 0;
	if (text && !strcmp(text, "glusterfs"))
		return err_hint(err, ensemble_bad(e, v, err, "volume of type glusterfs: davit mounts no network file system"),
				"mount it on the host, and use type local with src");
	return ensemble_bad_word(e, v, "a volume's type", words, err);
}

int ensemble_volume_name(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.name, err);
}

int ensemble_volume_source(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.source, err);
}

int ensemble_volume_target(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_text(e, v, &e->now.target, err);
}

int ensemble_volume_read_only(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_switch(e, v, &e->now.read_only, err);
}

int ensemble_volume_glusterfs(struct ensemble *e, const struct node *v, struct err *err)
{
	return ensemble_bad_key(e, v, err, "%s is of volumes of type glusterfs, which davit does not mount", v->key);
}

static struct mount *add_volume_mount(struct ensemble *e)
{
	struct mount *m = task_add_mount(e->task);
	const bool bind = e->now.source && *e->now.source;

	m->kind = bind ? MOUNT_BIND : MOUNT_VOLUME;
	if (bind)
		m->source = path_clean(e->now.source, e->in->cwd);
	else
		m->source = e->now.name && *e->now.name ? mem_strdup(e->now.name) : NULL;
	m->target = mem_strdup(e->now.target);
	m->read_only = e->now.read_only;
	return m;
}

/* A folder of the host where there is src, else the volume of that name. */
static int read_volume(struct ensemble *e, const struct node *v, struct err *err)
{
	int r;

	e->now = (struct ensemble_now){ 0 };
	r = ensemble_walk(e, &ensemble_volume_block, v, err);
	if (r >= 0 && !e->now.target)
		r = ensemble_bad(e, v, err, "no mount_destination");
	if (r < 0)
		return r;
	r = shape_check(&mount_shape, add_volume_mount(e), err);
	if (r < 0)
		e->at = v->at;
	return r;
}

int ensemble_volumes(struct ensemble *e, const struct node *v, struct err *err)
{
	int r = ensemble_each(e, v, read_volume, err);

	return r < 0 ? err_wrap(err, r, "volume") : 0;
}
