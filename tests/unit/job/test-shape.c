#include "test.h"
#include "job.h"
#include "job-table.h"
#include "mem.h"
#include "place.h"
#include "tree-json.h"

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
	"{\"name\":\"web\",\"tasks\":[{\"name\":\"a\",\"image\":\"redis:7\",\"pull\":\"never\",\"pull_timeout\":60,\"auth\":{"
	"\"username\":\"u\",\"password\":\"p\"},"
	"\"platform\":\"linux/arm64/v8\","
	"\"entrypoint\":[],\"args\":[\"x\",\"\",\"ä\\n\"],\"env\":[\"A=1\",\"B=\"],\"env_files\":[\"e\"],\"cwd\":\"/"
	"srv\",\"user\":\"bob:1000\","
	"\"group_add\":[\"audio\",\"7\"],\"tty\":true,\"stdin_open\":true,\"init\":true,\"provision\":[\"/"
	"s\"],\"stop_signal\":\"SIGQUIT\",\"stop_timeout\":0,"
	"\"lifecycle\":\"poststart\",\"sidecar\":true,\"leader\":true,\"depends_on\":[{\"name\":\"c\",\"condition\":\"completed\"}]"
	","
	"\"restart\":{\"policy\":\"on-failure\",\"attempts\":3,\"interval\":60,\"delay\":5,\"mode\":\"delay\"},"
	"\"healthcheck\":{\"type\":\"http\",\"exec\":[\"x\"],\"url\":\"/"
	"h\",\"expect\":\"ok\",\"interval\":5,\"timeout\":2,\"retries\":4,\"start_period\":9,\"start_interval\":3},"
	"\"userns\":\"host\",\"pid\":\"host\",\"ipc\":\"task:b\",\"uts\":\"private\",\"cgroupns\":\"private\","
	"\"privileged\":true,"
	"\"read_only\":true,\"no_new_privileges\":false,\"cap_add\":[\"NET_ADMIN\"],\"cap_drop\":[\"ALL\"],\"seccomp\":"
	"\"unconfined\","
	"\"apparmor\":\"p\","
	"\"selinux\":[\"type:t\",\"level:s0:c1,c2\"],\"masked_paths\":[],\"readonly_paths\":[\"/"
	"proc\"],\"memory\":67108864,\"memory_swap\":-1,"
	"\"memory_reservation\":33554432,\"memory_swappiness\":0,"
	"\"cpus\":0.1,\"cpu_shares\":2,"
	"\"cpuset_cpus\":\"0-3,7\",\"cpuset_mems\":\"0\",\"pids_limit\":-1,\"blkio_weight\":10,\"blkio_weight_devices\":[{\"path\":"
	"\"/dev/a\",\"weight\":10}],"
	"\"device_read_bps\":[{\"path\":\"/dev/a\",\"rate\":1}],\"device_write_bps\":[{\"path\":\"/dev/a\",\"rate\":2}],"
	"\"device_read_iops\":[{\"path\":\"/dev/a\",\"rate\":3}],\"device_write_iops\":[{\"path\":\"/dev/a\",\"rate\":4}],"
	"\"hugepages\":[{\"size\":\"2MB\",\"limit\":2097152}],\"shm_size\":1,\"oom_score_adj\":-1000,"
	"\"ulimits\":[{\"name\":\"nofile\",\"soft\":1,\"hard\":-1}],\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"},"
	"\"mounts\":[{\"source\":\"/a\",\"target\":\"/b\",\"read_only\":true,\"options\":[\"rslave\"]},"
	"{\"type\":\"volume\",\"target\":\"/v\"},{\"type\":\"tmpfs\",\"target\":\"/t\"}],"
	"\"files\":[{\"target\":\"/f\",\"data\":\"d\",\"mode\":\"0600\"}],"
	"\"devices\":[{\"host\":\"/dev/fuse\",\"inside\":\"/dev/"
	"f\",\"access\":\"rw\"}],\"cdi_devices\":[\"a.b/c=d\"],\"device_cgroup_rules\":[\"c 1:3 rwm\"],"
	"\"labels\":{\"l\":\"\"},\"annotations\":{\"n\":\"v\"},"
	"\"log\":\"none\",\"log_max_size\":4096,\"log_max_files\":1,\"log_retention\":60},"
	"{\"name\":\"b\",\"bundle\":\"/"
	"b\"},{\"name\":\"c\",\"image\":\"i\",\"auth\":{\"file\":\"/"
	"c.json\"},\"cpu_quota\":1000,\"cpu_period\":1000}],\"network\":\"net1\","
	"\"ip\":[\"10.0.0.2\",\"fd00::2\"],\"mac\":\"02:00:00:00:00:01\",\"aliases\":[\"w\"],"
	"\"networks\":[{\"name\":\"n2\",\"ip\":[\"10.1.0.2\"],\"mac\":\"02:00:00:00:00:02\",\"aliases\":[\"x\"]}],"
	"\"ports\":[{\"name\":\"http\",\"host_ip\":\"::1\",\"host\":8080,\"host_last\":8081,\"inside\":80,\"proto\":\"udp\"}],"
	"\"expose\":[\"80\"],\"publish_all\":true,\"hostname\":\"h\",\"dns\":[\"1.1.1.1\"],"
	"\"dns_search\":[\"example.org\"],\"dns_options\":[\"ndots:2\"],\"host_dns\":true,\"extra_hosts\":[\"db:10.0.0.1\"],"
	"\"runtime\":\"crun\",\"runtime_options\":{\"BinaryName\":\"/x\"},"
	"\"snapshotter\":\"native\",\"labels\":{\"k\":\"v\"},\"remove\":true,\"results\":\"/r\","
	"\"depends_on\":[{\"name\":\"db\"}],\"failure_recovery\":\"one_for_all\"}";

