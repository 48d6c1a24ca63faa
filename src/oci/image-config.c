#include "image-config.h"
#include "json.h"
#include "mem.h"

enum { LIST_MAX = 4096, WORDS_MAX = 65536, CONFIG_MAX = 8 << 20 };

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

static int check_lists(json *root, json *config, struct err *err)
{
	static const char *const arrays[] = { "Env", "Entrypoint", "Cmd" };
	static const char *const objects[] = { "ExposedPorts", "Volumes", "Labels" };
	json *rootfs = json_get_object(root, "rootfs");

	for (size_t i = 0; i < 3; i++)
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
