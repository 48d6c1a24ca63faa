/* A task as Nomad describes it, and the job that davit makes of it. */
#include "test.h"
#include "said.h"
#include "job-table.h"
#include "mem.h"
#include <string.h>

/* What each task has of Nomad's folders, in the order in which they stand. */
#define FOLDERS \
	"{\"source\":\"/n/A/alloc\",\"target\":\"/alloc\"}," \
	"{\"source\":\"/n/A/alloc/logs\",\"target\":\"/alloc/logs\",\"read_only\":true}," \
	"{\"source\":\"/n/A/web/local\",\"target\":\"/local\"},{\"source\":\"/n/A/web/secrets\",\"target\":\"/secrets\"}"

#define TASK(json) "{\"tasks\":[{" json "}]}"
#define CONF(json) "{\"image\":\"x\"," json "}"

static const struct {
	const char *task, *conf, *driver; /* NULL: nothing special */
	const char *job;                  /* what the job has */
	const char *absent;               /* and what is nowhere in it */
} rows[] = {
	/* names, labels, network */
	{ NULL, NULL, NULL,
	  "{\"name\":\"web-0f2a1b3c-0000-4000-8000-0123456789ab-deadbeef\",\"labels\":{"
	  "\"com.hashicorp.nomad.alloc_id\":\"0f2a1b3c-0000-4000-8000-0123456789ab\","
	  "\"com.hashicorp.nomad.task_id\":\"0f2a1b3c-0000-4000-8000-0123456789ab/web/deadbeef\"},"
	  "\"tasks\":[{\"image\":\"x\",\"pull\":\"never\",\"log\":\"none\",\"mounts\":[" FOLDERS "]}]}",
	  "job_name" },
	{ NULL, CONF("\"labels\":[{\"a\":\"b\"},{\"c\":\"d\"}]"), "{\"extra_labels\":[\"job*\",\"node_name\"]}",
	  "{\"labels\":{\"a\":\"b\",\"c\":\"d\",\"com.hashicorp.nomad.job_name\":\"site\",\"com.hashicorp.nomad.job_id\":\"site\","
	  "\"com.hashicorp.nomad.node_name\":\"n1\"}}",
	  "task_group_name" },
	{ NULL, NULL, "{\"extra_labels\":[\"*\"]}",
	  "{\"labels\":{\"com.hashicorp.nomad.task_group_name\":\"front\",\"com.hashicorp.nomad.task_name\":\"web\","
	  "\"com.hashicorp.nomad.namespace\":\"default\"}}",
	  "parent_job_id" },
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/var/run/netns/A\"}}", CONF("\"hostname\":\"box\""), NULL,
	  "{\"network\":\"ns:/var/run/netns/A\",\"hostname\":\"box\"}", "ports" },
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/r/"
	  "A\",\"hosts_config\":{\"hostname\":\"h\",\"address\":\"10.0.0.9\"}}}",
	  CONF("\"extra_hosts\":[\"db:10.0.0.5\"]"), NULL, "{\"hostname\":\"h\",\"extra_hosts\":[\"db:10.0.0.5\"]}", "10.0.0.9" },
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/r/"
	  "A\",\"hosts_config\":{\"hostname\":\"h\",\"address\":\"10.0.0.9\"}}}",
	  CONF("\"hostname\":\"box\""), NULL, "{\"hostname\":\"box\",\"extra_hosts\":[\"h:10.0.0.9\"]}", NULL },
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/r/A\",\"hosts_config\":{\"hostname\":\"h\"}}}",
	  CONF("\"hostname\":\"box\""), NULL, "{\"hostname\":\"box\"}", "extra_hosts" },
	{ NULL, CONF("\"host_network\":true"), NULL, "{\"network\":\"host\"}", NULL },
	{ NULL, CONF("\"network_mode\":\"none\""), NULL, "{\"network\":\"none\"}", NULL },
	{ "{\"dns\":{\"servers\":[\"127.0.0.1\"],\"searches\":[\"corp\"],\"options\":[\"ndots:2\"]}}",
	  CONF("\"dns_servers\":[\"9.9.9.9\"]"), NULL,
	  "{\"dns\":[\"127.0.0.1\"],\"dns_search\":[\"corp\"],\"dns_options\":[\"ndots:2\"]}", "9.9.9.9" },
	{ NULL, CONF("\"dns_servers\":[\"9.9.9.9\"],\"dns_search_domains\":[\"a.b\"]"), "{\"dns_servers\":[\"8.8.8.8\"]}",
	  "{\"dns\":[\"9.9.9.9\"],\"dns_search\":[\"a.b\"]}", "8.8.8.8" },
	{ NULL, NULL, "{\"dns_servers\":[\"8.8.8.8\"]}", "{\"dns\":[\"8.8.8.8\"]}", NULL },
	{ NULL, CONF("\"host_dns\":true"), NULL, "{}", "dns" },
	{ NULL, CONF("\"host_dns\":false"), "{\"dns_servers\":[\"8.8.8.8\"]}", "{\"dns\":[\"none\"]}", "8.8.8.8" },
	{ NULL, CONF("\"host_dns\":false,\"dns_options\":[\"ndots:2\"]"), NULL, "{\"dns_options\":[\"ndots:2\"]}", "none\"]" },
	{ NULL, CONF("\"host_dns\":false,\"host_network\":true"), NULL, "{\"network\":\"host\"}", "\"dns\"" },
	{ "{\"dns\":{\"servers\":[\"127.0.0.1\"]}}", CONF("\"host_dns\":false"), NULL, "{\"dns\":[\"127.0.0.1\"]}", NULL },
	{ "{\"resources\":{\"ports\":[{\"label\":\"http\",\"value\":20001,\"to\":80,\"host_ip\":\"10.0.0.1\"},"
	  "{\"label\":\"x\",\"value\":20002}]}}",
	  CONF("\"ports\":[\"http\"]"), NULL,
	  "{\"ports\":[{\"host_ip\":\"10.0.0.1\",\"host\":20001,\"inside\":80},"
	  "{\"host_ip\":\"10.0.0.1\",\"host\":20001,\"inside\":80,\"proto\":\"udp\"}]}",
	  "20002" },
	{ "{\"resources\":{\"allocated_resources\":{\"networks\":[{\"ip\":\"10.0.0.1\",\"dynamic_ports\":[{\"label\":\"http\","
	  "\"value\":20001}],\"reserved_ports\":[{\"label\":\"dns\",\"value\":53}]}]}}}",
	  CONF("\"ports\":[\"http\",\"dns\"]"), NULL,
	  "{\"ports\":[{\"host_ip\":\"10.0.0.1\",\"host\":20001,\"inside\":20001},"
	  "{\"host_ip\":\"10.0.0.1\",\"host\":20001,\"inside\":20001,\"proto\":\"udp\"},"
	  "{\"host_ip\":\"10.0.0.1\",\"host\":53,\"inside\":53},"
	  "{\"host_ip\":\"10.0.0.1\",\"host\":53,\"inside\":53,\"proto\":\"udp\"}]}",
	  "network" },
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/r/"
	  "A\"},\"resources\":{\"ports\":[{\"label\":\"http\",\"value\":1}]}}",
	  CONF("\"ports\":[\"http\"]"), NULL, "{\"network\":\"ns:/r/A\"}", "ports" },
	/* the process */
	{ NULL, CONF("\"command\":\"/bin/sh\",\"args\":[\"-c\",\"true\"]"), NULL, TASK("\"args\":[\"/bin/sh\",\"-c\",\"true\"]"),
	  "entrypoint" },
	{ NULL, CONF("\"args\":[\"a\"]"), NULL, TASK("\"args\":[\"a\"]"), NULL },
	{ NULL, CONF("\"entrypoint\":[\"/bin/bash\"],\"args\":[\"-c\",\"x\"]"), NULL,
	  TASK("\"entrypoint\":[\"/bin/bash\"],\"args\":[\"-c\",\"x\"]"), NULL },
	{ NULL, CONF("\"entrypoint\":[\"/e\"],\"command\":\"c\""), NULL, TASK("\"entrypoint\":[\"/e\"],\"args\":[\"c\"]"), NULL },
	{ "{\"env\":{\"B\":\"1\",\"A\":\"2\",\"PATH\":\"/x\"},\"device_env\":{\"A\":\"3\",\"C\":\"4\"},\"user\":\"nobody\"}", NULL,
	  NULL, TASK("\"env\":[\"A=3\",\"B=1\",\"C=4\",\"PATH=/x\"],\"user\":\"nobody\""), NULL },
	{ NULL, CONF("\"cwd\":\"/srv\",\"tty\":true,\"interactive\":true,\"init\":true,\"group_add\":[\"adm\",\"7\"]"), NULL,
	  TASK("\"cwd\":\"/srv\",\"tty\":true,\"stdin_open\":true,\"init\":true,\"group_add\":[\"adm\",\"7\"]"), NULL },
	{ NULL, CONF("\"work_dir\":\"/w\""), NULL, TASK("\"cwd\":\"/w\""), NULL },
	{ NULL, CONF("\"healthchecks\":{\"disable\":true}"), NULL, TASK("\"healthcheck\":{\"type\":\"none\"}"), NULL },
	{ NULL, CONF("\"ulimit\":[{\"nofile\":\"1024:2048\",\"nproc\":\"42\"}],\"shm_size\":\"128M\""), NULL,
	  TASK("\"ulimits\":[{\"name\":\"nofile\",\"soft\":1024,\"hard\":2048},{\"name\":\"nproc\",\"soft\":42,\"hard\":42}],"
	       "\"shm_size\":134217728"),
	  NULL },
	{ NULL, CONF("\"arch\":\"arm64\",\"variant\":\"v8\",\"runtime\":\"crun\",\"snapshotter\":\"native\""), NULL,
	  "{\"runtime\":\"crun\",\"snapshotter\":\"native\",\"tasks\":[{\"platform\":\"linux/arm64/v8\"}]}", NULL },
	{ NULL, NULL, "{\"containerd_runtime\":\"io.containerd.runc.v2\"}", "{\"runtime\":\"io.containerd.runc.v2\"}", NULL },
	{ NULL, CONF("\"auth\":{\"username\":\"u\",\"password\":\"p\"}"), "{\"auth\":{\"username\":\"d\",\"password\":\"e\"}}",
	  TASK("\"auth\":{\"username\":\"u\",\"password\":\"p\"}"), NULL },
	{ NULL, NULL, "{\"auth\":{\"username\":\"d\",\"password\":\"e\"}}",
	  TASK("\"auth\":{\"username\":\"d\",\"password\":\"e\"}"), NULL },
	/* security */
	{ NULL, NULL, NULL, TASK("\"image\":\"x\""), "seccomp" },
	{ NULL, CONF("\"security_opt\":[\"seccomp=unconfined\",\"no-new-privileges=false\"]"), NULL,
	  TASK("\"seccomp\":\"unconfined\",\"no_new_privileges\":false"), NULL },
	{ NULL, CONF("\"seccomp_profile\":\"local/p.json\""), NULL, TASK("\"seccomp\":\"/n/A/web/local/p.json\""), NULL },
	{ NULL, CONF("\"seccomp\":true,\"seccomp_profile\":\"/local/p.json\""), NULL, TASK("\"seccomp\":\"/n/A/web/local/p.json\""),
	  NULL },
	{ NULL, CONF("\"security_opt\":[\"seccomp=/secrets/p.json\"]"), NULL, TASK("\"seccomp\":\"/n/A/web/secrets/p.json\""),
	  NULL },
	{ NULL, CONF("\"seccomp_profile\":\"../alloc/p.json\""), NULL, TASK("\"seccomp\":\"/n/A/alloc/p.json\""), NULL },
	{ NULL, CONF("\"seccomp_profile\":\"/opt/p.json\""), NULL, TASK("\"seccomp\":\"/opt/p.json\""), NULL },
	{ NULL, CONF("\"privileged\":true,\"readonly_rootfs\":true"), NULL,
	  TASK("\"privileged\":true,\"read_only\":true,\"no_new_privileges\":false"), NULL },
	{ NULL, CONF("\"privileged\":true,\"security_opt\":[\"no-new-privileges\"]"), NULL, TASK("\"privileged\":true"),
	  "no_new_privileges" },
	{ NULL, CONF("\"cap_add\":[\"all\"]"), NULL, TASK("\"image\":\"x\""), "no_new_privileges" },
	{ NULL,
	  CONF("\"pid_mode\":\"host\",\"ipc_mode\":\"host\",\"uts_mode\":\"host\",\"userns_mode\":\"host\",\"cgroupns\":\"host\""),
	  NULL, TASK("\"pid\":\"host\",\"ipc\":\"host\",\"uts\":\"host\",\"userns\":\"host\",\"cgroupns\":\"host\""), NULL },
	{ NULL, CONF("\"sysctl\":[{\"net.core.somaxconn\":\"16384\"}],\"apparmor_profile\":\"unconfined\""), NULL,
	  TASK("\"sysctl\":{\"net.core.somaxconn\":\"16384\"},\"apparmor\":\"unconfined\""), NULL },
	/* mounts and devices */
	{ NULL,
	  CONF("\"mounts\":[{\"type\":\"bind\",\"source\":\"local/c\",\"target\":\"/c\",\"options\":[\"rbind\",\"ro\"]},"
	       "{\"type\":\"bind\",\"source\":\"/s\",\"target\":\"/t\",\"options\":[\"rbind\",\"rw\"]},"
	       "{\"type\":\"tmpfs\",\"target\":\"/tmp\",\"options\":[\"size=1m\"]},"
	       "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/data\"}]"),
	  NULL,
	  TASK("\"mounts\":[{\"source\":\"/n/A/web/local/c\",\"target\":\"/c\",\"read_only\":true},"
	       "{\"source\":\"/s\",\"target\":\"/t\"},{\"type\":\"tmpfs\",\"target\":\"/tmp\",\"options\":[\"size=1m\",\"exec\"]},"
	       "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/data\"}," FOLDERS "]"),
	  NULL },
	{ NULL,
	  CONF("\"mounts\":[{\"source\":\"/s\",\"target\":\"/a\",\"options\":[\"rbind\",\"ro\"]},"
	       "{\"type\":\"volume\",\"source\":\"../alloc/d\",\"target\":\"/b\",\"options\":[\"bind\"]},"
	       "{\"source\":\"data\",\"target\":\"/c\"}]"),
	  NULL,
	  TASK("\"mounts\":[{\"source\":\"/s\",\"target\":\"/a\",\"read_only\":true,\"options\":[\"rbind\"]},"
	       "{\"source\":\"/n/A/alloc/d\",\"target\":\"/b\",\"options\":[\"bind\"]},"
	       "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/c\"}," FOLDERS "]"),
	  NULL },
	{ NULL, CONF("\"volumes\":[\"secrets/k:/k:ro\",\"../alloc/d:/d\",\"/h:/h\"]"), NULL,
	  TASK("\"mounts\":[{\"source\":\"/n/A/web/secrets/k\",\"target\":\"/k\",\"read_only\":true},"
	       "{\"source\":\"/n/A/alloc/d\",\"target\":\"/d\"},{\"source\":\"/h\",\"target\":\"/h\"}," FOLDERS "]"),
	  NULL },
	{ NULL, CONF("\"volumes\":[\"data:/d\"],\"volume_driver\":\"local\""), NULL,
	  TASK("\"mounts\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\"}," FOLDERS "]"), NULL },
	{ "{\"mounts\":[{\"task_path\":\"/csi\",\"host_path\":\"/v/csi\",\"propagation_mode\":\"bidirectional\"},"
	  "{\"task_path\":\"/ro\",\"host_path\":\"/v/ro\",\"readonly\":true},"
	  "{\"task_path\":\"/sl\",\"host_path\":\"/v/sl\",\"propagation_mode\":\"host-to-task\"}]}",
	  NULL, NULL,
	  TASK("\"mounts\":[{\"source\":\"/v/csi\",\"target\":\"/csi\",\"options\":[\"rshared\"]},"
	       "{\"source\":\"/v/ro\",\"target\":\"/ro\",\"read_only\":true,\"options\":[\"rprivate\"]},"
	       "{\"source\":\"/v/sl\",\"target\":\"/sl\",\"options\":[\"rslave\"]}," FOLDERS "]"),
	  NULL },
	{ NULL, CONF("\"readonly_rootfs\":true"), NULL,
	  TASK("\"mounts\":[" FOLDERS
	       ",{\"type\":\"tmpfs\",\"target\":\"/run\",\"options\":[\"tmpcopyup\",\"mode=0755\",\"size=64m\"]}]"),
	  NULL },
	{ NULL, CONF("\"readonly_rootfs\":true,\"tmpfs\":[\"/run:size=1m,noexec\"]"), NULL, TASK("\"read_only\":true"),
	  "mode=0755" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/local\"}]"), NULL, TASK("\"image\":\"x\""), "/n/A/web/local" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"bind\",\"source\":\"local\",\"target\":\"/l\"}]"),
	  "{\"volumes\":{\"enabled\":true,\"selinuxlabel\":\"z\"}}",
	  TASK("\"mounts\":[{\"source\":\"/n/A/web/local\",\"target\":\"/l\",\"options\":[\"z\"]}," FOLDERS "]"), NULL },
	{ "{\"devices\":[{\"task_path\":\"/dev/x\",\"host_path\":\"/dev/null\",\"cgroup_permissions\":\"rw\"}]}",
	  CONF("\"devices\":[\"/dev/zero\"]"), NULL,
	  TASK("\"devices\":[{\"host\":\"/dev/zero\",\"inside\":\"/dev/zero\",\"access\":\"rwm\"},"
	       "{\"host\":\"/dev/null\",\"inside\":\"/dev/x\",\"access\":\"rw\"}]"),
	  NULL },
};

