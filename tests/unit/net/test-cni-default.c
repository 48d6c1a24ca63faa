/* The subnet of the default network, in a network namespace with the addresses and routes that the test gives it. */
#include "test.h"
#include "child.h"
#include "cni-net.h"
#include "file.h"
#include "mem.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[32];
static bool alone; /* in a network namespace of our own */

static int setup(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/test-default.XXXXXX");
	alone = geteuid() == 0 && access("/sbin/ip", X_OK) == 0 && unshare(CLONE_NEWNET) == 0;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static void ensure(char ret_subnet[64])
{
	const struct cni_conf conf = { .conf_dir = dir };
	struct cni_net *n = NULL;
	struct err err = ERR_INIT;
	json *range;

	assert_int_equal(cni_net_ensure_default(&conf, "davit", &err), 0);
	assert_int_equal(cni_net_load(&conf, "davit", &n, NULL, &err), 0);
	range = json_get_array(json_get_object(cni_net_plugin(n, "bridge"), "ipam"), "ranges");
	(void)snprintf(ret_subnet, 64, "%s", json_get_str(json_at(json_at(range, 0), 0), "subnet"));
	cni_net_free(n);
}

/* What the host has, as commands of ip(8), and networks' files; the subnet that is chosen. */
static const struct {
	const char *ip, *conf, *subnet;
} rows[] = {
	{ "", NULL, "10.89.0.0/24" },
	{ "addr add 10.89.0.7/24 dev d0", NULL, "10.89.1.0/24" },
	{ "addr add 10.89.0.7/23 dev d0", NULL, "10.89.2.0/24" },
	{ "addr add 10.89.1.7/32 dev d0;route add 10.89.0.128/25 dev d0", NULL, "10.89.2.0/24" },
	{ "route add 10.0.0.0/8 dev d0", NULL, "172.30.0.0/24" },
	{ "route add 10.0.0.0/8 dev d0;route add 172.16.0.0/12 dev d0", NULL, "192.168.0.0/24" },
	{ "route add 0.0.0.0/1 dev d0;route add 128.0.0.0/1 dev d0;route add default dev d0", NULL, "10.89.0.0/24" }, /* a VPN's */
	{ "",
	  "{\"name\":\"o\",\"type\":\"t\",\"ipam\":{\"ranges\":[[{\"subnet\":\"10.89.0.0/24\"}],[{\"subnet\":\"fd00::/64\"}]]}}",
	  "10.89.1.0/24" },
	{ "", "{\"name\":\"o\",\"type\":\"t\",\"ipam\":{\"subnet\":\"10.89.0.0/22\"}}", "10.89.4.0/24" },
	{ "link add cni-davit0 type bridge;addr add 10.89.3.1/24 dev cni-davit0;link set cni-davit0 up", NULL,
	  "10.89.3.0/24" }, /* kept */
	{ "link add cni-davit0 type bridge;addr add 10.7.3.1/24 dev cni-davit0;link set cni-davit0 up", NULL, "10.89.0.0/24" },
};

static void run_ip(const char *commands)
{
	_cleanup_free_ char *batch = mem_printf("link add d0 type bridge\nlink set d0 up\n%s\n", commands);
	char *argv[] = { (char *)"ip", (char *)"-batch", (char *)"-", NULL };
	const struct child_spec spec = { .path = "/sbin/ip",
					 .argv = argv,
					 .input = batch,
					 .input_len = strlen(batch),
					 .inherit_out = true,
					 .inherit_err = true };
	struct loop *loop = loop_new();
	struct child *child;

	for (char *p = batch; *p; p++)
		if (*p == ';')
			*p = '\n';
	assert_int_equal(child_start(loop, &spec, &child, NULL), 0);
	assert_int_equal(child_wait(child, NULL, NULL), 0);
	child_free(child);
	loop_free(loop);
}

static void subnets(void **state)
{
	char got[64];

	if (!alone) {
		print_message("network namespaces need root and ip(8)\n");
		skip();
	}
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(teardown(state) + setup(state), 0); /* a fresh host */
		run_ip(rows[i].ip);
		if (rows[i].conf) {
			_cleanup_free_ char *other = mem_printf("%s/10-other.conf", dir);

			assert_int_equal(file_write(other, rows[i].conf, strlen(rows[i].conf), 0644, NULL), 0);
		}
		ensure(got);
		assert_string_equal(got, rows[i].subnet);
	}
}

