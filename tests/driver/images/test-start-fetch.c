/* StartTask up to the fetch of its image, by a stand-in for davit-image, with containerd away. */
#include "test.h"
#include "clock.h"
#include "desk.h"
#include "file.h"
#include "grpc.h"
#include "log.h"
#include "mem.h"
#include "pb.h"
#include "plugin.h"
#include "start.h"
#include "tree-json.h"
#include "tree-msgpack.h"
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DRIVER "/hashicorp.nomad.plugins.drivers.proto.Driver/"
enum { WITHIN_MS = 60000, OUTPUTS = 2 };

struct rig {
	struct loop *loop;
	struct desk *desk;
	struct plugin *plugin;
	struct grpc *grpc;
	char dir[40], *socket, *asked, *fifo[OUTPUTS];
	int reader[OUTPUTS];
};

static void must(int r, const struct err *err)
{
	if (r < 0)
		fail_msg("%s", err->msg);
}

static void pack_options(const char *text, struct buf *out)
{
	_cleanup_tree_ struct tree tree = { .file = "test" };
	struct err err = ERR_INIT;

	must(tree_json(text, strlen(text), &tree, &err), &err);
	msgpack_node(out, tree.root);
}

static struct grpc_call *start_begin(struct rig *rig, const char *options)
{
	const struct ctx limit = ctx_within(NULL, WITHIN_MS);
	Driver__StartTaskRequest req = DRIVER__START_TASK_REQUEST__INIT;
	Driver__TaskConfig task = DRIVER__TASK_CONFIG__INIT;
	_cleanup_buf_ struct buf packed = { 0 }, wire = { 0 };
	struct grpc_call *call = grpc_start(rig->grpc, DRIVER "StartTask", NULL, &limit);

	pack_options(options, &packed);
	task.id = (char[]){ "0a1b2c3d-0000-0000-0000-000000000000/web/deadbeef" };
	task.name = (char[]){ "web" };
	task.alloc_dir = rig->dir;
	task.stdout_path = rig->fifo[0];
	task.stderr_path = rig->fifo[1];
	task.msgpack_driver_config = (ProtobufCBinaryData){ packed.len, (uint8_t *)packed.data };
	req.task = &task;
	pb_pack(&req.base, &wire);
	grpc_send(call, wire.data, wire.len, true);
	return call;
}

/* Its end, which is an error: containerd is away, where nothing else was wrong before. */
static int start_end(struct rig *rig, struct grpc_call *call, struct err *err)
{
	_cleanup_buf_ struct buf answer = { 0 };
	int r = grpc_recv(call, NULL, &answer, err);

	grpc_call_free(call);
	assert_int_equal(rig->desk->handles.n, 0);
	return r;
}

static int start(struct rig *rig, const char *options, struct err *err) { return start_end(rig, start_begin(rig, options), err); }

static void was_asked(const struct rig *rig, const char *part)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct err err = ERR_INIT;

	must(file_read(rig->asked, 1 << 20, &text, &err), &err);
	if (!strstr(buf_str(&text), part))
		fail_msg("%s is not in: %s", part, buf_str(&text));
}

/* The file is the one of the task's folder, whatever folder we are in, as it was when it was found. */
static void own_credentials(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *file = mem_printf("%s/web/local/docker.json", rig->dir);
	struct err err = ERR_INIT;

	must(file_write(file, "{\"its\":1}", 9, 0600, &err), &err);
	assert_int_equal(
		start(rig, "{\"image\":\"r.test/x:1\",\"force_pull\":true,\"auth\":{\"config\":\"local/docker.json\"}}", &err),
		-ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "/nonexistent"));
	was_asked(rig, "--authfile /proc/self/fd/3 ");
	was_asked(rig, " {\"its\":1}\n");
}

static void platform(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;

	assert_true(start(rig, "{\"image\":\"r.test/x:1\",\"force_pull\":true,\"arch\":\"arm64\",\"variant\":\"v8\"}", &err) < 0);
	was_asked(rig, "--platform linux/arm64/v8 ");
}

