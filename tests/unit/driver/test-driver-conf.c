/* Each of the plugin's options: a good value, and bad ones, which name it. */
#include "conf-form.h"
#include "driver-conf.h"
#include "nomadbase.pb-c.h"
#include "pb.h"

#define S INT64_C(1000000000)

static struct driver_conf *conf_of(const char *json)
{
	_cleanup_buf_ struct buf b = { 0 };

	msgpack_of(json, &b);
	return driver_conf_read(b.data, b.len);
}

static void assert_defaults(const struct driver_conf *c)
{
	assert_true(c->enabled);
	assert_string_equal(c->runtime, "io.containerd.runc.v2");
	assert_string_equal(c->address, "/run/containerd/containerd.sock");
	assert_string_equal(c->ns, "nomad");
	assert_null(c->snapshotter);
	assert_int_equal(c->stats_interval, 0);
	assert_false(c->disable_log_collection);
	assert_int_equal(c->logging, LOGGING_UNSAID);
	assert_true(c->allow_privileged && c->allow_all_caps && c->allow_all_runtimes && c->volumes.enabled);
	assert_true(driver_conf_permits(&c->allowed_modes.pid, "host"));
	assert_true(driver_conf_permits(&c->allowed_modes.network, "host"));
	assert_false(driver_conf_permits(&c->allowed_modes.ipc, "host"));
	assert_int_equal(c->allowed_modes.userns.n + c->allowed_modes.uts.n + c->allowed_modes.cgroup.n, 0);
	assert_null(c->volumes.selinuxlabel);
	assert_int_equal(c->pids_limit, 0);
	assert_int_equal(c->oom_score_adj, 0);
	assert_null(c->auth.username);
	assert_int_equal(c->image_pull_timeout, 300 * S);
	assert_int_equal(c->pull_activity_timeout, 120 * S);
	assert_false(c->gc.dangling.dry_run);
	assert_int_equal(c->gc.image + c->gc.container + c->gc.dangling.enabled, c->error ? 0 : 3); /* nothing goes by a guess */
	assert_int_equal(c->gc.image_delay, 180 * S);
	assert_int_equal(c->gc.dangling.period, 300 * S);
	assert_int_equal(c->gc.dangling.creation_grace, 300 * S);
	assert_int_equal(c->extra_labels.n + c->dns_servers.n, 0);
}

static void test_defaults(void **state)
{
	static const char *const nothing[] = { "null", "{}", "{'gc': null, 'auth': [], 'pids_limit': null}",
					       "{'gc': [{}], 'volumes': {}}",
					       "{'containerd_runtime': '', 'endpoint': '', 'tls': [], 'recover_stopped': false}" };
	_cleanup_(driver_conf_unrefp) struct driver_conf *none = driver_conf_read(NULL, 0), *ref = driver_conf_ref(none);

	(void)state;
	assert_ptr_equal(ref, none);
	assert_null(none->error);
	assert_defaults(none);
	for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++) {
		_cleanup_(driver_conf_unrefp) struct driver_conf *c = conf_of(nothing[i]);

		if (c->error)
			fail_msg("%s: %s", nothing[i], c->error);
		assert_defaults(c);
	}
}

