/* Nomad job files: what davit makes of them, and what it says of those that are wrong. */
#include "test.h"
#include "clock.h"
#include "mem.h"
#include "nomad.h"

static struct dict volumes;

static int read_as(const char *text, const struct jobfile_how *how, struct jobset **ret, struct err *err)
{
	const struct jobfile_text in = {
		.file = "j.nomad", .data = text, .len = strlen(text), .base = "j", .cwd = "/nowhere", .how = how
	};
	int r = nomad_read(&in, ret, err);

	return r < 0 ? r : jobset_check(*ret, err);
}

static int read_text(const char *text, struct jobset **ret, struct err *err)
{
	const struct jobfile_how how = { .host_volumes = &volumes };

	return read_as(text, &how, ret, err);
}

static json *read_json(const char *text)
{
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	struct err err = ERR_INIT;

	if (read_text(text, &set, &err) < 0)
		fail_msg("%s\n%s (%s)", text, err.msg, err.hint);
	return jobset_to_json(set);
}

/* A value in it by its path, "jobs.0.tasks.0.image", as JSON text. The caller frees. */
static char *value_at(json *j, const char *path)
{
	_cleanup_strv_ struct strv parts = { 0 };
	struct buf out = { 0 };

	strv_split(&parts, path, ".");
	for (size_t i = 0; j && i < parts.n; i++)
		j = json_object_is_type(j, json_type_array) ? json_at(j, (size_t)strtoul(parts.v[i], NULL, 10))
							    : json_get(j, parts.v[i]);
	if (!j)
		return mem_strdup("absent");
	json_write(j, &out);
	return buf_take(&out);
}

/* A job of one group of one task: @group and @task stand in them, @config in the task's config. */
static char *job_of(const char *group, const char *task, const char *config)
{
	return mem_printf(
		"job \"j\" {\n group \"g\" {\n%s\n  task \"t\" {\n   driver = \"docker\"\n%s\n   config {\n    image = \"i\"\n%s\n"
		"   }\n  }\n }\n}\n",
		group, task, config);
}

#define T "jobs.0.tasks.0."
#define J "jobs.0."

