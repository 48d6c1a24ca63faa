#include "fake.h"
#include "child.h"
#include "file.h"
#include "grpc.h"
#include "mem.h"
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

enum { PATIENCE_MS = 20000 };

struct fake {
	struct loop *loop;
	struct child *child;
	char *dir, *socket;
	int stay; /* the program runs until this end of its standard input is closed */
};

/* Copies of our standard input are what the child would get: give it a pipe of its own. */
static int start_with_pipe(struct fake *f, struct err *err)
{
	char *argv[] = { (char[]){ "sh" },
			 (char[]){ "-c" },
			 (char[]){ "exec \"$0\" \"$1\" <&3 3<&-" },
			 (char[]){ FAKE_CONTAINERD },
			 f->socket,
			 NULL };
	struct child_spec spec = { .path = "/bin/sh", .argv = argv, .out_max = 4096, .err_max = 65536, .inherit_err = true };
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	spec.hold_fd = p[0];
	f->stay = p[1];
	r = child_start(f->loop, &spec, &f->child, err);
	(void)close(p[0]);
	return r;
}

int fake_start(struct loop *loop, struct fake **ret, struct err *err)
{
	_cleanup_(fake_freep) struct fake *f = mem_new(struct fake);
	char dir[] = "/tmp/fake-containerd.XXXXXX";
	struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	int r;

	f->loop = loop;
	f->stay = -1;
	if (!mkdtemp(dir))
		return err_sys(err, errno, "make folder %s", dir);
	f->dir = mem_strdup(dir);
	f->socket = mem_printf("%s/containerd.sock", dir);
	r = start_with_pipe(f, err);
	while (r == 0 && !child_out(f->child)->len && !child_ended(f->child))
		r = loop_turn(loop, &ctx, err);
	if (r < 0)
		return err_wrap(err, r, "start %s", FAKE_CONTAINERD);
	if (child_ended(f->child))
		return err_set(err, ERR_UNAVAILABLE, "%s ended at once", FAKE_CONTAINERD);
	*ret = TAKE_PTR(f);
	return 0;
}

void fake_free(struct fake *f)
{
	struct ctx ctx = ctx_within(NULL, PATIENCE_MS);

	if (!f)
		return;
	closep(&f->stay); /* it ends by itself, so that a sanitizer in it can tell what it leaked */
	if (f->child)
		(void)child_wait(f->child, &ctx, NULL);
	child_free(f->child);
	if (f->dir)
		(void)file_remove_tree(f->dir, NULL);
	free(f->dir);
	free(f->socket);
	free(f);
}

const char *fake_address(const struct fake *f) { return f->socket; }

void fake_crash(struct fake *f)
{
	struct ctx ctx = ctx_within(NULL, PATIENCE_MS);

	child_kill(f->child, SIGKILL);
	(void)child_wait(f->child, &ctx, NULL);
}

void fake_hang(struct fake *f, bool on) { child_kill(f->child, on ? SIGSTOP : SIGCONT); }

/* Over a connection of its own: a fault may have broken every other. */
static int ask(struct fake *f, const char *method, const char *text, struct buf *ret, struct err *err)
{
	_cleanup_(grpc_freep) struct grpc *grpc = NULL;
	_cleanup_(grpc_call_freep) struct grpc_call *call = NULL;
	_cleanup_buf_ struct buf answer = { 0 };
	_cleanup_free_ char *path = mem_printf("/davit.fake/%s", method);
	struct ctx ctx = ctx_within(NULL, PATIENCE_MS);
	int r = grpc_open(f->loop, f->socket, &grpc, err);

	if (r < 0)
		return r;
	call = grpc_start(grpc, path, NULL, &ctx);
	grpc_send(call, text, strlen(text), true);
	r = grpc_unary_end(call, &ctx, &answer, err);
	if (r == 0 && ret)
		buf_add(ret, answer.data, answer.len);
	return r;
}

int fake_fault(struct fake *f, struct err *err, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	return ask(f, "Fault", text, NULL, err);
}

int fake_reset(struct fake *f, struct err *err) { return ask(f, "Reset", "", NULL, err); }
int fake_clear(struct fake *f, struct err *err) { return ask(f, "Clear", "", NULL, err); }
int fake_calls(struct fake *f, struct buf *ret, struct err *err) { return ask(f, "Calls", "", ret, err); }
int fake_dump(struct fake *f, struct buf *ret, struct err *err) { return ask(f, "Dump", "", ret, err); }

unsigned fake_count(struct fake *f)
{
	_cleanup_buf_ struct buf calls = { 0 };
	unsigned n = 0;

	if (fake_calls(f, &calls, NULL) < 0)
		return 0;
	for (size_t i = 0; i < calls.len; i++)
		n += calls.data[i] == '\n';
	return n;
}

int fake_seed_image(struct fake *f, const char *ns, const char *name, struct err *err)
{
	_cleanup_free_ char *text = mem_printf("%s %s", ns, name);

	return ask(f, "SeedImage", text, NULL, err);
}

int fake_program(struct fake *f, const char *key, const char *what, const char *output, struct err *err)
{
	_cleanup_free_ char *text = mem_printf("%s %s %s", key, what, output ? output : "");

	return ask(f, "Program", text, NULL, err);
}

int fake_exit(struct fake *f, const char *ns, const char *id, const char *exec_id, unsigned status, struct err *err)
{
	_cleanup_free_ char *text = mem_printf("%s %s%s%s %u", ns, id, exec_id ? "/" : "", exec_id ? exec_id : "", status);

	return ask(f, "Exit", text, NULL, err);
}
