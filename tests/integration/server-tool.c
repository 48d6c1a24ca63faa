/* A server as the Nomad driver is one, for server.py: a loop that never blocks, two threads for what does, no fork. It takes orders
 *on standard input, a line each, and says how each ended.
 *
 *	server-tool ADDRESS NS CNI-CONF-DIR
 *	run TAG OUT ERR JOB-AS-JSON     "TAG run ID PID"     "-" for OUT and ERR: none
 *	stop TAG ID SIGNAL MS           "TAG stop"           "-" for SIGNAL: the job's own
 *	kill TAG ID SIGNAL              "TAG kill"
 *	remove TAG ID                   "TAG remove"
 *	wait TAG ID                     "TAG wait CODE"
 *	files TAG                       "TAG files COUNT"
 * A failure is "TAG error TEXT". */
#include "job-remove.h"
#include "job-run.h"
#include "job-stop.h"
#include "mem.h"
#include "task-wait.h"
#include "workers.h"
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 5, LIMIT_MS = 120000 };

struct tool {
	struct core_conf conf;
	struct loop *loop;
	struct core *core;
	struct workers *pool;
	struct watch in;
	struct buf text;
	bool over;
};

struct order {
	struct tool *tool;
	char *line, *word[WORDS];
	struct work work;
	struct task_wait *wait;
	char *answer;
	struct err err;
	int r;
};

static void order_end(struct order *o)
{
	if (o->r < 0)
		(void)printf("%s error %s%s%s\n", o->word[1], o->err.msg, *o->err.hint ? ": " : "", o->err.hint);
	else
		(void)printf("%s %s%s%s\n", o->word[1], o->word[0], o->answer ? " " : "", o->answer ? o->answer : "");
	(void)fflush(stdout);
	task_wait_free(o->wait);
	free(o->answer);
	free(o->line);
	free(o);
}

static const char *given(const char *word) { return strcmp(word, "-") != 0 ? word : NULL; }

static int order_run(struct order *o, struct core *c, const struct ctx *ctx)
{
	const struct run_opts opts = { .mode = RUN_DETACHED, .quiet = true, .out = given(o->word[2]), .err = given(o->word[3]) };
	_cleanup_(job_freep) struct job *job = NULL;
	struct run_result res = { 0 };
	int r = job_read_json("order", o->word[4], strlen(o->word[4]), &job, &o->err);

	if (r >= 0)
		r = job_run(c, job, &opts, ctx, &res, &o->err);
	if (r >= 0)
		o->answer = mem_printf("%s %d", res.id, (int)res.pid);
	run_result_done(&res);
	return r;
}

static int order_stop(struct order *o, struct core *c, const struct ctx *ctx)
{
	const struct stop_how how = { given(o->word[3]), strtoll(o->word[4], NULL, 10) };

	return job_stop_id(c, o->word[2], &how, ctx, &o->err);
}

static int order_kill(struct order *o, struct core *c, const struct ctx *ctx)
{
	return job_kill_id(c, o->word[2], o->word[3], ctx, &o->err);
}

static int order_remove(struct order *o, struct core *c, const struct ctx *ctx)
{
	return job_remove_id(c, o->word[2], true, true, ctx, &o->err);
}

static const struct verb {
	const char *name;
	unsigned words;
	int (*run)(struct order *, struct core *, const struct ctx *); /* NULL: on the loop */
} verbs[] = { { "run", 5, order_run },       { "stop", 5, order_stop }, { "kill", 4, order_kill },
	      { "remove", 3, order_remove }, { "wait", 3, NULL },       { "files", 2, NULL } };

static const struct verb *verb_of(const char *name)
{
	size_t i = 0;

	while (strcmp(verbs[i].name, name) != 0)
		if (++i == sizeof verbs / sizeof *verbs)
			exit(2);
	return &verbs[i];
}

static void at_work(void *arg, void *state, const struct ctx *ctx)
{
	struct order *o = arg;

	o->r = core_reconnect(state, &o->err);
	if (o->r >= 0)
		o->r = verb_of(o->word[0])->run(o, state, ctx);
}

static void when_done(void *arg, bool ran)
{
	(void)ran;
	order_end(arg);
}

static void when_over(void *arg)
{
	struct order *o = arg;
	struct ctrd_exit exit = { 0 };

	o->r = task_wait_result(o->wait, &exit, &o->err);
	o->answer = mem_printf("%u", exit.status);
	order_end(o);
}

static char *count_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (readdir(d))
		n++;
	(void)closedir(d);
	return mem_printf("%u", n - 3);
}

static void obey(struct tool *t, const char *line, size_t len)
{
	struct order *o = mem_new(struct order);
	const struct verb *v;
	char *rest = o->line = mem_strndup(line, len);
	int r;

	o->tool = t;
	o->word[0] = strsep(&rest, " ");
	v = verb_of(o->word[0]);
	for (unsigned i = 1; i < v->words; i++)
		o->word[i] = i == WORDS - 1 ? rest : strsep(&rest, " ");
	if (v->run) {
		o->work = (struct work){
			.run = at_work, .done = when_done, .arg = o, .deadline = ctx_within(NULL, LIMIT_MS).deadline
		};
		r = workers_submit(t->pool, &o->work, &o->err); /* from then on it is a thread's, and may be over */
		if (r >= 0)
			return;
		o->r = r;
		order_end(o);
	} else if (!strcmp(v->name, "wait")) {
		o->wait = task_wait_new(t->core, o->word[2], NULL, NULL);
		task_wait_notify(o->wait, when_over, o);
	} else {
		o->answer = count_files();
		order_end(o);
	}
}

static void on_orders(void *arg, short revents)
{
	struct tool *t = arg;
	char piece[4096], *end;
	ssize_t n = read(STDIN_FILENO, piece, sizeof piece);

	(void)revents;
	t->over = n <= 0;
	if (n > 0)
		buf_add(&t->text, piece, (size_t)n);
	while (t->text.len && (end = memchr(t->text.data, '\n', t->text.len))) {
		const size_t len = (size_t)(end - t->text.data);

		obey(t, t->text.data, len);
		buf_drop(&t->text, len + 1);
	}
}

static void *begin(void *arg)
{
	struct tool *t = arg;
	struct core *c = NULL;

	if (core_open_on(loop_new(), &t->conf, &c, NULL) < 0)
		exit(2);
	return c;
}

static void end(void *state)
{
	struct loop *loop = ((struct core *)state)->loop;

	core_free(state);
	loop_free(loop);
}

int main(int argc, char **argv)
{
	struct tool t = { .loop = loop_new() };
	struct workers_conf pool = { .loop = t.loop, .threads = 2, .queue_max = 64, .begin = begin, .end = end, .arg = &t };
	struct err err = ERR_INIT;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc != 4)
		return 2;
	t.conf = (struct core_conf){ .address = argv[1],
				     .ns = argv[2],
				     .run_dir = CORE_RUN_DIR,
				     .data_dir = CORE_DATA_DIR,
				     .cni = { .path = "/usr/lib/cni", .conf_dir = argv[3], .cache_dir = "/var/lib/cni" } };
	if (core_open_on(t.loop, &t.conf, &t.core, &err) < 0 || workers_new(&pool, &t.pool, &err) < 0)
		return 1;
	watch_init(&t.in, t.loop, STDIN_FILENO, POLLIN, on_orders, &t);
	while (!t.over || workers_busy(t.pool))
		if (loop_turn(t.loop, NULL, &err) < 0)
			return 1;
	watch_done(&t.in);
	workers_free(t.pool);
	core_free(t.core);
	loop_free(t.loop);
	buf_done(&t.text);
	return 0;
}
