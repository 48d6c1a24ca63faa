#include "test.h"
#include "job.h"
#include "mem.h"
#include "place.h"
#include "port.h"
#include <time.h>

/* What is between the fields, one mistake a row, in a job that has nothing else. */
#define TASK "\"image\":\"i\""

static const struct {
	const char *job, *task, *msg;
} rows[] = {
	{ "\"name\":\"a..b\"", "", "job name \"a..b\": not a valid name" },
	{ "\"name\":\"\"", "", "job name \"\": not a valid name" },
	{ "\"network\":\"-\"", "", "network \"-\": not a valid name" },
	{ "\"expose\":[\"80:80\"]", "", "invalid exposed port \"80:80\": a port inside, without one of the host" },
	{ "\"network\":\"none\",\"publish_all\":true", "", "publish-all: with the network \"none\" no port is forwarded" },
	{ "\"network\":\"container:a/b\"", "", "job in the network \"container:\" \"a/b\": not a valid name" },
	{ "\"network\":\"container:web\",\"ports\":[{\"inside\":80}]", "",
	  "conflicting options: publish and network container:web" },
	{ "\"network\":\"container:web\",\"publish_all\":true", "", "conflicting options: publish-all and network container:web" },
	{ "\"network\":\"container:web\",\"hostname\":\"h\"", "", "conflicting options: hostname and network container:web" },
	{ "\"network\":\"container:web\",\"dns\":[\"1.1.1.1\"]", "", "conflicting options: dns and network container:web" },
	{ "\"network\":\"container:web\",\"extra_hosts\":[\"a:1.1.1.1\"]", "",
	  "conflicting options: add-host and network container:web" },
	{ "\"hostname\":\"\"", "", "invalid hostname \"\": 1 to 64 characters are allowed" },
	{ "\"hostname\":\"a b\"", "", "invalid hostname \"a b\": letters, digits, \".\" and \"-\" are allowed" },
	{ "\"hostname\":\"-a\"", "", "invalid hostname \"-a\": letters, digits, \".\" and \"-\" are allowed" },
	{ "\"runtime\":\"./shim\"", "", "invalid runtime \"./shim\": neither a name nor an absolute path" },
	{ "\"runtime\":\"\"", "", "invalid runtime \"\": neither a name nor an absolute path" },
	{ "\"runtime\":\"a b\"", "", "invalid runtime \"a b\": white space or control characters" },
	{ "\"dns\":[\"one.one\"]", "", "invalid name server \"one.one\": not an IP address" },
	{ "\"dns\":[\"1.1.1.1\",\"none\"]", "",
	  "conflicting options: dns none and another dns: the image's resolv.conf stays as it is" },
	{ "\"dns\":[\"none\"],\"dns_options\":[\"ndots:2\"]", "",
	  "conflicting options: dns none and dns-option: the image's resolv.conf stays as it is" },
	{ "\"dns_search\":[\"a\\nb\"]", "", "invalid search domain \"a?b\": empty, or with white space" },
	{ "\"dns_options\":[\"\"]", "", "invalid resolver option \"\": empty, or with white space" },
	{ "\"extra_hosts\":[\"db\"]", "", "invalid extra host \"db\": not NAME:IP" },
	{ "\"labels\":{\"davit.remove\":\"1\"}", "", "invalid label \"davit.remove\": reserved for davit" },
	{ "\"labels\":{\"containerd.io/a\":\"\"}", "", "invalid label \"containerd.io/a\": reserved for containerd" },
	{ "\"ports\":[{\"inside\":80,\"host_ip\":\"localhost\"}]", "",
	  "ports[0]: invalid port's address \"localhost\": not an IP address" },
	{ "\"ports\":[{\"inside\":80,\"host_ip\":\"::ffff:127.0.0.1\"}]", "",
	  "ports[0]: invalid port's address \"::ffff:127.0.0.1\": an IPv4 address is written as such" },
	{ "\"ports\":[{\"inside\":80,\"host\":90,\"host_last\":89}]", "", "ports[0]: port range 90-89: not a range" },
	{ "\"network\":\"host\",\"ports\":[{\"inside\":80}]", "",
	  "port 80 cannot be published with the network \"host\": the job listens on the host itself" },
	{ "\"network\":\"none\",\"ports\":[{\"inside\":80}]", "",
	  "port 80 cannot be published with the network \"none\": nothing leads to the job" },
	{ "\"network\":\"host\"", "\"sysctl\":{\"net.core.somaxconn\":\"1\"}",
	  "invalid sysctl \"net.core.somaxconn\": with the network \"host\" it would change the host" },
	{ "", "\"sandbox\":true", "task : it is no sandbox as davit makes it" },
	{ "", "\"env\":[\"A\"]", "invalid environment variable \"A\": not NAME=VALUE" },
	{ "", "\"cwd\":\"srv\"", "invalid working folder \"srv\": not an absolute path" },
	{ "", "\"cwd\":\"\"", "invalid working folder \"\": not an absolute path" },
	{ "", "\"user\":\"a b\"", "invalid user \"a b\": white space, \"/\" or control characters" },
	{ "", "\"group_add\":[\"\"]", "invalid group \"\": not a name or a number" },
	{ "", "\"stop_signal\":\"SIGNOPE\"", "invalid signal \"SIGNOPE\": there is no such signal" },
	{ "", "\"platform\":\"linux//v8\"", "invalid platform \"linux//v8\": not OS/ARCHITECTURE[/VARIANT], such as linux/arm64" },
	{ "", "\"platform\":\"linux/\"", "invalid platform \"linux/\": not OS/ARCHITECTURE[/VARIANT], such as linux/arm64" },
	{ "", "\"platform\":\"a/b/c/d\"", "invalid platform \"a/b/c/d\": not OS/ARCHITECTURE[/VARIANT], such as linux/arm64" },
	{ "", "\"seccomp\":\"profile.json\"",
	  "invalid seccomp profile \"profile.json\": neither \"unconfined\" nor an absolute path" },
	{ "", "\"masked_paths\":[\"proc/keys\"]", "invalid path inside \"proc/keys\": not an absolute path" },
	{ "", "\"memory_swap\":67108864", "memory-swap without a memory limit: it is memory and swap together" },
	{ "", "\"memory\":\"64m\",\"memory_swap\":\"32m\"",
	  "memory-swap 33554432 is less than memory 67108864: it is memory and swap together" },
	{ "", "\"memory\":\"64m\",\"memory_reservation\":\"65m\"",
	  "memory-reservation 68157440 is more than memory 67108864, the limit" },
	{ "", "\"cpus\":0.001", "cpus 0.001: at least 0.01" },
	{ "", "\"cpuset_cpus\":\"0-\"", "invalid cpuset-cpus \"0-\": not a list of numbers and ranges such as 0-3,7" },
	{ "", "\"cpuset_cpus\":\"3-1\"", "invalid cpuset-cpus \"3-1\": not a list of numbers and ranges such as 0-3,7" },
	{ "", "\"cpuset_mems\":\"0,,1\"", "invalid cpuset-mems \"0,,1\": not a list of numbers and ranges such as 0-3,7" },
	{ "", "\"cpuset_mems\":\"\"", "invalid cpuset-mems \"\": not a list of numbers and ranges such as 0-3,7" },
	{ "", "\"ulimits\":[{\"name\":\"files\",\"soft\":1,\"hard\":1}]",
	  "ulimits[0]: invalid ulimit \"files\": there is no such limit" },
	{ "", "\"ulimits\":[{\"name\":\"nofile\",\"soft\":2,\"hard\":1}]",
	  "ulimits[0]: invalid ulimit \"nofile\": the soft limit is above the hard limit" },
	{ "", "\"sysctl\":{\"kernel.panic\":\"1\"}",
	  "invalid sysctl \"kernel.panic\": not separate for containers: it would change the host" },
	{ "", "\"mounts\":[{\"source\":\"a\",\"target\":\"/a\"}]", "mounts[0]: invalid bind source \"a\": not an absolute path" },
	{ "", "\"mounts\":[{\"target\":\"/a\"}]", "mounts[0]: invalid mount \"/a\": a bind wants a source" },
	{ "", "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/a\",\"options\":[\"ro,suid\"]}]",
	  "mounts[0]: invalid mount option \"ro,suid\": empty, or with a comma" },
	{ "", "\"mounts\":[{\"source\":\"/a\",\"target\":\"/srv\"},{\"type\":\"tmpfs\",\"target\":\"//srv/x/..//\"}]",
	  "invalid mount target \"/srv\": two mounts have it" },
	{ "", "\"mounts\":[{\"source\":\"/a\",\"target\":\"/a\",\"options\":[\"nosuch\"]}]",
	  "mounts[0]: invalid mount option \"nosuch\": there is no such option" },
	{ "", "\"mounts\":[{\"source\":\"/a\",\"target\":\"/a\",\"options\":[\"ro\"]}]",
	  "mounts[0]: invalid mount option \"ro\": \"read_only\" says so" },
	{ "", "\"mounts\":[{\"source\":\"/a\",\"target\":\"/a\",\"options\":[\"rro\"]}]",
	  "mounts[0]: invalid bind-recursive \"readonly\": the mount itself is not" },
	{ "", "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/a\",\"options\":[\"rslave\"]}]",
	  "mounts[0]: invalid mount option \"rslave\": there is no such option" },
	{ "", "\"pids_limit\":4194305", "pids_limit 4194305: out of range" },
	{ "", "\"sysctl\":{\"net.core.somaxconn\":\"\"}", "invalid sysctl \"net.core.somaxconn\": no value" },
	{ "", "\"annotations\":{\"containerd.io/a\":\"\"}", "invalid label \"containerd.io/a\": reserved for containerd" },
	{ "", "\"devices\":[{\"host\":\"/dev/fuse\",\"access\":\"rwx\"}]",
	  "devices[0]: invalid device access \"rwx\": not made of r, w and m" },
	{ "", "\"labels\":{\"\":\"x\"}", "invalid label \"\": no name before \"=\"" },
};

