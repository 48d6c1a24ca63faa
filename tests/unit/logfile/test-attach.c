#include "test.h"
#include "attach.h"
#include "mem.h"
#include "test-folder.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void sent_and_received(const struct attach_packet *k, struct attach_packet *ret, char *room)
{
	int pair[2];
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(attach_send(pair[0], k), 0);
	n = recv(pair[1], room, ATTACH_PACKET, 0);
	assert_true(n > 0 && attach_parse(room, (size_t)n, ret));
	assert_int_equal(ret->kind, k->kind);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void packets(void **state)
{
	static char room[ATTACH_PACKET], piece[ATTACH_PIECE];
	struct attach_packet got;

	(void)state;
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_OUT, .data = "some", .len = 4 }, &got, room);
	assert_int_equal(got.len, 4);
	assert_memory_equal(got.data, "some", 4);
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_INPUT, .data = piece, .len = sizeof piece }, &got, room);
	assert_int_equal(got.len, sizeof piece);
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_LOST, .lost = UINT64_MAX, .since = 1, .until = INT64_MAX }, &got,
			  room);
	assert_true(got.lost == UINT64_MAX && got.since == 1 && got.until == INT64_MAX);
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_HELLO, .until = 0x0102030405060708 }, &got, room);
	assert_true(got.until == 0x0102030405060708);
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_HELLO }, &got, room);
	assert_true(got.until == 0);
	sent_and_received(&(struct attach_packet){ .kind = ATTACH_STAY }, &got, room);
}

static void no_packets(void **state)
{
	static char big[ATTACH_PACKET + 1] = "o";
	struct attach_packet got;

	(void)state;
	assert_false(attach_parse("", 0, &got));
	assert_false(attach_parse("?", 1, &got));
	assert_false(attach_parse("h1", 2, &got));
	assert_false(attach_parse("l1234567", 8, &got));
	assert_false(attach_parse(big, sizeof big, &got));
	assert_true(attach_parse(big, sizeof big - 1, &got));
}

static void a_path_longer_than_an_address(void **state)
{
	struct test_folder *f = test_folder_new("attach", "x");
	_cleanup_free_ char *folder = mem_printf("%s/%0120d", f->dir, 0), *path = mem_printf("%s/attach.0", folder);
	struct stat st;
	int listener, fd;

	(void)state;
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(attach_dial(path, &fd, NULL), -ERR_NOT_FOUND);
	assert_int_equal(attach_listen(path, &listener, NULL), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(attach_dial(path, &fd, NULL), 0);
	(void)close(fd);
	(void)close(listener);
	assert_int_equal(attach_dial(path, &fd, NULL), -ERR_UNAVAILABLE);
	assert_int_equal(attach_listen(path, &listener, NULL), 0); /* what stands there goes */
	(void)close(listener);
	assert_int_equal(test_folder_teardown((void **)&f), 0);
}

RUN_TESTS("attach", cmocka_unit_test(packets), cmocka_unit_test(no_packets), cmocka_unit_test(a_path_longer_than_an_address))
