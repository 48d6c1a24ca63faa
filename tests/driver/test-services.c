/* What every plugin answers, and a driver with no task and no containerd: the order of calls that Nomad's agent has. */
#include "driver-rig.h"
#include "clock.h"
#include "empty.pb-c.h"
#include "goplugin.pb-c.h"
#include "mem.h"
#include "nomadbase.pb-c.h"
#include "nomaddriver.pb-c.h"
#include <stdlib.h>

enum { SOON_MS = 5000 };

static const ProtobufCMessage *ask_empty(struct rig *rig, const char *method, struct arena *a)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

	return rig_ask(rig, method, &empty.base, a);
}

static void says_who_it_is(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Base__PluginInfoResponse *info = (const void *)ask_empty(*state, "PluginInfo", &a);

	assert_int_equal(info->type, BASE__PLUGIN_TYPE__DRIVER);
	assert_int_equal(info->n_plugin_api_versions, 1);
	assert_string_equal(info->plugin_api_versions[0], "v0.1.0");
	assert_string_equal(info->name, "containerd-driver");
	assert_true(info->plugin_version[0] >= '0' && info->plugin_version[0] <= '9'); /* of the form that go-version reads */
}

static const Hclspec__Spec *member(const Hclspec__Spec *spec, const char *name)
{
	assert_int_equal(spec->block_case, HCLSPEC__SPEC__BLOCK_OBJECT);
	for (size_t i = 0; i < spec->object->n_attributes; i++)
		if (!strcmp(spec->object->attributes[i]->key, name))
			return spec->object->attributes[i]->value;
	fail_msg("no option %s", name);
	return NULL;
}

/* What Roblox's driver takes is there, in the same shape. */
static void describes_its_options(void **state)
{
	static const char *const plugin[] = { "enabled", "containerd_runtime", "stats_interval", "allow_privileged", "auth" };
	static const char *const task[] = { "image",
					    "command",
					    "args",
					    "cap_add",
					    "cap_drop",
					    "cwd",
					    "devices",
					    "privileged",
					    "host_dns",
					    "image_pull_timeout",
					    "extra_hosts",
					    "entrypoint",
					    "seccomp",
					    "hostname",
					    "seccomp_profile",
					    "shm_size",
					    "sysctl",
					    "readonly_rootfs",
					    "host_network",
					    "auth",
					    "mounts",
					    "pids_limit",
					    "pid_mode" };
	_cleanup_arena_ struct arena a = { 0 }, b = { 0 };
	const Base__ConfigSchemaResponse *p = (const void *)ask_empty(*state, "ConfigSchema", &a);
	const Driver__TaskConfigSchemaResponse *t = (const void *)ask_empty(*state, "TaskConfigSchema", &b);

	for (size_t i = 0; i < sizeof plugin / sizeof *plugin; i++)
		(void)member(p->spec, plugin[i]);
	for (size_t i = 0; i < sizeof task / sizeof *task; i++)
		(void)member(t->spec, task[i]);
	assert_int_equal(member(t->spec, "image")->block_case, HCLSPEC__SPEC__BLOCK_ATTR);
	assert_true(member(t->spec, "image")->attr->required);
	assert_string_equal(member(t->spec, "image")->attr->type, "string");
	assert_string_equal(member(t->spec, "sysctl")->attr->type, "list(map(string))");
	assert_int_equal(member(t->spec, "mounts")->block_case, HCLSPEC__SPEC__BLOCK_BLOCK_LIST);
}

static void says_what_it_can(void **state)
{
	_cleanup_arena_ struct arena a = { 0 };
	const Driver__CapabilitiesResponse *c = (const void *)ask_empty(*state, "Capabilities", &a);

	assert_non_null(c->capabilities);
	assert_true(c->capabilities->send_signals);
	assert_true(c->capabilities->exec);
	assert_int_equal(c->capabilities->fs_isolation, DRIVER__DRIVER_CAPABILITIES__FSISOLATION__IMAGE);
	assert_false(c->capabilities->must_create_network);
	assert_int_equal(c->capabilities->mount_configs, DRIVER__DRIVER_CAPABILITIES__MOUNT_CONFIGS__ANY_MOUNTS);
}