static int check(const char *text, char msg[1000])
{
	_cleanup_(job_freep) struct job *job = NULL;
	struct err err = ERR_INIT;
	int r = job_read_json("f", text, strlen(text), &job, &err);

	(void)snprintf(msg, 1000, "%s", r < 0 ? test_after_place(err.msg) : "");
	return r;
}

static void one_mistake_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *text = mem_printf("{%s%s\"tasks\":[{" TASK "%s%s}]}", rows[i].job, *rows[i].job ? "," : "",
						       *rows[i].task ? "," : "", rows[i].task);
		char msg[1000];

		if (check(text, msg) != -ERR_INVALID)
			fail_msg("%s is taken", text);
		assert_string_equal(msg, rows[i].msg);
	}
}

static const struct {
	const char *a, *b;
	bool clash;
} pairs[] = {
	{ "\"host\":80", "\"host\":80", true },
	{ "\"host\":80", "\"host\":81", false },
	{ "\"host\":0", "\"host\":0", false },
	{ "\"host\":80", "\"host\":80,\"proto\":\"udp\"", false },
	{ "\"host\":80,\"host_ip\":\"127.0.0.1\"", "\"host\":80", true },
	{ "\"host\":80", "\"host\":80,\"host_ip\":\"::1\"", true },
	{ "\"host\":80,\"host_ip\":\"0.0.0.0\"", "\"host\":80,\"host_ip\":\"10.0.0.1\"", true },
	{ "\"host\":80,\"host_ip\":\"0.0.0.0\"", "\"host\":80,\"host_ip\":\"::1\"", false },
	{ "\"host\":80,\"host_ip\":\"127.0.0.1\"", "\"host\":80,\"host_ip\":\"127.0.0.2\"", false },
	{ "\"host\":80,\"host_ip\":\"::1\"", "\"host\":80,\"host_ip\":\"0:0::1\"", true },
	{ "\"host\":80,\"host_ip\":\"::\"", "\"host\":80,\"host_ip\":\"fe80::1\"", true },
	{ "\"host\":80,\"host_ip\":\"0::0\"", "\"host\":80,\"host_ip\":\"::1\"", true },
	{ "\"host\":80,\"host_ip\":\"::\"", "\"host\":80,\"host_ip\":\"0.0.0.0\"", false },
	{ "\"host\":80,\"host_last\":82", "\"host\":80", false },
};