static void round_trip_changes_nothing(void **state)
{
	static const char *const texts[] = { full, "{\"tasks\":[{\"image\":\"i\"}]}" };

	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		_cleanup_json_ json *again = NULL, *of_copy = NULL;
		_cleanup_(job_freep) struct job *job = NULL, *copy = NULL;
		_cleanup_buf_ struct buf text = { 0 }, copied = { 0 };
		struct err err = ERR_INIT;

		if (job_read_json("f", texts[i], strlen(texts[i]), &job, &err) < 0)
			fail_msg("%s", err.msg);
		again = job_to_json(job);
		json_write(again, &text);
		assert_string_equal(text.data, texts[i]);
		copy = job_copy(job);
		job_free(TAKE_PTR(job)); /* it owns all that it has */
		of_copy = job_to_json(copy);
		json_write(of_copy, &copied);
		assert_string_equal(copied.data, texts[i]);
	}
}

/* Keys that exclude another, or a second task: the other tasks have them, or it stands at its default. */
static bool excluded(const struct shape *s, const char *key)
{
	static const char *const keys[] = { "bundle", "cgroup", "cpu_quota", "cpu_period", "file", "condition", "sandbox" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if ((s == &task_shape || s == &auth_shape || s == &depend_shape) && !strcmp(key, keys[i]))
			return true;
	return false;
}

/* A key that the round trip above does not hold would not be tested at all. */
static void holds_every_key(json *j, const struct shape *s)
{
	for (size_t i = 0; i < s->n; i++) {
		json *v = s->fields[i].key ? json_get(j, s->fields[i].key) : NULL;

		assert_non_null(s->fields[i].doc);
		if (!s->fields[i].key)
			continue;
		if (s == &mount_shape && !strcmp(s->fields[i].key, "type"))
			continue; /* bind is its default: the other elements have it */
		if (excluded(s, s->fields[i].key))
			continue;
		if (!v)
			fail_msg("%s.%s is not in the full job", s->noun, s->fields[i].key);
		if (s->fields[i].type == FIELD_ARRAY)
			holds_every_key(json_at(v, 0), s->fields[i].of);
		else if (s->fields[i].type == FIELD_OBJECT)
			holds_every_key(v, s->fields[i].of);
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
	static const char text[] =
		"{\"name\":null,\"tasks\":[{\"image\":\"i\",\"memory\":\"64m\",\"cpus\":2,\"entrypoint\":null}]}";
	_cleanup_(job_freep) struct job *job = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (job_read_json("f", text, sizeof text - 1, &job, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(job->tasks[0].memory, 64 << 20);
	assert_true(job->tasks[0].cpus == 2);
	assert_false(job->tasks[0].has_entrypoint);
	assert_null(job->name);
}

static const struct {
	const char *text, *msg, *hint;
} wrong[] = {
	{ "[]", "a job is an object", "" },
	{ "{}", "job without tasks", "" },
	{ "{\"tasks\":[]}", "job without tasks", "" },
	{ "{\"tasks\":[{}]}", "task without image", "" },
	{ "{\"tasks\":[{\"image\":\"\"}]}", "task without image", "" },
	{ "{\"tasks\":[7]}", "a task is an object", "" },
	{ "{\"tasks\":{\"image\":\"i\"}}", "key \"tasks\": wants a list of at most 4096 objects", "" },
	{ "{\"task\":[]}", "unknown key \"task\" of a job", "did you mean \"tasks\"?" },
	{ "{\"image\":\"i\"}", "unknown key \"image\" of a job", "it belongs to a task: \"tasks\": [{\"image\": ...}]" },
	{ "{\"inside\":80}", "unknown key \"inside\" of a job", "it belongs to a port: \"ports\": [{\"inside\": ...}]" },
	{ "{\"zzzzzz\":[]}", "unknown key \"zzzzzz\" of a job", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"mounts\":[{\"target\":\"/a\",\"raed_only\":true}]}]}",
	  "mounts[0]: unknown key \"raed_only\" of a mount", "did you mean \"read_only\"?" },
	{ "{\"tasks\":[{\"image\":7}]}", "key \"image\": wants text", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"env\":\"A=1\"}]}", "key \"env\": wants a list of at most 65536 texts", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"env\":[1]}]}", "key \"env\": wants a list of texts", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"labels\":{\"a\":1}}]}", "key \"labels\": \"a\" wants text", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"tty\":\"yes\"}]}", "key \"tty\": wants true or false", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":true}]}", "key \"memory\": wants a number of bytes or text such as \"64m\"",
	  "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":99999999999999999999}]}", "key \"memory\": 99999999999999999999 is out of range",
	  "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"memory\":4096}]}", "memory 4096: out of range", "6291456 to 1152921504606846976" },
	{ "{\"tasks\":[{\"image\":\"i\",\"stop_timeout\":-1}]}", "stop_timeout -1: out of range", "0 to 31536000" },
	{ "{\"tasks\":[{\"image\":\"i\",\"oom_score_adj\":4294967296}]}", "key \"oom_score_adj\": 4294967296 is out of range", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"oom_score_adj\":1001}]}", "oom_score_adj 1001: out of range", "-1000 to 1000" },
	{ "{\"tasks\":[{\"image\":\"i\",\"cpus\":\"2\"}]}", "key \"cpus\": wants a number", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"shm_size\":1152921504606846977}]}", "shm_size 1152921504606846977: out of range",
	  "0 to 1152921504606846976" },
	{ "{\"tasks\":[{\"image\":\"i\",\"cpus\":-0.1}]}", "cpus -0.1: out of range", "0 to 1048576" },
	{ "{\"tasks\":[{\"image\":\"i\",\"cpus\":-0.5}]}", "cpus -0.5: out of range", "0 to 1048576" },
	{ "{\"tasks\":[{\"image\":\"i\",\"pids_limit\":1.5}]}", "key \"pids_limit\": wants a whole number", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"pull\":\"sometimes\"}]}", "key \"pull\": wants one of \"missing\", \"always\", \"never\"",
	  "" },
	{ "{\"tasks\":[{\"image\":\"i\"}],\"ports\":[{\"host\":80}]}", "ports[0]: port without inside", "" },
	{ "{\"tasks\":[{\"image\":\"i\"}],\"ports\":[{\"inside\":65536}]}", "ports[0]: key \"inside\": 65536 is out of range", "" },
	{ "{\"tasks\":[{\"image\":\"i\",\"ulimits\":[{\"name\":\"nofile\",\"soft\":-2}]}]}",
	  "ulimits[0]: key \"soft\": -2 is out of range", "" },
#define MODES(of_job, of_task) "{" of_job "\"tasks\":[{\"image\":\"i\"," of_task "}]}"
	{ MODES("", "\"cgroup\":\"a\""), "invalid cgroup \"a\": not a path such as /a/b", "" },
	{ MODES("", "\"cgroup\":\"/a/../b\""), "invalid cgroup \"/a/../b\": not a path such as /a/b", "" },
	{ MODES("", "\"cgroup\":\"/a/\""), "invalid cgroup \"/a/\": not a path such as /a/b", "" },
	{ MODES("", "\"name\":\"a\",\"cgroup\":\"/a\"},{\"name\":\"b\",\"image\":\"i\""),
	  "task a: a cgroup of somebody else's is for jobs of one task", "" },
	{ MODES("\"hostname\":\"h\",", "\"uts\":\"host\""), "conflicting options: hostname and uts host", "the host has its name" },
	{ MODES("", "\"ipc\":\"host\",\"shm_size\":1"), "conflicting options: shm-size and ipc host", "/dev/shm is the host's" },
	{ MODES("", "\"ipc\":\"host\",\"sysctl\":{\"kernel.sem\":\"1\"}"),
	  "invalid sysctl \"kernel.sem\": with ipc host it would change the host", "" },
	{ MODES("", "\"uts\":\"host\",\"sysctl\":{\"kernel.domainname\":\"x\"}"),
	  "invalid sysctl \"kernel.domainname\": with uts host it would change the host", "" },
	{ MODES("", "\"userns\":\"private\",\"privileged\":true"), "conflicting options: privileged and userns private",
	  "what is privileged is the host's root: --userns host" },
	{ MODES("", "\"userns\":\"private\",\"pid\":\"host\""), "conflicting options: pid host and userns private",
	  "--userns host, or a process namespace of its own" },
	{ MODES("\"network\":\"host\",", "\"userns\":\"private\""), "conflicting options: network host and userns private",
	  "--userns host, or a network of its own" },
	{ "{\"tasks\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\",\"userns\":\"private\",\"pid\":\"task:a\"}]"
	  "}",
	  "task b: it shares a namespace with task a, and has another userns", "" },
	{ "{\"name\":\"a\",\"name\":\"b\"}", "key \"name\" is given twice", "" },
	{ "{\"labels\":{\"a\":\"1\",\"a\":\"2\"}}", "key \"labels\": \"a\" is given twice", "" },
	{ "{\"tasks\":[{\"name\":\"a\",\"image\":\"i\"},{\"image\":7}]}", "tasks[1]: key \"image\": wants text", "" },
	{ "{\"tasks\":[{\"name\":\"a\",\"image\":7},{\"image\":\"i\"}]}", "task a: key \"image\": wants text", "" },
};

static void names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct job *job = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(job_read_json("f", wrong[i].text, strlen(wrong[i].text), &job, &err), -ERR_INVALID);
		assert_null(job);
		assert_string_equal(test_after_place(err.msg), wrong[i].msg);
		assert_string_equal(err.hint, wrong[i].hint);
	}
}

