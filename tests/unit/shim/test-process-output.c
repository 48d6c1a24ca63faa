/* The shim's end of a process's output, with an owner and with who attaches (streams' attachment.h), all on one loop. */
#include "test.h"
#include "test-folder.h"
#include "attachment.h"
#include "clock.h"
#include "log-uri.h"
#include "logfile.h"
#include "process-output.h"
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WAIT_MS = 20000 };

struct fixture {
	struct test_folder *folder;
	struct loop *loop;
	struct log_uri uri;
	struct output *output;
	int process[2]; /* its stdout and stderr */
	int input[2];   /* what it reads, and what the shim writes */
	int owner[2];   /* the owner's ends of the FIFOs */
	char *attach;
};

static char *place(const struct fixture *f, const char *name) { return mem_printf("%s/%s", f->folder->dir, name); }

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	(void)signal(SIGXFSZ, SIG_IGN);
	*f = (struct fixture){ .process = { -1, -1 }, .owner = { -1, -1 } };
	f->folder = test_folder_new("output", "log");
	f->loop = loop_new();
	f->uri = (struct log_uri){ .path = mem_strdup(f->folder->path), .size = 1 << 20, .files = 3 };
	f->attach = place(f, "attach");
	assert_int_equal(pipe2(f->input, O_CLOEXEC | O_NONBLOCK), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	output_free(f->output);
	log_uri_done(&f->uri);
	for (int i = 0; i < 2; i++) {
		closep(&f->process[i]);
		closep(&f->input[i]);
		closep(&f->owner[i]);
	}
	loop_free(f->loop);
	free(f->attach);
	assert_int_equal(test_folder_teardown((void **)&f->folder), 0);
	free(f);
	return 0;
}

static void begin(struct fixture *f)
{
	_cleanup_free_ char *text = log_uri_make(&f->uri);
	const struct output_of of = { .id = "web", .uri = text, .both = true, .input = &f->input[1] };

	assert_int_equal(output_new(f->loop, &of, &f->output, f->process, NULL), 0);
}