static const struct {
	const char *group, *task, *config, *path, *value;
} good[] = {
	/* the job */
	{ "", "", "", J "name", "\"j-g-0\"" },
	{ "", "", "", T "name", "\"t\"" },
	{ "", "", "", T "image", "\"i\"" },
	{ "count = 2", "", "", "jobs.1.name", "\"j-g-1\"" },
	{ "count = \"2\"", "", "", "jobs.1.name", "\"j-g-1\"" },
	/* process */
	{ "", "", "command = \"c\"\n args = [\"a\", 1, true]", T "args", "[\"c\",\"a\",\"1\",\"true\"]" },
	{ "", "", "args = [\"a\"]", T "args", "[\"a\"]" },
	{ "", "", "args = [\"a\"]\n entrypoint = []", T "entrypoint", "[]" },
	{ "", "", "entrypoint = [\"sh\", \"-c\"]", T "entrypoint", "[\"sh\",\"-c\"]" },
	{ "", "", "work_dir = \"/w\"", T "cwd", "\"/w\"" },
	{ "", "", "cwd = \"/w\"", T "cwd", "\"/w\"" },
	{ "", "user = \"bob:7\"", "", T "user", "\"bob:7\"" },
	{ "", "", "group_add = [\"audio\"]", T "group_add", "[\"audio\"]" },
	{ "", "", "tty = true\n interactive = \"true\"", T "stdin_open", "true" },
	{ "", "", "init = true", T "init", "true" },
	{ "", "kill_signal = \"SIGQUIT\"", "", T "stop_signal", "\"SIGQUIT\"" },
	{ "", "kill_timeout = \"1m30s\"", "", T "stop_timeout", "90" },
	{ "", "kill_timeout = \"1500ms\"", "", T "stop_timeout", "2" },
	{ "", "", "", T "stop_timeout", "5" },
	{ "", "leader = true", "", T "leader", "true" },
	{ "", "lifecycle {\n hook = \"main\"\n}", "", T "lifecycle", "absent" },
	{ "", "lifecycle {\n hook = \"prestart\"\n sidecar = true\n}", "", T "lifecycle", "\"prestart\"" },
	{ "", "lifecycle {\n hook = \"prestart\"\n sidecar = true\n}", "", T "sidecar", "true" },
	/* image */
	{ "", "", "force_pull = true", T "pull", "\"always\"" },
	{ "", "", "force_pull = false", T "pull", "absent" },
	{ "", "", "image_pull_timeout = \"10m\"", T "pull_timeout", "600" },
	{ "", "", "auth {\n username = \"u\"\n password = \"p\"\n server_address = \"x\"\n}", T "auth",
	  "{\"username\":\"u\",\"password\":\"p\"}" },
	{ "", "", "arch = \"arm64\"\n variant = \"v8\"", T "platform", "\"linux/arm64/v8\"" },
	/* resources */
	{ "", "", "", T "memory", "314572800" },
	{ "", "", "", T "cpu_shares", "100" },
	{ "", "resources {\n cpu = 500\n memory = 256\n}", "", T "memory", "268435456" },
	{ "", "resources {\n cpu = 500\n memory = 256\n}", "", T "memory_reservation", "absent" },
	{ "", "resources {\n cpu = 500\n memory = 256\n memory_max = 512\n}", "", T "memory", "536870912" },
	{ "", "resources {\n cpu = 500\n memory = 256\n memory_max = 512\n}", "", T "memory_reservation", "268435456" },
	{ "", "resources {\n memory = 256\n memory_max = -1\n}", "", T "memory", "absent" },
	{ "", "resources {\n memory = 256\n memory_max = -1\n}", "", T "memory_reservation", "268435456" },
	{ "", "resources {\n cpu = 500\n}", "", T "cpu_shares", "500" },
	{ "", "resources {\n cpu = 1\n}", "", T "cpu_shares", "2" },
	{ "", "resources {\n cores = 2\n}", "", T "cpus", "2" },
	{ "", "resources {\n cores = 2\n}", "", T "cpu_shares", "absent" },
	{ "", "resources {\n device \"nvidia/gpu\" {\n count = 2\n }\n}", "", T "cdi_devices",
	  "[\"nvidia.com/gpu=0\",\"nvidia.com/gpu=1\"]" },
	{ "", "", "memory_hard_limit = 600", T "memory", "629145600" },
	{ "", "", "memory_hard_limit = 600", T "memory_reservation", "314572800" },
	{ "", "", "cpuset_cpus = \"0-1\"", T "cpuset_cpus", "\"0-1\"" },
	{ "", "", "pids_limit = 100", T "pids_limit", "100" },
	{ "", "", "shm_size = 1048576", T "shm_size", "1048576" },
	{ "", "", "shm_size = \"128M\"", T "shm_size", "134217728" },
	{ "", "", "oom_score_adj = 100", T "oom_score_adj", "100" },
	{ "", "", "ulimit {\n nofile = \"1024:2048\"\n nproc = 7\n}", T "ulimits.0",
	  "{\"name\":\"nofile\",\"soft\":1024,\"hard\":2048}" },
	{ "", "", "ulimit = {\n nproc = 7\n}", T "ulimits.0", "{\"name\":\"nproc\",\"soft\":7,\"hard\":7}" },
	{ "", "", "sysctl = {\n \"net.core.somaxconn\" = 7\n}", T "sysctl", "{\"net.core.somaxconn\":\"7\"}" },
	{ "", "", "sysctl = [{\n \"net.core.somaxconn\" = \"7\"\n}]", T "sysctl", "{\"net.core.somaxconn\":\"7\"}" },
	{ "", "", "labels {\n a = \"b\"\n}", T "labels", "{\"a\":\"b\"}" },
	/* security */
	{ "", "", "privileged = true", T "privileged", "true" },
	{ "", "", "cap_add = [\"CAP_SYS_ADMIN\"]\n cap_drop = [\"all\"]", T "cap_add", "[\"CAP_SYS_ADMIN\"]" },
	{ "", "", "readonly_rootfs = true", T "read_only", "true" },
	{ "", "", "seccomp = false", T "seccomp", "\"unconfined\"" },
	{ "", "", "seccomp = true", T "seccomp", "absent" },
	{ "", "", "seccomp = false\n seccomp_profile = \"/p\"", T "seccomp", "\"/p\"" },
	{ "", "", "security_opt = [\"seccomp=unconfined\", \"no-new-privileges=false\"]", T "no_new_privileges", "false" },
	{ "", "", "pid_mode = \"host\"", T "pid", "\"host\"" },
	{ "", "", "ipc_mode = \"shareable\"", T "ipc", "absent" },
	{ "", "", "ipc_mode = \"host\"", T "ipc", "\"host\"" },
	{ "", "", "uts_mode = \"host\"", T "uts", "\"host\"" },
	/* network */
	{ "network {\n mode = \"bridge\"\n}", "", "", J "network", "absent" },
	{ "network {\n mode = \"host\"\n}", "", "", J "network", "\"host\"" },
	{ "network {\n mode = \"none\"\n}", "", "", J "network", "\"none\"" },
	{ "network {\n mode = \"cni/mynet\"\n}", "", "", J "network", "\"mynet\"" },
	{ "", "", "network_mode = \"host\"", J "network", "\"host\"" },
	{ "", "", "network_mode = \"bridge\"", J "network", "absent" },
	{ "", "", "host_network = true", J "network", "\"host\"" },
	{ "network {\n port \"http\" {\n static = 8080\n to = 80\n }\n}", "", "ports = [\"http\"]", J "ports.0",
	  "{\"name\":\"http\",\"host\":8080,\"inside\":80}" },
	{ "network {\n port \"http\" {\n static = 8080\n }\n}", "", "", J "ports.0",
	  "{\"name\":\"http\",\"host\":8080,\"inside\":8080}" },
	{ "network {\n port \"http\" {\n to = 80\n }\n}", "", "", J "ports.0", "{\"name\":\"http\",\"inside\":80}" },
	{ "network {\n port \"a-b\" {\n static = 8080\n }\n}", "", "port_map = {\n \"a-b\" = 90\n}", J "ports.0",
	  "{\"name\":\"a-b\",\"host\":8080,\"inside\":90}" },
	{ "", "resources {\n network {\n port \"http\" {\n static = 8080\n }\n}\n}", "", J "ports.0.host", "8080" },
	{ "network {\n dns {\n servers = [\"1.1.1.1\"]\n searches = [\"x.org\"]\n options = [\"ndots:2\"]\n }\n}", "", "", J "dns",
	  "[\"1.1.1.1\"]" },
	{ "network {\n dns {\n servers = [\"1.1.1.1\"]\n searches = [\"x.org\"]\n options = [\"ndots:2\"]\n }\n}", "", "",
	  J "dns_search", "[\"x.org\"]" },
	{ "network {\n hostname = \"h\"\n}", "", "", J "hostname", "\"h\"" },
	{ "network {\n hostname = \"h\"\n}", "", "hostname = \"h\"", J "hostname", "\"h\"" },
	{ "", "", "extra_hosts = [\"db:10.0.0.1\"]", J "extra_hosts", "[\"db:10.0.0.1\"]" },
	{ "", "", "network_aliases = [\"a\"]", J "aliases", "[\"a\"]" },
	{ "", "", "mac_address = \"02:00:00:00:00:01\"", J "mac", "\"02:00:00:00:00:01\"" },
	{ "", "", "runtime = \"crun\"", J "runtime", "\"crun\"" },
	/* files */
	{ "", "", "devices = [\"/dev/fuse\"]", T "devices.0.host", "\"/dev/fuse\"" },
	{ "", "", "devices = [{\n host_path = \"/dev/a\"\n container_path = \"/dev/b\"\n cgroup_permissions = \"rw\"\n}]",
	  T "devices.0", "{\"host\":\"/dev/a\",\"inside\":\"/dev/b\",\"access\":\"rw\"}" },
	{ "", "", "volumes = [\"/s:/t:ro\"]", T "mounts.0",
	  "{\"source\":\"/s\",\"target\":\"/t\",\"read_only\":true,\"options\":[\"create-src\"]}" },
	{ "", "", "volume_driver = \"local\"\n volumes = [\"data:/t\"]", T "mounts.0",
	  "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/t\"}" },
	{ "", "",
	  "mounts = [{\n type = \"bind\"\n source = \"/s\"\n target = \"/t\"\n options = [\"rbind\", \"ro\", \"rslave\"]\n}]",
	  T "mounts.0", "{\"source\":\"/s\",\"target\":\"/t\",\"read_only\":true,\"options\":[\"rslave\"]}" },
	{ "", "", "mount {\n target = \"/t\"\n source = \"v\"\n volume_options {\n no_copy = true\n }\n}", T "mounts.0",
	  "{\"type\":\"volume\",\"source\":\"v\",\"target\":\"/t\",\"options\":[\"nocopy\"]}" },
	{ "", "", "mount {\n type = \"tmpfs\"\n target = \"/t\"\n tmpfs_options {\n size = 1048576\n mode = 511\n }\n}",
	  T "mounts.0", "{\"type\":\"tmpfs\",\"target\":\"/t\",\"options\":[\"size=1048576\",\"mode=0777\"]}" },
	{ "", "",
	  "mount {\n type = \"bind\"\n source = \"/s\"\n target = \"/t\"\n readonly = true\n bind_options {\n propagation = "
	  "\"rslave\"\n }\n}",
	  T "mounts.0.options", "[\"rslave\"]" },
	{ "", "", "tmpfs = [\"/t\"]", T "mounts.0", "{\"type\":\"tmpfs\",\"target\":\"/t\"}" },
	{ "volume \"v\" {\n type = \"host\"\n source = \"data\"\n}", "volume_mount {\n volume = \"v\"\n destination = \"/d\"\n}",
	  "", T "mounts.0", "{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/d\"}" },
	{ "volume \"v\" {\n type = \"host\"\n source = \"certs\"\n read_only = true\n}",
	  "volume_mount {\n volume = \"v\"\n destination = \"/d\"\n propagation_mode = \"host-to-task\"\n}", "", T "mounts.0",
	  "{\"source\":\"/etc/certs\",\"target\":\"/d\",\"read_only\":true,\"options\":[\"rslave\"]}" },
	{ "volume \"v\" {\n type = \"host\"\n source = \"data\"\n per_alloc = true\n}",
	  "volume_mount {\n volume = \"v\"\n destination = \"/d\"\n}", "", T "mounts.0.source", "\"data-0\"" },
	/* templates */
	{ "", "template {\n destination = \"local/a.conf\"\n data = \"x\"\n perms = \"600\"\n}", "", T "files.0",
	  "{\"target\":\"/local/a.conf\",\"data\":\"x\",\"mode\":\"600\"}" },
	{ "", "template {\n destination = \"${NOMAD_SECRETS_DIR}/a\"\n data = \"{{ env \\\"NOMAD_TASK_NAME\\\" }}\"\n}", "",
	  T "files.0", "{\"target\":\"/secrets/a\",\"data\":\"t\",\"mode\":\"0644\"}" },
	{ "", "template {\n destination = \"local/a.conf\"\n data = \"x\"\n}", "volumes = [\"local/a.conf:/etc/a.conf\"]",
	  T "files.0", "{\"target\":\"/etc/a.conf\",\"data\":\"x\",\"mode\":\"0644\"}" },
	{ "", "template {\n destination = \"local/c/a\"\n data = \"x\"\n}", "volumes = [\"local/c:/etc/c\"]", T "files.0.target",
	  "\"/etc/c/a\"" },
	{ "", "template {\n destination = \"local/c/a\"\n data = \"x\"\n}", "volumes = [\"local/c:/etc/c\"]", T "mounts.0",
	  "{\"type\":\"job\",\"source\":\"t.local+c\",\"target\":\"/etc/c\"}" },
	{ "", "template {\n destination = \"secrets/e\"\n env = true\n data = <<E\n# c\nA=1\n export B = \"two words\"\n\nE\n}", "",
	  T "env.16", "\"A=1\"" },
	{ "", "template {\n destination = \"secrets/e\"\n env = true\n data = <<E\n# c\nA=1\n export B = \"two words\"\n\nE\n}", "",
	  T "env.17", "\"B=two words\"" },
	{ "",
	  "template {\n destination = \"local/a\"\n left_delimiter = \"[[\"\n right_delimiter = \"]]\"\n data = \"{{[[ add 2 1 "
	  "]]\"\n}",
	  "", T "files.0.data", "\"{{3\"" },
	/* folders of the task */
	{ "", "", "", T "mounts",
	  "[{\"type\":\"job\",\"source\":\"alloc\",\"target\":\"/alloc\"},"
	  "{\"type\":\"job\",\"source\":\"alloc+data\",\"target\":\"/alloc/data\"},"
	  "{\"type\":\"job\",\"source\":\"alloc+tmp\",\"target\":\"/alloc/tmp\"},"
	  "{\"type\":\"job\",\"source\":\"t.local\",\"target\":\"/local\"},"
	  "{\"type\":\"tmpfs\",\"target\":\"/secrets\",\"options\":[\"size=1m\",\"mode=0777\"]}]" },
	{ "", "", "volumes = [\"alloc:/shared\"]", T "mounts.0", "{\"type\":\"job\",\"source\":\"alloc\",\"target\":\"/shared\"}" },
	{ "", "", "volumes = [\"local/d:/d:ro\"]", T "mounts.1",
	  "{\"type\":\"job\",\"source\":\"t.local+d\",\"target\":\"/local/d\"}" },
	/* environment */
	{ "", "env {\n A = 1\n B = \"${NOMAD_TASK_NAME}-${NOMAD_ALLOC_INDEX}\"\n}", "", T "env.16", "\"A=1\"" },
	{ "", "env {\n A = 1\n B = \"${NOMAD_TASK_NAME}-${NOMAD_ALLOC_INDEX}\"\n}", "", T "env.17", "\"B=t-0\"" },
	{ "", "env = {\n \"a.b\" = \"c\"\n}", "", T "env.16", "\"a.b=c\"" },
	{ "", "env {\n A = \"x\"\n}", "args = [\"${env[\"A\"]}\", \"${NOMAD_META_k}\", \"$${HOME}\"]\n}\n meta {\n k = \"v\"",
	  T "args", "[\"x\",\"v\",\"${HOME}\"]" },
	{ "meta {\n a-b = \"v\"\n}", "", "args = [\"${NOMAD_META_a-b}\", \"${NOMAD_META_A_B}\", \"${meta.a-b}\"]", T "args",
	  "[\"v\",\"v\",\"v\"]" },
	{ "network {\n port \"http\" {\n to = 80\n }\n}", "",
	  "args = [\"${NOMAD_PORT_http}\", \"${NOMAD_HOST_PORT_http}\", \"${ NOMAD_ADDR_http }\"]", T "args",
	  "[\"80\",\"${NOMAD_HOST_PORT_http}\",\"${NOMAD_ADDR_http}\"]" },
	{ "", "", "args = [\"${attr.kernel.name}\", \"${node.datacenter}\"]", T "args", "[\"linux\",\"dc1\"]" },
	/* restart */
	{ "", "", "", T "restart", "absent" },
	{ "restart {\n attempts = 5\n}", "", "", T "restart",
	  "{\"policy\":\"always\",\"attempts\":5,\"interval\":1800,\"delay\":15}" },
	{ "restart {\n attempts = 5\n}", "restart {\n mode = \"delay\"\n interval = \"1m\"\n}", "", T "restart",
	  "{\"policy\":\"always\",\"attempts\":5,\"interval\":60,\"delay\":15,\"mode\":\"delay\"}" },
	{ "restart {\n attempts = 0\n}", "", "", T "restart", "absent" },
	/* logs */
	{ "", "", "", T "log_max_files", "10" },
	{ "", "logs {\n max_files = 3\n max_file_size = 2\n}", "", T "log_max_files", "3" },
	{ "", "logs {\n max_files = 3\n max_file_size = 2\n}", "", T "log_max_size", "2097152" },
	{ "", "logs {\n disabled = true\n}", "", T "log", "\"none\"" },
	{ "", "", "logging {\n type = \"journald\"\n}", T "log", "\"journald\"" },
	{ "", "", "logging {\n driver = \"json-file\"\n config {\n max-size = \"2m\"\n max-file = \"4\"\n }\n}", T "log_max_files",
	  "4" },
	/* checks */
	{ "network {\n port \"http\" {\n to = 80\n }\n}\n service {\n port = \"http\"\n check {\n type = \"http\"\n path = "
	  "\"/x\"\n interval "
	  "= \"10s\"\n timeout = \"2s\"\n }\n}",
	  "", "", T "healthcheck", "{\"type\":\"http\",\"url\":\"http://127.0.0.1:80/x\",\"interval\":10,\"timeout\":2}" },
	{ "", "service {\n check {\n type = \"tcp\"\n port = 90\n interval = \"10s\"\n timeout = \"2s\"\n }\n}", "",
	  T "healthcheck.url", "\"90\"" },
	{ "",
	  "service {\n check {\n type = \"script\"\n command = \"c\"\n args = [\"a\"]\n interval = \"10s\"\n timeout = \"2s\"\n "
	  "}\n}",
	  "", T "healthcheck.exec", "[\"c\",\"a\"]" },
	{ "", "", "healthchecks {\n disable = true\n}", T "healthcheck", "{\"type\":\"none\"}" },
};

