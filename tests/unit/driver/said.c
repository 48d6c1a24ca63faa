#include "test.h"
#include "said.h"
#include "mem.h"
#include "pb-json.h"
#include "tree-json.h"
#include "tree-msgpack.h"
#include <string.h>

#define SAID_TASK \
	"{\"id\":\"0f2a1b3c-0000-4000-8000-0123456789ab/web/deadbeef\",\"name\":\"web\",\"alloc_dir\":\"/n/A\"," \
	"\"alloc_id\":\"0f2a1b3c-0000-4000-8000-0123456789ab\",\"job_name\":\"site\",\"job_id\":\"site\"," \
	"\"task_group_name\":\"front\",\"namespace\":\"default\",\"node_name\":\"n1\",\"node_id\":\"n1-id\"}"

static json *said_json(const char *text)
{
	struct err err = ERR_INIT;
	json *j = NULL;

	if (json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

static void said_msgpack(const char *text, struct buf *out)
{
	_cleanup_tree_ struct tree tree = { .file = "test" };
	struct err err = ERR_INIT;

	if (tree_json(text, strlen(text), &tree, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	msgpack_node(out, tree.root);
}

void said_init(struct said *s, const char *task, const char *conf, const char *driver)
{
	_cleanup_json_ json *more = said_json(task ? task : "{}");
	_cleanup_buf_ struct buf packed = { 0 }, plugin = { 0 };
	ProtobufCMessage *msg = NULL;

	*s = (struct said){ .task_json = said_json(SAID_TASK) };
	json_object_object_foreach(more, key, value)
		json_put(s->task_json, key, json_object_get(value));
	if (pb_json_read(&driver__task_config__descriptor, s->task_json, &s->arena, &msg, &s->err) < 0)
		fail_msg("%s: %s", task, s->err.msg);
	s->task = (Driver__TaskConfig *)msg;
	said_msgpack(conf ? conf : "{\"image\":\"x\"}", &packed);
	if (driver)
		said_msgpack(driver, &plugin);
	s->driver = driver_conf_read(plugin.data, plugin.len);
	(void)task_conf_read(packed.data, packed.len, &s->conf, &s->err);
	s->in = (struct task_said){ .task = s->task, .conf = s->conf, .driver = s->driver };
}

void said_done(struct said *s)
{
	task_conf_free(s->conf);
	driver_conf_unref(s->driver);
	arena_done(&s->arena);
	json_freep(&s->task_json);
}

static bool said_has_all(json *is, json *want)
{
	json_object_object_foreach(want, key, value) {
		json *its = NULL;

		if (!json_object_object_get_ex(is, key, &its))
			its = NULL;
		if (!said_has(its, value))
			return false;
	}
	return true;
}

bool said_has(json *is, json *want)
{
	if (json_object_get_type(is) != json_object_get_type(want))
		return false;
	if (json_object_get_type(want) == json_type_object)
		return said_has_all(is, want);
	if (json_object_get_type(want) != json_type_array)
		return json_object_equal(is, want);
	if (json_len(is) != json_len(want))
		return false;
	for (size_t i = 0; i < json_len(want); i++)
		if (!said_has(json_at(is, i), json_at(want, i)))
			return false;
	return true;
}
