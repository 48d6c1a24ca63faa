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
#include "netns.h"
#include "pb.h"
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>

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
	char *dir, *socket, *address, *netns;
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
}

static void the_operator_says_who_makes_networks(void **state)
{
	static const char yes = '\xc3', no = '\xc2';
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	const Driver__CapabilitiesResponse *c;

	set_config(rig, "create_network", &yes, 1);
	c = ask(rig, DRIVER "Capabilities", NULL, 0, &driver__capabilities_response__descriptor, &err);
	assert_true(c->capabilities->must_create_network);
	set_config(rig, "create_network", &no, 1);
	c = ask(rig, DRIVER "Capabilities", NULL, 0, &driver__capabilities_response__descriptor, &err);
	assert_false(c->capabilities->must_create_network);
}

#define ALLOC "12345678-9abc-def0-1234-56789abcdef0"
#define TASK_OF_ALLOC ALLOC "/t/01234567"

static const Driver__CreateNetworkResponse *create_network(struct rig *rig, const char *alloc, const char *name, struct err *err)
{
	Driver__CreateNetworkRequest q = DRIVER__CREATE_NETWORK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };

	q.alloc_id = (char *)(uintptr_t)alloc;
	q.hostname = (char *)(uintptr_t)name;
	pb_pack(&q.base, &wire);
	return ask(rig, DRIVER "CreateNetwork", wire.data, wire.len, &driver__create_network_response__descriptor, err);
}

static bool destroy_network(struct rig *rig, const char *alloc, struct err *err)
{
	Driver__DestroyNetworkRequest q = DRIVER__DESTROY_NETWORK_REQUEST__INIT;
	_cleanup_buf_ struct buf wire = { 0 };

	q.alloc_id = (char *)(uintptr_t)alloc;
	pb_pack(&q.base, &wire);
	return ask(rig, DRIVER "DestroyNetwork", wire.data, wire.len, &driver__destroy_network_response__descriptor, err);
}

/* What is asked for is checked before anything is made. */
static void networks_that_cannot_be(void **state)
{
	static const char *const rows[][3] = {
		{ "", "h", "network of \"\": that is no allocation's ID" },
		{ "../etc", "h", "no allocation's ID" },
		{ "12345678-9abc-def0-1234-56789abcdef0f", "h", "no allocation's ID" },
		{ "12345678-9abc-def0-1234-56789abcde/0", "h", "no allocation's ID" },
		{ ALLOC, "a b", "hostname" },
		{ ALLOC, "-a", "hostname" },
		{ ALLOC, "a2345678901234567890123456789012345678901234567890123456789012345", "hostname" },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err err = ERR_INIT;

		assert_null(create_network(rig, rows[i][0], rows[i][1], &err));
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, rows[i][2]))
			fail_msg("%s", err.msg);
		err_clear(&err);
		assert_true(destroy_network(rig, rows[i][0], &err) == !strcmp(rows[i][0], ALLOC));
	}
	assert_false(file_exists(rig->netns));
}

static void cannot_be_made(struct rig *rig, const char *why)
{
	struct err err = ERR_INIT;

	assert_null(create_network(rig, ALLOC, "", &err));
	if (!strstr(err.msg, why))
		fail_msg("%s", err.msg);
}

/* Neither for what is not there, nor for what is there and is no namespace. */
static void networks_that_cannot_be_made(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *path = mem_printf("%s/" ALLOC, rig->netns);
	struct err err = ERR_INIT;

	rig->desk->netns_dir = "/proc/nothing";
	cannot_be_made(rig, "/proc/nothing");
	rig->desk->netns_dir = rig->netns;
	must(file_mkdirs(path, 0755, &err), &err);
	cannot_be_made(rig, geteuid() == 0 ? "remove network namespace" : "unmount network namespace");
	assert_int_equal(rmdir(path), 0);
}