static void jobs(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(task_job_done) struct task_job made = { 0 };
		_cleanup_json_ json *is = NULL, *want = NULL;
		_cleanup_buf_ struct buf text = { 0 };
		int r;

		said_init(&s, rows[i].task, rows[i].conf, rows[i].driver);
		if (!s.conf || s.driver->error)
			fail_msg("row %zu: %s", i, s.conf ? s.driver->error : s.err.msg);
		r = task_job_make(&s.in, &made, &s.err);
		if (r >= 0)
			r = job_check(made.job, &s.err);
		if (r < 0)
			fail_msg("row %zu: %s: %s", i, rows[i].conf ? rows[i].conf : "", s.err.msg);
		is = shape_write(&job_shape, made.job);
		json_write(is, &text);
		assert_int_equal(json_parse(rows[i].job, strlen(rows[i].job), &want, &s.err), 0);
		if (!said_has(is, want))
			fail_msg("row %zu: want %s in %s", i, rows[i].job, buf_str(&text));
		if (rows[i].absent && strstr(buf_str(&text), rows[i].absent))
			fail_msg("row %zu: %s in %s", i, rows[i].absent, buf_str(&text));
	}
}

static const struct {
	const char *task, *conf, *error;
} bad[] = {
	{ "{\"network_isolation_spec\":{\"mode\":\"GROUP\",\"path\":\"/r/A\"}}", CONF("\"host_network\":true"),
	  "option host_network" },
	{ NULL, CONF("\"ports\":[\"http\"]"), "Port \"http\" not found, check network block" },
	{ NULL, CONF("\"extra_hosts\":[\"db\"]"), "extra" },
	{ NULL, CONF("\"ulimit\":[{\"nofiles\":\"1\"}]"), "nofile" },
	{ NULL, CONF("\"os\":\"linux\""), "option os without arch" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"bind\",\"target\":\"/t\"}]"), "source" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"bind\",\"source\":\"../x\",\"target\":\"/t\"}]"), "climbs out" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"tmpfs\",\"target\":\"/t\"},{\"type\":\"tmpfs\",\"target\":\"/t\"}]"), "/t" },
	{ "{\"mounts\":[{\"task_path\":\"/x\",\"host_path\":\"/y\",\"propagation_mode\":\"sideways\"}]}", NULL, "sideways" },
	{ NULL, CONF("\"seccomp_profile\":\"../x/p.json\""), "option seccomp_profile: path \"../x/p.json\": it climbs out" },
	{ NULL, CONF("\"mounts\":[{\"type\":\"bind\",\"source\":\"../allocated\",\"target\":\"/t\"}]"), "climbs out" },
	{ NULL, CONF("\"dns_servers\":[\"none\",\"9.9.9.9\"]"), "dns none and another dns" },
	{ NULL, CONF("\"sysctl\":[{\"vm.swappiness\":\"1\"}]"), "vm.swappiness" },
	{ NULL, CONF("\"cwd\":\"srv\""), "srv" },
	{ NULL, CONF("\"pid_mode\":\"container\""), "pid_mode" },
	{ NULL, CONF("\"host_network\":true,\"sysctl\":[{\"net.core.somaxconn\":\"1\"}]"), "somaxconn" },
	{ "{\"user\":\"a:b:c\"}", NULL, "a:b:c" },
	{ "{\"env\":{\"\":\"x\"}}", NULL, "environment variable" },
	{ NULL, CONF("\"labels\":[{\"davit.job\":\"x\"}]"), "davit.job" },
	{ NULL, CONF("\"hostname\":\"a b\""), "hostname" },
};

static void bad_ones(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		_cleanup_(said_done) struct said s;
		_cleanup_(task_job_done) struct task_job made = { 0 };
		int r;

		said_init(&s, bad[i].task, bad[i].conf, NULL);
		r = s.conf ? task_job_make(&s.in, &made, &s.err) : -(int)s.err.code;
		if (r >= 0)
			r = job_check(made.job, &s.err);
		if (r != -ERR_INVALID || !strstr(s.err.msg, bad[i].error))
			fail_msg("row %zu: %d, %s, not %s", i, r, s.err.msg, bad[i].error);
	}
}

RUN_TESTS("task-job", cmocka_unit_test(jobs), cmocka_unit_test(bad_ones))