static void test_all(void **state)
{
	_cleanup_(driver_conf_unrefp) struct driver_conf *c = conf_of(
		"{'enabled': false, 'containerd_runtime': 'crun', 'containerd_addr': 'unix:///run/c.sock', 'containerd_namespace': "
		"'n1',"
		" 'snapshotter': 'native', 'stats_interval': '1m30s', 'disable_log_collection': true, 'create_network': true, "
		"'allow_privileged': false,"
		" 'allow_caps': ['chown', 'CAP_NET_ADMIN'], 'allow_runtimes': ['runc', 'kata'],"
		" 'allowed_modes': [{'pid': [], 'ipc': ['host'], 'userns': ['host'], 'uts': ['*'], 'network': [], 'cgroup': "
		"['host']}],"
		" 'volumes': [{'enabled': false, 'selinuxlabel': 'z'}], 'pids_limit': 100, 'oom_score_adj': 500,"
		" 'auth': [{'username': 'u', 'password': 'p', 'server_address': 'reg'}], 'image_pull_timeout': '0.5h',"
		" 'pull_activity_timeout': '60s', 'gc': [{'image': false, 'image_delay': '1h', 'container': false,"
		" 'dangling_containers': [{'enabled': false, 'period': '10s', 'creation_grace': '1m', 'dry_run': true}]}],"
		" 'extra_labels': ['job_*', 'node_name'], 'dns_servers': ['10.0.0.1', '::1'], 'logging': [{'type': 'none', "
		"'config': [{'a': 'b'}]}],"
		" 'infra_image': 'x', 'infra_image_pull_timeout': '5m', 'container_exists_attempts': 5, 'client_http_timeout': "
		"'60s'}");

	(void)state;
	if (c->error)
		fail_msg("%s", c->error);
	assert_false(c->enabled || c->allow_privileged || c->allow_all_caps || c->allow_all_runtimes || c->volumes.enabled);
	assert_string_equal(c->runtime, "crun");
	assert_string_equal(c->address, "/run/c.sock");
	assert_string_equal(c->ns, "n1");
	assert_string_equal(c->snapshotter, "native");
	assert_int_equal(c->stats_interval, 90 * S);
	assert_true(c->disable_log_collection && c->create_network);
	assert_int_equal(c->logging, LOGGING_NONE);
	assert_int_equal(c->allow_caps.n, 2);
	assert_true(strv_has(&c->allow_caps, "CAP_CHOWN") && strv_has(&c->allow_caps, "CAP_NET_ADMIN"));
	assert_true(c->allow_runtimes.n == 2 && strv_has(&c->allow_runtimes, "kata"));
	assert_false(driver_conf_permits(&c->allowed_modes.pid, "host") || driver_conf_permits(&c->allowed_modes.network, "host"));
	assert_true(driver_conf_permits(&c->allowed_modes.ipc, "host") && driver_conf_permits(&c->allowed_modes.userns, "host"));
	assert_true(driver_conf_permits(&c->allowed_modes.uts, "host") && driver_conf_permits(&c->allowed_modes.cgroup, "host"));
	assert_string_equal(c->volumes.selinuxlabel, "z");
	assert_int_equal(c->pids_limit, 100);
	assert_int_equal(c->oom_score_adj, 500);
	assert_string_equal(c->auth.username, "u");
	assert_string_equal(c->auth.password, "p");
	assert_int_equal(c->image_pull_timeout, 1800 * S);
	assert_int_equal(c->pull_activity_timeout, 60 * S);
	assert_false(c->gc.image || c->gc.container || c->gc.dangling.enabled);
	assert_int_equal(c->gc.image_delay, 3600 * S);
	assert_int_equal(c->gc.dangling.period, 10 * S);
	assert_int_equal(c->gc.dangling.creation_grace, 60 * S);
	assert_true(c->gc.dangling.dry_run);
	assert_int_equal(c->extra_labels.n, 2);
	assert_int_equal(c->dns_servers.n, 2);
}

/* What HCL makes of the same: texts for switches and numbers, a block as an object. */
static void test_forms(void **state)
{
	_cleanup_(driver_conf_unrefp) struct driver_conf *c =
		conf_of("{'allow_privileged': 'false', 'pids_limit': '4096', 'oom_score_adj': -5, 'containerd_address': '/c.sock',"
			" 'containerd_addr': null, 'gc': {'image': 'true', 'dangling_containers': {'period': '1h'}},"
			" 'auth': {'config': '/etc/auth.json', 'helper': 'docker-credential-ecr-login'}, 'allow_caps': ['all']}");

	(void)state;
	if (c->error)
		fail_msg("%s", c->error);
	assert_false(c->allow_privileged);
	assert_int_equal(c->pids_limit, 4096);
	assert_int_equal(c->oom_score_adj, -5);
	assert_string_equal(c->address, "/c.sock");
	assert_int_equal(c->gc.dangling.period, 3600 * S);
	assert_true(c->gc.dangling.enabled && c->allow_all_caps);
	assert_string_equal(c->auth.config, "/etc/auth.json");
	assert_string_equal(c->auth.helper, "ecr-login");
}