static void maps_each_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		_cleanup_free_ char *text = job_of(good[i].group, good[i].task, good[i].config), *value = NULL;
		_cleanup_json_ json *j = read_json(text);

		value = value_at(j, good[i].path);
		if (strcmp(value, good[i].value) != 0)
			fail_msg("%s\n%s is %s, not %s", text, good[i].path, value, good[i].value);
	}
}

static const struct {
	const char *group, *task, *config, *error, *hint;
} bad[] = {
	{ "cuont = 2", "", "", "j.nomad:3:1: group g: unknown key \"cuont\"", "did you mean \"count\"?" },
	{ "", "resorces {}", "", "j.nomad:6:1: group g: task t: unknown block \"resorces\"", "did you mean \"resources\"?" },
	{ "", "", "imgae = \"x\"", "j.nomad:9:1: group g: task t: config: unknown key \"imgae\"", "did you mean \"image\"?" },
	{ "", "resources {\n cpus = 1\n}", "", "j.nomad:7:2: group g: task t: resources: unknown key \"cpus\"",
	  "did you mean \"cpu\"?" },
	{ "network {\n moed = 1\n}", "", "", "j.nomad:4:2: group g: network: unknown key \"moed\"", "did you mean \"mode\"?" },
	{ "count = 1001", "", "", "j.nomad:3:9: group g: count 1001: out of range", "0 to 1000" },
	{ "count = \"x\"", "", "", "j.nomad:3:9: group g: count: wants a whole number, not x", "" },
	{ "count = [1]", "", "", "j.nomad:3:9: group g: count: wants a whole number, not a list", "" },
	{ "network {\n mode = \"brigde\"\n}", "", "", "j.nomad:4:9: group g: network: mode \"brigde\": not one of Nomad's",
	  "bridge, host, none, cni/NAME" },
	{ "network {}\n network {}", "", "", "j.nomad:4:2: group g: network is given twice", "" },
	{ "network {\n port \"p\" {\n static = 70000\n }\n}", "", "",
	  "j.nomad:5:11: group g: network: port p: static 70000: out of range", "0 to 65535" },
	{ "network {\n port \"p\" {}\n port \"p\" {}\n}", "", "", "j.nomad:5:7: group g: network: two ports are called \"p\"", "" },
	{ "network {\n port {}\n}", "", "", "j.nomad:4:2: group g: network: block port wants a name", "" },
	{ "network = 1", "", "", "j.nomad:3:1: group g: network is a block: network { ... }", "" },
	{ "volume \"v\" {\n type = \"csi\"\n}", "", "", "j.nomad:4:9: group g: volume v: type \"csi\": only \"host\" is known",
	  "with type \"host\" the source is a volume of davit's, or what --host-volume names" },
	{ "", "volume_mount {\n volume = \"v\"\n destination = \"/d\"\n}", "",
	  "j.nomad:6:14: group g: task t: volume_mount of \"v\": the group has no volume of that name",
	  "volume \"v\" { type = \"host\" source = \"NAME\" }" },
	{ "", "driver = \"exec\"", "", "j.nomad:6:1: driver is set twice", "" },
	{ "", "kill_timeout = \"5\"", "", "j.nomad:6:16: group g: task t: kill_timeout \"5\": a time without a unit",
	  "\"30s\", \"1m30s\"" },
	{ "", "kill_signal = \"SIGFOO\"", "", "j.nomad:6:15: group g: task t: invalid signal \"SIGFOO\": ", NULL },
	{ "", "lifecycle {\n hook = \"pre\"\n}", "", "j.nomad:7:9: group g: task t: lifecycle: key \"hook\": wants one of ", NULL },
	{ "", "artifact {\n source = \"x\"\n}", "", "j.nomad:6:1: group g: task t: artifact: davit does not take it", NULL },
	{ "", "env {\n A = [1]\n}", "", "j.nomad:7:6: group g: task t: env: A: wants text, not a list", "" },
	{ "", "env {\n A = \"${NOMAD_PORT_x}\"\n}", "",
	  "j.nomad:7:9: group g: task t: env: ${NOMAD_PORT_x}: the group has no port \"x\"", "network { port \"x\" {} }" },
	{ "", "env {\n A = \"${NOMAD_FOO}\"\n}", "", "j.nomad:7:9: group g: task t: env: ${NOMAD_FOO}: not known here", "" },
	{ "", "", "args = [\"${env[\"NONE\"]}\"]",
	  "j.nomad:9:12: group g: task t: config: ${env[\"NONE\"]}: the task has no such variable", "" },
	{ "", "", "args = \"a\"", "j.nomad:9:8: group g: task t: config: key \"args\": wants a list of at most 65536 texts", "" },
	{ "", "", "privileged = \"maybe\"", "j.nomad:9:14: group g: task t: config: privileged: wants true or false, not text",
	  "" },
	{ "", "", "ports = [\"x\"]", "j.nomad:9:10: group g: task t: config: port \"x\": the group's network has none of that name",
	  "network { port \"x\" {} }" },
	{ "", "", "cap_add = {}", "j.nomad:9:11: group g: task t: config: key \"cap_add\": wants a list of at most 65536 texts",
	  "" },
	{ "", "", "ulimit {\n nofile = \"x\"\n}", "j.nomad:10:11: group g: task t: config: ", NULL },
	{ "", "", "mount {\n type = \"nfs\"\n target = \"/t\"\n}",
	  "j.nomad:9:7: group g: task t: config: mount type \"nfs\": not known", "bind, volume, tmpfs" },
	{ "", "", "mount {\n type = \"bind\"\n source = \"x\"\n target = \"/t\"\n}",
	  "j.nomad:9:7: group g: task t: config: source \"x\": not below the task's folder",
	  "local/..., secrets/..., alloc/..., or an absolute path of the host" },
	{ "", "", "mount {\n type = \"bind\"\n source = \"/x\"\n target = \"t\"\n}",
	  "j.nomad:9:7: group g: task t: config: ", NULL },
	{ "", "", "volumes = [\"alloc/x:/t\"]",
	  "j.nomad:9:12: group g: task t: config: source \"/alloc/x\": not a folder that all tasks have",
	  "alloc, alloc/data, alloc/tmp" },
	{ "", "", "volumes = [\"secrets/x:/t\"]",
	  "j.nomad:9:12: group g: task t: config: source \"secrets/x\": no template has this destination", "" },
	{ "", "", "load = \"x.tar\"", "j.nomad:9:1: group g: task t: config: load: davit does not take it",
	  "load it first: davit image load -i FILE" },
	{ "", "", "logging {\n type = \"syslog\"\n}",
	  "j.nomad:10:9: group g: task t: config: logging: logging driver \"syslog\": davit has it not",
	  "json-file, journald, none" },
	{ "network {\n hostname = \"a\"\n}", "", "hostname = \"b\"",
	  "j.nomad:11:12: group g: task t: config: hostname: the group has another", "the tasks of a group share it: say it once" },
	{ "", "template {\n data = \"x\"\n}", "", "j.nomad:6:10: group g: task t: template : no destination",
	  "destination = \"local/NAME\"" },
	{ "", "template {\n data = \"x\"\n destination = \"/etc/x\"\n}", "",
	  "j.nomad:8:16: group g: task t: template /etc/x: destination \"/etc/x\": not a file below the task's folder",
	  "local/..., secrets/... or alloc/..." },
	{ "", "template {\n data = \"{{ key \\\"a\\\" }}\"\n destination = \"local/x\"\n}", "",
	  "j.nomad:7:9: group g: task t: template local/x: template: column 4: needs Consul, which is not here",
	  "give the value by -var, or in env" },
	{ "", "template {\n data = \"{{ with secret \\\"a\\\" }}{{ end }}\"\n destination = \"local/x\"\n}", "",
	  "j.nomad:7:9: group g: task t: template local/x: template: column 9: needs Vault, which is not here",
	  "give the value by -var, or in env" },
	{ "", "template {\n data = \"{{ evn \\\"a\\\" }}\"\n destination = \"local/x\"\n}", "",
	  "j.nomad:7:9: group g: task t: template local/x: template: column 4: no function evn: ", "did you mean env?" },
	{ "", "template {\n data = \"{{ if }}\"\n destination = \"local/x\"\n}", "",
	  "j.nomad:7:9: group g: task t: template local/x: template: column 7: a value is missing", "" },
	{ "", "template {\n data = \"A\"\n env = true\n destination = \"local/x\"\n}", "",
	  "j.nomad:7:9: group g: task t: template local/x: line 1 is no NAME=VALUE", "" },
	{ "service {\n check {\n type = \"pop3\"\n }\n}", "", "", "j.nomad:4:8: group g: service: check: type \"pop3\": not known",
	  "http, tcp, script, grpc" },
	{ "service {\n check {\n type = \"tcp\"\n port = \"x\"\n }\n}", "", "",
	  "j.nomad:4:8: group g: service: check: port \"x\": the group's network has none of that name", "" },
};

