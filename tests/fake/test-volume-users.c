/* Who uses a volume stands in the jobs that containerd remembers: a volume in use stays, and so does one of which nobody
 * could say. */
#include "test.h"
#include "claim.h"
#include "containers.h"
#include "fake.h"
#include "file.h"
#include "job-remove.h"
#include "mem.h"
#include "volume.h"
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct stage {
	struct loop *loop;
	struct fake *fake;
	struct core *core;
	char *dir, *run_dir;
};

static int setup(void **state)
{
	struct stage *s = mem_new(struct stage);
	struct core_conf conf = { .ns = FAKE_NS };
	struct err err = ERR_INIT;

	s->dir = mem_strdup("/tmp/davit-test-users-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->loop = loop_new();
	if (fake_start(s->loop, &s->fake, &err) < 0)
		fail_msg("%s", err.msg);
	conf.address = fake_address(s->fake);
	conf.data_dir = s->dir;
	conf.run_dir = s->run_dir = mem_printf("%s/run", s->dir);
	assert_int_equal(core_open(&conf, &s->core, NULL), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	core_free(s->core);
	fake_free(s->fake);
	loop_free(s->loop);
	assert_int_equal(file_remove_tree(s->dir, NULL), 0);
	free(s->dir);
	free(s->run_dir);
	free(s);
	return 0;
}

static void remember_job(const struct stage *s, const char *name, enum mount_kind kind, const char *source)
{
	_cleanup_(job_freep) struct job *job = job_new();
	_cleanup_(ctrd_container_done) struct ctrd_container c = { 0 };
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct mount *m = task_add_mount(&job->tasks[0]);
	struct err err = ERR_INIT;

	job->name = mem_strdup(name);
	job->tasks[0].image = mem_strdup("x");
	m->kind = kind;
	m->source = mem_strdup(source);
	m->target = mem_strdup("/data");
	j = job_to_json(job);
	json_write(j, &text);
	c.id = mem_strdup(name);
	c.runtime = mem_strdup("io.containerd.runc.v2");
	c.spec.type_url = mem_strdup("types.containerd.io/opencontainers/runtime-spec/1/Spec");
	buf_adds(&c.spec.value, "{}");
	dict_set(&c.labels, CLAIM_JOB, name);
	ctrd_container_extend(&c, RECORD_JOB, RECORD_JOB_TYPE, text.data, text.len);
	if (containers_create(s->core->ctrd, &c, NULL, &err) < 0)
		fail_msg("%s", err.msg);
}

static void make(const struct stage *s, const char *name)
{
	_cleanup_(volume_done) struct volume v = { 0 };

	assert_int_equal(volume_ensure(s->core, name, NULL, &v, NULL, NULL), 0);
}

static bool there(const struct stage *s, const char *name)
{
	_cleanup_(volume_done) struct volume v = { 0 };

	return volume_get(s->core, name, &v, NULL) == 0;
}

static void names_the_users(void **state)
{
	const struct stage *s = *state;
	_cleanup_strv_ struct strv users = { 0 };
	struct err err = ERR_INIT;

	make(s, "data");
	make(s, "dat");
	remember_job(s, "web", MOUNT_VOLUME, "data");
	remember_job(s, "db", MOUNT_VOLUME, "data");
	remember_job(s, "bind", MOUNT_BIND, "/data");
	assert_int_equal(volume_users(s->core, "data", NULL, &users, NULL), 0);
	assert_int_equal(users.n, 2);
	assert_true(strv_has(&users, "web") && strv_has(&users, "db"));
	assert_int_equal(volume_remove(s->core, "data", NULL, &err), -ERR_PRECONDITION);
	assert_non_null(strstr(err.msg, "volume data: used by job "));
	assert_non_null(strstr(err.msg, " and 1 more"));
	assert_non_null(strstr(err.hint, "davit rm "));
	assert_true(there(s, "data"));
	assert_int_equal(volume_remove(s->core, "dat", NULL, NULL), 0); /* another's name's beginning is not its name */
	assert_false(there(s, "dat"));
}

static void removes_what_nobody_uses(void **state)
{
	const struct stage *s = *state;
	struct err err = ERR_INIT;

	make(s, "data");
	remember_job(s, "web", MOUNT_VOLUME, "data");
	assert_int_equal(containers_delete(s->core->ctrd, "web", NULL, NULL), 0);
	assert_int_equal(volume_remove(s->core, "data", NULL, NULL), 0);
	assert_false(there(s, "data"));
	assert_int_equal(volume_remove(s->core, "data", NULL, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.hint, "davit volume ls"));
}

/* Its record is not written yet. */
static void keeps_what_a_job_is_being_made_with(void **state)
{
	const struct stage *s = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, again = { 0 };
	struct err err = ERR_INIT;
	int one, other;

	assert_int_equal(volume_use(s->core, "data", NULL, NULL, &v, NULL, &one, NULL), 0);
	assert_int_equal(volume_use(s->core, "data", NULL, NULL, &again, NULL, &other, NULL), 0);
	assert_int_equal(close(one), 0);
	assert_int_equal(volume_remove(s->core, "data", NULL, &err), -ERR_PRECONDITION);
	assert_string_equal(err.msg, "volume data: a job that is being started uses it");
	assert_true(there(s, "data"));
	assert_int_equal(close(other), 0);
	assert_int_equal(volume_remove(s->core, "data", NULL, NULL), 0);
	assert_false(there(s, "data"));
}

/* Of a davit that was killed before it wrote the record. */
static void prunes_what_a_claim_left(void **state)
{
	const struct stage *s = *state;
	_cleanup_dict_ struct dict claim = { 0 }, labels = { 0 };
	_cleanup_(volume_done) struct volume v = { 0 }, other = { 0 };
	_cleanup_strv_ struct strv removed = { 0 };
	struct err err = ERR_INIT;

	dict_set(&claim, CLAIM_JOB, "web");
	dict_set(&claim, CLAIM_ID, "web-0123456789ab");
	dict_set(&labels, CLAIM_ID, "web-0123456789ab");
	assert_int_equal(volume_ensure(s->core, NULL, &labels, &v, NULL, NULL), 0);
	assert_int_equal(volume_ensure(s->core, NULL, NULL, &other, NULL, NULL), 0);
	if (leases_create(s->core->ctrd, "davit-job-web", &claim, NULL, &err) < 0 ||
	    job_prune(s->core, false, false, false, NULL, &removed, &err) < 0)
		fail_msg("%s", err.msg);
	assert_false(there(s, v.name));
	assert_true(there(s, other.name));
}

static void refuses_the_namespace_of_the_engine(void **state)
{
	const struct stage *s = *state;
	const struct core_conf conf = { .ns = "engine", .address = s->core->address, .run_dir = s->dir, .data_dir = s->dir };
	struct core *core = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(core_open(&conf, &core, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "namespace engine: its folder in "));
	assert_non_null(strstr(err.hint, "--namespace"));
}

static void keeps_it_when_containerd_does_not_answer(void **state)
{
	static const char *const faults[] = { "fail", "drop" };
	struct stage *s = *state;

	make(s, "data");
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		assert_int_equal(fake_reset(s->fake, NULL), 0);
		assert_int_equal(fake_fault(s->fake, NULL, "1:%s", faults[i]), 0);
		assert_true(volume_remove(s->core, "data", NULL, NULL) < 0);
		assert_true(there(s, "data"));
		assert_int_equal(core_reconnect(s->core, NULL), 0);
	}
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(volume_remove(s->core, "data", NULL, NULL), 0);
}

/* Somebody removes it right now: who wants it waits, and everybody else goes on. */
static void waits_for_a_removal(void **state)
{
	const struct stage *s = *state;
	_cleanup_(volume_done) struct volume v = { 0 }, other = { 0 };
	_cleanup_free_ char *dir = mem_printf("%s/volumes/" FAKE_NS "/data", s->dir);
	const struct ctx soon = ctx_within(NULL, 50);
	_cleanup_close_ int remover = -1;
	struct err err = ERR_INIT;
	int hold;

	make(s, "data");
	remover = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(remover, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(volume_use(s->core, "data", NULL, &soon, &v, NULL, &hold, &err), -ERR_DEADLINE);
	assert_non_null(strstr(err.msg, "volume data: another davit is removing it"));
	assert_int_equal(volume_remove(s->core, "data", &soon, NULL), -ERR_DEADLINE);
	assert_int_equal(volume_use(s->core, "other", NULL, NULL, &other, NULL, &hold, NULL), 0);
	assert_int_equal(close(hold), 0);
	(void)close(TAKE_FD(remover));
	assert_int_equal(volume_use(s->core, "data", NULL, NULL, &v, NULL, &hold, NULL), 0);
	assert_int_equal(close(hold), 0);
}

static void remove_and_exit(const struct stage *s)
{
	struct core_conf conf = s->core->conf;
	struct core *own = NULL;

	conf.address = fake_address(s->fake);
	if (core_open(&conf, &own, NULL) >= 0)
		(void)volume_remove(own, "data", NULL, NULL);
	_exit(1);
}

/* Asking containerd may take long: nobody stands behind it who wants another volume. */
static void asks_under_no_common_lock(void **state)
{
	const struct stage *s = *state;
	const struct timespec pause = { .tv_nsec = 5000000 };
	const struct ctx within = ctx_within(NULL, 5000);
	_cleanup_(volume_done) struct volume v = { 0 };
	int hold, status;
	pid_t pid;

	make(s, "data");
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(fake_fault(s->fake, NULL, "1:hang"), 0);
	pid = fork(); /* no thread runs here */
	assert_true(pid >= 0);
	if (pid == 0)
		remove_and_exit(s);
	while (!fake_count(s->fake))
		(void)nanosleep(&pause, NULL);
	assert_int_equal(volume_use(s->core, "other", NULL, &within, &v, NULL, &hold, NULL), 0);
	assert_int_equal(close(hold), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(there(s, "data"));
	assert_int_equal(fake_reset(s->fake, NULL), 0);
	assert_int_equal(volume_remove(s->core, "data", NULL, NULL), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
RUN_TESTS("volume-users", T(names_the_users), T(removes_what_nobody_uses), T(keeps_what_a_job_is_being_made_with),
	  T(prunes_what_a_claim_left), T(refuses_the_namespace_of_the_engine), T(keeps_it_when_containerd_does_not_answer),
	  T(waits_for_a_removal), T(asks_under_no_common_lock))
