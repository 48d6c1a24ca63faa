/* Each of a task's options: good values, and bad ones, which name it. Roblox's own jobs are among the good ones. */
#include "conf-form.h"
#include "nomaddriver.pb-c.h"
#include "pb.h"
#include "task-conf.h"

#define S INT64_C(1000000000)

static struct task_conf *task_of(const char *json)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct task_conf *c = NULL;
	struct err err = ERR_INIT;

	msgpack_of(json, &b);
	if (task_conf_read(b.data, b.len, &c, &err) < 0)
		fail_msg("%s: %s", json, err.msg);
	return c;
}

static void assert_texts(const struct strv *v, const char *joined)
{
	_cleanup_free_ char *s = strv_join(v, " ");

	assert_string_equal(s, joined);
}

static void test_defaults(void **state)
{
	_cleanup_(task_conf_freep) struct task_conf *c = task_of(
		"{'image': 'a', 'args': null, 'mounts': [], 'mount': [], 'auth': null, 'hostname': '', 'entrypoint': [], "
		"'privileged': null,"
		" 'storage_opt': {}, 'port_map': [], 'network_mode': '', 'cpuset_cpus': '', 'socket': 'default', 'isolation': '',"
		" 'container_exists_attempts': 3, 'init_path': '/x', 'volume_driver': ''}");

	(void)state;
	assert_string_equal(c->image, "a");
	assert_false(c->has_entrypoint || c->privileged || c->readonly_rootfs || c->tty || c->interactive || c->init ||
		     c->host_network);
	assert_false(c->no_network || c->no_seccomp || c->new_privileges || c->unmask_paths || c->cpu_hard_limit ||
		     c->has_oom_score_adj);
	assert_false(c->logging || c->no_healthcheck || c->force_pull || c->auth_soft_fail);
	assert_null(c->hostname);
	assert_null(c->load);
	assert_null(c->runtime);
	assert_int_equal(c->image_pull_timeout, 0);
	assert_int_equal(c->n_mounts + c->n_devices + c->cap_add.n, 0);
	assert_int_equal(c->cpu_cfs_period, 100000);
	assert_int_equal(c->memory_swappiness, -1);
	assert_int_equal(c->shm_size + c->memory_swap + c->memory_reservation + c->memory_hard_limit + c->pids_limit, 0);
}

