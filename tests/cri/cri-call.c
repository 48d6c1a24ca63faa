/* cri-call --address SOCKET [--timeout SECONDS] METHOD: one call of the Container Runtime Interface.
 *
 * The request is a JSON object on standard input, the answer one on standard output, a line for each message of a stream (pb-json.h
 * has their form). Exits with 0, or with the gRPC status that the call ended with and its text on standard error; 64: not asked. */
#include "ctx.h"
#include "cri.pb-c.h"
#include "file.h"
#include "grpc.h"
#include "mem.h"
#include "pb-json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_MAX = 1 << 20, TIMEOUT_S = 120, TIMEOUT_MAX_S = 86400, NOT_ASKED = 64 };

#define RUNTIME "/runtime.v1.RuntimeService/"
#define IMAGE "/runtime.v1.ImageService/"

static const struct cri_method {
	const char *service, *name;
	const ProtobufCMessageDescriptor *request, *answer;
} methods[] = {
#define METHOD(service, name, stem) \
	{ \
		service, name, &cri__##stem##_request__descriptor, &cri__##stem##_response__descriptor \
	}
	METHOD(RUNTIME, "Version", version),
	METHOD(RUNTIME, "Status", status),
	METHOD(RUNTIME, "RunPodSandbox", run_pod_sandbox),
	METHOD(RUNTIME, "StopPodSandbox", stop_pod_sandbox),
	METHOD(RUNTIME, "RemovePodSandbox", remove_pod_sandbox),
	METHOD(RUNTIME, "PodSandboxStatus", pod_sandbox_status),
	METHOD(RUNTIME, "ListPodSandbox", list_pod_sandbox),
	METHOD(RUNTIME, "CreateContainer", create_container),
	METHOD(RUNTIME, "StartContainer", start_container),
	METHOD(RUNTIME, "StopContainer", stop_container),
	METHOD(RUNTIME, "RemoveContainer", remove_container),
	METHOD(RUNTIME, "ListContainers", list_containers),
	METHOD(RUNTIME, "ContainerStatus", container_status),
	METHOD(RUNTIME, "UpdateContainerResources", update_container_resources),
	METHOD(RUNTIME, "ReopenContainerLog", reopen_container_log),
	METHOD(RUNTIME, "CheckpointContainer", checkpoint_container),
	METHOD(RUNTIME, "ExecSync", exec_sync),
	METHOD(RUNTIME, "Exec", exec),
	METHOD(RUNTIME, "Attach", attach),
	METHOD(RUNTIME, "PortForward", port_forward),
	METHOD(RUNTIME, "ContainerStats", container_stats),
	METHOD(RUNTIME, "ListContainerStats", list_container_stats),
	METHOD(RUNTIME, "PodSandboxStats", pod_sandbox_stats),
	METHOD(RUNTIME, "ListPodSandboxStats", list_pod_sandbox_stats),
	{ RUNTIME, "GetContainerEvents", &cri__get_events_request__descriptor, &cri__container_event_response__descriptor },
	METHOD(IMAGE, "ListImages", list_images),
	METHOD(IMAGE, "ImageStatus", image_status),
	METHOD(IMAGE, "PullImage", pull_image),
	METHOD(IMAGE, "RemoveImage", remove_image),
	METHOD(IMAGE, "ImageFsInfo", image_fs_info),
#undef METHOD
};

struct question {
	const char *address;
	const struct cri_method *method;
	long seconds;
};

static const struct cri_method *method_find(const char *name)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static int question_parse(char **argv, struct question *q, struct err *err)
{
	for (; *argv && !strncmp(*argv, "--", 2); argv += 2) {
		char *end = NULL;

		if (argv[1] && !strcmp(*argv, "--address")) {
			q->address = argv[1];
			continue;
		}
		if (!argv[1] || strcmp(*argv, "--timeout") != 0)
			return err_set(err, ERR_INVALID, "%s: no such option, or one without its value", *argv);
		q->seconds = strtol(argv[1], &end, 10);
		if (*end || q->seconds < 1 || q->seconds > TIMEOUT_MAX_S)
			return err_set(err, ERR_INVALID, "--timeout: seconds, 1 to %d", TIMEOUT_MAX_S);
	}
	if (!q->address || !*argv || argv[1])
		return err_set(err, ERR_INVALID, "usage: cri-call --address SOCKET [--timeout SECONDS] METHOD <JSON");
	q->method = method_find(*argv);
	return q->method ? 0 : err_set(err, ERR_INVALID, "%s: no such method", *argv);
}

/* The request's wire form from standard input. */
static int request_read(const struct cri_method *m, struct buf *out, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *value = NULL;
	ProtobufCMessage *msg = NULL;
	int r = file_read_given("/dev/stdin", REQUEST_MAX, NULL, &text, err);

	if (r >= 0)
		r = json_parse(buf_str(&text), text.len, &value, err);
	if (r >= 0)
		r = pb_json_read(m->request, value, &a, &msg, err);
	if (r >= 0)
		pb_pack(msg, out);
	return r < 0 ? r : 0;
}

static int answer_print(const struct cri_method *m, const struct buf *in, struct err *err)
{
	_cleanup_arena_ struct arena a = { 0 };
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *value = NULL;
	const ProtobufCMessage *msg = NULL;
	int r = pb_unpack(m->answer, in->data, in->len, &a, &msg, err);

	if (r < 0)
		return r;
	value = pb_json_write(msg);
	json_write(value, &text);
	puts(buf_str(&text));
	(void)fflush(stdout);
	return 0;
}

static int question_ask(const struct question *q, const struct buf *request, struct err *err)
{
	const struct ctx ctx = ctx_within(NULL, q->seconds * 1000);
	_cleanup_free_ char *path = mem_printf("%s%s", q->method->service, q->method->name);
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(grpc_freep) struct grpc *grpc = NULL;
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf in = { 0 };
	int r = grpc_open(loop, q->address, &grpc, err);

	if (r < 0)
		return r;
	call = grpc_start(grpc, path, NULL, &ctx);
	grpc_send(call, request->data, request->len, true);
	while ((r = grpc_recv(call, &ctx, &in, err)) > 0) {
		r = answer_print(q->method, &in, err);
		if (r < 0)
			return r;
	}
	return r;
}

int main(int argc, char **argv)
{
	struct question q = { .seconds = TIMEOUT_S };
	_cleanup_buf_ struct buf request = { 0 };
	struct err err = ERR_INIT;
	int r = question_parse(argv + (argc > 0), &q, &err);

	if (r >= 0)
		r = request_read(q.method, &request, &err);
	if (r < 0) {
		(void)fprintf(stderr, "cri-call: %s\n", err.msg);
		return NOT_ASKED;
	}
	r = question_ask(&q, &request, &err);
	if (r < 0)
		(void)fprintf(stderr, "%s\n", err.msg);
	return r < 0 ? (int)err_to_grpc(r) : 0;
}
