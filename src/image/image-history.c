/* The configuration's history: each step that is not empty made the next layer, bottom first. */
#include "clock.h"
#include "image-whole.h"
#include "image.h"
#include "mem.h"
#include "ref.h"

enum { STEPS_MAX = 4096 };

void image_history_done(struct image_history *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->v[i].created_by);
		free(h->v[i].comment);
		free(h->v[i].digest);
	}
	free(h->v);
	*h = (struct image_history){ 0 };
}

static void take_layer(struct image_step *step, const struct manifest *m, size_t *layer)
{
	if (*layer >= m->n)
		return;
	step->digest = mem_strdup(m->children[*layer].digest);
	step->size = m->children[*layer].size;
	++*layer;
}

static void take_step(json *j, const struct manifest *m, size_t *layer, struct image_step *step)
{
	const char *created = json_get_str(j, "created");

	step->created_by = mem_strdup(json_get_str(j, "created_by"));
	step->comment = mem_strdup(json_get_str(j, "comment"));
	if (created)
		(void)clock_parse(created, &step->created_at, NULL);
	if (!json_get_bool(j, "empty_layer", false))
		take_layer(step, m, layer);
}

static void turn_round(struct image_history *h)
{
	for (size_t i = 0; i < h->n / 2; i++) {
		struct image_step step = h->v[i];

		h->v[i] = h->v[h->n - 1 - i];
		h->v[h->n - 1 - i] = step;
	}
}

/* Layers that no step tells of stand alone: some builders write no history. */
static int read_steps(json *config, const struct manifest *m, struct image_history *ret, struct err *err)
{
	json *list = json_get_array(config, "history");
	size_t layer = 0;

	if (json_len(list) > STEPS_MAX)
		return err_set(err, ERR_EXHAUSTED, "a history of %zu steps, at most %d are shown", json_len(list), STEPS_MAX);
	ret->v = mem_array(struct image_step, json_len(list) + m->n + 1);
	for (; ret->n < json_len(list); ret->n++)
		take_step(json_at(list, ret->n), m, &layer, &ret->v[ret->n]);
	while (layer < m->n)
		take_layer(&ret->v[ret->n++], m, &layer);
	turn_round(ret);
	return 0;
}

int image_history(struct ctrd *c, const char *what, const char *platform, const char *snapshotter, const struct ctx *ctx,
		  struct image_history *ret, struct err *err)
{
	_cleanup_(image_whole_done) struct image_whole w = { 0 };
	int r = image_whole_get(c, what, platform, snapshotter, ctx, &w, err);

	if (r < 0)
		return r;
	r = read_steps(w.config, &w.manifest, ret, err);
	return r < 0 ? err_wrap(err, r, "image %s", ref_familiar(w.record.name)) : 0;
}
