#include "test.h"
#include "mem.h"
#include "record.h"
#include "shim-streams.h"

/* A job of one task, and what it would be told. */
struct fixture {
	struct core core;
	struct job job;
	struct task tasks[2];
	struct run_task parts[2];
	struct run_opts opts;
	struct run run;
	struct log_uri uri;
};

static int setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	*f = (struct fixture){ .job = { .tasks = f->tasks, .n_tasks = 1 },
			       .core = { .conf = { .ns = "davit",
						   .run_dir = "/run/davit",
						   .data_dir = "/var/lib/davit",
						   .cni = { .path = "/opt/cni/bin", .conf_dir = "/etc/cni/net.d" } },
					 .address = mem_strdup("/run/containerd/containerd.sock") } };
	f->run = (struct run){ .core = &f->core,
			       .job = &f->job,
			       .tasks = f->parts,
			       .n_tasks = 1,
			       .opts = &f->opts,
			       .id = mem_strdup("web-1"),
			       .runtime = { .type = mem_strdup("io.containerd.davit.v2") } };
	for (size_t i = 0; i < 2; i++) {
		f->tasks[i] = (struct task){ .log_max_size = 100, .log_max_files = 3 };
		f->parts[i] =
			(struct run_task){ .run = &f->run, .core = &f->core, .task = &f->tasks[i], .index = i, .id = f->run.id };
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_uri_done(&f->uri);
	free(f->run.runtime.type);
	free(f->run.id);
	free(f->core.address);
	free(f);
	return 0;
}

static void ask(struct fixture *f, enum run_mode mode)
{
	log_uri_done(&f->uri);
	f->opts.mode = mode;
	shim_streams_uri(&f->parts[0], &f->uri);
}

static void whose_shim_it_is(void **state)
{
	struct fixture *f = *state;
	struct record rec = { .c = { .runtime = f->run.runtime.type } };
	char *type = TAKE_PTR(f->run.runtime.type), stock[] = "io.containerd.runc.v2", path[] = "/opt/containerd-shim-davit-v2";

	assert_false(shim_writes_log(&f->parts[0])); /* nobody has decided */
	f->parts[0].record = &rec;
	rec.c.runtime = path;
	assert_true(shim_writes_log(&f->parts[0])); /* the record has */
	f->run.runtime.type = stock;
	assert_false(shim_writes_log(&f->parts[0]) || shim_is_heir(&f->run));
	f->run.runtime.type = type;
	assert_true(shim_writes_log(&f->parts[0]) && shim_is_heir(&f->run));
	f->tasks[0].log = JOB_LOG_JOURNALD;
	assert_false(shim_writes_log(&f->parts[0]) || shim_is_heir(&f->run));
}

static void where_there_is_more_to_do_davit_stays(void **state)
{
	struct fixture *f = *state;

	f->run.n_tasks = f->job.n_tasks = 2;
	assert_true(shim_writes_log(&f->parts[1]));
	assert_false(shim_is_heir(&f->run));
	f->run.n_tasks = f->job.n_tasks = 1;
	f->run.set = (struct run_set *)f;
	assert_false(shim_is_heir(&f->run));
}

static void a_log_of_its_own(void **state)
{
	struct fixture *f = *state;

	ask(f, RUN_DETACHED);
	assert_string_equal(f->uri.path, "/var/lib/davit/logs/davit/web-1/log");
	assert_true(f->uri.size == 100 && f->uri.files == 3 && !f->uri.unread && !f->uri.after.n);
	assert_string_equal(f->uri.attach, "/run/davit/davit/web-1/attach.0");
	f->tasks[0].log = JOB_LOG_NONE;
	ask(f, RUN_DETACHED);
	assert_true(!f->uri.path && f->uri.attach);
}

/* Of several tasks a folder for each; none of the sandbox, which davit has added. */
static void results_of(struct fixture *f, size_t i, const char *want)
{
	_cleanup_free_ char *dir = task_results(&f->parts[i]);

	if (want)
		assert_string_equal(dir, want);
	else
		assert_null(dir);
}

static void where_its_results_are(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/srv/r", web[] = "web", db[] = "db";

	results_of(f, 0, NULL);
	f->job.results = dir;
	f->tasks[0].name = web;
	f->tasks[1].name = db;
	results_of(f, 0, "/srv/r");
	ask(f, RUN_DETACHED);
	assert_string_equal(f->uri.results, "/srv/r");
	f->run.n_tasks = f->job.n_tasks = 2;
	results_of(f, 1, "/srv/r/db");
	f->tasks[0].sandbox = true;
	results_of(f, 0, NULL);
}

static void one_that_is_removed(void **state)
{
	struct fixture *f = *state;

	f->job.remove = true;
	ask(f, RUN_FOREGROUND);
	assert_true(f->uri.unread && f->uri.path); /* as long as somebody reads it there is none */
	f->tasks[0].log_retention = 60;
	ask(f, RUN_FOREGROUND);
	assert_false(f->uri.unread);
	f->tasks[0].log_retention = 0;
	ask(f, RUN_DETACHED);
	assert_false(f->uri.unread);
	f->run.n_tasks = f->job.n_tasks = 2;
	ask(f, RUN_DETACHED);
	assert_int_equal(f->uri.after.n, 0); /* the heir does it */
}

static void other_folders(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *here = getcwd(NULL, 0), *want = mem_printf("%s/data/logs/davit/web-1/log", here);

	f->core.conf.data_dir = "data";
	ask(f, RUN_DETACHED);
	assert_string_equal(f->uri.path, want);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("shim-streams", CASE(whose_shim_it_is), CASE(where_there_is_more_to_do_davit_stays), CASE(a_log_of_its_own),
	  CASE(where_its_results_are), CASE(one_that_is_removed), CASE(other_folders))