static const char *made(struct rig *rig, const char *name, bool created)
{
	struct err err = ERR_INIT;
	const Driver__CreateNetworkResponse *m = create_network(rig, ALLOC, name, &err);

	must(m ? 0 : -1, &err);
	assert_int_equal(m->created, created);
	assert_int_equal(m->isolation_spec->mode, DRIVER__NETWORK_ISOLATION_SPEC__NETWORK_ISOLATION_MODE__GROUP);
	must(netns_check(m->isolation_spec->path, &err), &err);
	if (!*name) {
		assert_true(!m->isolation_spec->n_labels && !m->isolation_spec->hosts_config);
		return m->isolation_spec->path;
	}
	assert_int_equal(m->isolation_spec->n_labels, 1);
	assert_string_equal(m->isolation_spec->labels[0]->key, "docker_sandbox_hostname");
	assert_string_equal(m->isolation_spec->labels[0]->value, name);
	assert_string_equal(m->isolation_spec->hosts_config->hostname, name);
	return m->isolation_spec->path;
}

static void add_task(struct rig *rig)
{
	struct handle_kept kept = { .task_id = mem_strdup(TASK_OF_ALLOC) };
	struct handle *h = handle_new(&kept, HANDLE_RUNNING);

	assert_int_equal(handles_add(&rig->desk->handles, h, NULL), 0);
	handle_unref(h);
}

static void need_mounts(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNS) == 0 && mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return;
	print_message("network namespaces need root\n");
	skip();
}

/* An agent that comes back asks for it again: one with a task in it is no new one, whatever else is there. */
static void a_network_of_a_group(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	_cleanup_free_ char *path = mem_printf("%s/" ALLOC, rig->netns);

	need_mounts();
	assert_string_equal(made(rig, "picard", true), path);
	(void)made(rig, "picard", true);
	add_task(rig);
	(void)made(rig, "picard", false);
	(void)made(rig, "", false);
	assert_true(destroy_network(rig, ALLOC, &err));
	assert_false(file_exists(path));
	assert_true(destroy_network(rig, ALLOC, &err));
	assert_int_equal(file_write(path, "", 0, 0444, &err), 0); /* what a death before the mount leaves */
	(void)made(rig, "riker", true);
	assert_true(destroy_network(rig, ALLOC, &err));
	assert_int_equal(umount2(rig->netns, MNT_DETACH), 0);
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

/* It takes what it is asked, and never answers. */
static void containerd_hangs(void **state)
{
	struct rig *rig = *state;

	containerd_comes(rig);
	set_config(rig, "", NULL, 0);
	fingerprint(rig);
	assert_word(rig, HEALTHY, "Healthy");
	fake_hang(rig->fake, true);
	set_config(rig, "", NULL, 0); /* so that it looks now */
	assert_word(rig, UNHEALTHY, "containerd_addr");
	fake_hang(rig->fake, false);
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

static int raise_interface(void *arg, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "br0", .ifr_flags = *(const short *)arg };

	(void)err;
	(void)ioctl(fd, SIOCBRADDBR, "br0");
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -ERR_UNIMPLEMENTED : 0;
}

/* As CNI's ADD and DEL do. */
static void configure(const char *path, bool up)
{
	short flags = up ? IFF_UP : 0;

	if (netns_run(path, raise_interface, &flags, NULL) < 0) {
		print_message("no bridges here\n");
		skip();
	}
}

#define OTHER_ALLOC "22345678-9abc-def0-1234-56789abcdef0"

/* The only worker has done what it was given before, and what came of that. */
static void workers_rest(struct rig *rig)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < 2; i++)
		must(create_network(rig, OTHER_ALLOC, "", &err) ? 0 : -1, &err);
}

static bool still_there_after_a_look(struct rig *rig, const char *path)
{
	group_networks_look(rig->desk->networks);
	workers_rest(rig);
	return file_exists(path);
}

static void learn_of(struct rig *rig, const char *alloc, const char *path, const char *alloc_dir)
{
	Driver__TaskConfig task = DRIVER__TASK_CONFIG__INIT;
	Driver__NetworkIsolationSpec spec = DRIVER__NETWORK_ISOLATION_SPEC__INIT;

	spec.path = (char *)(uintptr_t)path;
	task.alloc_id = (char *)(uintptr_t)alloc;
	task.alloc_dir = (char *)(uintptr_t)alloc_dir;
	task.network_isolation_spec = &spec;
	group_networks_learn(rig->desk->networks, &task);
	workers_rest(rig);
}

