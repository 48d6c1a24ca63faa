#include "image-config.h"
#include "json.h"
#include "clock.h"
#include "job-table.h"
#include "mem.h"
#include <string.h>

enum { LIST_MAX = 4096, WORDS_MAX = 65536, CONFIG_MAX = 8 << 20 };
enum { CHECK_WORDS_MAX = 1024, CHECK_SPAN_MAX = 86400 * 365, CHECK_RETRIES_MAX = 1000 }; /* within those of a job's (job-table.c) */

void image_config_done(struct image_config *c)
{
	char *const texts[] = { c->os, c->architecture, c->variant, c->user, c->cwd, c->stop_signal, c->created };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]);
	strv_done(&c->env);
	strv_done(&c->entrypoint);
	strv_done(&c->cmd);
	strv_done(&c->exposed_ports);
	strv_done(&c->volumes);
	if (c->healthcheck)
		shape_done(&healthcheck_shape, c->healthcheck);
	free(c->healthcheck);
	strv_done(&c->diff_ids);
	dict_done(&c->labels);
	*c = (struct image_config){ 0 };
}

/* Go writes an empty string for what was not set. */
static char *text(json *obj, const char *key)
{
	const char *s = json_get_str(obj, key);

	return s && *s ? mem_strdup(s) : NULL;
}

static void keys(json *obj, const char *key, struct strv *out)
{
	json *o = json_get_object(obj, key);

	if (!o)
		return;
	json_object_object_foreach(o, k, v) {
		(void)v;
		strv_push(out, k);
	}
}

/* Nanoseconds, 0 for what was not set. */
static void image_span(json *check, const char *key, int64_t *to)
{
	const int64_t ns = json_get_int(check, key, 0);

	if (ns > 0 && ns / NSEC_PER_SEC < CHECK_SPAN_MAX)
		*to = ns / NSEC_PER_SEC + (ns % NSEC_PER_SEC != 0);
}

/* Docker's: ["NONE"], ["CMD", WORD...] or ["CMD-SHELL", TEXT]. */
static struct healthcheck *read_healthcheck(json *config)
{
	json *check = json_get_object(config, "Healthcheck"), *shell = json_get_array(config, "Shell");
	_cleanup_strv_ struct strv test = { 0 };
	struct healthcheck *h;
	int64_t retries = json_get_int(check, "Retries", 0);

	json_get_strv(check, "Test", &test);
	if (!test.n || test.n > CHECK_WORDS_MAX)
		return NULL;
	h = mem_new(struct healthcheck);
	shape_init(&healthcheck_shape, h);
	if (!strcmp(test.v[0], "CMD-SHELL") && json_len(shell)) {
		json_get_strv(config, "Shell", &h->exec);
	} else if (!strcmp(test.v[0], "CMD-SHELL")) {
		strv_push(&h->exec, "/bin/sh");
		strv_push(&h->exec, "-c");
	} else if (strcmp(test.v[0], "CMD") != 0) {
		h->kind = HEALTH_NONE;
		return h;
	}
	for (size_t i = 1; i < test.n; i++)
		strv_push(&h->exec, test.v[i]);
	image_span(check, "Interval", &h->interval);
	image_span(check, "Timeout", &h->timeout);
	image_span(check, "StartPeriod", &h->start_period);
	image_span(check, "StartInterval", &h->start_interval);
	h->retries = retries > 0 && retries <= CHECK_RETRIES_MAX ? retries : h->retries;
	return h;
}

void image_config_check(const struct image_config *c, struct task *t)
{
	const struct healthcheck *its = c->healthcheck;
	struct healthcheck usual = { 0 }, *h;
	const bool asked = t->healthcheck && (t->healthcheck->kind != HEALTH_COMMAND || t->healthcheck->exec.n);

	if (!its || its->kind == HEALTH_NONE || (t->healthcheck && t->healthcheck->kind == HEALTH_NONE))
		return;
	h = task_make_healthcheck(t);
	shape_init(&healthcheck_shape, &usual);
	if (!asked)
		strv_add(&h->exec, &its->exec);
	h->interval = h->interval == usual.interval ? its->interval : h->interval;
	h->timeout = h->timeout == usual.timeout ? its->timeout : h->timeout;
	h->start_period = h->start_period == usual.start_period ? its->start_period : h->start_period;
	h->start_interval = h->start_interval == usual.start_interval ? its->start_interval : h->start_interval;
	h->retries = h->retries == usual.retries ? its->retries : h->retries;
	shape_done(&healthcheck_shape, &usual);
}

static int check_lists(json *root, json *config, struct err *err)
{
	static const char *const arrays[] = { "Env", "Entrypoint", "Cmd", "Shell" };
	static const char *const objects[] = { "ExposedPorts", "Volumes", "Labels" };
	json *rootfs = json_get_object(root, "rootfs");

	for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
		if (json_len(json_get_array(config, arrays[i])) > WORDS_MAX)
			return err_set(err, ERR_EXHAUSTED, "image config: %s has more than %d entries", arrays[i], WORDS_MAX);
	for (size_t i = 0; i < 3; i++) {
		json *o = json_get_object(config, objects[i]);

		if (o && json_object_object_length(o) > LIST_MAX)
			return err_set(err, ERR_EXHAUSTED, "image config: %s has more than %d entries", objects[i], LIST_MAX);
	}
	if (json_len(json_get_array(rootfs, "diff_ids")) > LIST_MAX)
		return err_set(err, ERR_EXHAUSTED, "image config: more than %d layers", LIST_MAX);
	return 0;
}

static void read_config_object(json *root, json *config, struct image_config *c)
{
	c->os = text(root, "os");
	c->architecture = text(root, "architecture");
	c->variant = text(root, "variant");
	c->created = text(root, "created");
	json_get_strv(json_get_object(root, "rootfs"), "diff_ids", &c->diff_ids);
	c->user = text(config, "User");
	c->cwd = text(config, "WorkingDir");
	c->stop_signal = text(config, "StopSignal");
	json_get_strv(config, "Env", &c->env);
	json_get_strv(config, "Entrypoint", &c->entrypoint);
	json_get_strv(config, "Cmd", &c->cmd);
	keys(config, "ExposedPorts", &c->exposed_ports);
	keys(config, "Volumes", &c->volumes);
	json_get_dict(config, "Labels", &c->labels);
	c->healthcheck = read_healthcheck(config);
}

int image_config_parse(const char *data, size_t len, struct image_config *ret, struct err *err)
{
	_cleanup_json_ json *root = NULL;
	json *config;
	int r;

	if (len > CONFIG_MAX)
		return err_set(err, ERR_EXHAUSTED, "image config: %zu bytes are too long", len);
	r = json_parse(data, len, &root, err);
	if (r < 0)
		return err_wrap(err, r, "image config");
	if (!json_object_is_type(root, json_type_object))
		return err_set(err, ERR_INVALID, "image config: not a JSON object");
	config = json_get_object(root, "config");
	r = check_lists(root, config, err);
	if (r < 0)
		return r;
	*ret = (struct image_config){ 0 };
	read_config_object(root, config, ret);
	return 0;
}