static void places_each_error(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		_cleanup_free_ char *text = job_of(bad[i].group, bad[i].task, bad[i].config);
		_cleanup_(jobset_freep) struct jobset *set = NULL;
		struct err err = ERR_INIT;

		if (read_text(text, &set, &err) >= 0)
			fail_msg("%s\nwas taken", text);
		if (strncmp(err.msg, bad[i].error, strlen(bad[i].error)) != 0)
			fail_msg("%s\n%s\nnot %s", text, err.msg, bad[i].error);
		if (bad[i].hint && strcmp(err.hint, bad[i].hint) != 0)
			fail_msg("%s\nhint: %s\nnot %s", err.msg, err.hint, bad[i].hint);
	}
}

/* Files that are no job of one group. */
static const struct {
	const char *text, *error;
} whole[] = {
	{ "", "j.nomad:1:1: no job in it" },
	{ "job \"j\" {}", "j.nomad:1:5: no group in it" },
	{ "job \"j\" {\n group \"g\" {}\n}", "j.nomad:2:8: group g: no task in it" },
	{ "job \"a\" {}\njob \"b\" {}", "j.nomad:2:1: a second job: a file has one" },
	{ "job \"j\" {\n group \"g\" {\n  count = 0\n  task \"t\" {\n   driver = \"docker\"\n   config {\n    image = \"i\"\n   "
	  "}\n  }\n }\n}",
	  "j.nomad:1:5: every group has the count 0: nothing would run" },
	{ "plugin \"x\" {}", "j.nomad:1:1: unknown block \"plugin\"" },
	{ "job \"j\" {\n type = \"serivce\"\n}", "j.nomad:2:9: type \"serivce\": not one of Nomad's" },
	{ "job \"j\" {\n parameterized {}\n}", "j.nomad:2:2: parameterized: davit does not take it" },
	{ "job \"j\" {\n group \"a b\" {\n  task \"t\" {}\n }\n}",
	  "j.nomad:2:8: group a b: job name \"j-a b-0\": not a valid name" },
	{ "job \"j\" {\n group \"g\" {\n  task \"t\" {\n   config {\n    image = \"i\"\n   }\n  }\n }\n}",
	  "j.nomad:3:8: group g: task t: no driver" },
	{ "job \"j\" {\n group \"g\" {\n  task \"t\" {\n   driver = \"docker\"\n  }\n }\n}",
	  "j.nomad:3:8: group g: task t: no image" },
	{ "job \"j\" {\n group \"g\" {\n  task \"t\" {\n   driver = \"raw_exec\"\n  }\n }\n}",
	  "j.nomad:4:13: group g: task t: driver \"raw_exec\": davit runs containers only" },
	{ "job \"j\" {\n group \"g\" {\n  count = 0\n  task \"t\" {\n   driver = \"java\"\n  }\n }\n}",
	  "j.nomad:5:13: group g: task t: driver \"java\": davit runs containers only" },
};

