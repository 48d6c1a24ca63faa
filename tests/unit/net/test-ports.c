#include "test.h"
#include "mem.h"
#include "ports.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A socket of ours on a port that the kernel chose. */
static int hold(int type, const char *ip, uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* A socket bound to @bound, a job that asks for @asked: do they clash? */
static const struct {
	const char *bound, *asked;
	bool clash;
} rows[] = {
	{ "0.0.0.0", NULL, true },        { "127.0.0.1", NULL, true },      { "127.0.0.1", "127.0.0.1", true },
	{ "0.0.0.0", "127.0.0.1", true }, { "127.0.0.1", "0.0.0.0", true }, { "127.0.0.1", "127.0.0.2", false },
	{ "127.0.0.1", "::1", false },
};

static void taken(void **state)
{
	static const struct {
		int type;
		enum port_proto proto, other;
	} kinds[] = {
		{ SOCK_STREAM, PORT_TCP, PORT_UDP },
		{ SOCK_DGRAM, PORT_UDP, PORT_TCP },
	};

	(void)state;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			struct port p = { .host_ip = (char *)rows[i].asked, .proto = kinds[k].proto };
			struct err err = ERR_INIT;
			int fd = hold(kinds[k].type, rows[i].bound, &p.host);
			int r = port_check(&p, &err);
			_cleanup_free_ char *want =
				mem_printf("port %u/%s is used by process %d (", p.host, port_proto_name(p.proto), getpid());

			assert_int_equal(r, rows[i].clash ? -ERR_EXISTS : 0);
			if (rows[i].clash)
				assert_int_equal(strncmp(err.msg, want, strlen(want)), 0);
			(void)close(fd);
			assert_int_equal(port_check(&p, NULL), 0); /* and free again */
		}
}

/* Of two processes with the same port on different addresses, the one in the way is named. */
static void the_right_owner(void **state)
{
	struct port p = { .host_ip = (char *)"127.0.0.3" };
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct err err = ERR_INIT;
	int fd = hold(SOCK_STREAM, "127.0.0.2", &p.host), ready[2], other;
	pid_t pid;
	char byte;

	(void)state;
	assert_int_equal(port_check(&p, &err), 0); /* the other address is free */
	assert_int_equal(pipe(ready), 0);
	a.sin_port = htons(p.host);
	assert_int_equal(inet_pton(AF_INET, "127.0.0.3", &a.sin_addr), 1);
	pid = fork();
	if (pid == 0) {
		(void)close(fd);
		other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(other, (struct sockaddr *)&a, sizeof a) < 0 || listen(other, 1) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		(void)pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(port_check(&p, &err), -ERR_EXISTS);
	_cleanup_free_ char *want = mem_printf("is used by process %d (", pid);
	assert_non_null(strstr(err.msg, want));
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(fd);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void not_ours(void **state)
{
	const struct port foreign = { .host_ip = (char *)"192.0.2.77", .host = 18080 },
			  nonsense = { .host_ip = (char *)"x", .host = 18080 };
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(port_check(&foreign, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "port 18080/tcp: address 192.0.2.77 is not one of this host's");
	assert_true(port_check(&nonsense, NULL) < 0);
}

static void picked(void **state)
{
	uint16_t had[50] = { 0 };

	(void)state;
	for (size_t i = 0; i < 50; i++) {
		struct port p = { .proto = i % 2 ? PORT_TCP : PORT_UDP };

		assert_int_equal(port_pick(&p, had, i, NULL), 0);
		assert_in_range(p.host, 32768, 60999);
		for (size_t k = 0; k < i; k++)
			assert_int_not_equal(p.host, had[k]);
		assert_int_equal(port_check(&p, NULL), 0);
		had[i] = p.host;
	}
}

static void none_left(void **state)
{
	enum { N = 60999 - 32768 + 1 };
	uint16_t *all = mem_array(uint16_t, N);
	struct port p = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++)
		all[i] = (uint16_t)(32768 + i);
	assert_int_equal(port_pick(&p, all, N, NULL), -ERR_EXHAUSTED);
	assert_int_equal(p.host, 0);
	if (port_check(&(struct port){ .host = 40000 }, NULL) == 0) {
		all[40000 - 32768] = 1;
		assert_int_equal(port_pick(&p, all, N, NULL), 0);
		assert_int_equal(p.host, 40000);
	}
	free(all);
}

/* The first that is free, whatever makes the others not. */
static void of_a_range(void **state)
{
	struct port p = { .proto = PORT_TCP };
	uint16_t had[1], first;
	int fd = hold(SOCK_STREAM, "0.0.0.0", &first);

	(void)state;
	if (first > 65000) { /* no room for a range behind it */
		(void)close(fd);
		skip();
	}
	p.host = first;
	p.host_last = (uint16_t)(first + 5);
	had[0] = (uint16_t)(first + 1);
	assert_int_equal(port_pick(&p, had, 1, NULL), 0);
	assert_in_range(p.host, first + 2, first + 5);
	assert_int_equal(p.host_last, 0);
	p.host = first;
	p.host_last = first;
	assert_int_equal(port_pick(&p, had, 0, NULL), -ERR_EXHAUSTED);
	assert_int_equal(p.host_last, first);
	(void)close(fd);
}

RUN_TESTS("ports", cmocka_unit_test(taken), cmocka_unit_test(the_right_owner), cmocka_unit_test(not_ours), cmocka_unit_test(picked),
	  cmocka_unit_test(none_left), cmocka_unit_test(of_a_range))