static void test_bad(void **state)
{
	static const struct {
		const char *json, *why;
	} cases[] = {
		{ "[]", "a list, where an object of options is wanted" },
		{ "{'gcc': 1}", "option gcc is not known (gc?)" },
		{ "{'enabled': 'maybe'}", "option enabled: \"maybe\", where true or false is wanted" },
		{ "{'enabled': 1}", "option enabled: a number, where true or false is wanted" },
		{ "{'containerd_runtime': 'a b'}",
		  "option containerd_runtime: invalid runtime \"a b\": white space or control characters" },
		{ "{'containerd_runtime': ['a']}", "option containerd_runtime: a list, where a text is wanted" },
		{ "{'containerd_addr': 'tcp://1.2.3.4'}",
		  "option containerd_addr: \"tcp://1.2.3.4\" is no absolute path of a socket, of at most 107 bytes" },
		{ "{'containerd_namespace': 'a/b'}", "option containerd_namespace: " },
		{ "{'snapshotter': '-'}", "option snapshotter: " },
		{ "{'stats_interval': '5'}", "option stats_interval: \"5\" is no duration: no unit (write it as" },
		{ "{'stats_interval': '5ms'}", "option stats_interval: \"5ms\": 1s to 24h are allowed" },
		{ "{'stats_interval': '-1s'}", "option stats_interval: \"-1s\": 1s to 24h are allowed" },
		{ "{'allow_caps': ['CAP_FOO']}", "option allow_caps: " },
		{ "{'allow_runtimes': ['a/b']}", "option allow_runtimes: invalid runtime" },
		{ "{'allowed_modes': [{'pid': 'host'}]}",
		  "option allowed_modes: pid: a text, where a list of texts, [\"...\"], is wanted" },
		{ "{'allowed_modes': [{'pod': ['host']}]}", "option allowed_modes: pod is not known (pid?)" },
		{ "{'volumes': [{'selinuxlabel': 'x'}]}", "option volumes: selinuxlabel: \"x\": allowed is z|Z" },
		{ "{'volumes': [{}, {}]}", "option volumes: 2 blocks, where one is wanted" },
		{ "{'volumes': true}", "option volumes: true or false, where a block is wanted" },
		{ "{'pids_limit': -1}", "option pids_limit: -1: 0 to 4194304 are allowed" },
		{ "{'pids_limit': 1.5}", "option pids_limit: \"1.5\", where a whole number is wanted" },
		{ "{'pids_limit': 1e30}", "option pids_limit: \"1e+30\", where a whole number is wanted" },
		{ "{'pids_limit': 18446744073709551615}",
		  "option pids_limit: \"1.8446744073709552e+19\", where a whole number is wanted" },
		{ "{'oom_score_adj': 1001}", "option oom_score_adj: 1001: -1000 to 1000 are allowed" },
		{ "{'auth': [{'username': 'u'}]}", "option auth: username without password" },
		{ "{'auth': [{'password': 'u'}]}", "option auth: password without username" },
		{ "{'auth': [{'username': 'u', 'password': 'p', 'helper': 'x'}]}",
		  "option auth: either username and password, or helper" },
		{ "{'auth': [{'helper': '../x'}]}", "option auth: helper: \"../x\": it is what follows docker-credential-" },
		{ "{'auth': [{'config': 'x'}]}", "option auth: config: \"x\" is no absolute path" },
		{ "{'image_pull_timeout': '0s'}", "option image_pull_timeout: \"0s\": 1s to 168h are allowed" },
		{ "{'pull_activity_timeout': '59s'}", "option pull_activity_timeout: \"59s\": 1m to 24h are allowed" },
		{ "{'gc': [{'image_delay': 'x'}]}", "option gc: image_delay: \"x\" is no duration: no number" },
		{ "{'gc': [{'dangling_containers': [{'creation_grace': '1s'}]}]}",
		  "option gc: dangling_containers: creation_grace: \"1s\": 1m to 168h are allowed" },
		{ "{'gc': [{'dangling_containers': [{'period': '1s'}]}]}",
		  "option gc: dangling_containers: period: \"1s\": 10s to 24h" },
		{ "{'dns_servers': ['example.com']}",
		  "option dns_servers: invalid name server \"example.com\": not an IP address" },
		{ "{'extra_labels': [['x']]}", "option extra_labels: a list, where a text is wanted" },
		{ "{'logging': [{'type': 'syslog'}]}",
		  "option logging: type: \"syslog\": what a task writes goes to Nomad's logs or nowhere" },
		{ "{'endpoint': 'unix:///var/run/docker.sock'}",
		  "option endpoint: containerd-driver has it not: containerd_addr is containerd's socket" },
		{ "{'tls': [{'cert': 'x'}]}", "option tls: containerd-driver has it not" },
		{ "{'socket_path': 'x'}", "option socket_path: containerd-driver has it not" },
		{ "{'socket': [{'name': 'x'}]}", "option socket: containerd-driver has it not" },
		{ "{'nvidia_runtime': 'nvidia'}", "option nvidia_runtime: containerd-driver has it not: GPUs come by CDI" },
		{ "{'recover_stopped': true}", "option recover_stopped: containerd-driver has it not" },
		{ "{'networking': [{'a': 'b'}]}", "option networking: containerd-driver has it not" },
		{ "{'windows_allow_insecure_container_admin': true}", "option windows_allow_insecure_container_admin: " },
	};

	size_t bad = 0;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_(driver_conf_unrefp) struct driver_conf *c = conf_of(cases[i].json);

		if (!c->error || strncmp(c->error, cases[i].why, strlen(cases[i].why)) != 0)
			bad++, print_error("%s: %s\n", cases[i].json, c->error ? c->error : "taken");
		assert_defaults(c);
	}
	assert_int_equal(bad, 0);
	{
		_cleanup_(driver_conf_unrefp) struct driver_conf *c = driver_conf_read("\xc1", 1);

		assert_string_equal(c->error, "config:1:1: a byte that begins no value (0xc1)");
	}
}