/* Of the examples of Roblox's driver. */
static void test_roblox(void **state)
{
	_cleanup_(task_conf_freep) struct task_conf *redis =
		task_of("{'image': 'redis:alpine', 'hostname': 'foobar', 'seccomp': true, 'cwd': '/home/redis', 'privileged': "
			"false, 'host_dns': true}");
	_cleanup_(task_conf_freep) struct task_conf *caps =
		task_of("{'image': 'ubuntu:16.04', 'command': 'sleep', 'args': ['600s'], 'cap_add': ['CAP_SYS_ADMIN', "
			"'CAP_IPC_OWNER', 'CAP_IPC_LOCK'],"
			" 'cap_drop': ['CAP_CHOWN', 'CAP_SYS_CHROOT', 'CAP_DAC_OVERRIDE'], 'readonly_rootfs': true}");
	_cleanup_(task_conf_freep) struct task_conf *privileged =
		task_of("{'image': 'ubuntu:16.04', 'command': 'sleep', 'args': ['600s'], 'privileged': true, 'devices': "
			"['/dev/loop0', '/dev/loop1'],"
			" 'mounts': [{'type': 'bind', 'target': '/tmp/t1', 'source': '/tmp/s1', 'options': ['rbind', 'ro']}]}");
	_cleanup_(task_conf_freep) struct task_conf *sysctl =
		task_of("{'image': 'ubuntu:16.04', 'sysctl': [{'net.core.somaxconn': '16384', 'net.ipv4.ip_forward': '1'}], "
			"'pids_limit': 100,"
			" 'shm_size': '128M', 'pid_mode': 'host', 'image_pull_timeout': '10m', 'extra_hosts': "
			"['postgres:127.0.1.1', 'redis:127.0.1.2'],"
			" 'host_network': true, 'auth': {'username': 'u', 'password': 'p'}, 'seccomp_profile': '/etc/p.json'}");

	(void)state;
	assert_string_equal(redis->cwd, "/home/redis");
	assert_false(redis->image_dns);
	assert_string_equal(redis->hostname, "foobar");
	assert_texts(&caps->cap_add, "CAP_SYS_ADMIN CAP_IPC_OWNER CAP_IPC_LOCK");
	assert_texts(&caps->cap_drop, "CAP_CHOWN CAP_SYS_CHROOT CAP_DAC_OVERRIDE");
	assert_string_equal(caps->command, "sleep");
	assert_texts(&caps->args, "600s");
	assert_int_equal(privileged->n_devices, 2);
	assert_string_equal(privileged->devices[1].host, "/dev/loop1");
	assert_string_equal(privileged->devices[1].inside, "/dev/loop1");
	assert_string_equal(privileged->devices[1].access, "rwm");
	assert_int_equal(privileged->n_mounts, 1);
	assert_int_equal(privileged->mounts[0].type, CONF_MOUNT_BIND);
	assert_true(privileged->mounts[0].readonly);
	assert_texts(&privileged->mounts[0].options, "rbind");
	assert_string_equal(dict_get(&sysctl->sysctl, "net.ipv4.ip_forward"), "1");
	assert_int_equal(sysctl->pids_limit, 100);
	assert_int_equal(sysctl->shm_size, 128 << 20);
	assert_string_equal(sysctl->pid_mode, "host");
	assert_int_equal(sysctl->image_pull_timeout, 600 * S);
	assert_texts(&sysctl->extra_hosts, "postgres:127.0.1.1 redis:127.0.1.2");
	assert_true(sysctl->host_network);
	assert_string_equal(sysctl->auth.username, "u");
	assert_string_equal(sysctl->seccomp_profile, "/etc/p.json");
}

/* Its default type is "volume", and the options say what it is: bind or rbind, whatever the type. */
static void test_roblox_volumes(void **state)
{
	_cleanup_(task_conf_freep) struct task_conf *c =
		task_of("{'image': 'a', 'host_dns': false, 'mounts': ["
			"{'target': '/a', 'source': '/s', 'options': ['rbind', 'ro']},"
			"{'type': 'volume', 'target': '/b', 'source': '/s', 'options': ['bind', 'defaults', 'noexec']},"
			"{'target': '/c', 'source': 'local/f', 'options': ['rbind', 'rw']},"
			"{'target': '/d', 'source': 'secrets', 'options': ['rbind', 'rw']},"
			"{'target': '/e', 'source': 'data', 'options': ['rbind']},"
			"{'target': '/f', 'source': 'data'}, {'target': '/g', 'source': 'local'}]}");

	(void)state;
	assert_true(c->image_dns);
	assert_int_equal(c->n_mounts, 7);
	for (size_t i = 0; i < c->n_mounts; i++)
		assert_int_equal(c->mounts[i].type, i < 4 ? CONF_MOUNT_BIND : CONF_MOUNT_VOLUME);
	assert_string_equal(c->mounts[0].source, "/s");
	assert_true(c->mounts[0].readonly);
	assert_texts(&c->mounts[1].options, "bind noexec");
	assert_false(c->mounts[2].readonly);
}

