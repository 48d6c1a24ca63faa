/* What the driver says of itself: who it is, and whether it can run tasks, as containerd comes and goes and options change. The
 * plugin is served on the test's own loop, before a fake containerd. */
#include "test.h"
#include "base-service.h"
#include "clock.h"
#include "desk.h"
#include "driver-service.h"
#include "fake.h"
#include "file.h"
#include "grpc.h"
#include "log.h"
#include "mem.h"
#include "pb.h"

#define BASE "/hashicorp.nomad.plugins.base.proto.BasePlugin/"
#define DRIVER "/hashicorp.nomad.plugins.drivers.proto.Driver/"

enum { LIMIT_MS = 60000, QUIET_MS = 100 };

struct rig {
	struct loop *loop;
	struct fake *fake; /* NULL: there is none */
	struct desk *desk;
	struct plugin *plugin;
	struct grpc *grpc;
	struct grpc_call *stream; /* Fingerprint */
	char *dir, *socket, *address;
	struct arena a;
};

static const struct ctx endless;

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

/* containerd listens where the options say. */
static void containerd_comes(struct rig *rig)
{
	struct err err = ERR_INIT;

	must(fake_start(rig->loop, &rig->fake, &err), &err);
	(void)unlink(rig->address);
	assert_int_equal(symlink(fake_address(rig->fake), rig->address), 0);
}

static void containerd_goes(struct rig *rig)
{
	fake_crash(rig->fake);
	fake_free(TAKE_PTR(rig->fake));
}

/* The answer to @req, in the rig's arena; NULL: the error is in @err. */
static const void *ask(struct rig *rig, const char *method, const void *req, size_t len, const ProtobufCMessageDescriptor *type,
		       struct err *err)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	struct grpc_call *call = grpc_start(rig->grpc, method, NULL, &endless);
	_cleanup_buf_ struct buf wire = { 0 };
	const ProtobufCMessage *m = NULL;
	int r;

	grpc_send(call, req ? req : "", len, true);
	r = grpc_unary_end(call, &limit, &wire, err);
	grpc_call_free(call);
	if (r < 0)
		return NULL;
	must(pb_unpack(type, wire.data, wire.len, &rig->a, &m, err), err);
	return m;
}

/* SetConfig with containerd_addr and one option more: @name and its value, as MessagePack; "": none. */
static void set_config(struct rig *rig, const char *name, const char *value, size_t len)
{
	_cleanup_buf_ struct buf config = { 0 }, wire = { 0 };
	Base__SetConfigRequest q = BASE__SET_CONFIG_REQUEST__INIT;
	struct err err = ERR_INIT;

	buf_addc(&config, *name ? (char)0x82 : (char)0x81);
	buf_addf(&config, "%ccontainerd_addr%c%c%s", 0xa0 + 15, 0xd9, (int)strlen(rig->address), rig->address);
	if (*name) {
		buf_addf(&config, "%c%s", 0xa0 + (int)strlen(name), name);
		buf_add(&config, value, len);
	}
	q.msgpack_config.data = (uint8_t *)config.data;
	q.msgpack_config.len = config.len;
	pb_pack(&q.base, &wire);
	if (!ask(rig, BASE "SetConfig", wire.data, wire.len, &base__set_config_response__descriptor, &err))
		fail_msg("%s", err.msg);
}

static const Driver__FingerprintResponse *next_word(struct rig *rig)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	_cleanup_buf_ struct buf wire = { 0 };
	const ProtobufCMessage *m = NULL;
	struct err err = ERR_INIT;
	int r = grpc_recv(rig->stream, &limit, &wire, &err);

	must(r, &err);
	assert_int_equal(r, 1);
	must(pb_unpack(&driver__fingerprint_response__descriptor, wire.data, wire.len, &rig->a, &m, &err), &err);
	return (const void *)m;
}

#define HEALTH(h) DRIVER__FINGERPRINT_RESPONSE__HEALTH_STATE__##h
#define assert_word(rig, is, text) \
	do { \
		const Driver__FingerprintResponse *m_ = next_word(rig); \
		if (m_->health != HEALTH(is) || !strstr(m_->health_description, text)) \
			fail_msg("%d: %s", m_->health, m_->health_description); \
	} while (0)

static void fingerprint(struct rig *rig)
{
	rig->stream = grpc_start(rig->grpc, DRIVER "Fingerprint", NULL, &endless);
	grpc_send(rig->stream, "", 0, true);
}

static void nothing_more_is_said(struct rig *rig)
{
	(void)loop_pause(rig->loop, QUIET_MS, NULL, NULL);
	assert_false(grpc_ready(rig->stream));
}

static void who_it_is(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	const Base__PluginInfoResponse *info = ask(rig, BASE "PluginInfo", NULL, 0, &base__plugin_info_response__descriptor, &err);
	const Driver__CapabilitiesResponse *caps;
	const Base__ConfigSchemaResponse *schema;
	const Driver__TaskConfigSchemaResponse *task;

	assert_int_equal(info->type, BASE__PLUGIN_TYPE__DRIVER);
	assert_string_equal(info->name, "containerd-driver");
	assert_string_equal(info->plugin_version, DAVIT_VERSION);
	assert_int_equal(info->n_plugin_api_versions, 1);
	assert_string_equal(info->plugin_api_versions[0], "v0.1.0");
	caps = ask(rig, DRIVER "Capabilities", NULL, 0, &driver__capabilities_response__descriptor, &err);
	assert_true(caps->capabilities->send_signals && caps->capabilities->exec && !caps->capabilities->must_create_network);
	assert_int_equal(caps->capabilities->fs_isolation, DRIVER__DRIVER_CAPABILITIES__FSISOLATION__IMAGE);
	schema = ask(rig, BASE "ConfigSchema", NULL, 0, &base__config_schema_response__descriptor, &err);
	assert_non_null(schema->spec);
	task = ask(rig, DRIVER "TaskConfigSchema", NULL, 0, &driver__task_config_schema_response__descriptor, &err);
	assert_non_null(task->spec);
}