static void learn(struct rig *rig, const char *path, const char *alloc_dir) { learn_of(rig, ALLOC, path, alloc_dir); }

/* Nobody asks for the end of a network whose plugin was killed. One that has a task, or its interface, or neither had one, stays.
 */
static void a_network_that_nobody_asks_for(void **state)
{
	static const char yes = '\xc3';
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	_cleanup_free_ char *path = mem_printf("%s/" ALLOC, rig->netns), *alloc = mem_printf("%s/alloc", rig->dir);

	need_mounts();
	set_config(rig, "create_network", &yes, 1);
	(void)made(rig, "", true);
	learn(rig, path, rig->dir);
	assert_true(still_there_after_a_look(rig, path)); /* of the mode "none" */
	configure(path, true);
	assert_true(still_there_after_a_look(rig, path));
	configure(path, false);
	add_task(rig);
	assert_true(still_there_after_a_look(rig, path));
	handles_remove(&rig->desk->handles, handles_find(&rig->desk->handles, TASK_OF_ALLOC));
	assert_false(still_there_after_a_look(rig, path));

	(void)made(rig, "", true);
	assert_int_equal(mkdir(alloc, 0755), 0);
	learn(rig, path, alloc);
	assert_true(still_there_after_a_look(rig, path));
	assert_int_equal(rmdir(alloc), 0);
	assert_false(still_there_after_a_look(rig, path));
	assert_true(destroy_network(rig, OTHER_ALLOC, &err));
	assert_int_equal(umount2(rig->netns, MNT_DETACH), 0);
}

/* What the last one knew has died with it. */
static void another_plugin(struct rig *rig)
{
	workers_rest(rig);
	group_networks_free(rig->desk->networks);
	rig->desk->networks = group_networks_new(rig->desk);
}

struct plugins_die {
	struct rig *rig;
	char *path, *dir, *mark, *base, *other_dir, *theirs, *their_dir;
};

/* Where this client has its allocations is known of a task that has another network. */
static void learn_base(struct plugins_die *t) { learn_of(t->rig, OTHER_ALLOC, "/none", t->other_dir); }

static void plugins_die_stage(struct plugins_die *t)
{
	static const char yes = '\xc3';
	struct err err = ERR_INIT;

	t->path = mem_printf("%s/" ALLOC, t->rig->netns);
	t->mark = mem_printf("%s/.networks/" ALLOC, t->rig->dir);
	t->base = mem_printf("%s/allocs", t->rig->dir);
	t->dir = mem_printf("%s/" ALLOC, t->base);
	t->other_dir = mem_printf("%s/" OTHER_ALLOC, t->base);
	t->theirs = mem_printf("%s/theirs", t->rig->dir);
	t->their_dir = mem_printf("%s/" ALLOC, t->theirs);
	must(file_mkdirs(t->dir, 0755, &err), &err);
	must(file_mkdirs(t->other_dir, 0755, &err), &err);
	must(file_mkdirs(t->their_dir, 0755, &err), &err);
	set_config(t->rig, "create_network", &yes, 1);
}

static void plugins_die_over(struct plugins_die *t)
{
	struct err err = ERR_INIT;

	assert_true(destroy_network(t->rig, OTHER_ALLOC, &err));
	assert_int_equal(umount2(t->rig->netns, MNT_DETACH), 0);
	free(t->path);
	free(t->mark);
	free(t->dir);
	free(t->base);
	free(t->other_dir);
	free(t->theirs);
	free(t->their_dir);
}

/* Its allocation never had a task, and Nomad does not know of it when it comes back. */
static void a_network_without_a_task_whose_plugins_die(void **state)
{
	struct plugins_die t = { .rig = *state };

	need_mounts();
	plugins_die_stage(&t);
	(void)made(t.rig, "", true);
	another_plugin(t.rig);
	assert_true(still_there_after_a_look(t.rig, t.path));
	learn_base(&t);
	assert_true(still_there_after_a_look(t.rig, t.path));
	another_plugin(t.rig);
	assert_int_equal(rmdir(t.dir), 0);
	assert_true(file_exists(t.mark));
	assert_false(still_there_after_a_look(t.rig, t.path));
	workers_rest(t.rig);
	assert_false(file_exists(t.mark));
	plugins_die_over(&t);
}