static void test_docker(void **state)
{
	_cleanup_(task_conf_freep) struct task_conf *c = task_of(
		"{'image': 'a', 'work_dir': '/w', 'force_pull': true, 'load': 'local/a.tar', 'auth_soft_fail': true, 'group_add': "
		"['audio', '44'],"
		" 'auth': [{'server_address': 'r', 'email': 'e', 'username': 'u', 'password': 'p'}], 'tty': true, 'interactive': "
		"true, 'init': true,"
		" 'healthchecks': [{'disable': true}], 'runtime': 'crun', 'hostname': 'h', 'network_mode': 'none', 'ports': "
		"['http'],"
		" 'dns_servers': ['1.1.1.1'], 'dns_search_domains': ['x.y'], 'dns_options': ['ndots:2'], 'pid_mode': 'private',"
		" 'ipc_mode': 'shareable', 'uts_mode': 'host', 'userns_mode': 'host', 'cgroupns': 'host', 'cap_add': ['net_admin', "
		"'all'],"
		" 'security_opt': ['seccomp=unconfined', 'apparmor:unconfined', 'label=type:t', 'label:disable', "
		"'no-new-privileges:false',"
		" 'systempaths=unconfined'], 'shm_size': 64000000, 'cpu_hard_limit': true, 'cpu_cfs_period': 50000, "
		"'memory_hard_limit': 512,"
		" 'oom_score_adj': 100, 'ulimit': [{'nofile': '2048:4096', 'nproc': 'unlimited'}], 'labels': [{'a': 'b'}, {'c': "
		"'d'}],"
		" 'logging': [{'type': 'json-file', 'config': [{'max-size': '2m'}]}], 'volumes': ['local/x:/x', '/h:/h:ro,noexec', "
		"'v:/v'],"
		" 'volume_driver': 'local', 'devices': [{'host_path': '/dev/a'}, {'host_path': '/dev/b', 'container_path': "
		"'/dev/c',"
		" 'cgroup_permissions': 'r'}], 'mount': [{'type': 'tmpfs', 'target': '/t', 'tmpfs_options': [{'size': 100000, "
		"'mode': 511}]},"
		" {'type': 'volume', 'target': '/data', 'source': 'd', 'readonly': true, 'volume_options': [{'no_copy': true,"
		" 'labels': [{'k': 'v'}], 'driver_config': [{'name': 'local'}]}]}, {'type': 'bind', 'target': '/b', 'source': "
		"'local/b',"
		" 'bind_options': [{'propagation': 'rslave'}]}]}");

	(void)state;
	assert_string_equal(c->cwd, "/w");
	assert_string_equal(c->load, "local/a.tar");
	assert_true(c->force_pull && c->auth_soft_fail && c->tty && c->interactive && c->init && c->no_healthcheck &&
		    c->no_network);
	assert_texts(&c->group_add, "audio 44");
	assert_string_equal(c->runtime, "crun");
	assert_texts(&c->ports, "http");
	assert_texts(&c->dns_options, "ndots:2");
	assert_string_equal(c->pid_mode, "private");
	assert_string_equal(c->ipc_mode, "private");
	assert_string_equal(c->uts_mode, "host");
	assert_string_equal(c->userns_mode, "host");
	assert_string_equal(c->cgroupns, "host");
	assert_texts(&c->cap_add, "CAP_NET_ADMIN ALL");
	assert_true(c->no_seccomp && c->new_privileges && c->unmask_paths);
	assert_string_equal(c->apparmor, "unconfined");
	assert_texts(&c->selinux, "type:t disable");
	assert_int_equal(c->shm_size, 64000000);
	assert_true(c->cpu_hard_limit);
	assert_int_equal(c->cpu_cfs_period, 50000);
	assert_int_equal(c->memory_hard_limit, 512 << 20);
	assert_true(c->has_oom_score_adj && c->oom_score_adj == 100);
	assert_string_equal(dict_get(&c->ulimit, "nofile"), "2048:4096");
	assert_string_equal(dict_get(&c->labels, "c"), "d");
	assert_true(c->logging == LOGGING_NOMAD);
	assert_int_equal(c->n_devices, 2);
	assert_string_equal(c->devices[0].inside, "/dev/a");
	assert_string_equal(c->devices[1].inside, "/dev/c");
	assert_string_equal(c->devices[1].access, "r");
	assert_int_equal(c->n_mounts, 6);
	/* `config` is an object: its keys come as they are in the message */
	assert_true(c->mounts[0].type == CONF_MOUNT_BIND && !strcmp(c->mounts[0].source, "local/x"));
	assert_true(c->mounts[1].type == CONF_MOUNT_BIND && c->mounts[1].readonly);
	assert_texts(&c->mounts[1].options, "create-src noexec");
	assert_true(c->mounts[2].type == CONF_MOUNT_VOLUME && !strcmp(c->mounts[2].source, "v") && !c->mounts[2].options.n);
	assert_int_equal(c->mounts[3].type, CONF_MOUNT_TMPFS);
	assert_null(c->mounts[3].source);
	assert_texts(&c->mounts[3].options, "size=100000 mode=0777");
	assert_true(c->mounts[4].type == CONF_MOUNT_VOLUME && c->mounts[4].readonly);
	assert_string_equal(c->mounts[4].target, "/data");
	assert_texts(&c->mounts[4].options, "nocopy");
	assert_texts(&c->mounts[5].options, "rslave");
}

