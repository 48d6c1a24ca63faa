/* The action "start": the socket of this container's group, a server behind it where there is none, and its address on stdout. */
#include "bootstrap.pb-c.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "pb.h"
#include "runtime-shim.h"
#include "shim-stdin.h"
#include "socket.h"
#include "spec-text.h"
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOCKETS "/run/containerd/s"
enum { SPEC_MAX = 16 << 20, OOM_SCORE_MAX = 1000, LEVEL_DEBUG = -4, PROTOCOL_VERSION = 2 };

/* Containers with one of these annotations share a shim; the first that is there counts (reference 0.10). */
static const char *const group_keys[] = { "io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id" };
enum { GROUP_KEYS = sizeof group_keys / sizeof *group_keys };

/* NULL: it cannot be told. "": none. */
static char *group_in_text(struct span spec)
{
	struct span annotations, value;
	enum span_found found = span_get(spec, "annotations", &annotations);

	for (size_t i = 0; i < GROUP_KEYS && found == SPAN_FOUND; i++) {
		found = span_get(annotations, group_keys[i], &value);
		if (found == SPAN_FOUND)
			found = span_string(value, &value);
		if (found == SPAN_FOUND && value.len)
			return mem_printf("%.*s", (int)value.len, value.at);
		if (found != SPAN_UNSURE)
			found = SPAN_FOUND;
	}
	return found == SPAN_UNSURE ? NULL : mem_strdup("");
}

static char *group_in_tree(const struct buf *text)
{
	_cleanup_json_ json *spec = NULL;

	if (json_parse(text->data, text->len, &spec, NULL) < 0)
		return mem_strdup("");
	for (size_t i = 0; i < GROUP_KEYS; i++) {
		const char *group = json_get_str(json_get_object(spec, "annotations"), group_keys[i]);

		if (group && *group)
			return mem_strdup(group);
	}
	return mem_strdup("");
}

static char *shim_group(const char *id)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_free_ char *group = NULL;

	if (file_read("config.json", SPEC_MAX, &text, NULL) >= 0) {
		group = group_in_text((struct span){ text.data, text.len });
		if (!group)
			group = group_in_tree(&text);
	}
	return group && *group ? TAKE_PTR(group) : mem_strdup(id);
}

static char *socket_path(const struct shim_args *a, const char *group, const char *folder)
{
	_cleanup_free_ char *text = mem_printf("%s/%s/%s", a->address ? a->address : "", a->ns, group);
	char hex[SHA256_DIGEST_STRING_LENGTH];

	return mem_printf("%s/%s", folder, SHA256Data((const uint8_t *)text, strlen(text), hex));
}

/* The server's is one above containerd's, which is our parent's. */
static void set_oom_score(pid_t parent)
{
	_cleanup_free_ char *path = mem_printf("/proc/%d/oom_score_adj", (int)parent), *score = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_close_ int fd = -1;
	long now;

	if (file_read(path, 32, &text, NULL) < 0)
		return;
	now = strtol(buf_str(&text), NULL, 10) + 1;
	score = mem_printf("%ld", now > OOM_SCORE_MAX ? OOM_SCORE_MAX : now);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, score, strlen(score));
}

/* Nothing of ours may keep containerd waiting: it reads until nobody holds the pipes any more. */
static void server_main(const struct shim_args *a, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log;

	(void)setsid();
	for (int i = 0; i < 3; i++)
		(void)dup2(null, i);
	log = open("log", O_RDWR | O_NONBLOCK | O_CLOEXEC); /* a line that containerd does not take is lost, and nothing waits */
	if (log >= 0)
		(void)dup2(log, STDERR_FILENO);
	shim_serve(a, fd);
}

static int start_server(const struct shim_args *a, const char *path, struct err *err)
{
	const pid_t parent = getppid();
	_cleanup_close_ int fd = -1;
	pid_t pid;
	int r = socket_listen(path, 0600, &fd, err);

	if (r == -ERR_EXISTS) /* the group has its shim */
		return err_clear(err), 0;
	if (r < 0)
		return r;
	pid = fork();
	if (pid < 0)
		return err_sys(err, errno, "fork");
	if (pid == 0) {
		set_oom_score(parent);
		server_main(a, fd);
	}
	return 0;
}

/* NULL: what is on standard input is not this message. The options of older containerds can be read as one, too, but name neither
 * this container nor its namespace. */
static const Bootstrap__Params *read_params(const struct shim_args *a, struct arena *arena)
{
	_cleanup_buf_ struct buf in = { 0 };
	const ProtobufCMessage *msg = NULL;
	const Bootstrap__Params *p;

	shim_stdin_read(&in);
	if (!in.len || pb_unpack(&bootstrap__params__descriptor, in.data, in.len, arena, &msg, NULL) < 0)
		return NULL;
	p = (const void *)msg;
	return !strcmp(p->instance_id, a->id) && !strcmp(p->namespace_, a->ns) ? p : NULL;
}

static int print_address(char *address, bool as_result, struct err *err)
{
	char protocol[] = "ttrpc";
	Bootstrap__Result result = BOOTSTRAP__RESULT__INIT;
	_cleanup_buf_ struct buf out = { 0 };

	result.version = PROTOCOL_VERSION;
	result.address = address;
	result.protocol = protocol;
	if (as_result)
		pb_pack(&result.base, &out);
	else
		buf_adds(&out, address);
	return write(STDOUT_FILENO, out.data, out.len) == (ssize_t)out.len ? 0 : err_sys(err, errno, "standard output");
}

int shim_start(const struct shim_args *args, struct err *err)
{
	_cleanup_arena_ struct arena arena = { 0 };
	const Bootstrap__Params *params = read_params(args, &arena);
	const char *folder = params && *params->socket_dir ? params->socket_dir : SOCKETS;
	_cleanup_free_ char *group = shim_group(args->id), *path = socket_path(args, group, folder),
			    *address = mem_printf("unix://%s", path);
	struct shim_args a = *args;
	int r = file_mkdirs(folder, 0700, err);

	a.debug |= params && params->log_level <= LEVEL_DEBUG;
	if (r >= 0)
		r = start_server(&a, path, err);
	if (r >= 0)
		r = file_write("address", address, strlen(address), 0600, err);
	return r < 0 ? r : print_address(address, params, err);
}
