#include "driver-rig.h"
#include "file.h"
#include "goplugin.pb-c.h"
#include "json.h"
#include "mem.h"
#include "nomadbase.pb-c.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Memory that was freed and is kept, so that its use is seen, would look like growth. */
#define SANITIZERS "ASAN_OPTIONS=quarantine_size_mb=1:detect_leaks=1:exitcode=99"

int rig_setup_only(void **state)
{
	struct rig *rig = mem_new(struct rig);

	(void)snprintf(rig->dir, sizeof rig->dir, "/tmp/davit-test-driver-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	rig->loop = loop_new();
	strv_pushf(&rig->env, "TMPDIR=%s", rig->dir);
	strv_push(&rig->env, SANITIZERS);
	*state = rig;
	return 0;
}

void rig_start(struct rig *rig)
{
	const struct host_spec spec = { .path = CONTAINERD_DRIVER, .env = &rig->env };
	struct err err = ERR_INIT;

	if (host_start(&rig->host, rig->loop, &spec, &err) < 0)
		fail_msg("%s", err.msg);
}

int rig_setup(void **state)
{
	(void)rig_setup_only(state);
	rig_start(*state);
	return 0;
}

static void check_line(const char *line, size_t len)
{
	_cleanup_json_ json *j = NULL;
	struct err err = ERR_INIT;

	if (json_parse(line, len, &j, &err) < 0 || !json_get_str(j, "@level") || !json_get_str(j, "@message") ||
	    !json_get_str(j, "@timestamp") || !json_get_str(j, "@module"))
		fail_msg("logged: %.*s", (int)len, line);
}

static void check_log(const struct buf *log)
{
	const char *line = buf_str(log), *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		check_line(line, (size_t)(end - line));
	assert_string_equal(line, "");
}

static void check_left(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			fail_msg("left: %s/%s", dir, e->d_name);
	(void)closedir(d);
}

int rig_teardown_only(void **state)
{
	struct rig *rig = *state;

	host_done(&rig->host);
	loop_free(rig->loop);
	strv_done(&rig->env);
	assert_int_equal(file_remove_tree(rig->dir, NULL), 0);
	free(rig);
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;
	struct err err = ERR_INIT;
	int r = host_shutdown(&rig->host, RIG_CALL_MS, &err); /* how fast it ends is test-services.c's */

	if (r != 0)
		fail_msg("%s: status %x; it said: %s", err.msg, (unsigned)r, buf_str(child_err(rig->host.child)));
	check_log(child_err(rig->host.child));
	check_left(rig->dir);
	return rig_teardown_only(state);
}

struct grpc_call *rig_begin(struct grpc *g, const struct host_method *m, const void *msg, size_t len, const struct ctx *ctx)
{
	struct grpc_call *call = grpc_start(g, m->path, NULL, ctx);

	grpc_send(call, msg, len, m->streams != HOST_BOTH);
	return call;
}

int rig_finish(struct grpc_call *call, const struct ctx *ctx, struct err *err)
{
	_cleanup_buf_ struct buf in = { 0 };
	int r;

	do
		r = grpc_recv(call, ctx, &in, err);
	while (r > 0);
	return r;
}

void rig_check(struct rig *rig, struct grpc *g, const char *what)
{
	static const struct ctx none = { 0 };
	const struct host_method *m = host_method_find("/grpc.health.v1.Health/Check");
	const struct ctx ctx = ctx_within(&none, RIG_CALL_MS);
	Goplugin__HealthCheckRequest request = GOPLUGIN__HEALTH_CHECK_REQUEST__INIT;
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *answer = NULL;
	struct err err = ERR_INIT;

	if (rig->host.child && child_ended(rig->host.child))
		fail_msg("%s: the plugin has ended; it said: %s", what, buf_str(child_err(rig->host.child)));
	request.service = (char[]){ "plugin" };
	if (host_call(g, m, &request.base, &ctx, &a, &answer, &err) < 0)
		fail_msg("%s: health: %s; it said: %s", what, err.msg, buf_str(child_err(rig->host.child)));
	assert_int_equal(((const Goplugin__HealthCheckResponse *)answer)->status, 1);
}

const ProtobufCMessage *rig_ask(struct rig *rig, const char *method, const ProtobufCMessage *request, struct arena *a)
{
	const struct ctx ctx = ctx_within(NULL, RIG_CALL_MS);
	const ProtobufCMessage *answer = NULL;
	struct err err = ERR_INIT;

	if (host_call(rig->host.grpc, host_method_find(method), request, &ctx, a, &answer, &err) < 0)
		fail_msg("%s: %s", method, err.msg);
	return answer;
}

static long status_number(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

struct rig_usage rig_usage(const struct rig *rig)
{
	_cleanup_free_ char *status = mem_printf("/proc/%d/status", (int)child_pid(rig->host.child));
	_cleanup_free_ char *fds = mem_printf("/proc/%d/fd", (int)child_pid(rig->host.child));
	_cleanup_buf_ struct buf text = { 0 };
	struct rig_usage u = { 0 };
	DIR *d = opendir(fds);

	assert_non_null(d);
	while (readdir(d))
		u.fds++;
	(void)closedir(d);
	assert_int_equal(file_read(status, 65536, &text, NULL), 0);
	u.rss_kib = status_number(buf_str(&text), "VmRSS:");
	u.threads = status_number(buf_str(&text), "Threads:");
	return u;
}

void rig_until_closed(struct rig *rig, long fds)
{
	const struct ctx ctx = ctx_within(NULL, RIG_CALL_MS);

	while (rig_usage(rig).fds > fds) {
		if (ctx_check(&ctx, NULL) < 0)
			fail_msg("%ld descriptors, %ld before", rig_usage(rig).fds, fds);
		rig_check(rig, rig->host.grpc, "what is closed");
	}
}

void rig_set_config(struct rig *rig, const void *config, size_t len, bool nomad)
{
	_cleanup_arena_ struct arena a = { 0 };
	Base__SetConfigRequest request = BASE__SET_CONFIG_REQUEST__INIT;
	Base__NomadConfig conf = BASE__NOMAD_CONFIG__INIT;
	Base__NomadDriverConfig driver = BASE__NOMAD_DRIVER_CONFIG__INIT;

	conf.driver = &driver;
	request.msgpack_config = (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)config };
	request.nomad_config = nomad ? &conf : NULL;
	request.plugin_api_version = (char[]){ "v0.1.0" };
	(void)rig_ask(rig, "SetConfig", &request.base, &a);
}

char *rig_alloc_dir(const struct rig *rig, const char *task)
{
	static const char *const folders[] = { "", "/alloc", "/alloc/logs", "/%s", "/%s/local", "/%s/secrets" };
	static char dir[80];

	(void)snprintf(dir, sizeof dir, "%s/.alloc", rig->dir);
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char path[160];
		const char *at = strstr(folders[i], "%s");

		(void)snprintf(path, sizeof path, "%s%.*s%s%s", dir, at ? 1 : (int)strlen(folders[i]), folders[i], at ? task : "",
			       at ? at + 2 : "");
		assert_int_equal(mkdir(path, 0755), 0);
	}
	return dir;
}