static void test_podman(void **state)
{
	_cleanup_(task_conf_freep) struct task_conf *c = task_of(
		"{'image': 'a', 'working_dir': '/w', 'entrypoint': 'sh', 'tmpfs': ['/t:size=1m', '/u'], 'apparmor_profile': 'p', "
		"'os': 'linux',"
		" 'arch': 'arm64', 'variant': 'v8', 'selinux_opts': ['type:t'], 'userns': 'private', 'memory_reservation': '100m',"
		" 'memory_swap': '-1', 'memory_swappiness': 60, 'logging': [{'driver': 'none', 'options': [{}]}], 'network_mode': "
		"'host',"
		" 'auth': {'tls_verify': true, 'config': 'a.json'}, 'devices': ['/dev/a:/dev/b', '/dev/a:rw', "
		"'nvidia.com/gpu=all'],"
		" 'security_opt': ['no-new-privileges']}");
	_cleanup_(task_conf_freep) struct task_conf *cleared =
		task_of("{'image': 'a', 'entrypoint': [''], 'memory_swap': '1g', 'pids_limit': -1, 'snapshotter': 'native'}");

	(void)state;
	assert_string_equal(c->cwd, "/w");
	assert_true(c->has_entrypoint && c->host_network && !c->new_privileges);
	assert_texts(&c->entrypoint, "sh");
	assert_int_equal(c->n_mounts, 2);
	assert_texts(&c->mounts[0].options, "size=1m");
	assert_string_equal(c->mounts[1].target, "/u");
	assert_string_equal(c->apparmor, "p");
	assert_string_equal(c->arch, "arm64");
	assert_string_equal(c->userns_mode, "private");
	assert_int_equal(c->memory_reservation, 100 << 20);
	assert_int_equal(c->memory_swap, -1);
	assert_int_equal(c->memory_swappiness, 60);
	assert_true(c->logging == LOGGING_NONE);
	assert_string_equal(c->auth.config, "a.json");
	assert_int_equal(c->n_devices, 2);
	assert_string_equal(c->devices[0].inside, "/dev/b");
	assert_string_equal(c->devices[1].access, "rw");
	assert_texts(&c->cdi_devices, "nvidia.com/gpu=all");
	assert_true(cleared->has_entrypoint && !cleared->entrypoint.n);
	assert_int_equal(cleared->memory_swap, 1 << 30);
	assert_int_equal(cleared->pids_limit, -1);
	assert_string_equal(cleared->snapshotter, "native");
}