static void with_owner(struct fixture *f)
{
	char **paths[] = { &f->uri.out, &f->uri.err };

	for (int i = 0; i < 2; i++) {
		*paths[i] = place(f, i ? "err" : "out");
		assert_int_equal(mkfifo(*paths[i], 0600), 0);
		f->owner[i] = open(*paths[i], O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		assert_true(f->owner[i] >= 0);
	}
}

static void say(const struct fixture *f, enum log_stream s, const char *text)
{
	assert_int_equal(write(f->process[s], text, strlen(text)), strlen(text));
}

static void process_ends(struct fixture *f)
{
	closep(&f->process[0]);
	closep(&f->process[1]);
	f->process[0] = f->process[1] = -1;
	output_ended(f->output);
}

static char *log_of(const char *path, int64_t since, int64_t until)
{
	struct logread opt = { .path = path, .tail = -1, .since = since, .until = until, .wake_fd = -1 };
	int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	struct buf text = { 0 };
	ssize_t n;

	opt.out_fd = opt.err_fd = fd;
	if (logfile_read(&opt, NULL, NULL) >= 0 && lseek(fd, 0, SEEK_SET) == 0)
		while ((n = read(fd, buf_room(&text, 65536), 65536)) > 0)
			buf_grew(&text, (size_t)n);
	(void)close(fd);
	return buf_take(&text);
}

static void expect_log(const struct fixture *f, const char *want)
{
	_cleanup_free_ char *got = log_of(f->folder->path, 0, 0);

	assert_string_equal(got, want);
}

static void turn_until(struct fixture *f, bool (*done)(const struct fixture *))
{
	const struct ctx ctx = ctx_within(NULL, WAIT_MS);

	while (!done(f))
		assert_int_equal(loop_turn(f->loop, &ctx, NULL), 0);
}

static void turn_for(struct fixture *f, int ms)
{
	const struct ctx ctx = ctx_within(NULL, ms);

	while (loop_turn(f->loop, &ctx, NULL) >= 0)
		;
}

/* the log */

static void both_streams_and_the_last_piece(void **state)
{
	struct fixture *f = *state;

	begin(f);
	assert_true(file_exists(f->folder->path)); /* from the beginning on */
	say(f, LOG_STDOUT, "one\n");
	turn_for(f, 20);
	say(f, LOG_STDERR, "two\nno end");
	process_ends(f); /* what it has written is taken with its end */
	expect_log(f, "one\ntwo\n");
	output_free(TAKE_PTR(f->output));
	expect_log(f, "one\ntwo\nno end");
}

enum { PIPE = 1 << 20 };

/* A process that goes on in the background, or a whole container's others. *@written is shared with it. */
static pid_t flood(int fd, atomic_size_t *written)
{
	static const char lines[4096] = { 0 };
	pid_t pid = fork();
	ssize_t n;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	while ((n = write(fd, lines, sizeof lines)) > 0)
		(void)atomic_fetch_add(written, (size_t)n);
	_exit(0);
}

/* They could write no more than there was room for, and what was taken. */
static void others_that_write_on_do_not_hold_its_end(void **state)
{
	atomic_size_t *written = mmap(NULL, sizeof *written, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct fixture *f = *state;
	size_t before, after;
	pid_t pids[3];

	begin(f);
	assert_true(fcntl(f->process[0], F_SETPIPE_SZ, PIPE) > 0);
	for (size_t i = 0; i < sizeof pids / sizeof *pids; i++)
		pids[i] = flood(f->process[0], written);
	before = atomic_load(written);
	output_ended(f->output);
	output_free(TAKE_PTR(f->output));
	after = atomic_load(written);
	for (size_t i = 0; i < sizeof pids / sizeof *pids; i++) {
		(void)kill(pids[i], SIGKILL);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	(void)munmap(written, sizeof *written);
	assert_true(after - before <= 4 * PIPE);
}

static bool prompt_is_there(const struct fixture *f)
{
	_cleanup_free_ char *got = log_of(f->folder->path, 0, 0);

	return !strcmp(got, "name: ");
}

static void prompts_are_seen(void **state)
{
	struct fixture *f = *state;

	begin(f);
	say(f, LOG_STDOUT, "name: ");
	turn_until(f, prompt_is_there);
}

static void rotated_at_the_boundary(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *older = mem_printf("%s.1", f->folder->path), *oldest = mem_printf("%s.3", f->folder->path);
	struct buf want = { 0 };
	_cleanup_free_ char *got = NULL;
	struct stat st;

	f->uri.size = 4096;
	begin(f);
	for (int i = 0; i < 400; i++) {
		_cleanup_free_ char *line = mem_printf("line %d of so many\n", i);

		say(f, LOG_STDOUT, line);
		buf_adds(&want, line);
	}
	process_ends(f);
	assert_true(stat(f->folder->path, &st) == 0 && st.st_size <= 4096);
	assert_true(stat(older, &st) == 0 && st.st_size <= 4096);
	assert_false(file_exists(oldest));
	got = log_of(f->folder->path, 0, 0);
	assert_true(*got && strlen(got) < want.len);
	assert_string_equal(got, want.data + want.len - strlen(got)); /* the end of it, nothing missing in between */
	buf_done(&want);
}

/* Lines are lost and counted; the process never stops, and never learns of it. */
static void full_disk(void **state)
{
	struct fixture *f = *state;
	struct rlimit was, full;
	struct stat st;
	char line[1024];

	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	f->uri.size = 0;
	begin(f);
	say(f, LOG_STDOUT, "before\n");
	turn_for(f, 20);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(stat(f->folder->path, &st), 0);
	full = (struct rlimit){ (rlim_t)st.st_size, was.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(write(f->process[0], line, sizeof line), sizeof line);
		(void)output_take(f->output);
	}
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	say(f, LOG_STDOUT, "after\n");
	process_ends(f);
	expect_log(f, "before\ndavit: 1000 lines were lost here: File too large\nafter\n");
}

static void a_folder_that_comes_later(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *folder = place(f, "a"), *path = place(f, "a/log");

	assert_int_equal(file_write(folder, "", 0, 0600, NULL), 0); /* where the folder is to be made */
	free(f->uri.path);
	f->uri.path = mem_strdup(path);
	begin(f);
	say(f, LOG_STDOUT, "lost\n");
	turn_for(f, 20);
	assert_int_equal(unlink(folder), 0);
	say(f, LOG_STDOUT, "kept\n");
	process_ends(f);
	{
		_cleanup_free_ char *got = log_of(path, 0, 0);

		assert_string_equal(got, "davit: 1 lines were lost here: Not a directory\nkept\n");
	}
}

/* an owner */

static void expect_owner(const struct fixture *f, enum log_stream s, const char *want)
{
	char got[256] = "";
	ssize_t n = read(f->owner[s], got, sizeof got - 1);

	assert_int_equal(n, strlen(want));
	assert_string_equal(got, want);
}

static void an_owner_gets_all_and_its_end(void **state)
{
	struct fixture *f = *state;
	char byte;

	with_owner(f);
	begin(f);
	say(f, LOG_STDOUT, "out\n");
	say(f, LOG_STDERR, "err");
	turn_for(f, 20);
	expect_owner(f, LOG_STDOUT, "out\n");
	expect_owner(f, LOG_STDERR, "err");
	assert_int_equal(read(f->owner[0], &byte, 1), -1); /* nothing yet */
	say(f, LOG_STDOUT, "last");
	process_ends(f);
	expect_owner(f, LOG_STDOUT, "last");
	assert_int_equal(read(f->owner[0], &byte, 1), 0);
	assert_int_equal(read(f->owner[1], &byte, 1), 0);
	assert_false(output_is_orphan(f->output));
}

static size_t fill(struct fixture *f)
{
	static const char piece[4096];
	size_t all = 0;
	ssize_t n;

	(void)fcntl(f->process[0], F_SETFL, O_NONBLOCK);
	for (int idle = 0; idle < 3;) {
		n = write(f->process[0], piece, sizeof piece);
		all += n > 0 ? (size_t)n : 0;
		idle = n > 0 || output_take(f->output) ? 0 : idle + 1;
	}
	return all;
}

/* As a pipe does it. */
static void an_owner_that_is_slow_slows_the_process_down(void **state)
{
	struct fixture *f = *state;
	static char room[1 << 20];
	size_t all, got = 0;
	ssize_t n;

	with_owner(f);
	f->uri.unread = true;
	begin(f);
	all = fill(f);
	assert_true(all > 65536 && all < 1 << 20);
	say(f, LOG_STDERR, "the other goes on\n");
	turn_for(f, 20);
	expect_owner(f, LOG_STDERR, "the other goes on\n");
	process_ends(f);
	while ((n = read(f->owner[0], room, sizeof room)) != 0) {
		got += n > 0 ? (size_t)n : 0;
		turn_for(f, 5);
	}
	assert_int_equal(got, all);
	assert_false(file_exists(f->folder->path));
}

static void owner_dies(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		closep(&f->owner[i]);
		f->owner[i] = -1;
	}
}

static bool is_orphan(const struct fixture *f) { return output_is_orphan(f->output); }

static void what_a_dead_owner_has_not_read_is_in_the_log(void **state)
{
	struct fixture *f = *state;

	with_owner(f);
	f->uri.unread = true;
	begin(f);
	say(f, LOG_STDOUT, "read\n");
	turn_for(f, 20);
	expect_owner(f, LOG_STDOUT, "read\n");
	assert_false(file_exists(f->folder->path));
	say(f, LOG_STDOUT, "in the FIFO\n");
	turn_for(f, 20);
	owner_dies(f);
	turn_until(f, is_orphan);
	say(f, LOG_STDERR, "later\n");
	process_ends(f);
	expect_log(f, "in the FIFO\nlater\n");
	assert_int_equal(f->input[1], -1); /* its input has ended */
}

/* FIFO, what was kept, the pipe: nothing of it is lost, or out of order, whenever the owner dies. */
static void a_dead_owner_s_full_fifo_loses_nothing(void **state)
{
	struct fixture *f = *state;
	struct buf want = { 0 };
	char room[1000];
	_cleanup_free_ char *got = NULL;
	ssize_t n;

	with_owner(f);
	f->uri.unread = true;
	begin(f);
	(void)fcntl(f->process[0], F_SETFL, O_NONBLOCK);
	for (int i = 0, idle = 0; idle < 3; i++) {
		_cleanup_free_ char *line = mem_printf("%d\n", i);

		while (write(f->process[0], line, strlen(line)) < 0 && idle < 3)
			idle = output_take(f->output) ? 0 : idle + 1;
		if (idle < 3)
			buf_adds(&want, line);
	}
	n = read(f->owner[0], room, sizeof room);
	assert_int_equal(n, sizeof room);
	owner_dies(f);
	process_ends(f);
	turn_until(f, is_orphan);
	output_ended(f->output);
	got = log_of(f->folder->path, 0, 0);
	assert_string_equal(got, want.data + n);
	buf_done(&want);
}

static void an_owner_that_is_not_there(void **state)
{
	struct fixture *f = *state;

	with_owner(f);
	owner_dies(f);
	f->uri.unread = true;
	begin(f);
	assert_true(output_is_orphan(f->output));
	say(f, LOG_STDOUT, "x\n");
	process_ends(f);
	expect_log(f, "x\n");
}

static void without_a_log_it_is_dropped(void **state)
{
	struct fixture *f = *state;

	with_owner(f);
	owner_dies(f);
	free(TAKE_PTR(f->uri.path));
	begin(f);
	for (int i = 0; i < 4000; i++) {
		say(f, LOG_STDERR, "more than a pipe holds, and nobody reads it\n");
		(void)output_take(f->output);
	}
	assert_false(file_exists(f->folder->path));
}

/* what is run after its end */

static void touches(struct fixture *f, const char *what)
{
	strv_push(&f->uri.after, "/bin/sh");
	strv_push(&f->uri.after, "-c");
	strv_pushf(&f->uri.after, "%s %s/after; test -e %s/ok", what, f->folder->dir, f->folder->dir);
}

static bool after_is_there(const struct fixture *f)
{
	_cleanup_free_ char *path = place(f, "after");

	return file_exists(path);
}

static void after_its_end_until_it_succeeds(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *after = place(f, "after"), *ok = place(f, "ok");

	touches(f, "touch");
	begin(f);
	turn_for(f, 50);
	assert_false(after_is_there(f));
	process_ends(f);
	turn_for(f, 300);
	assert_true(after_is_there(f));
	assert_int_equal(unlink(after), 0);
	assert_int_equal(file_write(ok, "", 0, 0600, NULL), 0);
	turn_until(f, after_is_there); /* the first has failed */
	assert_int_equal(unlink(after), 0);
	turn_for(f, 3000);
	assert_false(after_is_there(f)); /* the second has not */
}

static void not_while_an_owner_sees_it(void **state)
{
	struct fixture *f = *state;

	touches(f, "touch");
	with_owner(f);
	begin(f);
	process_ends(f);
	turn_for(f, 300);
	assert_false(after_is_there(f));
}

static void once_the_owner_has_gone(void **state)
{
	struct fixture *f = *state;

	touches(f, "touch");
	with_owner(f);
	begin(f);
	owner_dies(f);
	turn_until(f, is_orphan);
	turn_for(f, 100);
	assert_false(after_is_there(f));
	process_ends(f);
	turn_until(f, after_is_there);
}

/* attached */

struct client {
	struct attachment *a;
	struct buf got;
	int64_t begun, since, until;
	uint64_t lost;
	bool ended, room;
};

static void client_begun(void *arg, int64_t at) { ((struct client *)arg)->begun = at; }
static void client_output(void *arg, enum log_stream s, const char *p, size_t n)
{
	(void)s;
	buf_add(&((struct client *)arg)->got, p, n);
}
static void client_lost(void *arg, uint64_t bytes, int64_t since, int64_t until)
{
	struct client *c = arg;

	c->lost += bytes;
	c->since = since;
	c->until = until;
	buf_adds(&c->got, "<lost>");
}
static void client_room(void *arg) { ((struct client *)arg)->room = true; }
static void client_ended(void *arg) { ((struct client *)arg)->ended = true; }

static void attach(struct fixture *f, struct client *c)
{
	const struct attachment_conf conf = { client_begun, client_output, client_lost, client_room, client_ended, c };
	const struct ctx ctx = ctx_within(NULL, WAIT_MS);

	*c = (struct client){ 0 };
	assert_int_equal(attachment_new(f->loop, f->attach, &conf, &c->a, NULL), 0);
	while (!c->begun)
		assert_int_equal(loop_turn(f->loop, &ctx, NULL), 0);
}

static void detach(struct client *c)
{
	attachment_free(TAKE_PTR(c->a));
	buf_done(&c->got);
}

static void begin_attachable(struct fixture *f)
{
	f->uri.attach = mem_strdup(f->attach);
	begin(f);
}

static void two_that_come_and_go(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *before = NULL;
	struct client one, two;

	begin_attachable(f);
	say(f, LOG_STDOUT, "before\nhal");
	turn_for(f, 20);
	attach(f, &one);
	before = log_of(f->folder->path, 0, one.begun); /* what it missed, to the byte */
	assert_string_equal(before, "before\nhal");
	say(f, LOG_STDOUT, "f\nto one\n");
	turn_for(f, 20);
	attach(f, &two);
	say(f, LOG_STDERR, "to both\n");
	turn_for(f, 20);
	assert_string_equal(buf_str(&one.got), "f\nto one\nto both\n");
	assert_string_equal(buf_str(&two.got), "to both\n");
	detach(&one);
	say(f, LOG_STDOUT, "to two\n");
	process_ends(f);
	turn_for(f, 20);
	assert_string_equal(buf_str(&two.got), "to both\nto two\n");
	assert_true(two.ended);
	detach(&two);
	expect_log(f, "before\nhalf\nto one\nto both\nto two\n");
	assert_false(file_exists(f->attach));
}

static void input_of_whoever_is_attached(void **state)
{
	struct fixture *f = *state;
	struct client one, two;
	char got[64] = "";

	begin_attachable(f);
	attach(f, &one);
	assert_int_equal(attachment_write(one.a, "one\n", 4), 4);
	detach(&one); /* what it wrote comes all the same, and the input stays open */
	turn_for(f, 20);
	attach(f, &two);
	assert_int_equal(attachment_write(two.a, "two\n", 4), 4);
	turn_for(f, 20);
	assert_int_equal(read(f->input[0], got, sizeof got), 8);
	assert_string_equal(got, "one\ntwo\n");
	assert_int_equal(read(f->input[0], got, sizeof got), -1);
	attachment_close_input(two.a);
	turn_for(f, 20);
	assert_int_equal(read(f->input[0], got, sizeof got), 0);
	assert_int_equal(attachment_write(two.a, "x", 1), 1); /* into nothing */
	turn_for(f, 20);
	detach(&two);
}

static void input_that_nobody_takes(void **state)
{
	struct fixture *f = *state;
	static char piece[ATTACH_PIECE], room[1 << 21];
	struct client c;
	size_t sent = 0, got = 0, n;
	ssize_t r;

	begin_attachable(f);
	attach(f, &c);
	for (int stuck = 0; stuck < 5; stuck = n ? 0 : stuck + 1) {
		n = attachment_write(c.a, piece, sizeof piece);
		sent += n;
		if (!n)
			turn_for(f, 10);
	}
	assert_true(sent > 65536 && sent < sizeof room);
	say(f, LOG_STDOUT, "output goes on\n");
	turn_for(f, 20);
	assert_string_equal(buf_str(&c.got), "output goes on\n");
	assert_false(c.room && attachment_write(c.a, piece, 1));
	for (int i = 0; got < sent && i < 1000; i++) {
		r = read(f->input[0], room, sizeof room);
		got += r > 0 ? (size_t)r : 0;
		turn_for(f, 2);
	}
	assert_int_equal(got, sent);
	assert_true(c.room);
	detach(&c);
}

static void a_slow_reader_is_told_what_it_has_lost(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *missed = NULL;
	struct buf said = { 0 };
	struct client c;
	char *mark;
	size_t before;

	f->uri.size = 64 << 20;
	begin_attachable(f);
	attach(f, &c);
	attachment_pause(c.a, true);
	for (int i = 0; i < 40000; i++) { /* never stops */
		_cleanup_free_ char *line = mem_printf("line %d of some thousands\n", i);

		say(f, LOG_STDOUT, line);
		buf_adds(&said, line);
		if (i % 1000 == 999)
			while (output_take(f->output))
				;
	}
	attachment_pause(c.a, false);
	turn_for(f, 100);
	say(f, LOG_STDOUT, "now\n");
	turn_for(f, 50);
	mark = strstr(buf_str(&c.got), "<lost>");
	assert_non_null(mark);
	before = (size_t)(mark - c.got.data);
	assert_memory_equal(c.got.data, said.data, before);
	assert_string_equal(mark, "<lost>now\n");
	assert_int_equal(before + c.lost, said.len);
	missed = log_of(f->folder->path, c.since, c.until); /* and reads on from the log */
	assert_string_equal(missed, said.data + before);
	detach(&c);
	buf_done(&said);
}

static void more_than_may_attach(void **state)
{
	struct fixture *f = *state;
	struct client c[17] = { { 0 } };
	const struct attachment_conf conf = { client_begun, client_output, client_lost, client_room, client_ended, &c[16] };

	begin_attachable(f);
	for (int i = 0; i < 16; i++)
		attach(f, &c[i]);
	assert_int_equal(attachment_new(f->loop, f->attach, &conf, &c[16].a, NULL), 0);
	turn_for(f, 50);
	assert_true(c[16].ended && !c[16].begun);
	for (int i = 0; i < 17; i++)
		detach(&c[i]);
}

static void what_is_no_packet_ends_it(void **state)
{
	struct fixture *f = *state;
	char byte;
	int fd;

	begin_attachable(f);
	assert_int_equal(attach_dial(f->attach, &fd, NULL), 0);
	assert_int_equal(write(fd, "?", 1), 1);
	turn_for(f, 20);
	assert_int_equal(read(fd, &byte, 1), 0);
	(void)close(fd);
}

static void an_owner_that_says_that_it_leaves(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	with_owner(f);
	begin_attachable(f);
	pid = fork();
	if (pid == 0) {
		attachment_stay(f->attach);
		_exit(0);
	}
	turn_for(f, 200);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	owner_dies(f);
	turn_until(f, is_orphan);
	assert_true(f->input[1] >= 0);
	assert_int_equal(write(f->input[1], "x", 1), 1);
}

/* kept FIFOs: of somebody else, who may leave and return */

static void expect_read(struct fixture *f, char letter, size_t n)
{
	char piece[4096];
	ssize_t got;

	while (n) {
		turn_for(f, 5);
		got = read(f->owner[0], piece, sizeof piece < n ? sizeof piece : n);
		assert_true(got > 0);
		for (ssize_t i = 0; i < got; i++)
			assert_int_equal(piece[i], letter);
		n -= (size_t)got;
	}
}

static void a_reader_that_leaves_and_returns(void **state)
{
	enum { MUCH = 300000 }; /* more than FIFO, ring and pipe hold */
	struct fixture *f = *state;
	char *much = mem_array(char, MUCH);
	ssize_t said = 0, n;

	with_owner(f);
	f->uri.kept = true;
	free(TAKE_PTR(f->uri.path));
	begin(f);
	memset(much, 'x', MUCH);
	(void)fcntl(f->process[0], F_SETFL, O_NONBLOCK);
	say(f, LOG_STDOUT, "ab");
	turn_for(f, 20);
	expect_read(f, 'a', 1); /* it leaves in the midst of it */
	(void)close(f->owner[0]);
	turn_for(f, 20);
	while ((n = write(f->process[0], much + said, MUCH - (size_t)said)) > 0) {
		said += n;
		turn_for(f, 20);
	}
	assert_int_equal(errno, EAGAIN); /* it waits, as on a pipe */
	assert_false(is_orphan(f));
	assert_true(f->input[1] >= 0);
	f->owner[0] = open(f->uri.out, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	expect_read(f, 'b', 1);
	expect_read(f, 'x', (size_t)said);
	process_ends(f);
	turn_for(f, 20);
	assert_int_equal(read(f->owner[0], much, 1), 0); /* the end of it */
	free(much);
}

static void a_kept_stream_that_is_no_fifo(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *link = place(f, "link"), *text = NULL;
	const struct output_of of = { .id = "web", .both = true, .input = &f->input[1] };
	const char *const bad[] = { link, "/dev/null", "/no/such/fifo" };

	with_owner(f);
	f->uri.kept = true;
	assert_int_equal(symlink(f->uri.out, link), 0);
	for (size_t i = 0; i < 3; i++) {
		struct output_of its = of;

		free(f->uri.out);
		f->uri.out = mem_strdup(bad[i]);
		free(text);
		its.uri = text = log_uri_make(&f->uri);
		assert_true(output_new(f->loop, &its, &f->output, f->process, NULL) < 0);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("process-output", CASE(both_streams_and_the_last_piece), CASE(others_that_write_on_do_not_hold_its_end),
	  CASE(a_reader_that_leaves_and_returns), CASE(a_kept_stream_that_is_no_fifo), CASE(prompts_are_seen),
	  CASE(rotated_at_the_boundary), CASE(full_disk), CASE(a_folder_that_comes_later), CASE(an_owner_gets_all_and_its_end),
	  CASE(an_owner_that_is_slow_slows_the_process_down), CASE(what_a_dead_owner_has_not_read_is_in_the_log),
	  CASE(a_dead_owner_s_full_fifo_loses_nothing), CASE(an_owner_that_is_not_there), CASE(without_a_log_it_is_dropped),
	  CASE(after_its_end_until_it_succeeds), CASE(not_while_an_owner_sees_it), CASE(once_the_owner_has_gone),
	  CASE(two_that_come_and_go), CASE(input_of_whoever_is_attached), CASE(input_that_nobody_takes),
	  CASE(a_slow_reader_is_told_what_it_has_lost), CASE(more_than_may_attach), CASE(what_is_no_packet_ends_it),
	  CASE(an_owner_that_says_that_it_leaves))