/* The first message comes at once, whatever containerd does: a node waits for it before it registers. */
static const Driver__FingerprintResponse *fingerprint(struct rig *rig, struct grpc_call **ret, struct arena *a)
{
	static const struct ctx endless = { 0 };
	const struct ctx ctx = ctx_within(NULL, SOON_MS);
	_cleanup_buf_ struct buf in = { 0 };
	const ProtobufCMessage *m = NULL;
	struct err err = ERR_INIT;

	*ret = rig_begin(rig->host.grpc, host_method_find("Fingerprint"), "", 0, &endless);
	if (grpc_recv(*ret, &ctx, &in, &err) != 1)
		fail_msg("no fingerprint: %s", err.msg);
	assert_int_equal(pb_unpack(&driver__fingerprint_response__descriptor, buf_str(&in), in.len, a, &m, NULL), 0);
	return (const void *)m;
}

static void is_set_up_without_containerd(void **state)
{
	struct rig *rig = *state;
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	const Driver__FingerprintResponse *fp;

	rig_set_config(rig, NULL, 0, false);
	rig_set_config(rig, RIG_ELSEWHERE, sizeof RIG_ELSEWHERE - 1, false);
	rig_set_config(rig, RIG_ELSEWHERE, sizeof RIG_ELSEWHERE - 1, true);
	fp = fingerprint(rig, &call, &a);
	assert_int_not_equal(fp->health, DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__HEALTHY);
	if (!strstr(fp->health_description, "containerd"))
		fail_msg("said: %s", fp->health_description);
	assert_string_equal(fp->err, "");
	for (size_t i = 0; i < fp->n_attributes; i++)
		assert_true(fp->attributes[i]->value && fp->attributes[i]->value->value_case);
	assert_false(grpc_ready(call)); /* it stays open */
}

/* A wrong configuration is no error of SetConfig's, which would end the agent: the driver is unhealthy and says why. */
static void bears_a_wrong_config(void **state)
{
	static const char wrong[] = "\x81\xaestats_interval\xa5never";
	struct rig *rig = *state;
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	const Driver__FingerprintResponse *fp;

	rig_set_config(rig, wrong, sizeof wrong - 1, true);
	fp = fingerprint(rig, &call, &a);
	assert_int_not_equal(fp->health, DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__HEALTHY);
	if (!strstr(fp->health_description, "stats_interval"))
		fail_msg("said: %s", fp->health_description);
}

/* Switched off is not detected. */
static void may_be_off(void **state)
{
	static const char off[] = "\x81\xa7"
				  "enabled\xc2";
	struct rig *rig = *state;
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;

	rig_set_config(rig, off, sizeof off - 1, true);
	assert_int_equal(fingerprint(rig, &call, &a)->health, DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__UNDETECTED);
}

static void is_healthy_to_go_plugin(void **state)
{
	struct rig *rig = *state;
	const struct ctx ctx = ctx_within(NULL, SOON_MS);
	Goplugin__HealthCheckRequest request = GOPLUGIN__HEALTH_CHECK_REQUEST__INIT;
	const ProtobufCMessage *answer = NULL;
	_cleanup_arena_ struct arena a = { 0 };
	struct err err = ERR_INIT;

	rig_check(rig, rig->host.grpc, "health");
	request.service = (char[]){ "nothing" };
	assert_int_equal(host_call(rig->host.grpc, host_method_find("Check"), &request.base, &ctx, &a, &answer, &err),
			 -ERR_NOT_FOUND);
}

static void holds(struct rig *rig, const char *method)
{
	static const struct ctx endless = { 0 };
	const struct ctx moment = ctx_within(NULL, 300);
	_cleanup_(grpc_call_freep) struct grpc_call *call = rig_begin(rig->host.grpc, host_method_find(method), "", 0, &endless);
	_cleanup_buf_ struct buf in = { 0 };
	struct err err = ERR_INIT;

	if (grpc_recv(call, &moment, &in, &err) != -ERR_DEADLINE)
		fail_msg("%s: %s", method, err.msg);
}

/* Opened once each, and once more by an agent that came back. */
static void holds_its_streams(void **state)
{
	for (int i = 0; i < 2; i++) {
		holds(*state, "StartStream");
		holds(*state, "StreamStdio");
		holds(*state, "TaskEvents");
	}
}

static int call_text(struct rig *rig, const char *method, const char *task_id, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, SOON_MS);
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf out = { 0 };

	buf_addc(&out, 0x0a); /* task_id is number 1 of all of them */
	buf_addc(&out, (char)strlen(task_id));
	buf_adds(&out, task_id);
	call = rig_begin(rig->host.grpc, host_method_find(method), buf_str(&out), out.len, &ctx);
	return rig_finish(call, &ctx, err);
}