/* It is one object of values of any type: what is wrong is found by us, and not by the agent, which would not start. */
static void test_schema(void **state)
{
	_cleanup_buf_ struct buf b = { 0 };
	_cleanup_arena_ struct arena a = { 0 };
	const ProtobufCMessage *m = NULL;
	const Base__ConfigSchemaResponse *answer;

	(void)state;
	driver_conf_schema(&b);
	assert_int_equal(pb_unpack(&base__config_schema_response__descriptor, b.data, b.len, &a, &m, NULL), 0);
	answer = (const Base__ConfigSchemaResponse *)m;
	assert_int_equal(answer->spec->block_case, HCLSPEC__SPEC__BLOCK_OBJECT);
	assert_true(answer->spec->object->n_attributes > 30);
	for (size_t i = 0; i < answer->spec->object->n_attributes; i++) {
		const Hclspec__Object__AttributesEntry *e = answer->spec->object->attributes[i];

		assert_int_equal(e->value->block_case, HCLSPEC__SPEC__BLOCK_ATTR);
		assert_string_equal(e->value->attr->name, e->key);
		assert_string_equal(e->value->attr->type, "any");
		assert_false(e->value->attr->required);
	}
}

RUN_TESTS("driver-conf", cmocka_unit_test(test_defaults), cmocka_unit_test(test_all), cmocka_unit_test(test_forms),
	  cmocka_unit_test(test_bad), cmocka_unit_test(test_schema))
