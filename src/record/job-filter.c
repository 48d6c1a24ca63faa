#include "job-filter.h"
#include "mem.h"
#include "ref.h"
#include <regex.h>
#include <stdlib.h>
#include <string.h>

static bool match_label(const struct job_row *row, const char *value)
{
	_cleanup_free_ char *key = mem_strndup(value, strcspn(value, "="));
	const char *has = dict_get(&row->labels, key), *wants = strchr(value, '=');

	return has && (!wants || !strcmp(has, wants + 1));
}

static bool match_image(const struct job_row *row, const char *value)
{
	struct ref ref = { 0 };
	bool same = ref_parse(value, &ref, NULL) >= 0 && !strcmp(ref.name, row->image);

	ref_done(&ref);
	return same;
}

static bool match_name(const struct job_row *row, const char *value)
{
	regex_t name;
	bool met;

	if (regcomp(&name, value, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	met = regexec(&name, row->name, 0, NULL, 0) == 0;
	regfree(&name);
	return met;
}

static bool match_id(const struct job_row *row, const char *value) { return !strncmp(row->id, value, strlen(value)); }
static bool match_status(const struct job_row *row, const char *value) { return !strcmp(job_state_name(row->state), value); }
static bool match_network(const struct job_row *row, const char *value)
{
	_cleanup_strv_ struct strv names = { 0 };

	strv_split(&names, row->network ? row->network : "", ",");
	return strv_has(&names, value);
}
static bool match_set(const struct job_row *row, const char *value)
{
	const char *its = dict_get(&row->labels, RECORD_SET);

	return its && !strcmp(its, value);
}

static bool match_exited(const struct job_row *row, const char *value)
{
	return row->state == JOB_EXITED && row->exit_code == (int)strtol(value, NULL, 10);
}

static bool match_health(const struct job_row *row, const char *value) { return !strcmp(health_state_name(row->health), value); }

static int check_health(const char *value, struct err *err)
{
	for (enum health_state s = HEALTH_UNKNOWN; s <= HEALTH_UNHEALTHY; s++)
		if (!strcmp(health_state_name(s), value))
			return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "filter \"health=%.80s\": there is no such health", value),
			"there are starting, healthy, unhealthy and none");
}

static int check_filter_name(const char *value, struct err *err)
{
	regex_t name;
	char why[100];
	int r = regcomp(&name, value, REG_EXTENDED | REG_NOSUB);

	(void)regerror(r, &name, why, sizeof why);
	if (r)
		return err_set(err, ERR_INVALID, "filter \"name=%.80s\": %s", value, why);
	regfree(&name);
	return 0;
}

static int check_status(const char *value, struct err *err)
{
	if (job_state_exists(value))
		return 0;
	return err_hint(err, err_set(err, ERR_INVALID, "filter \"status=%.80s\": there is no such status", value),
			"there are created, running, paused, exited and unknown");
}

static int check_exited(const char *value, struct err *err)
{
	if (*value && strspn(value, "0123456789") == strlen(value))
		return 0;
	return err_set(err, ERR_INVALID, "filter \"exited=%.80s\": not an exit status", value);
}

static const struct {
	const char *key;
	bool (*match)(const struct job_row *, const char *value);
	int (*check)(const char *value, struct err *err); /* NULL: whatever it is */
} filters[] = {
	{ "name", match_name, check_filter_name }, { "id", match_id, NULL },
	{ "status", match_status, check_status },  { "label", match_label, NULL },
	{ "ancestor", match_image, NULL },         { "network", match_network, NULL },
	{ "exited", match_exited, check_exited },  { "set", match_set, NULL },
	{ "health", match_health, check_health },
};
enum { N_FILTERS = sizeof filters / sizeof *filters };

static int filter_index(const char *text, size_t *ret, struct err *err)
{
	size_t n = strcspn(text, "=");
	int r;

	for (size_t i = 0; text[n] && i < N_FILTERS; i++)
		if (strlen(filters[i].key) == n && !strncmp(filters[i].key, text, n)) {
			*ret = i;
			return 0;
		}
	r = err_set(err, ERR_INVALID, "filter \"%.80s\": not KEY=VALUE of a known key", text);
	return err_hint(err, r, "keys are name, id, status, label, ancestor, network, exited, set, health");
}

int job_filter_row(const struct job_row *row, const struct strv *f, struct err *err)
{
	bool asked[N_FILTERS] = { 0 }, met[N_FILTERS] = { 0 };

	for (size_t i = 0; f && i < f->n; i++) {
		size_t k;
		int r = filter_index(f->v[i], &k, err);

		if (r < 0)
			return r;
		asked[k] = true;
		met[k] |= filters[k].match(row, strchr(f->v[i], '=') + 1);
	}
	for (size_t k = 0; k < N_FILTERS; k++)
		if (asked[k] && !met[k])
			return 0;
	return 1;
}

bool job_filter_asks_status(const struct strv *f)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (!strncmp(f->v[i], "status=", 7) || !strncmp(f->v[i], "exited=", 7))
			return true;
	return false;
}

int job_filter_check(const struct strv *f, struct err *err)
{
	size_t k = 0;

	for (size_t i = 0; f && i < f->n; i++) {
		int r = filter_index(f->v[i], &k, err);

		if (r >= 0 && filters[k].check)
			r = filters[k].check(strchr(f->v[i], '=') + 1, err);
		if (r < 0)
			return r;
	}
	return 0;
}