/* Nomad has emptied it, and a second plugin dies before it has looked. */
static void an_emptied_network_whose_plugins_die(void **state)
{
	struct plugins_die t = { .rig = *state };

	need_mounts();
	plugins_die_stage(&t);
	(void)made(t.rig, "", true);
	learn_base(&t);
	configure(t.path, true);
	assert_true(still_there_after_a_look(t.rig, t.path));
	another_plugin(t.rig);
	configure(t.path, false);
	assert_true(still_there_after_a_look(t.rig, t.path)); /* whose it is is not known yet */
	learn_base(&t);
	assert_false(still_there_after_a_look(t.rig, t.path));
	plugins_die_over(&t);
}

/* Another client's on the host may have tasks that we do not know. */
static void a_network_of_another_client(void **state)
{
	struct plugins_die t = { .rig = *state };

	need_mounts();
	plugins_die_stage(&t);
	(void)made(t.rig, "", true);
	learn(t.rig, t.path, t.their_dir);
	configure(t.path, true);
	assert_true(still_there_after_a_look(t.rig, t.path));
	another_plugin(t.rig);
	learn_base(&t);
	configure(t.path, false);
	assert_true(still_there_after_a_look(t.rig, t.path));
	assert_int_equal(rmdir(t.their_dir), 0);
	assert_false(still_there_after_a_look(t.rig, t.path));
	plugins_die_over(&t);
}

/* The only worker waits for a byte. */
struct blocker {
	struct plugin_work work;
	int pipe[2];
	volatile bool begun, ended;
};

static int blocker_run(void *arg, void *state, const struct ctx *ctx, struct err *err)
{
	struct blocker *b = arg;
	char c;

	(void)state;
	(void)ctx;
	(void)err;
	b->begun = true;
	return read(b->pipe[0], &c, 1) == 1 ? 0 : -ERR_INTERNAL;
}

static void blocker_done(void *arg, struct plugin_call *call, int r, const struct err *err)
{
	(void)call;
	must(r, err);
	((struct blocker *)arg)->ended = true;
}

static void block(struct rig *rig, struct blocker *b)
{
	*b = (struct blocker){ .work = { .run = blocker_run, .done = blocker_done, .arg = b } };
	assert_int_equal(pipe2(b->pipe, O_CLOEXEC), 0);
	plugin_background(rig->plugin, &b->work);
}

static void until(struct rig *rig, const volatile bool *is)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);

	while (!*is)
		must(loop_pause(rig->loop, 5, &limit, NULL), NULL);
	must(loop_pause(rig->loop, 5, &limit, NULL), NULL); /* what the worker had done before is told */
}

static void unblock(struct rig *rig, struct blocker *b)
{
	assert_int_equal(write(b->pipe[1], "", 1), 1);
	until(rig, &b->ended);
	(void)close(b->pipe[0]);
	(void)close(b->pipe[1]);
}

static struct grpc_call *begin_network(struct rig *rig, const char *method)
{
	Driver__DestroyNetworkRequest q = DRIVER__DESTROY_NETWORK_REQUEST__INIT; /* the other has its id in the same field */
	struct grpc_call *call = grpc_start(rig->grpc, method, NULL, &endless);
	_cleanup_buf_ struct buf wire = { 0 };

	q.alloc_id = (char[]){ ALLOC };
	pb_pack(&q.base, &wire);
	grpc_send(call, wire.data, wire.len, true);
	return call;
}

static void ends_well(struct grpc_call *call)
{
	const struct ctx limit = ctx_within(NULL, LIMIT_MS);
	_cleanup_buf_ struct buf wire = { 0 };
	struct err err = ERR_INIT;

	must(grpc_unary_end(call, &limit, &wire, &err), &err);
	grpc_call_free(call);
}