static void whole_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		_cleanup_(jobset_freep) struct jobset *set = NULL;
		struct err err = ERR_INIT;

		if (read_text(whole[i].text, &set, &err) >= 0)
			fail_msg("%s\nwas taken", whole[i].text);
		if (strncmp(err.msg, whole[i].error, strlen(whole[i].error)) != 0)
			fail_msg("%s\n%s\nnot %s", whole[i].text, err.msg, whole[i].error);
	}
}

/* What only a cluster does is one notice. */
static void one_notice(void **state)
{
	static const char text[] = "job \"j\" {\n constraint {\n  attribute = \"x\"\n }\n update {}\n"
				   " group \"g\" {\n  count = 2\n  spread {\n   target \"a\" {}\n  }\n  reschedule {}\n"
				   "  service {\n   name = \"s\"\n  }\n  task \"t\" {\n   driver = \"docker\"\n   vault {}\n"
				   "   constraint {}\n   config {\n    image = \"i\"\n   }\n  }\n }\n}\n";
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (read_text(text, &set, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(set->notices.n, 1);
	assert_string_equal(set->notices.v[0], "passed over, since only a Nomad cluster does it: constraint, reschedule, service, "
					       "spread, update, vault");
	assert_int_equal(set->n_jobs, 2);
}

/* What NOMAD_* a task has, in a job that says all of it. */
static void variables(void **state)
{
	static const char *const expected[] = {
		"NOMAD_ALLOC_DIR=/alloc",
		"NOMAD_TASK_DIR=/local",
		"NOMAD_SECRETS_DIR=/secrets",
		"NOMAD_GROUP_NAME=g",
		"NOMAD_TASK_NAME=t",
		"NOMAD_JOB_ID=j",
		"NOMAD_JOB_NAME=long name",
		"NOMAD_DC=east",
		"NOMAD_NAMESPACE=team",
		"NOMAD_REGION=eu",
		"NOMAD_ALLOC_NAME=long name.g[1]",
		"NOMAD_ALLOC_INDEX=1",
		"NOMAD_MEMORY_LIMIT=64",
		"NOMAD_MEMORY_MAX_LIMIT=128",
		"NOMAD_CPU_LIMIT=250",
		"NOMAD_META_a=task",
		"NOMAD_META_A=task",
		"NOMAD_META_b_c=job",
		"NOMAD_META_B_C=job",
	};
	static const char text[] =
		"job \"j\" {\n name = \"long name\"\n datacenters = [\"east\", \"west\"]\n namespace = \"team\"\n region = \"eu\"\n"
		" meta {\n  a = \"job\"\n  b-c = \"job\"\n }\n group \"g\" {\n  count = 2\n  meta {\n   a = \"group\"\n  }\n"
		"  task \"t\" {\n   driver = \"docker\"\n   meta {\n    a = \"task\"\n   }\n   config {\n    image = \"i\"\n   }\n"
		"   resources {\n    cpu = 250\n    memory = 64\n    memory_max = 128\n   }\n  }\n }\n}\n";
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	struct err err = ERR_INIT;
	const struct strv *env;

	(void)state;
	if (read_text(text, &set, &err) < 0)
		fail_msg("%s", err.msg);
	env = &set->jobs[1].tasks[0].env;
	for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
		if (!strv_has(env, expected[i]))
			fail_msg("no %s", expected[i]);
	assert_int_equal(strlen(strv_env(env, "NOMAD_ALLOC_ID")), 36);
	assert_int_equal(strlen(strv_env(env, "NOMAD_SHORT_ALLOC_ID")), 8);
	assert_string_not_equal(strv_env(env, "NOMAD_ALLOC_ID"), strv_env(&set->jobs[0].tasks[0].env, "NOMAD_ALLOC_ID"));
	assert_int_equal(env->n, sizeof expected / sizeof *expected + 2);
}

/* A group with a sidecar, tasks outside of a group, --name. */
static void several_tasks(void **state)
{
	static const char text[] =
		"job \"j\" {\n group \"g\" {\n  task \"a\" {\n   driver = \"docker\"\n   config {\n    image = \"i\"\n   }\n  }\n"
		"  task \"b\" {\n   driver = \"containerd-driver\"\n   lifecycle {\n    hook = \"poststart\"\n    sidecar = true\n "
		"  }\n"
		"   config {\n    image = \"i\"\n    hostname = \"h\"\n   }\n  }\n }\n task \"alone\" {\n  driver = \"docker\"\n"
		"  config {\n   image = \"i\"\n  }\n }\n}\n";
	const struct jobfile_how how = { .name = "other" };
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (read_as(text, &how, &set, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(set->n_jobs, 2);
	assert_string_equal(set->name, "other");
	assert_string_equal(set->jobs[0].name, "other-g-0");
	assert_int_equal(set->jobs[0].n_tasks, 2);
	assert_true(set->jobs[0].tasks[1].sidecar);
	assert_string_equal(set->jobs[0].hostname, "h");
	assert_string_equal(set->jobs[1].name, "other-alone-0");
	assert_string_equal(set->jobs[1].tasks[0].name, "alone");
}

/* The option table and the mapper: each name in the `nomad` column is a key that the mapper takes, and each field that the mapper
 * fills by a row of its own has a name there. */
static bool is_known(const char *name)
{
	const char *dot = strrchr(name, '.'), *key = dot ? dot + 1 : name;
	const size_t len = dot ? (size_t)(dot - name) : 0;

	for (const struct nomad_block *const *b = nomad_blocks; *b; b++) {
		if (!(*b)->prefix || strlen((*b)->prefix) != len || strncmp((*b)->prefix, name, len) != 0)
			continue;
		if (nomad_key_find(*b, key) || nomad_field_find(*b, key))
			return true;
	}
	return !dot && nomad_key_find(&nomad_task_block, name); /* a block of the task's that is an object here */
}

static void column_is_known(const struct shape *s)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		if (f->key && f->nomad && !is_known(f->nomad))
			fail_msg("%s: Nomad's %s is no key that is taken", f->key, f->nomad);
		if (f->key && f->type == FIELD_OBJECT)
			column_is_known(f->of);
	}
}

static void rows_have_names(const struct nomad_block *b)
{
	for (const struct nomad_key *k = b->keys; k < b->keys + b->n; k++) {
		const struct field *f = k->job    ? nomad_field(&job_shape, k->job)
					: k->task ? nomad_field(&task_shape, k->task)
						  : NULL;

		if ((k->job || k->task) && !f)
			fail_msg("%s.%s: there is no field %s", b->name, k->key, k->job ? k->job : k->task);
		if (f && !f->nomad)
			fail_msg("%s.%s fills %s, which has no name of Nomad's", b->name, k->key, f->key);
		if (!f && !k->call && !k->block && !k->refused && !k->cluster && !k->silent)
			fail_msg("%s.%s does nothing", b->name, k->key);
		if (k->block)
			rows_have_names(k->block);
	}
}

static void tables_agree(void **state)
{
	(void)state;
	column_is_known(&task_shape);
	column_is_known(&job_shape);
	for (const struct nomad_block *const *b = nomad_blocks; *b; b++)
		rows_have_names(*b);
}

/* Counts, variables and templates multiply: not without end. */
static void is_bounded(void **state)
{
	_cleanup_buf_ struct buf many = { 0 }, env = { 0 };
	_cleanup_free_ char *counted = NULL, *multiplied = NULL;
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	int64_t began = clock_mono();
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&env, "env {\n A = \"");
	for (int i = 0; i < 10000; i++)
		buf_adds(&env, "0123456789");
	buf_adds(&env, "\"\n}\n");
	counted = job_of("count = 1000", buf_str(&env), "");
	assert_int_equal(read_text(counted, &set, &err), -ERR_EXHAUSTED);
	assert_non_null(strstr(err.msg, "j.nomad:"));
	assert_non_null(strstr(err.msg, "more than 24 MiB"));
	err_clear(&err);
	for (int i = 0; i < 2000; i++)
		buf_addf(&many, "%s\"${env[\\\"A\\\"]}${env[\\\"A\\\"]}\"", i ? ", " : "args = [");
	buf_adds(&many, "]");
	for (char *p = many.data; *p; p++) /* within ${ } quotes are quotes */
		if (*p == '\\')
			*p = ' ';
	multiplied = job_of("", buf_str(&env), buf_str(&many));
	assert_int_equal(read_text(multiplied, &set, &err), -ERR_EXHAUSTED);
	assert_true(clock_mono() - began < 20 * NSEC_PER_SEC);
}

/* Short ones count as what they take, so that many are no more work than long ones: 1000 times 300 are refused, a tenth is not. */
static void counts_small_variables(void **state)
{
	_cleanup_(jobset_freep) struct jobset *set = NULL;
	_cleanup_free_ char *many = NULL, *few = NULL;
	_cleanup_buf_ struct buf env = { 0 };
	struct err err = ERR_INIT;

	(void)state;
	buf_adds(&env, "env {\n");
	for (int i = 0; i < 300; i++)
		buf_addf(&env, "E%d = \"\"\n", i);
	buf_adds(&env, "}\n");
	few = job_of("count = 100", buf_str(&env), "");
	many = job_of("count = 1000", buf_str(&env), "");
	assert_int_equal(read_text(few, &set, &err), 0);
	jobset_freep(&set);
	set = NULL;
	assert_int_equal(read_text(many, &set, &err), -ERR_EXHAUSTED);
}

/* JSON */

static int read_nomad_json(const char *text, struct jobset **ret, struct err *err)
{
	return jobfile_parse("j.json", text, strlen(text), NULL, NULL, ret, err);
}

static char *text_of(const struct jobset *set)
{
	_cleanup_json_ json *j = jobset_to_json(set);
	struct buf out = { 0 };

	json_write(j, &out);
	return buf_take(&out);
}

/* The same job in both. */
static void json_is_as_hcl(void **state)
{
	static const char in_hcl[] =
		"job \"id\" {\n name = \"n\"\n datacenters = [\"dc7\"]\n meta { A = \"m\" }\n group \"g\" {\n  "
		"count = 2\n  restart {\n"
		"   attempts = 0\n   delay = \"3s\"\n  }\n  network {\n   mode = \"bridge\"\n   port \"http\" "
		"{\n    static = 8080\n    to = 80\n   }\n"
		"   port \"x\" {}\n   dns { servers = [\"1.1.1.1\"] }\n  }\n  volume \"v\" {\n   type = "
		"\"host\"\n   source = \"s\"\n   read_only = true\n"
		"  }\n  task \"t\" {\n   driver = \"docker\"\n   config {\n    image = \"i\"\n    args = "
		"[\"${NOMAD_META_A}\", \"\", 0]\n   }\n"
		"   env { E = \"\" }\n   kill_timeout = \"7s\"\n   lifecycle {\n    hook = \"prestart\"\n   }\n  "
		" resources {\n    cpu = 50\n    memory = 64\n"
		"    memory_max = 128\n   }\n   logs {\n    max_files = 3\n    max_file_size = 4\n   }\n   "
		"template {\n    data = \"d\"\n"
		"    destination = \"local/f\"\n    perms = \"600\"\n   }\n   template {\n    data = \"\"\n"
		"    destination = \"local/e\"\n   }\n   volume_mount {\n    volume = "
		"\"v\"\n    destination = \"/v\"\n   }\n  }\n }\n}\n";
	static const char in_json[] =
		"{\"ID\":\"id\",\"Name\":\"n\",\"Datacenters\":[\"dc7\"],\"Stop\":false,\"Version\":3,\"Status\":\"running\","
		"\"Periodic\":null,"
		"\"Meta\":{\"A\":\"m\"},\"TaskGroups\":[{\"Name\":\"g\",\"Count\":2,\"Constraints\":null,\"RestartPolicy\":{"
		"\"Attempts\":0,"
		"\"Delay\":3000000000},\"Networks\":[{\"Mode\":\"bridge\",\"MBits\":0,\"DNS\":{\"Servers\":[\"1.1.1.1\"]},"
		"\"ReservedPorts\":["
		"{\"Label\":\"http\",\"Value\":8080,\"To\":80,\"HostNetwork\":\"\"}],\"DynamicPorts\":[{\"Label\":\"x\",\"Value\":"
		"0,\"To\":0}]}],"
		"\"Volumes\":{\"v\":{\"Name\":\"v\",\"Type\":\"host\",\"Source\":\"s\",\"ReadOnly\":true,\"PerAlloc\":false}},"
		"\"Tasks\":[{\"Name\":\"t\",\"Driver\":\"docker\",\"User\":\"\",\"Config\":{\"image\":\"i\",\"args\":[\"${NOMAD_"
		"META_A}\",\"\",0]},"
		"\"Env\":{\"E\":\"\"},\"KillTimeout\":7000000000,\"KillSignal\":\"\",\"Leader\":false,\"ShutdownDelay\":0,"
		"\"Lifecycle\":{\"Hook\":\"prestart\",\"Sidecar\":false},\"Resources\":{\"CPU\":50,\"MemoryMB\":64,\"MemoryMaxMB\":"
		"128,\"Cores\":0},"
		"\"LogConfig\":{\"MaxFiles\":3,\"MaxFileSizeMB\":4},\"Templates\":[{\"EmbeddedTmpl\":\"d\",\"DestPath\":\"local/"
		"f\","
		"\"Perms\":\"600\",\"ChangeMode\":\"restart\",\"SourcePath\":null},{\"EmbeddedTmpl\":\"\",\"DestPath\":\"local/"
		"e\"}],\"VolumeMounts\":[{\"Volume\":\"v\","
		"\"Destination\":\"/v\"}]}]}]}";
	_cleanup_free_ char *nested = mem_printf("{\"Job\":%s}", in_json), *wanted = NULL;
	const char *const forms[] = { in_json, nested };
	_cleanup_(jobset_freep) struct jobset *of_hcl = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(jobfile_parse("j.hcl", in_hcl, strlen(in_hcl), NULL, NULL, &of_hcl, &err), 0);
	wanted = text_of(of_hcl);
	for (size_t i = 0; i < 2; i++) {
		_cleanup_(jobset_freep) struct jobset *set = NULL;
		_cleanup_free_ char *got = NULL;

		if (read_nomad_json(forms[i], &set, &err) < 0)
			fail_msg("%s", err.msg);
		got = text_of(set);
		assert_string_equal(got, wanted);
	}
}

static void json_errors_have_places(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "{\"Job\":7}", "j.json:1:8: Job: wants an object" },
		{ "{\"Job\":{}}", "j.json:1:8: a job wants an ID" },
		{ "{\"job\":{\"web\":{}}}", "j.json:1:2: job: HCL written as JSON is not read" },
		{ "{\"ID\":\"a\",\n\"TaskGroups\":{}}", "no group in it" },
		{ "{\"ID\":\"a\",\n\"TaskGroups\":{\"x\":1}}", "j.json:2:14: TaskGroups: wants a list of objects" },
		{ "{\"ID\":\"a\",\n\"TaskGroups\":[7]}", "j.json:2:15: TaskGroups: wants objects with a Name" },
		{ "{\"ID\":\"a\",\"TaskGroups\":[{\"Name\":\"g\",\n\"Tasks\":[{\"Name\":\"t\",\"Driver\":\"docker\",\"KillTimeot\":"
		  "1}]}]}",
		  "j.json:2:40: group g: task t: unknown key \"kill_timeot\"" },
		{ "{\"ID\":\"a\",\"TaskGroups\":[{\"Name\":\"g\",\"Tasks\":[{\"Name\":\"t\",\"Driver\":\"docker\",\n\"Artifacts\":["
		  "{}]}]}]}",
		  "j.json:2:14: group g: task t: artifact: davit does not take it" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(jobset_freep) struct jobset *set = NULL;
		struct err err = ERR_INIT;

		assert_int_equal(read_nomad_json(rows[i].text, &set, &err), -ERR_INVALID);
		if (!strstr(err.msg, rows[i].message))
			fail_msg("%s\n%s", rows[i].text, err.msg);
	}
}

static int setup(void **state)
{
	(void)state;
	dict_set(&volumes, "certs", "/etc/certs");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	dict_done(&volumes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_each_key),
		cmocka_unit_test(places_each_error),
		cmocka_unit_test(whole_files),
		cmocka_unit_test(one_notice),
		cmocka_unit_test(variables),
		cmocka_unit_test(several_tasks),
		cmocka_unit_test(tables_agree),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(json_is_as_hcl),
		cmocka_unit_test(counts_small_variables),
		cmocka_unit_test(json_errors_have_places),
	};

	return cmocka_run_group_tests_name("nomad", tests, setup, teardown);
}
