#include "health-log.h"
#include "clock.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "places.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 256 << 10 };

static void health_entry_done(struct health_entry *e) { free(e->output); }

void health_log_done(struct health_log *l)
{
	for (size_t i = 0; i < l->n; i++)
		health_entry_done(&l->v[i]);
	free(l->life);
	*l = (struct health_log){ 0 };
}

void health_log_add(struct health_log *l, int64_t began, int64_t ended, int64_t exit_code, const char *output)
{
	if (l->n == HEALTH_LOG_MAX) {
		health_entry_done(&l->v[0]);
		for (size_t i = 1; i < l->n; i++)
			l->v[i - 1] = l->v[i];
		l->n--;
	}
	l->v[l->n++] = (struct health_entry){ began, ended, exit_code, mem_strdup(output) };
}

static int64_t time_of(json *o, const char *key)
{
	const char *text = json_get_str(o, key);
	int64_t at;

	return text && clock_parse(text, &at, NULL) >= 0 ? at : 0;
}

static void read_entries(json *list, struct health_log *l)
{
	for (size_t i = 0; i < json_len(list); i++) {
		json *e = json_at(list, i);
		const char *output = json_get_str(e, "output");

		health_log_add(l, time_of(e, "start"), time_of(e, "end"), json_get_int(e, "exit_code", 0), output ? output : "");
	}
}

bool health_log_read(const struct core *c, const char *id, const char *life, struct health_log *ret)
{
	_cleanup_free_ char *path = places_health(c, id);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *o = NULL;
	struct health_log l = { 0 };
	const char *its;

	if (!life || file_read(path, FILE_BYTES_MAX, &text, NULL) < 0 || json_parse(buf_str(&text), text.len, &o, NULL) < 0)
		return false;
	its = json_get_str(o, "life");
	if (!its || strcmp(its, life) != 0)
		return false;
	health_parse(json_get_str(o, "health"), &l.health);
	l.life = mem_strdup(life);
	l.changed = time_of(o, "changed");
	read_entries(json_get_array(o, "log"), &l);
	*ret = l;
	return true;
}

json *health_log_json(const struct health_log *l)
{
	json *o = json_new_object(), *list = json_new_array();

	json_put_str(o, "status", health_state_name(l->health.state));
	json_put_int(o, "failing_streak", l->health.failures);
	for (size_t i = 0; i < l->n; i++) {
		json *e = json_new_object();

		json_put_time(e, "start", l->v[i].began);
		json_put_time(e, "end", l->v[i].ended);
		json_put_int(e, "exit_code", l->v[i].exit_code);
		json_put(e, "output", json_new_str(l->v[i].output));
		json_append(list, e);
	}
	json_put(o, "log", list);
	return o;
}

int health_log_write(const struct core *c, const char *id, const struct health_log *l, struct err *err)
{
	_cleanup_free_ char *path = places_health(c, id);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *o = health_log_json(l);
	char health[HEALTH_TEXT];

	json_put_str(o, "life", l->life);
	json_put_str(o, "health", health_text(&l->health, health));
	json_put_time(o, "changed", l->changed);
	json_write(o, &text);
	return file_write(path, text.data, text.len, 0600, err);
}

void health_log_forget(const struct core *c, const char *id)
{
	_cleanup_free_ char *path = places_health(c, id);

	(void)unlink(path);
}

const char *health_log_label(const struct health_log *l, char out[HEALTH_TEXT])
{
	struct health h = { .state = l->health.state, .at = l->changed };

	if (clock_parse(l->life, &h.life, NULL) < 0)
		h.life = 0;
	return health_text(&h, out);
}