/* Options that change between do not divide a start from its image. */
static void where_it_was_begun(void **state)
{
	struct rig *rig = *state;
	struct driver_conf *other = driver_conf_new();
	struct grpc_call *call = start_begin(rig, "{\"image\":\"r.test/x:1\",\"force_pull\":true}");
	struct err err = ERR_INIT;

	free(other->address);
	other->address = mem_strdup("/elsewhere");
	while (!rig->desk->handles.n)
		must(loop_turn(rig->loop, NULL, &err), &err);
	desk_configure(rig->desk, other);
	assert_int_equal(start_end(rig, call, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "/nonexistent"));
	was_asked(rig, "--address /nonexistent ");
}

/* Is it closed by all who wrote to it, of whom there was one at least? */
static bool has_ended(int reader)
{
	struct pollfd p = { .fd = reader, .events = POLLIN };

	return poll(&p, 1, 0) > 0 && (p.revents & POLLHUP);
}

static void ends_outputs(struct rig *rig, const char *options, const char *why)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < OUTPUTS; i++) {
		rig->reader[i] = open(rig->fifo[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assert_true(rig->reader[i] >= 0);
		assert_false(has_ended(rig->reader[i]));
	}
	assert_true(start(rig, options, &err) < 0);
	if (!strstr(err.msg, why))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < OUTPUTS; i++) {
		assert_true(has_ended(rig->reader[i]));
		assert_int_equal(close(rig->reader[i]), 0);
	}
}

/* Who reads Nomad's FIFOs does not wait for a task that has not come to write. */
static void outputs_end(void **state)
{
	ends_outputs(*state, "{\"image\":\"\"}", "image");
	ends_outputs(*state, "{\"image\":\"r.test/x:1\",\"privileged\":true}", "privileged");
	ends_outputs(*state, "{\"image\":\"r.test/absent:1\",\"force_pull\":true}", "not found at registry");
}

/* the stage */

static const struct plugin_method methods[] = {
	{ .path = DRIVER "StartTask", .request = &driver__start_task_request__descriptor, .begin = start_task_begin },
	{ 0 },
};

static void make_alloc(struct rig *rig)
{
	static const char *const folders[] = { "alloc/logs", "web/local", "web/secrets" };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", rig->dir, folders[i]);

		must(file_mkdirs(path, 0700, &err), &err);
	}
	for (size_t i = 0; i < OUTPUTS; i++) {
		rig->fifo[i] = mem_printf("%s/alloc/logs/.web.%zu.fifo", rig->dir, i);
		assert_int_equal(mkfifo(rig->fifo[i], 0600), 0);
	}
}

static int set_up(void **state)
{
	static const struct plugin_method *const tables[] = { methods, NULL };
	static struct rig rig;
	struct plugin_conf pc = { .tables = tables, .threads = 2, .begin = desk_worker_begin, .end = desk_worker_end };
	struct driver_conf *conf = driver_conf_new();
	struct err err = ERR_INIT;

	log_init(LOG_ERROR, LOG_TEXT);
	rig = (struct rig){ .loop = loop_new() };
	(void)snprintf(rig.dir, sizeof rig.dir, "/tmp/davit-test-start-XXXXXX");
	assert_non_null(mkdtemp(rig.dir));
	rig.socket = mem_printf("%s/plugin", rig.dir);
	rig.asked = mem_printf("%s/asked", rig.dir);
	assert_int_equal(setenv("ASKED", rig.asked, 1), 0);
	make_alloc(&rig);
	free(conf->address);
	conf->address = mem_strdup("/nonexistent");
	conf->allow_privileged = false;
	rig.desk = desk_new(rig.loop);
	rig.desk->run_dir = rig.desk->data_dir = rig.desk->host_root = rig.dir;
	desk_configure(rig.desk, conf);
	pc.path = rig.socket;
	pc.app = rig.desk;
	must(plugin_new(rig.loop, &pc, &rig.plugin, &err), &err);
	rig.desk->plugin = rig.plugin;
	must(grpc_open(rig.loop, rig.socket, &rig.grpc, &err), &err);
	*state = &rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;

	grpc_free(rig->grpc);
	(void)plugin_drain(rig->plugin, 20000);
	plugin_free(rig->plugin);
	desk_free(rig->desk);
	loop_free(rig->loop);
	(void)file_remove_tree(rig->dir, NULL);
	for (size_t i = 0; i < OUTPUTS; i++)
		free(rig->fifo[i]);
	free(rig->socket);
	free(rig->asked);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
RUN_TESTS("start-fetch", T(own_credentials), T(platform), T(where_it_was_begun), T(outputs_end))