/* What a bundle's spec says is not the task's to say. */
static void beside_a_bundle(void **state)
{
	static const struct {
		const char *text, *what; /* NULL: it may be there */
	} with[] = {
		{ "\"args\":[\"sh\"],\"tty\":true,\"stop_signal\":\"INT\",\"labels\":{\"a\":\"b\"},\"log\":\"none\"", NULL },
		{ "\"env\":[\"A=B\"]", "env" },
		{ "\"user\":\"1\"", "user" },
		{ "\"cwd\":\"/\"", "workdir" },
		{ "\"entrypoint\":[]", "entrypoint" },
		{ "\"memory\":\"64m\"", "memory" },
		{ "\"cap_add\":[\"KILL\"]", "cap-add" },
		{ "\"no_new_privileges\":false", "no_new_privileges" },
		{ "\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/t\"}]", "volume" },
		{ "\"annotations\":{\"a\":\"b\"}", "annotation" },
		{ "\"init\":true", "init" },
		{ "\"pull\":\"always\"", "pull" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
		_cleanup_free_ char *text = mem_printf("{\"tasks\":[{\"bundle\":\"/b\",%s}]}", with[i].text),
				    *want = mem_printf("conflicting options: %s and bundle", with[i].what ? with[i].what : "");
		char msg[1000];
		int r = check(text, msg);

		if ((r < 0) != (with[i].what != NULL) || (r < 0 && strcmp(msg, want) != 0))
			fail_msg("%s: %s", text, msg);
	}
}

static void clashing_ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		_cleanup_free_ char *text = mem_printf("{\"tasks\":[{" TASK "}],\"ports\":[{\"inside\":1,%s},{\"inside\":2,%s}]}",
						       pairs[i].a, pairs[i].b);
		char msg[1000];
		int r = check(text, msg);

		if ((r < 0) != pairs[i].clash)
			fail_msg("%s: %s", text, msg);
		if (pairs[i].clash)
			assert_string_equal(msg, "port 80/tcp is published twice (to 1 and to 2 inside)");
	}
}

