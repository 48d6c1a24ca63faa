/* How the plugin is started: its cookie, its socket, its line, its signals and its end. */
#include "driver-rig.h"
#include "clock.h"
#include "file.h"
#include "mem.h"
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Starts it, which must not come to a handshake; what it said on standard error. */
static const char *refused(struct rig *rig, const char *cookie)
{
	const struct host_spec spec = { .path = CONTAINERD_DRIVER, .cookie = cookie, .env = &rig->env };
	struct err err = ERR_INIT;

	assert_int_equal(host_start(&rig->host, rig->loop, &spec, &err), -ERR_PRECONDITION);
	assert_int_equal(child_out(rig->host.child)->len, 0);
	assert_true(WIFEXITED(child_status(rig->host.child)));
	assert_int_equal(WEXITSTATUS(child_status(rig->host.child)), 1);
	return buf_str(child_err(rig->host.child));
}

static void needs_its_cookie(void **state)
{
	static const char *const cookies[] = { "", "x", PLUGIN_COOKIE "x" };

	for (size_t i = 0; i < sizeof cookies / sizeof *cookies; i++) {
		const char *said = refused(*state, cookies[i]);

		if (!strstr(said, "Nomad") && !strstr(said, "plugin"))
			fail_msg("said: %s", said);
		host_done(&((struct rig *)*state)->host);
	}
}

static void says_one_line(void **state)
{
	struct rig *rig = *state;
	struct stat st;

	rig_start(rig);
	rig_check(rig, rig->host.grpc, "handshake");
	assert_null(rig->host.said.multiplex);
	assert_string_equal(rig->host.said.cert ? rig->host.said.cert : "", "");
	assert_int_equal(strncmp(rig->host.said.address, rig->dir, strlen(rig->dir)), 0);
	assert_int_equal(stat(rig->host.said.address, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_uid, getuid());
	assert_string_equal(strchr(buf_str(child_out(rig->host.child)), '\n'), "\n");
	print_message("handshake after %.1f ms\n", (double)rig->host.ready_ns / 1e6);
}

static void takes_the_folder_that_it_is_told(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *dir = mem_printf("%s/sockets", rig->dir);

	assert_int_equal(mkdir(dir, 0700), 0);
	strv_pushf(&rig->env, "PLUGIN_UNIX_SOCKET_DIR=%s", dir);
	rig_start(rig);
	assert_int_equal(strncmp(rig->host.said.address, dir, strlen(dir)), 0);
	rig_check(rig, rig->host.grpc, "folder");
	assert_int_equal(host_shutdown(&rig->host, RIG_CALL_MS, NULL), 0);
	assert_int_equal(rmdir(dir), 0); /* nothing is in it */
}

static void gives_the_socket_to_a_group(void **state)
{
	struct rig *rig = *state;
	struct stat st;

	if (getuid() != 0)
		skip();
	strv_push(&rig->env, "PLUGIN_UNIX_SOCKET_GROUP=12345");
	rig_start(rig);
	assert_int_equal(stat(rig->host.said.address, &st), 0);
	assert_int_equal(st.st_gid, 12345);
	assert_int_equal(st.st_mode & 07777, 0660);
	rig_check(rig, rig->host.grpc, "group");
}

/* A client that knows of multiplexing is told that there is none, or nothing at all; one that does not is told nothing. */
static void does_not_multiplex(void **state)
{
	struct rig *rig = *state;

	strv_push(&rig->env, "PLUGIN_MULTIPLEX_GRPC=true");
	rig_start(rig);
	if (rig->host.said.multiplex)
		assert_string_equal(rig->host.said.multiplex, "false");
	rig_check(rig, rig->host.grpc, "multiplex");
}

static void says_what_is_wrong_with_the_folder(void **state)
{
	struct rig *rig = *state;
	_cleanup_free_ char *end = mem_zalloc(120);
	const char *said;

	memset(end, 'x', 110);
	strv_setenv(&rig->env, "PLUGIN_UNIX_SOCKET_DIR=/nonexistent/folder");
	said = refused(rig, NULL);
	if (!strstr(said, "/nonexistent/folder"))
		fail_msg("said: %s", said);
	host_done(&rig->host);
	strv_done(&rig->env);
	strv_pushf(&rig->env, "PLUGIN_UNIX_SOCKET_DIR=/tmp/%s", end);
	said = refused(rig, NULL);
	if (!strstr(said, "xxx"))
		fail_msg("said: %s", said);
}

static bool ends_within(struct rig *rig, int64_t ms)
{
	const struct ctx ctx = ctx_within(NULL, ms);

	return child_wait(rig->host.child, &ctx, NULL) >= 0;
}

/* Ctrl-C reaches the agent's whole process group, and the agent tells its plugins itself. */
static void heeds_signals(void **state)
{
	static const int kept[] = { SIGINT, SIGPIPE, SIGHUP };
	struct rig *rig = *state;

	rig_start(rig);
	for (size_t i = 0; i < sizeof kept / sizeof *kept - 1; i++) {
		child_kill(rig->host.child, kept[i]);
		rig_check(rig, rig->host.grpc, strsignal(kept[i]));
	}
	child_kill(rig->host.child, SIGTERM);
	assert_true(ends_within(rig, HOST_END_MS));
	if (child_status(rig->host.child) != 0)
		fail_msg("status %x: %s", (unsigned)child_status(rig->host.child), buf_str(child_err(rig->host.child)));
	assert_int_equal(access(rig->host.said.address, F_OK), -1);
}

/* Two of one machine do not meet. */
static void stands_beside_another(void **state)
{
	struct rig *rig = *state;
	_cleanup_(host_done) struct host other = { 0 };
	const struct host_spec spec = { .path = CONTAINERD_DRIVER, .env = &rig->env };
	struct err err = ERR_INIT;

	rig_start(rig);
	assert_int_equal(host_start(&other, rig->loop, &spec, &err), 0);
	assert_string_not_equal(other.said.address, rig->host.said.address);
	rig_check(rig, other.grpc, "another");
	assert_int_equal(host_shutdown(&other, RIG_CALL_MS, &err), 0);
	rig_check(rig, rig->host.grpc, "one");
}

/* An agent that was killed comes back: to the same socket, on a new connection. */
static void takes_its_host_back(void **state)
{
	struct rig *rig = *state;

	rig_start(rig);
	rig_check(rig, rig->host.grpc, "before");
	for (int i = 0; i < 20; i++) {
		struct err err = ERR_INIT;

		grpc_free(TAKE_PTR(rig->host.grpc));
		if (host_connect(&rig->host, &rig->host.grpc, &err) < 0)
			fail_msg("%s", err.msg);
		rig_check(rig, rig->host.grpc, "again");
	}
}

#define ALONE(test) cmocka_unit_test_setup_teardown(test, rig_setup_only, rig_teardown_only)
#define TO_ITS_END(test) cmocka_unit_test_setup_teardown(test, rig_setup_only, rig_teardown)

RUN_TESTS("driver-handshake", ALONE(needs_its_cookie), TO_ITS_END(says_one_line), ALONE(takes_the_folder_that_it_is_told),
	  TO_ITS_END(gives_the_socket_to_a_group), TO_ITS_END(does_not_multiplex), ALONE(says_what_is_wrong_with_the_folder),
	  ALONE(heeds_signals), TO_ITS_END(stands_beside_another), TO_ITS_END(takes_its_host_back))
