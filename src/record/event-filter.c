#include "event-filter.h"
#include "labels.h"
#include "mem.h"
#include "ref.h"
#include <string.h>

static const char *const event_names[] = {
	"create", "start",   "die",         "oom",        "pause",    "unpause",       "rename",
	"update", "destroy", "exec_create", "exec_start", "exec_die", "health_status", "delete"
};

static int check_type(const char *value, struct err *err)
{
	if (!strcmp(value, "job") || !strcmp(value, "container") || !strcmp(value, "image"))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "filter \"type=%.80s\": there is no such type", value),
			"there are job (or container) and image");
}

static int check_event(const char *value, struct err *err)
{
	_cleanup_strv_ struct strv all = { 0 };
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < sizeof event_names / sizeof *event_names; i++) {
		if (!strcmp(event_names[i], value))
			return 0;
		strv_push(&all, event_names[i]);
	}
	text = strv_join(&all, ", ");
	return err_hint(err, err_set(err, ERR_INVALID, "filter \"event=%.80s\": there is no such event", value), "there are %s",
			text);
}

static bool match_type(const struct job_event *e, const char *value) { return e->of_image == !strcmp(value, "image"); }

static bool match_event(const struct job_event *e, const char *value) { return !strcmp(e->what, value); }

static bool match_job(const struct job_event *e, const char *value)
{
	const char *old = dict_get(&e->more, "old_name");

	return !e->of_image && (!strcmp(e->job, value) || !strcmp(e->name, value) || (old && !strcmp(old, value)) ||
				(strlen(value) >= 3 && !strncmp(e->id, value, strlen(value))));
}

static bool match_event_image(const struct job_event *e, const char *value)
{
	struct ref ref = { 0 };
	const bool same =
		e->image && (!strcmp(e->image, value) || (ref_parse(value, &ref, NULL) >= 0 && !strcmp(ref.name, e->image)));

	ref_done(&ref);
	return same;
}

static bool match_event_label(const struct job_event *e, const char *value)
{
	_cleanup_free_ char *key = mem_strndup(value, strcspn(value, "="));
	const char *has = dict_get(&e->labels, key), *wants = strchr(value, '=');

	return has && (!wants || !strcmp(has, wants + 1));
}

static bool match_event_set(const struct job_event *e, const char *value)
{
	const char *its = dict_get(&e->labels, RECORD_SET);

	return its && !strcmp(its, value);
}

static const struct {
	const char *key;
	bool (*match)(const struct job_event *, const char *value);
	int (*check)(const char *value, struct err *err); /* NULL: whatever it is */
	int is;                                           /* keys of one number are one key */
} filters[] = {
	{ "type", match_type, check_type, 0 }, { "event", match_event, check_event, 1 }, { "job", match_job, NULL, 2 },
	{ "container", match_job, NULL, 2 },   { "image", match_event_image, NULL, 3 },  { "label", match_event_label, NULL, 4 },
	{ "set", match_event_set, NULL, 5 },
};
enum { N_FILTERS = sizeof filters / sizeof *filters };

/* N_FILTERS: none. */
static size_t event_filter_index(const char *text)
{
	const size_t n = strcspn(text, "=");
	size_t i = 0;

	while (i < N_FILTERS && !(text[n] && strlen(filters[i].key) == n && !strncmp(filters[i].key, text, n)))
		i++;
	return i;
}

int event_filter_check(const struct strv *f, struct err *err)
{
	int r = 0;

	for (size_t i = 0; f && r >= 0 && i < f->n; i++) {
		const size_t k = event_filter_index(f->v[i]);

		if (k == N_FILTERS)
			r = err_hint(err, err_set(err, ERR_INVALID, "filter \"%.80s\": not KEY=VALUE of a known key", f->v[i]),
				     "keys are type, event, job (or container), image, label, set");
		else if (filters[k].check)
			r = filters[k].check(strchr(f->v[i], '=') + 1, err);
	}
	return r;
}

bool event_filter_match(const struct job_event *e, const struct strv *f)
{
	bool asked[N_FILTERS] = { 0 }, met[N_FILTERS] = { 0 };

	for (size_t i = 0; f && i < f->n; i++) {
		const size_t k = event_filter_index(f->v[i]);

		if (k == N_FILTERS)
			return false;
		asked[filters[k].is] = true;
		met[filters[k].is] |= filters[k].match(e, strchr(f->v[i], '=') + 1);
	}
	for (size_t k = 0; k < N_FILTERS; k++)
		if (asked[k] && !met[k])
			return false;
	return true;
}