static void test_bad(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "null", "nothing, where an object of options is wanted" },
		{ "{}", "option image: it must be said" },
		{ "{'image': ''}", "option image: it must be said" },
		{ "{'image': 'a', 'comand': 'b'}", "option comand is not known" },
		{ "{'image': 'a', 'args': 'b'}", "option args: a text, where a list of texts, [\"...\"], is wanted" },
		{ "{'image': 'a', 'entrypoint': [['x']]}", "option entrypoint: a list, where a text is wanted" },
		{ "{'image': 'a', 'image_pull_timeout': '5'}", "option image_pull_timeout: \"5\" is no duration: no unit" },
		{ "{'image': 'a', 'cwd': 'x'}", "option cwd: " },
		{ "{'image': 'a', 'work_dir': 'x'}", "option work_dir: " },
		{ "{'image': 'a', 'working_dir': 'x'}", "option working_dir: " },
		{ "{'image': 'a', 'group_add': ['']}", "option group_add: " },
		{ "{'image': 'a', 'tty': 'x'}", "option tty: \"x\", where true or false is wanted" },
		{ "{'image': 'a', 'healthchecks': [{'disabled': true}]}", "option healthchecks: disabled is not known" },
		{ "{'image': 'a', 'runtime': 'a b'}", "option runtime: " },
		{ "{'image': 'a', 'snapshotter': 'a b'}", "option snapshotter: " },
		{ "{'image': 'a', 'hostname': 'a b'}", "option hostname: " },
		{ "{'image': 'a', 'network_mode': 'bridge'}",
		  "option network_mode: \"bridge\": host and none are known; other networks are the group's" },
		{ "{'image': 'a', 'network_mode': 'none', 'host_network': true}",
		  "option network_mode: none, and host_network = true" },
		{ "{'image': 'a', 'dns_servers': ['x']}", "option dns_servers: " },
		{ "{'image': 'a', 'dns_search_domains': ['a b']}", "option dns_search_domains: " },
		{ "{'image': 'a', 'dns_options': ['a b']}", "option dns_options: " },
		{ "{'image': 'a', 'extra_hosts': ['x']}", "option extra_hosts: invalid extra host \"x\": not NAME:IP" },
		{ "{'image': 'a', 'pid_mode': 'container:x'}", "option pid_mode: \"container:x\": host and private are known" },
		{ "{'image': 'a', 'ipc_mode': 'x'}", "option ipc_mode: \"x\": host and private and shareable are known" },
		{ "{'image': 'a', 'uts_mode': 'x'}", "option uts_mode: " },
		{ "{'image': 'a', 'userns_mode': 'x'}", "option userns_mode: " },
		{ "{'image': 'a', 'userns': 'keep-id'}", "option userns: " },
		{ "{'image': 'a', 'cgroupns': 'x'}", "option cgroupns: " },
		{ "{'image': 'a', 'cap_add': ['NET_ADMN']}", "option cap_add: " },
		{ "{'image': 'a', 'cap_drop': ['x']}", "option cap_drop: " },
		{ "{'image': 'a', 'seccomp': 'x'}", "option seccomp: " },
		{ "{'image': 'a', 'security_opt': ['credentialspec=x']}",
		  "option security_opt: \"credentialspec=x\" is not known" },
		{ "{'image': 'a', 'security_opt': ['label=x']}", "option security_opt: label: " },
		{ "{'image': 'a', 'security_opt': ['no-new-privileges=x']}",
		  "option security_opt: no-new-privileges: \"x\", where" },
		{ "{'image': 'a', 'security_opt': ['systempaths=x']}",
		  "option security_opt: systempaths: \"x\": only unconfined is known" },
		{ "{'image': 'a', 'selinux_opts': ['x']}", "option selinux_opts: " },
		{ "{'image': 'a', 'mounts': [{'type': 'bind', 'target': '/x'}]}", "option mounts: /x: no source" },
		{ "{'image': 'a', 'mounts': [{'target': '/x', 'type': 'proc'}]}",
		  "option mounts: /x: type: \"proc\": allowed is bind|volume|tmpfs" },
		{ "{'image': 'a', 'mounts': [{'type': 'bind', 'source': '/x'}]}", "option mounts: no target" },
		{ "{'image': 'a', 'mounts': [{'type': 'bind', 'source': '/x', 'target': '/y', 'options': ['loop']}]}",
		  "option mounts: /y: options: " },
		{ "{'image': 'a', 'mount': [{'type': 'tmpfs', 'source': '/x', 'target': '/y'}]}",
		  "option mount: /y: source \"/x\": a tmpfs has none" },
		{ "{'image': 'a', 'mount': [{'target': '/y', 'bind_options': [{'propagation': 'rslave'}]}]}",
		  "option mount: /y: bind_options: it is a volume" },
		{ "{'image': 'a', 'mount': [{'type': 'bind', 'source': '/x', 'target': '/y', 'bind_options': [{'propagation': "
		  "'x'}]}]}",
		  "option mount: /y: bind_options: propagation: \"x\": allowed is" },
		{ "{'image': 'a', 'mount': [{'target': '/y', 'tmpfs_options': [{'size': 5}]}]}",
		  "option mount: /y: tmpfs_options: it is a volume" },
		{ "{'image': 'a', 'mount': [{'target': '/y', 'tmpfs_options': [{'mode': 99999}]}]}",
		  "option mount: /y: tmpfs_options: mode: 99999: 0 to 4095 are allowed" },
		{ "{'image': 'a', 'mount': [{'target': '/y', 'volume_options': [{'driver_config': [{'name': 'nfs'}]}]}]}",
		  "option mount: /y: volume_options: driver_config: name: \"nfs\": allowed is local" },
		{ "{'image': 'a', 'mount': [{'target': '/y', 'volume_options': [{'driver_config': [{'options': [{'o': 'x'}]}]}]}]}",
		  "option mount: /y: volume_options: driver_config: option o is not known" },
		{ "{'image': 'a', 'mount': ['x']}", "option mount: a text, where an object of options is wanted" },
		{ "{'image': 'a', 'mounts': [{'target': '/y', 'source': '/s'}]}",
		  "option mounts: /y: source \"/s\" is a path, where a volume has a name" },
		{ "{'image': 'a', 'mounts': [{'target': '/y', 'source': '/s', 'options': ['rbnd']}]}",
		  "option mounts: /y: source \"/s\" is a path" },
		{ "{'image': 'a', 'mounts': [{'target': '/y', 'source': '/s', 'options': ['rbind', 'rbnd']}]}",
		  "option mounts: /y: options: invalid option \"rbnd\"" },
		{ "{'image': 'a', 'volumes': ['/x']}", "option volumes: \"/x\" is not SOURCE:TARGET[:OPTIONS]" },
		{ "{'image': 'a', 'volumes': [':/x']}", "option volumes: \":/x\" is not SOURCE:TARGET[:OPTIONS]" },
		{ "{'image': 'a', 'volumes': ['/x:/y:foo']}", "option volumes: /x:/y:foo: " },
		{ "{'image': 'a', 'volumes': ['/x:']}", "option volumes: /x:: no target" },
		{ "{'image': 'a', 'volume_driver': 'nfs'}", "option volume_driver: \"nfs\": only local is known" },
		{ "{'image': 'a', 'tmpfs': ['/x:rbind']}", "option tmpfs: /x:rbind: " },
		{ "{'image': 'a', 'shm_size': '0'}", "option shm_size: 0: at least 1 is allowed" },
		{ "{'image': 'a', 'shm_size': 'x'}", "option shm_size: " },
		{ "{'image': 'a', 'shm_size': -5}", "option shm_size: " },
		{ "{'image': 'a', 'devices': [{'container_path': '/dev/x'}]}", "option devices: no host_path" },
		{ "{'image': 'a', 'devices': ['dev/x']}", "option devices: \"dev/x\" is no absolute path" },
		{ "{'image': 'a', 'devices': ['/dev/x:/dev/y:q']}",
		  "option devices: /dev/x: permissions \"q\" are not of r, w and m" },
		{ "{'image': 'a', 'devices': ['/a:/b:r:c']}", "option devices: \"/a:/b:r:c\" is not HOST[:CONTAINER[:rwm]]" },
		{ "{'image': 'a', 'devices': ['x=y']}", "option devices: invalid CDI device \"x=y\"" },
		{ "{'image': 'a', 'cpu_cfs_period': 999}", "option cpu_cfs_period: 999: 1000 to 1000000 are allowed" },
		{ "{'image': 'a', 'cpu_cfs_period': 1000001}", "option cpu_cfs_period: 1000001: 0 to 1000000 are allowed" },
		{ "{'image': 'a', 'memory_hard_limit': -1}", "option memory_hard_limit: -1: 0 to" },
		{ "{'image': 'a', 'memory_reservation': 'x'}", "option memory_reservation: " },
		{ "{'image': 'a', 'memory_swap': 'x'}", "option memory_swap: " },
		{ "{'image': 'a', 'memory_swappiness': 101}", "option memory_swappiness: 101: 0 to 100 are allowed" },
		{ "{'image': 'a', 'pids_limit': -2}", "option pids_limit: -2: -1 to 4194304 are allowed" },
		{ "{'image': 'a', 'oom_score_adj': -1001}", "option oom_score_adj: -1001: -1000 to 1000 are allowed" },
		{ "{'image': 'a', 'ulimit': [{'nofil': '1'}]}", "option ulimit: nofil: there is no such limit (nofile?)" },
		{ "{'image': 'a', 'ulimit': [{'nofile': '1:x'}]}", "option ulimit: nofile: \"1:x\" is not SOFT[:HARD]" },
		{ "{'image': 'a', 'ulimit': ['nofile=1']}", "option ulimit: a text, where an object of texts" },
		{ "{'image': 'a', 'sysctl': [{'kernel.panic': '1'}]}", "option sysctl: kernel.panic: " },
		{ "{'image': 'a', 'labels': [{'davit.x': '1'}]}", "option labels: davit.x: " },
		{ "{'image': 'a', 'logging': [{'driver': 'journald'}]}",
		  "option logging: driver: \"journald\": what a task writes" },
		{ "{'image': 'a', 'auth': [{'username': 'x'}]}", "option auth: username without password" },
		{ "{'image': 'a', 'mounts': [{'source': '/x', 'target': 'y', 'type': 'bind'}]}",
		  "option mounts: y: invalid path inside \"y\"" },
		{ "{'image': 'a', 'tmpfs': ['x']}", "option tmpfs: x: invalid path inside \"x\"" },
		{ "{'image': 'a', 'auth': {'tls_verify': false}}", "option auth: tls_verify: a task cannot have" },
		{ "{'image': 'a', 'socket': 'other'}", "option socket: \"other\": there is one containerd" },
		{ "{'image': 'a', 'storage_opt': {'size': '1g'}}", "option storage_opt: containerd-driver has it not: " },
		{ "{'image': 'a', 'cpuset_cpus': '0-3'}",
		  "option cpuset_cpus: containerd-driver has it not: Nomad gives processors" },
		{ "{'image': 'a', 'advertise_ipv6_address': true}",
		  "option advertise_ipv6_address: containerd-driver has it not: " },
		{ "{'image': 'a', 'network_aliases': ['x']}", "option network_aliases: containerd-driver has it not: " },
		{ "{'image': 'a', 'ipv4_address': 'x'}", "option ipv4_address: containerd-driver has it not: " },
		{ "{'image': 'a', 'ipv6_address': 'x'}", "option ipv6_address: containerd-driver has it not: " },
		{ "{'image': 'a', 'mac_address': 'x'}", "option mac_address: containerd-driver has it not: " },
		{ "{'image': 'a', 'static_ips': ['x']}", "option static_ips: containerd-driver has it not: " },
		{ "{'image': 'a', 'static_mac': 'x'}", "option static_mac: containerd-driver has it not: " },
		{ "{'image': 'a', 'port_map': [{'http': 80}]}",
		  "option port_map: containerd-driver has it not: the group's network has ports" },
		{ "{'image': 'a', 'isolation': 'hyperv'}", "option isolation: containerd-driver has it not: it is for Windows" },
	};
	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_buf_ struct buf b = { 0 };
		_cleanup_(task_conf_freep) struct task_conf *c = NULL;
		struct err err = ERR_INIT;
		int r;

		msgpack_of(cases[i].json, &b);
		r = task_conf_read(b.data, b.len, &c, &err);
		if (*err.hint)
			(void)snprintf(err.msg + strlen(err.msg), sizeof err.msg - strlen(err.msg), " (%s)", err.hint);
		if (r == -ERR_INVALID && !strncmp(err.msg, cases[i].why, strlen(cases[i].why)))
			continue;
		bad++;
		print_error("%s: %d %s\n", cases[i].json, r, err.msg);
	}
	assert_int_equal(bad, 0);
}