static void what_needs_no_task(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	assert_non_null(ask(rig, DRIVER "Init", NULL, 0, &driver__init_response__descriptor, &err));
	assert_non_null(ask(rig, DRIVER "Shutdown", NULL, 0, &driver__shutdown_response__descriptor, &err));
	assert_false(plugin_stopping(rig->plugin)); /* that is GRPCController's to say */
	assert_null(ask(rig, DRIVER "CreateNetwork", NULL, 0, &driver__create_network_response__descriptor, &err));
	assert_int_equal(err.code, ERR_UNIMPLEMENTED);
}

/* By itself, and at once where the kernel says so. */
static void containerd_comes_and_goes(void **state)
{
	struct rig *rig = *state;
	int64_t gone;

	set_config(rig, "", NULL, 0);
	fingerprint(rig);
	assert_word(rig, UNHEALTHY, rig->address);
	containerd_comes(rig);
	assert_word(rig, HEALTHY, "Healthy");
	nothing_more_is_said(rig);
	containerd_goes(rig);
	gone = clock_mono();
	assert_word(rig, UNHEALTHY, "containerd_addr");
	assert_true(clock_mono() - gone < 20 * NSEC_PER_SEC); /* not at the next look, in half a minute */
	containerd_comes(rig);
	assert_word(rig, HEALTHY, "Healthy");
}

static void attributes_when_healthy(void **state)
{
	struct rig *rig = *state;
	const Driver__FingerprintResponse *m;
	bool version = false;

	containerd_comes(rig);
	set_config(rig, "", NULL, 0);
	fingerprint(rig);
	m = next_word(rig);
	assert_int_equal(m->health, HEALTH(HEALTHY));
	for (size_t i = 0; i < m->n_attributes; i++) {
		assert_non_null(m->attributes[i]->value);
		assert_int_not_equal(m->attributes[i]->value->value_case, DRIVER__ATTRIBUTE__VALUE__NOT_SET);
		version |= !strcmp(m->attributes[i]->key, "driver.containerd.containerd_version");
	}
	assert_true(version);
}

/* A stream that was open all the time hears of each. */
static void options_change(void **state)
{
	struct rig *rig = *state;

	containerd_comes(rig);
	fingerprint(rig); /* before any SetConfig: by the defaults, which name a containerd that may be there */
	(void)next_word(rig);
	set_config(rig, "stats_interval", "\xa9sometimes", 10);
	assert_word(rig, UNHEALTHY, "stats_interval");
	set_config(rig, "enabled", "\xc2", 1);
	assert_word(rig, UNDETECTED, "enabled");
	set_config(rig, "", NULL, 0);
	assert_word(rig, HEALTHY, "Healthy");
	set_config(rig, "", NULL, 0); /* the same once more is no change */
	nothing_more_is_said(rig);
}

static void several_streams(void **state)
{
	struct rig *rig = *state;
	struct grpc_call *first;

	set_config(rig, "", NULL, 0);
	fingerprint(rig);
	first = rig->stream;
	fingerprint(rig);
	assert_word(rig, UNHEALTHY, rig->address);
	grpc_call_free(first);
	containerd_comes(rig);
	assert_word(rig, HEALTHY, "Healthy");
}

/* It answers, and yet has no stream of events for us. */
static void containerd_without_events(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	containerd_comes(rig);
	must(fake_fault(rig->fake, &err, "Events/Subscribe:fail=12"), &err);
	set_config(rig, "", NULL, 0);
	fingerprint(rig);
	assert_word(rig, HEALTHY, "Healthy");
	assert_int_equal(loop_pause(rig->loop, 1500, NULL, NULL), 0);
	assert_in_range(fake_count(rig->fake), 1, 10);
	nothing_more_is_said(rig);
}

static int set_up(void **state)
{
	static const struct plugin_method *const tables[] = { base_service, driver_service, NULL };
	struct rig *rig = mem_new(struct rig);
	struct plugin_conf pc = {
		.tables = tables, .threads = 2, .idle_ms = 1000, .begin = desk_worker_begin, .end = desk_worker_end
	};
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, LOG_TEXT);
	rig->loop = loop_new();
	rig->dir = mem_strdup("/tmp/davit-test-health-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	rig->socket = mem_printf("%s/plugin", rig->dir);
	rig->address = mem_printf("%s/containerd.sock", rig->dir);
	rig->desk = desk_new(rig->loop);
	rig->desk->run_dir = rig->desk->data_dir = rig->dir;
	pc.path = rig->socket;
	pc.app = rig->desk;
	must(plugin_new(rig->loop, &pc, &rig->plugin, &err), &err);
	desk_serve(rig->desk, rig->plugin);
	must(grpc_open(rig->loop, rig->socket, &rig->grpc, &err), &err);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	grpc_call_free(rig->stream);
	grpc_free(rig->grpc);
	(void)plugin_drain(rig->plugin, LIMIT_MS);
	plugin_free(rig->plugin);
	desk_free(rig->desk);
	fake_free(rig->fake);
	loop_free(rig->loop);
	(void)file_remove_tree(rig->dir, NULL);
	free(rig->dir);
	free(rig->socket);
	free(rig->address);
	arena_done(&rig->a);
	free(rig);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
RUN_TESTS("health", T(who_it_is), T(what_needs_no_task), T(containerd_comes_and_goes), T(attributes_when_healthy),
	  T(options_change), T(several_streams), T(containerd_without_events))
