/* The program: fake-containerd SOCKET. Prints a line when it listens, and runs until standard input ends. */
#include "serve.h"
#include "mem.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void on_input(void *arg, short revents)
{
	char c;

	(void)revents;
	*(bool *)arg = read(0, &c, 1) <= 0;
}

static void fake_server_done(struct fake_server *f)
{
	faults_forget(f);
	free(f->faults);
	for (size_t i = 0; i < f->n_programs; i++) {
		free(f->programs[i].key);
		free(f->programs[i].what);
		free(f->programs[i].output);
	}
	free(f->programs);
	buf_done(&f->log);
	free(f->rootfs);
	store_done(&f->store);
}

static int run(const char *path, struct err *err)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	_cleanup_(fake_server_done) struct fake_server f = { .loop = loop };
	_cleanup_(grpc_server_freep) struct grpc_server *server = NULL;
	struct watch input;
	bool over = false;
	int r;

	store_init(&f.store);
	list_init(&f.calls);
	f.rootfs = mem_printf("%s.rootfs", path);
	if (mkdir(f.rootfs, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "folder %s", f.rootfs);
	r = grpc_server_new(loop, path, NULL, &fake_handler, &f, &server, err);
	if (r < 0)
		return r;
	if (getenv("FAKE_STREAMS"))
		grpc_server_streams(server, (unsigned)strtoul(getenv("FAKE_STREAMS"), NULL, 10));
	(void)printf("listening\n");
	(void)fflush(stdout);
	watch_init(&input, loop, 0, POLLIN, on_input, &over);
	while (r == 0 && !over)
		r = loop_turn(loop, NULL, err);
	watch_done(&input);
	return r;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 2) {
		(void)fprintf(stderr, "usage: fake-containerd SOCKET\n");
		return 2;
	}
	if (run(argv[1], &err) < 0) {
		(void)fprintf(stderr, "fake-containerd: %s\n", err.msg);
		return 1;
	}
	return 0;
}