/* What is asked of a task that nobody knows: to stop it is done already, and nothing waits. */
static void knows_no_task(void **state)
{
	static const char *const unknown[] = { "WaitTask", "InspectTask", "SignalTask", "ExecTask", "TaskStats" };
	static const char id[] = "0b2a4f6e-0000-4000-8000-000000000000/web/0123abcd";
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	rig_set_config(rig, RIG_ELSEWHERE, sizeof RIG_ELSEWHERE - 1, true);
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		int r = call_text(rig, unknown[i], id, &err);

		if (r >= 0 || r == -ERR_DEADLINE || r == -ERR_UNAVAILABLE || r == -ERR_CANCELLED)
			fail_msg("%s: %d %s", unknown[i], r, err.msg);
		if (!strstr(err.msg, "task not found for given id"))
			fail_msg("%s: %s", unknown[i], err.msg);
		err_clear(&err);
	}
	if (call_text(rig, "StopTask", id, &err) < 0)
		fail_msg("StopTask: %s", err.msg);
	/* there may be a container of it, so containerd has to be asked; Nomad logs the error, no more */
	if (call_text(rig, "DestroyTask", id, &err) >= 0 || !strstr(err.msg, "containerd"))
		fail_msg("DestroyTask: %s", err.msg);
}

/* Nomad's restart policy is what counts while containerd is away. */
static void starts_nothing_without_containerd(void **state)
{
	static const char image[] = "\x81\xa5image\xa9"
				    "busybox:1";
	struct rig *rig = *state;
	const struct ctx ctx = ctx_within(NULL, SOON_MS);
	Driver__StartTaskRequest request = DRIVER__START_TASK_REQUEST__INIT;
	Driver__TaskConfig task = DRIVER__TASK_CONFIG__INIT;
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	bool recoverable = false;
	int r;

	rig_set_config(rig, RIG_ELSEWHERE, sizeof RIG_ELSEWHERE - 1, true);
	task.id = (char[]){ "0b2a4f6e-0000-4000-8000-000000000000/web/0123abcd" };
	task.name = (char[]){ "web" };
	task.alloc_id = (char[]){ "0b2a4f6e-0000-4000-8000-000000000000" };
	task.alloc_dir = rig_alloc_dir(rig, "web");
	task.stdout_path = task.stderr_path = (char[]){ "/dev/null" };
	task.msgpack_driver_config = (ProtobufCBinaryData){ sizeof image - 1, (uint8_t *)(uintptr_t)image };
	request.task = &task;
	pb_pack(&request.base, &out);
	call = rig_begin(rig->host.grpc, host_method_find("StartTask"), buf_str(&out), out.len, &ctx);
	r = rig_finish(call, &ctx, &err);
	if (r != -ERR_PRECONDITION || host_recoverable(call, &recoverable) != 1 || !recoverable)
		fail_msg("%d: %s", r, err.msg);
	if (!strstr(err.msg, "containerd"))
		fail_msg("%s", err.msg);
}

/* The agent's own order: all of it is asked, and the plugin has two seconds to end, with streams that are open. */
static void ends_with_open_streams(void **state)
{
	struct rig *rig = *state;
	_cleanup_arena_ struct arena a = { 0 };
	static const char *const streams[] = { "Fingerprint", "TaskEvents", "StreamStdio", "StartStream" };
	struct grpc_call *calls[4];
	static const struct ctx endless = { 0 };
	struct err err = ERR_INIT;
	int64_t since;

	(void)ask_empty(rig, "Init", &a);
	for (size_t i = 0; i < 4; i++)
		calls[i] = rig_begin(rig->host.grpc, host_method_find(streams[i]), "", 0, &endless);
	since = clock_mono();
	if (host_shutdown(&rig->host, HOST_END_MS, &err) != 0)
		fail_msg("%s", err.msg);
	print_message("ended after %.1f ms\n", (double)(clock_mono() - since) / 1e6);
	for (size_t i = 0; i < 4; i++)
		grpc_call_free(calls[i]);
	host_done(&rig->host);
	rig_start(rig); /* for the teardown */
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_setup, rig_teardown)

RUN_TESTS("driver-services", WITH_RIG(says_who_it_is), WITH_RIG(describes_its_options), WITH_RIG(says_what_it_can),
	  WITH_RIG(is_set_up_without_containerd), WITH_RIG(bears_a_wrong_config), WITH_RIG(may_be_off),
	  WITH_RIG(is_healthy_to_go_plugin), WITH_RIG(holds_its_streams), WITH_RIG(knows_no_task),
	  WITH_RIG(starts_nothing_without_containerd), WITH_RIG(ends_with_open_streams))