static void names_of_tasks(void **state)
{
	char msg[1000];

	(void)state;
	assert_int_equal(check("{\"tasks\":[{\"name\":\"a\"," TASK "},{\"name\":\"b\"," TASK "}]}", msg), 0);
	assert_int_equal(check("{\"tasks\":[{\"name\":\"a\"," TASK "},{\"name\":\"a\"," TASK "}]}", msg), -ERR_INVALID);
	assert_string_equal(msg, "invalid task name \"a\": two tasks have it");
	assert_int_equal(check("{\"tasks\":[{" TASK "},{\"name\":\"b\"," TASK "}]}", msg), -ERR_INVALID);
	assert_string_equal(msg, "task name \"\": not a valid name");
	/* JOB.TASK must fit an id of containerd */
	assert_int_equal(check("{\"name\":\"j2345678901234567890123456789012345678901234567890123456789012\",\"tasks\":"
			       "[{\"name\":\"t23456789012\"," TASK "}]}",
			       msg),
			 0);
	assert_int_equal(check("{\"name\":\"j23456789012345678901234567890123456789012345678901234567890123\",\"tasks\":"
			       "[{\"name\":\"t23456789012\"," TASK "}]}",
			       msg),
			 0);
	assert_int_equal(check("{\"name\":\"j23456789012345678901234567890123456789012345678901234567890123\",\"tasks\":"
			       "[{\"name\":\"t234567890123\"," TASK "}]}",
			       msg),
			 -ERR_INVALID);
	/* the task is named where there is one to name */
	assert_int_equal(check("{\"tasks\":[{\"name\":\"a\"," TASK ",\"cwd\":\"x\"}]}", msg), -ERR_INVALID);
	assert_string_equal(msg, "task a: invalid working folder \"x\": not an absolute path");
}