static void bounds_lists(void **state)
{
	_cleanup_json_ json *j = parsed("{\"tasks\":[{\"image\":\"i\"}]}");
	struct job *job = NULL;
	struct err err = ERR_INIT;
	_cleanup_buf_ struct buf text = { 0 };
	json *env = json_new_array();

	(void)state;
	for (int i = 0; i < 65537; i++)
		json_append(env, json_new_str("A=1"));
	json_put(json_at(json_get(j, "tasks"), 0), "env", env);
	json_write(j, &text);
	assert_int_equal(job_read_json("f", text.data, text.len, &job, &err), -ERR_INVALID);
	assert_non_null(strstr(err.msg, "at most 65536"));
}

/* Of what a stranger wrote only so much is said that place and cause stay whole, and nothing that moves a terminal. */
static void long_and_hostile_texts_are_cut(void **state)
{
	_cleanup_free_ char *longest = mem_printf("\\u001b[2J\\u202e%05000d", 0);
	static const struct {
		const char *before, *behind, *cause;
	} rows[] = {
		{ "{\"", "\":1}", "of a job" },
		{ "{\"labels\":{\"", "\":1}}", "wants text" },
		{ "{\"tasks\":[{\"name\":\"", "\",\"image\":7}]}", "wants text" },
		{ "{\"tasks\":[{\"image\":\"i\",\"cwd\":\"", "\"}]}", "not an absolute path" },
		{ "{\"tasks\":[{\"image\":\"i\",\"mounts\":[{\"target\":\"", "\"}]}]}", "not an absolute path" },
		{ "{\"tasks\":[{\"image\":\"i\",\"ulimits\":[{\"name\":\"", "\"}]}]}", "no such limit" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *text = mem_printf("%s%s%s", rows[i].before, longest, rows[i].behind);
		struct job *job = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(job_read_json("f", text, strlen(text), &job, &err), -ERR_INVALID);
		assert_memory_equal(err.msg, "f:1:", 4);
		if (!strstr(err.msg, rows[i].cause) || strpbrk(err.msg, "\n\033") || strstr(err.msg, "\xe2\x80\xae"))
			fail_msg("%s", err.msg);
	}
}

/* The place is that of the value, or of the object where something between values is wrong. */
static void says_where_it_is_wrong(void **state)
{
	static const struct {
		const char *text, *msg;
	} rows[] = {
		{ "[]", "f:1:1: a job is an object" },
		{ "{\n \"nmae\": 1}", "f:2:10: unknown key \"nmae\" of a job" },
		{ "{\n \"tasks\": [\n  {\"image\": \"i\",\n   \"env\": [\"A=1\", \"B\"]}]}",
		  "f:4:19: invalid environment variable \"B\": not NAME=VALUE" },
		{ "{\"tasks\": [\n  {\"image\": \"i\", \"sysctl\": {\n\"net.a\": \"1\",\n \"vm.b\": \"1\"}}]}",
		  "f:4:10: invalid sysctl \"vm.b\": not separate for containers: it would change the host" },
		{ "{\"tasks\": [\n  {\"image\": \"i\", \"memory\": 1}]}", "f:2:28: memory 1: out of range" },
		{ "{\"tasks\": [\n  {}]}", "f:2:3: task without image" },
		{ "{\"tasks\": [{\"image\": \"i\", \"mounts\": [\n{\"target\": \"/a\"}]}]}",
		  "f:2:1: mounts[0]: invalid mount \"/a\": a bind wants a source" },
		{ "{\"tasks\": [{\"image\": \"i\"}],\n}", "f:2:1: a key in quotes is missing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job *job = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(job_read_json("f", rows[i].text, strlen(rows[i].text), &job, &err), -ERR_INVALID);
		assert_string_equal(err.msg, rows[i].msg);
	}
}

/* No local array of shape.c is bounded by the tables of today. */
static void tables_may_grow(void **state)
{
	enum { N = 200 };
	static struct field fields[N];
	static char keys[N][8];
	static int64_t values[N];
	const struct shape s = { .noun = "thing", .size = sizeof values, .fields = fields, .n = N };
	_cleanup_tree_ struct tree right = { .file = "f" }, mistyped = { .file = "f" };
	_cleanup_buf_ struct buf text = { 0 };
	const struct node *bad = NULL;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(keys[i], sizeof keys[i], "key%zu", i);
		fields[i] = (struct field){ keys[i], FIELD_INT, .offset = (uint16_t)(i * sizeof *values), .max = N, .doc = "" };
		buf_addf(&text, "%s\"key%zu\":%zu", i ? "," : "{", i, i);
	}
	buf_addc(&text, '}');
	assert_int_equal(tree_json(text.data, text.len, &right, NULL), 0);
	assert_int_equal(shape_read(&s, right.root, values, &bad, &err), 0);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(values[i], i);
	assert_int_equal(tree_json("{\"kye199\":1}", 12, &mistyped, NULL), 0);
	assert_int_equal(shape_read(&s, mistyped.root, values, &bad, &err), -ERR_INVALID);
	assert_string_equal(err.hint, "did you mean \"key199\"?");
}

RUN_TESTS("shape", cmocka_unit_test(says_where_it_is_wrong), cmocka_unit_test(long_and_hostile_texts_are_cut),
	  cmocka_unit_test(tables_may_grow), cmocka_unit_test(round_trip_changes_nothing), cmocka_unit_test(full_job_is_full),
	  cmocka_unit_test(defaults), cmocka_unit_test(forgiving_where_it_is_safe), cmocka_unit_test(names_what_is_wrong),
	  cmocka_unit_test(bounds_lists))
