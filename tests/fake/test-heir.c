/* An heir that ended before us is collected while we go on. */
#include "test.h"
#include "fake.h"
#include "heir.h"
#include <sys/wait.h>

static pid_t fork_one_that_dies(const int *keep, size_t n, bool leave_folder, void (*fn)(void *arg), void *arg)
{
	pid_t pid = fork();

	(void)keep, (void)n, (void)leave_folder, (void)fn, (void)arg;
	if (!pid)
		_exit(1);
	return pid;
}

static void no_word(void *arg, enum heir_word word, int lock) { (void)arg, (void)word, (void)lock; }

static void one_that_ended_first_is_collected(void **state)
{
	_cleanup_(loop_freep) struct loop *loop = loop_new();
	struct fake *fake = NULL;
	struct err err = ERR_INIT;
	struct core *core = NULL;
	struct core_conf conf = { .ns = FAKE_NS, .run_dir = "/nonexistent", .data_dir = "/nonexistent" };
	const struct ctx limit = ctx_within(NULL, 20000);
	struct heir *heir;

	(void)state;
	if (fake_start(loop, &fake, &err) < 0)
		fail_msg("%s", err.msg);
	conf.address = fake_address(fake);
	if (core_open(&conf, &core, &err) < 0)
		fail_msg("%s", err.msg);
	heir = heir_new(core, NULL, 0, fork_one_that_dies, no_word, NULL);
	assert_non_null(heir);
	assert_int_equal(reaper_count(core->reaper), 1);
	while (reaper_count(core->reaper))
		assert_int_equal(loop_turn(core->loop, &limit, NULL), 0);
	assert_false(heir_tell(heir, HEIR_DONE, -1));
	heir_free(heir);
	core_free(core);
	fake_free(fake);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

RUN_TESTS("heir", cmocka_unit_test(one_that_ended_first_is_collected))