static void many_ports_are_bounded(void **state)
{
	_cleanup_(job_freep) struct job *job = job_new();
	struct err err = ERR_INIT;

	(void)state;
	job->tasks[0].image = mem_strdup("i");
	for (int i = 0; i < JOB_PORTS_MAX + 1; i++) {
		struct port *p = job_add_port(job);

		p->inside = 80;
		p->host = (uint16_t)(1000 + i);
	}
	assert_int_equal(job_check(job, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "4097 ports: at most 4096 are allowed");
}

/* A job that cannot be written down could be started, and never be read again. */
static void other_bytes_than_utf8(void **state)
{
	static const char bad[] = "a\xff";
	_cleanup_(job_freep) struct job *job = job_new();
	struct task *t = job->tasks;
	struct err err = ERR_INIT;

	(void)state;
	t->image = mem_strdup("i");
	strv_push(&t->args, "f\xc3\xbcr");
	assert_int_equal(job_check(job, &err), 0);
	strv_push(&t->args, bad);
	assert_int_equal(job_check(job, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "invalid args \"a?\": not UTF-8"));
	strv_done(&t->args);
	err_clear(&err);
	dict_set(&t->labels, bad, "v");
	assert_int_equal(job_check(job, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "invalid labels \"a?\": not UTF-8"));
	dict_done(&t->labels);
	err_clear(&err);
	t->user = mem_strdup(bad);
	assert_int_equal(job_check(job, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "invalid user \"a?\": not UTF-8"));
}

/* Of each list as many as there may be, alike for long: a job's text and what is between its fields are read in a time that goes
 * by the job's length. */
enum { MOST = 4096 };

static void put_label(struct buf *b, unsigned i, const char *alike) { buf_addf(b, "\"%s%u\":\"\"", alike, i); }
static void put_mount(struct buf *b, unsigned i, const char *alike)
{
	buf_addf(b, "{\"type\":\"tmpfs\",\"target\":\"/%s%u\"}", alike, i);
}
static void put_port(struct buf *b, unsigned i, const char *alike)
{
	(void)alike;
	buf_addf(b, "{\"host_ip\":\"127.1.%u.%u\",\"host\":80,\"inside\":80}", i / 256, i % 256);
}
static void put_task(struct buf *b, unsigned i, const char *alike)
{
	buf_addf(b, "{\"image\":\"i\",\"name\":\"%.64s%u\"}", alike, i);
}

static const struct list {
	const char *before, *behind, *twice;
	void (*put)(struct buf *, unsigned i, const char *alike);
} lists[] = {
	{ "\"tasks\":[{\"image\":\"i\"}],\"labels\":{", "}", "is given twice", put_label },
	{ "\"tasks\":[{\"image\":\"i\",\"mounts\":[", "]}]", "two mounts have it", put_mount },
	{ "\"tasks\":[{\"image\":\"i\"}],\"ports\":[", "]", "port 80/tcp is published twice", put_port },
	{ "\"tasks\":[", "]", "two tasks have it", put_task },
};

/* The first again as the last where @twice says so. */
static void put_list(const struct list *list, unsigned n, bool twice, struct buf *out)
{
	char alike[2001] = { 0 };

	memset(alike, 'a', sizeof alike - 1);
	buf_addf(out, "{%s", list->before);
	for (unsigned i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ',');
		list->put(out, twice && i == n - 1 ? 0 : i, alike);
	}
	buf_addf(out, "%s}", list->behind);
}

