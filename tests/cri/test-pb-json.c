#include "test.h"
#include "cri.pb-c.h"
#include "mem.h"
#include "pb-json.h"

static int read_text(const ProtobufCMessageDescriptor *type, const char *text, struct arena *a, json **value,
		     ProtobufCMessage **ret, struct err *err)
{
	*value = NULL;
	assert_int_equal(json_parse(text, strlen(text), value, NULL), 0);
	return pb_json_read(type, *value, a, ret, err);
}

/* To the wire and back. */
static void assert_kept(const ProtobufCMessageDescriptor *type, const char *text, const char *wanted)
{
	_cleanup_arena_ struct arena a = { 0 }, b = { 0 };
	_cleanup_buf_ struct buf wire = { 0 }, out = { 0 };
	_cleanup_json_ json *in = NULL, *back = NULL;
	const ProtobufCMessage *again = NULL;
	struct err err = ERR_INIT;
	ProtobufCMessage *m = NULL;

	if (read_text(type, text, &a, &in, &m, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	pb_pack(m, &wire);
	assert_int_equal(pb_unpack(type, wire.data, wire.len, &b, &again, NULL), 0);
	back = pb_json_write(again);
	json_write(back, &out);
	assert_string_equal(buf_str(&out), wanted);
}

static void test_kept(void **state)
{
	const struct {
		const ProtobufCMessageDescriptor *type;
		const char *text, *wanted; /* NULL: the same */
	} rows[] = {
		{ &cri__status_request__descriptor, "{}", "{\"verbose\":false}" },
		{ &cri__status_request__descriptor, "{\"verbose\":true}", NULL },
		{ &cri__exec_sync_response__descriptor, "{\"stdout\":\"AP8=\",\"stderr\":\"\",\"exit_code\":-2147483648}", NULL },
		{ &cri__stop_container_request__descriptor, "{\"container_id\":\"a\",\"timeout\":-9223372036854775808}", NULL },
		{ &cri__hugepage_limit__descriptor, "{\"page_size\":\"2MB\",\"limit\":18446744073709551615}", NULL },
		{ &cri__idmapping__descriptor, "{\"host_id\":4294967295,\"container_id\":0,\"length\":1}", NULL },
		{ &cri__port_forward_request__descriptor, "{\"pod_sandbox_id\":\"p\",\"port\":[1,-1,65535]}", NULL },
		{ &cri__capability__descriptor,
		  "{\"add_capabilities\":[\"ALL\",\"\"],\"drop_capabilities\":[],\"add_ambient_capabilities\":[]}", NULL },
		{ &cri__device__descriptor, "{\"host_path\":null}",
		  "{\"container_path\":\"\",\"host_path\":\"\",\"permissions\":\"\"}" },
		{ &cri__container_stats_filter__descriptor,
		  "{\"id\":\"\",\"pod_sandbox_id\":\"\",\"label_selector\":{\"a.b/c\":\"1\",\"\":\"\"}}", NULL },
		{ &cri__list_pod_sandbox_request__descriptor,
		  "{\"filter\":{\"id\":\"x\",\"state\":{\"state\":\"SANDBOX_NOTREADY\"},\"label_selector\":{}}}", NULL },
		{ &cri__user_namespace__descriptor,
		  "{\"mode\":\"TARGET\",\"uids\":[{\"host_id\":1,\"container_id\":2,\"length\":3}],\"gids\":[]}", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_kept(rows[i].type, rows[i].text, rows[i].wanted ? rows[i].wanted : rows[i].text);
}

static void test_refused(void **state)
{
	const struct {
		const ProtobufCMessageDescriptor *type;
		const char *text, *why;
	} rows[] = {
		{ &cri__status_request__descriptor, "[]", "has to be an object" },
		{ &cri__status_request__descriptor, "{\"loud\":true}", "StatusRequest has no loud" },
		{ &cri__status_request__descriptor, "{\"verbose\":1}", "verbose: has to be true or false" },
		{ &cri__idmapping__descriptor, "{\"length\":-1}", "length: has to be between 0 and 4294967295" },
		{ &cri__idmapping__descriptor, "{\"length\":4294967296}", "length: has to be between 0 and 4294967295" },
		{ &cri__idmapping__descriptor, "{\"length\":1.5}", "length: has to be a whole number" },
		{ &cri__exec_sync_response__descriptor, "{\"exit_code\":2147483648}",
		  "exit_code: has to be between -2147483648 and 2147483647" },
		{ &cri__exec_sync_response__descriptor, "{\"stdout\":\"?\"}", "stdout: " },
		{ &cri__exec_sync_response__descriptor, "{\"stdout\":7}", "stdout: has to be a text in base64" },
		{ &cri__stop_container_request__descriptor, "{\"timeout\":9223372036854775808}", "timeout: has to be between" },
		{ &cri__hugepage_limit__descriptor, "{\"limit\":-1}", "limit: has to be a whole number that is not negative" },
		{ &cri__exec_sync_request__descriptor, "{\"cmd\":[\"a\",1]}", "cmd: 1: has to be a text" },
		{ &cri__exec_sync_request__descriptor, "{\"cmd\":\"a\"}", "cmd: has to be a list" },
		{ &cri__container_stats_filter__descriptor, "{\"label_selector\":{\"a\":{}}}",
		  "label_selector: a: has to be a text" },
		{ &cri__container_stats_filter__descriptor, "{\"label_selector\":[]}", "label_selector: has to be an object" },
		{ &cri__user_namespace__descriptor, "{\"mode\":\"target\"}", "mode: target is no NamespaceMode" },
		{ &cri__user_namespace__descriptor, "{\"mode\":3}", "mode: what is there is no NamespaceMode" },
		{ &cri__run_pod_sandbox_request__descriptor, "{\"config\":{\"linux\":{\"resources\":{\"cpus\":1}}}}",
		  "config: linux: resources: LinuxContainerResources has no cpus" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_arena_ struct arena a = { 0 };
		_cleanup_json_ json *in = NULL;
		struct err err = ERR_INIT;
		ProtobufCMessage *m = NULL;

		assert_int_equal(read_text(rows[i].type, rows[i].text, &a, &in, &m, &err), -ERR_INVALID);
		if (strncmp(err.msg, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%s: says %s", rows[i].text, err.msg);
	}
}

/* A value that a newer peer knows has no name here. */
static void test_unknown_enum(void **state)
{
	Cri__UserNamespace m = CRI__USER_NAMESPACE__INIT;
	_cleanup_json_ json *out = NULL;

	(void)state;
	m.mode = (Cri__NamespaceMode)77;
	out = pb_json_write(&m.base);
	assert_int_equal(json_get_int(out, "mode", 0), 77);
}

/* Each field of each message that a call can carry is of a kind that is converted. */
static void assert_known(const ProtobufCMessageDescriptor *type, unsigned depth)
{
	assert_true(depth < PB_DEPTH_MAX);
	for (unsigned i = 0; i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &type->fields[i];

		assert_false(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
		assert_true(f->type != PROTOBUF_C_TYPE_FLOAT && f->type != PROTOBUF_C_TYPE_DOUBLE);
		if (f->type == PROTOBUF_C_TYPE_MESSAGE)
			assert_known(f->descriptor, depth + 1);
	}
}

static void test_kinds(void **state)
{
	(void)state;
	assert_known(&cri__run_pod_sandbox_request__descriptor, 0);
	assert_known(&cri__create_container_request__descriptor, 0);
	assert_known(&cri__pod_sandbox_status_response__descriptor, 0);
	assert_known(&cri__list_pod_sandbox_stats_response__descriptor, 0);
	assert_known(&cri__container_event_response__descriptor, 0);
	assert_known(&cri__image_fs_info_response__descriptor, 0);
}

RUN_TESTS("pb-json", cmocka_unit_test(test_kept), cmocka_unit_test(test_refused), cmocka_unit_test(test_unknown_enum),
	  cmocka_unit_test(test_kinds))
