/* attach-tool SOCKET [close]: attaches to a process as davit's clients do (streams' attachment.h). Standard input goes to it; with
 * its end we leave, or with "close" the process's input ends and we stay. Standard error says when the output begins, in wall ns,
 * and what was lost: "begun AT", "lost BYTES SINCE UNTIL". */
#include "attachment.h"
#include "mem.h"
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct tool {
	struct attachment *a;
	struct watch input;
	bool closes, over;
	char piece[ATTACH_PIECE];
	size_t n; /* of the piece: not taken yet */
};

static void on_begun(void *arg, int64_t at)
{
	(void)arg;
	(void)dprintf(STDERR_FILENO, "begun %" PRId64 "\n", at);
}

static void on_output(void *arg, enum log_stream s, const char *p, size_t n)
{
	ssize_t w;

	(void)arg;
	(void)s;
	for (; n && (w = write(STDOUT_FILENO, p, n)) > 0; p += w)
		n -= (size_t)w;
}

static void on_lost(void *arg, uint64_t bytes, int64_t since, int64_t until)
{
	(void)arg;
	(void)dprintf(STDERR_FILENO, "lost %" PRIu64 " %" PRId64 " %" PRId64 "\n", bytes, since, until);
}

static void hand_on(struct tool *t)
{
	size_t done = attachment_write(t->a, t->piece, t->n);

	memmove(t->piece, t->piece + done, t->n - done);
	t->n -= done;
	watch_events(&t->input, t->n ? 0 : POLLIN);
}

static void on_room(void *arg) { hand_on(arg); }
static void on_ended(void *arg) { ((struct tool *)arg)->over = true; }

static void on_input(void *arg, short revents)
{
	struct tool *t = arg;
	ssize_t n = read(STDIN_FILENO, t->piece, sizeof t->piece);

	(void)revents;
	t->n = n > 0 ? (size_t)n : 0;
	if (n > 0) {
		hand_on(t);
		return;
	}
	watch_events(&t->input, 0);
	if (t->closes)
		attachment_close_input(t->a);
	t->over = !t->closes;
}

int main(int argc, char **argv)
{
	struct tool t = { .closes = argc > 2 && !strcmp(argv[2], "close") };
	const struct attachment_conf conf = { on_begun, on_output, on_lost, on_room, on_ended, &t };
	struct loop *loop = loop_new();
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 2 || attachment_new(loop, argv[1], &conf, &t.a, &err) < 0) {
		(void)dprintf(STDERR_FILENO, "attach-tool: %s\n", argc < 2 ? "SOCKET [close]" : err.msg);
		return 1;
	}
	watch_init(&t.input, loop, STDIN_FILENO, POLLIN, on_input, &t);
	while (!t.over && loop_turn(loop, NULL, NULL) >= 0)
		;
	watch_done(&t.input);
	attachment_free(t.a);
	loop_free(loop);
	return 0;
}