/* Only what this thread does counts, not how long it waits for others. */
static int64_t time_of(const struct buf *text)
{
	_cleanup_(job_freep) struct job *job = NULL;
	struct timespec from, to;
	struct err err = ERR_INIT;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	if (job_read_json("f", text->data, text->len, &job, &err) < 0 || job_check(job, &err) < 0)
		fail_msg("%s", err.msg);
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	return (to.tv_sec - from.tv_sec) * 1000000000LL + to.tv_nsec - from.tv_nsec;
}

/* Eight times as many cost eight times as much and a little more, and not 64 times. */
static void eight_times_as_long_takes_eight_times_as_long(void **state)
{
	(void)state;
	for (const struct list *l = lists; l < lists + sizeof lists / sizeof *lists; l++) {
		_cleanup_buf_ struct buf few = { 0 }, many = { 0 };
		int64_t a = INT64_MAX, b = INT64_MAX;

		put_list(l, MOST / 8, false, &few);
		put_list(l, MOST, false, &many);
		for (int i = 0; i < 5 && (i == 0 || b > 20 * a); i++) {
			int64_t x = time_of(&few), y = time_of(&many);

			a = x < a ? x : a;
			b = y < b ? y : b;
		}
		print_message("%s: %d: %.2f ms, %d: %.2f ms\n", l->twice, MOST / 8, (double)a / 1e6, MOST, (double)b / 1e6);
		assert_true(b < 20 * a);
	}
}

static void the_last_of_many_is_the_first_again(void **state)
{
	(void)state;
	for (const struct list *l = lists; l < lists + sizeof lists / sizeof *lists; l++) {
		_cleanup_(job_freep) struct job *job = NULL;
		_cleanup_buf_ struct buf text = { 0 };
		struct err err = ERR_INIT;

		put_list(l, MOST, true, &text);
		assert_int_equal(job_read_json("f", text.data, text.len, &job, &err), -ERR_INVALID);
		if (!strstr(err.msg, l->twice))
			fail_msg("%s", err.msg);
		err_clear(&err);
	}
}

/* Sorted or not: the first that clashes is what comparing each with each before it finds. */
static void the_first_clash_of_any_ports(void **state)
{
	static const char *const ips[] = { NULL, "0.0.0.0", "::", "127.0.0.1", "10.0.0.1", "::1", "0:0::1", "fd00::2" };
	unsigned seed = 1, clashes = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct port p[6];
		size_t n = 0, first = 0;

		for (; n < 2 + (unsigned)round % 5; n++) {
			seed = seed * 1103515245 + 12345;
			p[n] = (struct port){ .host_ip = (char *)(uintptr_t)ips[seed >> 16 & 7],
					      .host = (uint16_t)(seed >> 19 & 3),
					      .host_last = (seed >> 21 & 7) ? 0 : 90,
					      .proto = seed >> 24 & 1 };
		}
		for (bool clash = false; first < n; first++) {
			for (size_t k = 0; k < first; k++)
				clash = clash || port_clashes(&p[first], &p[k]);
			if (clash)
				break;
		}
		clashes += first < n;
		assert_int_equal(ports_clash(p, n), first);
	}
	assert_in_range(clashes, 2000, 18000);
}

RUN_TESTS("job-check", cmocka_unit_test(one_mistake_each), cmocka_unit_test(beside_a_bundle), cmocka_unit_test(clashing_ports),
	  cmocka_unit_test(names_of_tasks), cmocka_unit_test(many_ports_are_bounded), cmocka_unit_test(other_bytes_than_utf8),
	  cmocka_unit_test(eight_times_as_long_takes_eight_times_as_long), cmocka_unit_test(the_last_of_many_is_the_first_again),
	  cmocka_unit_test(the_first_clash_of_any_ports))
