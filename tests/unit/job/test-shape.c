#include "test.h"
#include "job.h"
#include "job-table.h"
#include "mem.h"

static json *parsed(const char *text)
{
	struct err err = ERR_INIT;
	json *j = NULL;

	if (json_parse(text, strlen(text), &j, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return j;
}

/* Every key of every table, none at its default. */
static const char full[] =
	"{\"name\":\"web\",\"tasks\":[{\"name\":\"a\",\"image\":\"redis:7\",\"pull\":\"never\",\"platform\":\"linux/arm64/v8\","
	"\"entrypoint\":[],\"args\":[\"x\",\"\",\"ä\\n\"],\"env\":[\"A=1\",\"B=\"],\"cwd\":\"/srv\",\"user\":\"bob:1000\","
	"\"group_add\":[\"audio\",\"7\"],\"tty\":true,\"stdin_open\":true,\"stop_signal\":\"SIGQUIT\",\"stop_timeout\":0,"
	"\"privileged\":true,"
	"\"read_only\":true,\"no_new_privileges\":false,\"cap_add\":[\"NET_ADMIN\"],\"cap_drop\":[\"ALL\"],\"seccomp\":"
	"\"unconfined\","
	"\"apparmor\":\"p\","
	"\"selinux\":[\"type:t\",\"level:s0:c1,c2\"],\"masked_paths_off\":[\"all\"],\"memory\":67108864,\"memory_swap\":-1,"
	"\"cpus\":0.1,\"cpu_shares\":2,"
	"\"cpuset_cpus\":\"0-3,7\",\"cpuset_mems\":\"0\",\"pids_limit\":-1,\"shm_size\":1,\"oom_score_adj\":-1000,"
	"\"ulimits\":[{\"name\":\"nofile\",\"soft\":1,\"hard\":-1}],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true,\"options\":[\"rslave\"]},"
	"{\"type\":\"volume\",\"target\":\"/v\"},{\"type\":\"tmpfs\",\"target\":\"/t\"}],"
	"\"devices\":[{\"host\":\"/dev/fuse\",\"inside\":\"/dev/"
	"f\",\"access\":\"rw\"}],\"labels\":{\"l\":\"\"},\"annotations\":{\"n\":\"v\"},"
	"\"log\":\"none\",\"log_max_size\":4096,\"log_max_files\":1},{\"name\":\"b\",\"image\":\"i\"}],\"network\":\"net1\","
	"\"ports\":[{\"host_ip\":\"::1\",\"host\":8080,\"host_last\":8081,\"inside\":80,\"proto\":\"udp\"}],"
	"\"expose\":[\"80\"],\"publish_all\":true,\"hostname\":\"h\",\"dns\":[\"1.1.1.1\"],"
	"\"dns_search\":[\"example.org\"],\"dns_options\":[\"ndots:2\"],\"extra_hosts\":[\"db:10.0.0.1\"],\"runtime\":\"crun\","
	"\"snapshotter\":\"native\",\"labels\":{\"k\":\"v\"},\"remove\":true}";

static void round_trip_changes_nothing(void **state)
{
	static const char *const texts[] = { full, "{\"tasks\":[{\"image\":\"i\"}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_json_ json *j = parsed(texts[i]), *again = NULL;
		_cleanup_(job_freep) struct job *job = NULL;
		_cleanup_buf_ struct buf text = { 0 };
		struct err err = ERR_INIT;

		if (job_from_json(j, &job, &err) < 0)
			fail_msg("%s", err.msg);
		again = job_to_json(job);
		json_write(again, &text);
		assert_string_equal(text.data, texts[i]);
	}
}

/* A key that the round trip above does not hold would not be tested at all. */
static void holds_every_key(json *j, const struct shape *s)
{
	for (size_t i = 0; i < s->n; i++) {
		json *v = json_get(j, s->fields[i].key);

		if (s == &mount_shape && !strcmp(s->fields[i].key, "type"))
			continue; /* bind is its default: the other elements have it */
		if (!v)
			fail_msg("%s.%s is not in the full job", s->noun, s->fields[i].key);
		if (s->fields[i].of)
			holds_every_key(json_at(v, 0), s->fields[i].of);
		assert_non_null(s->fields[i].doc);
	}
}

static void full_job_is_full(void **state)
{
	_cleanup_json_ json *j = parsed(full);

	(void)state;
	holds_every_key(j, &job_shape);
}

static void defaults(void **state)
{
	_cleanup_(job_freep) struct job *j = job_new();

	(void)state;
	assert_int_equal(j->n_tasks, 1);
	assert_string_equal(j->tasks[0].name, "");
	assert_true(j->tasks[0].no_new_privileges);
	assert_int_equal(j->tasks[0].stop_timeout, 10);
	assert_int_equal(j->tasks[0].shm_size, 64 << 20);
	assert_int_equal(j->tasks[0].log_max_size, 10 << 20);
	assert_int_equal(j->tasks[0].log_max_files, 5);
}

static void forgiving_where_it_is_safe(void **state)
{
	_cleanup_json_ json *j =
		parsed("{\"name\":null,\"tasks\":[{\"image\":\"i\",\"memory\":\"64m\",\"cpus\":2,\"entrypoint\":null}]}");
	_cleanup_(job_freep) struct job *job = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (job_from_json(j, &job, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(job->tasks[0].memory, 64 << 20);
	assert_true(job->tasks[0].cpus == 2);
	assert_false(job->tasks[0].has_entrypoint);
	assert_null(job->name);
}

static const struct {
	const char *text, *msg, *hint;
} wrong[] = {
	{ "[]", "job: a job is a JSON object", "" },
	{ "{}", "job without tasks", "" },
	{ "{\"tasks\":[]}", "job without tasks", "" },
	{ "{\"tasks\":[{}]}", "tasks[0]: task without image", "" },
	{ "{\"tasks\":[{\"image\":\"\"}]}", "tasks[0]: task without image", "" },
	{ "{\"tasks\":[7]}", "job: tasks[0]: a task is a JSON object", "" },
	{ "{\"tasks\":{\"image\":\"i\"}}", "job: key \"tasks\": wants a list of at most 4096 objects", "" },
	{ "{\"task\":[]}", "job: unknown key \"task\" of a job", "did you mean \"tasks\"?" },
	{ "{\"zzzzzz\":[]}", "job: unknown key \"zzzzzz\" of a job", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"mounts\":[{\"target\":\"/a\",\"raed_only\":true}]}]}",
	  "job: tasks[0]: mounts[0]: unknown key \"raed_only\" of a mount", "did you mean \"read_only\"?" },
	{ "{\"tasks\":[{\"image\":7}]}", "job: tasks[0]: key \"image\": wants text", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"env\":\"A=1\"}]}", "job: tasks[0]: key \"env\": wants a list of at most 65536 texts",
	  "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"env\":[1]}]}", "job: tasks[0]: key \"env\": wants a list of texts", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"labels\":{\"a\":1}}]}", "job: tasks[0]: key \"labels\": \"a\" wants text", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"tty\":\"yes\"}]}", "job: tasks[0]: key \"tty\": wants true or false", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":true}]}",
	  "job: tasks[0]: key \"memory\": wants a number of bytes or text such as \"64m\"", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":99999999999999999999}]}",
	  "job: tasks[0]: key \"memory\": 18446744073709551615 is out of range", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":4096}]}", "tasks[0]: memory 4096: out of range",
	  "6291456 to 1152921504606846976" },
	{ "{\"tasks\":[{\"image\":\"i\",\"stop_timeout\":-1}]}", "tasks[0]: stop_timeout -1: out of range", "0 to 31536000" },
	{ "{\"tasks\":[{\"image\":\"i\",\"oom_score_adj\":4294967296}]}",
	  "job: tasks[0]: key \"oom_score_adj\": 4294967296 is out of range", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"oom_score_adj\":1001}]}", "tasks[0]: oom_score_adj 1001: out of range", "-1000 to 1000" },
	{ "{\"tasks\":[{\"image\":\"i\",\"cpus\":\"2\"}]}", "job: tasks[0]: key \"cpus\": wants a number", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"cpus\":-0.5}]}", "tasks[0]: cpus -0.5: out of range", "0 to 1048576" },
	{ "{\"tasks\":[{\"image\":\"i\",\"pids_limit\":1.5}]}", "job: tasks[0]: key \"pids_limit\": wants a whole number", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"pull\":\"sometimes\"}]}",
	  "job: tasks[0]: key \"pull\": wants one of \"missing\", \"always\", \"never\"", "" },
	{ "{\"tasks\":[{\"image\":\"i\"}],\"ports\":[{\"host\":80}]}", "ports[0]: port without inside", "" },
	{ "{\"tasks\":[{\"image\":\"i\"}],\"ports\":[{\"inside\":65536}]}", "job: ports[0]: key \"inside\": 65536 is out of range",
	  "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"ulimits\":[{\"name\":\"nofile\",\"soft\":-2}]}]}",
	  "job: tasks[0]: ulimits[0]: key \"soft\": -2 is out of range", "" },
};

static void names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		_cleanup_json_ json *j = parsed(wrong[i].text);
		struct job *job = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(job_from_json(j, &job, &err), -ERR_INVALID);
		assert_null(job);
		assert_string_equal(err.msg, wrong[i].msg);
		assert_string_equal(err.hint, wrong[i].hint);
	}
}

static void bounds_lists(void **state)
{
	_cleanup_json_ json *j = parsed("{\"tasks\":[{\"image\":\"i\"}]}");
	struct job *job = NULL;
	struct err err = ERR_INIT;
	json *env = json_new_array();

	(void)state;
	for (int i = 0; i < 65537; i++)
		json_append(env, json_new_str("A=1"));
	json_put(json_at(json_get(j, "tasks"), 0), "env", env);
	assert_int_equal(job_from_json(j, &job, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "at most 65536"));
}

RUN_TESTS("shape", cmocka_unit_test(round_trip_changes_nothing), cmocka_unit_test(full_job_is_full), cmocka_unit_test(defaults),
	  cmocka_unit_test(forgiving_where_it_is_safe), cmocka_unit_test(names_what_is_wrong), cmocka_unit_test(bounds_lists))