/* One after the other, in the order in which they were asked for. */
static void a_network_at_work(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *path = mem_printf("%s/" ALLOC, rig->netns);
	struct grpc_call *calls[3], *gone;
	struct blocker b;

	need_mounts();
	(void)made(rig, "", true);
	block(rig, &b);
	until(rig, &b.begun);
	calls[0] = begin_network(rig, DRIVER "DestroyNetwork");
	calls[1] = begin_network(rig, DRIVER "DestroyNetwork");
	calls[2] = begin_network(rig, DRIVER "CreateNetwork");
	gone = begin_network(rig, DRIVER "DestroyNetwork");
	must(loop_pause(rig->loop, QUIET_MS, NULL, NULL), NULL);
	assert_false(grpc_ready(calls[0]) || grpc_ready(calls[1]) || grpc_ready(calls[2]));
	unblock(rig, &b);
	for (size_t i = 0; i < 3; i++)
		ends_well(calls[i]);
	ends_well(gone);
	assert_false(file_exists(path));

	(void)made(rig, "", true);
	block(rig, &b);
	until(rig, &b.begun);
	calls[0] = begin_network(rig, DRIVER "DestroyNetwork");
	calls[1] = begin_network(rig, DRIVER "CreateNetwork");
	must(loop_pause(rig->loop, QUIET_MS, NULL, NULL), NULL);
	grpc_call_free(calls[1]); /* its client goes before it is its turn: nothing is made */
	must(loop_pause(rig->loop, QUIET_MS, NULL, NULL), NULL);
	unblock(rig, &b);
	ends_well(calls[0]);
	workers_rest(rig);
	assert_false(file_exists(path));
	assert_int_equal(umount2(rig->netns, MNT_DETACH), 0);
}

/* Nomad asks for the end of what we are about to remove. */
static void a_network_that_is_asked_for_too_late(void **state)
{
	static const char yes = '\xc3';
	struct rig *rig = *state;
	_cleanup_free_ char *path = mem_printf("%s/" ALLOC, rig->netns), *alloc = mem_printf("%s/alloc", rig->dir);
	struct blocker look, removal;
	struct grpc_call *call;

	need_mounts();
	set_config(rig, "create_network", &yes, 1);
	(void)made(rig, "", true);
	assert_int_equal(mkdir(alloc, 0755), 0);
	learn(rig, path, alloc);
	assert_int_equal(rmdir(alloc), 0);
	block(rig, &look);
	until(rig, &look.begun);
	group_networks_look(rig->desk->networks);
	block(rig, &removal);
	unblock(rig, &look);
	until(rig, &removal.begun); /* the look is over, and the removal waits for the worker */
	call = begin_network(rig, DRIVER "DestroyNetwork");
	must(loop_pause(rig->loop, QUIET_MS, NULL, NULL), NULL);
	assert_false(grpc_ready(call));
	assert_true(file_exists(path));
	unblock(rig, &removal);
	ends_well(call);
	assert_false(file_exists(path));
	assert_int_equal(umount2(rig->netns, MNT_DETACH), 0);
}

static int set_up(void **state)
{
	static const struct plugin_method *const tables[] = { base_service, driver_service, NULL };
	struct rig *rig = mem_new(struct rig);
	struct plugin_conf pc = {
		.tables = tables, .threads = 1, .idle_ms = 1000, .begin = desk_worker_begin, .end = desk_worker_end
	};
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, LOG_TEXT);
	rig->loop = loop_new();
	rig->dir = mem_strdup("/tmp/davit-test-health-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	rig->socket = mem_printf("%s/plugin", rig->dir);
	rig->address = mem_printf("%s/containerd.sock", rig->dir);
	rig->netns = mem_printf("%s/netns", rig->dir);
	rig->desk = desk_new(rig->loop);
	rig->desk->netns_dir = rig->netns;
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
	free(rig->netns);
	arena_done(&rig->a);
	free(rig);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
RUN_TESTS("health", T(who_it_is), T(what_needs_no_task), T(the_operator_says_who_makes_networks), T(networks_that_cannot_be),
	  T(networks_that_cannot_be_made), T(a_network_of_a_group), T(a_network_that_nobody_asks_for),
	  T(a_network_without_a_task_whose_plugins_die), T(an_emptied_network_whose_plugins_die), T(a_network_of_another_client),
	  T(a_network_at_work), T(a_network_that_is_asked_for_too_late), T(containerd_comes_and_goes), T(attributes_when_healthy),
	  T(options_change), T(several_streams), T(containerd_hangs), T(containerd_without_events))