static void test_hostile(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	struct task_conf *c = NULL;
	struct err err = ERR_INIT;

	(void)state;
	msgpack_map(&b, 2);
	msgpack_text(&b, "image");
	msgpack_text(&b, "a");
	msgpack_text(&b, "labels");
	msgpack_list(&b, 5000);
	for (int i = 0; i < 5000; i++) {
		char key[16];

		(void)snprintf(key, sizeof key, "k%d", i);
		msgpack_map(&b, 1);
		msgpack_text(&b, key);
		msgpack_nil(&b);
	}
	assert_int_equal(task_conf_read(b.data, b.len, &c, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "option labels: more than 4096 of them");
	err = (struct err)ERR_INIT;
	assert_int_equal(task_conf_read(NULL, 0, &c, &err), -ERR_INVALID);
	assert_string_equal(err.msg, "the task's options: config:1:1: cut short: a value is missing");
}

static const Hclspec__Spec *spec_of(const Driver__TaskConfigSchemaResponse *answer, const char *name)
{
	for (size_t i = 0; i < answer->spec->object->n_attributes; i++)
		if (!strcmp(answer->spec->object->attributes[i]->key, name))
			return answer->spec->object->attributes[i]->value;
	fail_msg("%s is not in the schema", name);
	return NULL;
}

static void test_schema(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL;
	const Driver__TaskConfigSchemaResponse *answer;

	(void)state;
	task_conf_schema(&b);
	assert_int_equal(pb_unpack(&driver__task_config_schema_response__descriptor, b.data, b.len, &a, &m, NULL), 0);
	answer = (const Driver__TaskConfigSchemaResponse *)m;
	assert_true(spec_of(answer, "image")->attr->required);
	assert_string_equal(spec_of(answer, "args")->attr->type, "list(string)");
	assert_string_equal(spec_of(answer, "sysctl")->attr->type, "list(map(string))");
	assert_string_equal(spec_of(answer, "shm_size")->attr->type, "string");
	assert_string_equal(spec_of(answer, "devices")->attr->type, "any");
	assert_int_equal(spec_of(answer, "auth")->block_case, HCLSPEC__SPEC__BLOCK_BLOCK_VALUE);
	assert_int_equal(spec_of(answer, "mounts")->block_case, HCLSPEC__SPEC__BLOCK_BLOCK_LIST);
	assert_string_equal(spec_of(answer, "mounts")->block_list->name, "mounts");
	assert_int_equal(spec_of(answer, "mounts")->block_list->nested->block_case, HCLSPEC__SPEC__BLOCK_OBJECT);
}

RUN_TESTS("task-conf", cmocka_unit_test(test_defaults), cmocka_unit_test(test_roblox), cmocka_unit_test(test_roblox_volumes),
	  cmocka_unit_test(test_docker), cmocka_unit_test(test_podman), cmocka_unit_test(test_bad), cmocka_unit_test(test_hostile),
	  cmocka_unit_test(test_schema))