/* Whoever wrote the network's file, it stays as it is. */
static void not_overwritten(void **state)
{
	static const char mine[] =
		"{\"name\":\"davit\",\"type\":\"bridge\",\"ipam\":{\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}]]}}";
	_cleanup_free_ char *path = mem_printf("%s/99-mine.conf", dir), *ours = mem_printf("%s/80-davit.conflist", dir);
	char got[64];

	(void)state;
	assert_int_equal(file_write(path, mine, sizeof mine - 1, 0644, NULL), 0);
	ensure(got);
	assert_string_equal(got, "10.1.0.0/24");
	assert_false(file_exists(ours));
}

/* A crash of the host may leave an empty file. */
static void mended(void **state)
{
	_cleanup_free_ char *path = mem_printf("%s/80-davit.conflist", dir);
	char got[64];

	(void)state;
	assert_int_equal(file_write(path, "", 0, 0644, NULL), 0);
	ensure(got);
	assert_true(*got);
}

static void two_at_once(void **state)
{
	const struct cni_conf conf = { .conf_dir = dir };
	_cleanup_strv_ struct strv names = { 0 }, notices = { 0 };
	pid_t pids[8];
	char got[64];

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(cni_net_ensure_default(&conf, "davit", NULL) == 0 ? 0 : 1);
	}
	for (size_t i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	ensure(got);
	assert_int_equal(cni_net_names(&conf, &names, &notices, NULL), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(notices.n, 0);
	_cleanup_free_ char *lock = mem_printf("%s/.davit.lock", dir);
	assert_false(file_exists(lock));
}

/* The ensembles' network, as NuNet's documents have its file, but isolated; not where the host uses its subnet for something else.
 */
static void nunet(void **state)
{
	static const char want[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"nunet-bridge\",\"plugins\":[{\"type\":\"bridge\",\"bridge\":\"cni-nunet0\","
		"\"isGateway\":true,\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":"
		"\"10.68.63.0/24\",\"gateway\":\"10.68.63.1\"}]],\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}},{\"type\":\"portmap\","
		"\"capabilities\":{\"portMappings\":true}},{\"type\":\"firewall\",\"ingressPolicy\":\"same-bridge\"}]}";
	static const char other[] = "{\"name\":\"o\",\"type\":\"t\",\"ipam\":{\"subnet\":\"10.68.0.0/16\"}}";
	const struct cni_conf conf = { .conf_dir = dir };
	_cleanup_free_ char *path = mem_printf("%s/80-nunet-bridge.conflist", dir), *taken = mem_printf("%s/10-o.conf", dir);
	_cleanup_(cni_net_freep) struct cni_net *n = NULL;
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf text = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	assert_true(cni_net_is_default("nunet-bridge") && cni_net_is_default("davit") && !cni_net_is_default("bridge"));
	assert_int_equal(file_write(taken, other, sizeof other - 1, 0644, NULL), 0);
	assert_int_equal(cni_net_ensure_default(&conf, "nunet-bridge", &err), -ERR_EXHAUSTED);
	assert_string_equal(err.msg, "network nunet-bridge: its subnet 10.68.63.0/24 is in use: by network o");
	assert_false(file_exists(path));
	assert_int_equal(unlink(taken), 0);
	err_clear(&err);
	assert_int_equal(cni_net_ensure_default(&conf, "nunet-bridge", &err), 0);
	assert_int_equal(cni_net_load(&conf, "nunet-bridge", &n, NULL, &err), 0);
	assert_int_equal(file_read(path, 4096, &text, &err), 0);
	assert_int_equal(json_parse(text.data, text.len, &j, &err), 0);
	assert_string_equal(json_object_to_json_string_ext(j, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), want);
	assert_int_equal(cni_net_ensure_default(&conf, "other", &err), -ERR_NOT_FOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
RUN_TESTS("cni-default", TEST(subnets), TEST(not_overwritten), TEST(mended), TEST(two_at_once), TEST(nunet))
