/* Ensembles that are good and ensembles that are not, and the tables of both sides held together. */
#include "test.h"
#include "ensemble.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include <stdlib.h>
#include <string.h>

static char dir[64];

static int setup(void **state)
{
	static const struct {
		const char *name, *data;
	} files[] = {
		{ "one.sh", "#!/bin/sh\n" }, { "two.sh", "true\n" }, { "id.pub", "ssh-ed25519 A" }, { "id2.pub", "ssh-rsa B\n" }
	};

	(void)state;
	(void)snprintf(dir, sizeof dir, "/tmp/test-ensemble.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", dir, files[i].name);

		if (file_write(path, files[i].data, strlen(files[i].data), 0644, NULL) < 0)
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

static int read_text(const char *text, struct jobset **ret, struct err *err)
{
	static const struct jobfile_how how;
	const struct jobfile_text in = { .file = "f", .data = text, .len = strlen(text), .base = "e", .cwd = dir, .how = &how };

	return ensemble_read(&in, ret, err);
}

/* With DIR where the folder stands. */
static void add_shown(struct buf *out, const char *text)
{
	for (const char *p; (p = strstr(text, dir)); text = p + strlen(dir)) {
		buf_add(out, text, (size_t)(p - text));
		buf_adds(out, "DIR");
	}
	buf_adds(out, text);
}

/* The jobs as JSON, and the notices behind them. */
static char *shown(const struct jobset *s)
{
	_cleanup_json_ json *j = jobset_to_json(s);
	_cleanup_buf_ struct buf out = { 0 };

	add_shown(&out,
		  json_object_to_json_string_ext(json_get(j, "jobs"), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	for (size_t i = 0; i < s->notices.n; i++)
		buf_addf(&out, " %s.", s->notices.v[i]);
	return buf_take(&out);
}

#define HEAD "version: V1\nallocations:\n  web:\n    executor: containerd\n    execution: {image: i}\n"
#define JOB(more, task) "[{\"name\":\"e-web\",\"tasks\":[{\"image\":\"i\"" task "}],\"network\":\"nunet-bridge\"" more "}]"

static bool differs(const char *got, const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };

	add_shown(&out, got);
	if (!strcmp(buf_str(&out), want))
		return false;
	print_message("got  %s\nwant %s\n", buf_str(&out), want);
	return true;
}

static void good_files(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ HEAD, JOB("", "") },
		{ "version: v1\nallocations: {web: {executor: , execution: {type: containerd, params: {image: i}}}}", JOB("", "") },
		{ HEAD "    type: service\n    resources: {cpu: {cores: 0.5}, ram: {size: 1}}\n",
		  JOB("", ",\"memory\":1073741824,\"cpus\":0.5") },
		{ HEAD "    resources: {cpu: {cores: 2}, ram: {size: 0.5}, gpus: []}\n",
		  JOB("", ",\"memory\":536870912,\"cpus\":2") },
		{ HEAD "    resources: {ram: {size: 512MiB}, disk: {size: 0}}\n", JOB("", ",\"memory\":536870912") },
		{ HEAD "    resources: {ram: {size: 2g}, disk: {size: 1}}\n",
		  JOB("", ",\"memory\":2147483648") " ignored, for disk space is not limited: resources.disk." },
		{ HEAD "    resources: {gpus: [all]}\n", JOB("", ",\"cdi_devices\":[\"nvidia.com/gpu=all\"]") },
		{ HEAD "    resources: {gpus: [1, amd.com/gpu=x, {vendor: AMD, index: 3}, {vendor: intel}]}\n",
		  JOB("", ",\"cdi_devices\":[\"nvidia.com/gpu=1\",\"amd.com/gpu=x\",\"amd.com/gpu=3\",\"intel.com/gpu=3\"]") },
		{ HEAD "    resources: {gpus: [{model: A100, vram: {size: 40}}]}\n",
		  JOB("", ",\"cdi_devices\":[\"nvidia.com/gpu=0\"]") " ignored, for this is one machine: model, vram." },
		{ "version: V1\nallocations:\n  web:\n    executor: containerd\n    execution:\n      image: i\n      entrypoint: "
		  "[sh, -c]\n"
		  "      cmd: [sleep, 60, 0x1f, 1.50, true, '7']\n      environment: [A=1, 'B=x y']\n      working_directory: /w\n",
		  JOB("", ",\"entrypoint\":[\"sh\",\"-c\"],\"args\":[\"sleep\",\"60\",\"0x1f\",\"1.50\",\"true\",\"7\"],\"env\":["
			  "\"A=1\",\"B=x "
			  "y\"],\"cwd\":\"/w\"") },
		{ "version: V1\nallocations:\n  web:\n    executor: containerd\n    execution:\n      type: containerd\n      "
		  "params:\n        image: i\n"
		  "        entrypoint: []\n        args: date\n        environment: {A: 1, B: , C: true, D: d}\n",
		  JOB("", ",\"entrypoint\":[],\"args\":[\"date\"],\"env\":[\"A=1\",\"B=\",\"C=true\",\"D=d\"]") },
		{ "version: V1\nallocations: {web: {executor: containerd, execution: {image: i, runtime: ''}}}",
		  JOB(",\"runtime\":\"io.containerd.runc.v2\"", "") },
		{ "version: V1\nallocations: {web: {executor: containerd, execution: {image: i, runtime: runc}}}",
		  JOB(",\"runtime\":\"io.containerd.runc.v2\"", "") },
		{ "version: V1\nallocations: {web: {executor: containerd, execution: {image: i, runtime: kata}}}",
		  JOB(",\"runtime\":\"io.containerd.kata.v2\"", "") },
		{ "version: V1\nallocations: {web: {executor: containerd, execution: {image: i, runtime: io.containerd.runsc.v1}}}",
		  JOB(",\"runtime\":\"io.containerd.runsc.v1\"", "") },
		{ HEAD "    dns_name: www\n", JOB(",\"hostname\":\"www\"", "") },
		{ HEAD "    dnsname: www\nsubnet: {join: true}\n",
		  "[{\"name\":\"e-web\",\"tasks\":[{\"image\":\"i\"}],\"network\":\"nunet-bridge\",\"aliases\":[\"www\"],"
		  "\"hostname\":\"www\"}]" },
		{ HEAD "subnet: {join: yes}\n",
		  "[{\"name\":\"e-web\",\"tasks\":[{\"image\":\"i\"}],\"network\":\"nunet-bridge\",\"aliases\":[\"web\"]}]" },
		{ HEAD "    keys: [{type: ssh, files: [id.pub, id2.pub], dest: /root/.ssh/authorized_keys}]\n",
		  JOB("", ",\"files\":[{\"target\":\"/root/.ssh/authorized_keys\",\"data\":\"ssh-ed25519 A\\nssh-rsa "
			  "B\\n\",\"mode\":\"0600\"}]") },
		{ HEAD "    keys: []\n    provision: []\n    depends_on: []\n    volumes: []\n    healthcheck:\n", JOB("", "") },
		{ HEAD "    provision: [two.sh, ./one.sh]\n", JOB("", ",\"provision\":[\"DIR/two.sh\",\"DIR/one.sh\"]") },
		{ HEAD "    healthcheck: {type: command, exec: [cat, /x], response: {type: string, value: ok}, interval: 5s}\n",
		  JOB("", ",\"healthcheck\":{\"exec\":[\"cat\",\"/x\"],\"expect\":\"ok\",\"interval\":5}") },
		{ HEAD "    healthcheck: {type: http, endpoint: /health}\n",
		  JOB("", ",\"healthcheck\":{\"type\":\"http\",\"url\":\"/health\"}") },
		{ HEAD "    failure_recovery: one_for_all\n", JOB(",\"failure_recovery\":\"one_for_all\"", "") },
		{ HEAD "    volume: {type: local, name: data, src: /srv/data, mount_destination: /data, read_only: true}\n",
		  JOB("", ",\"mounts\":[{\"source\":\"/srv/data\",\"target\":\"/data\",\"read_only\":true}]") },
		{ HEAD "    volumes:\n    - {type: local, name: data, mount_destination: /data, read_only: no}\n    - {src: sub, "
		       "mount_destination: /sub}\n"
		       "    - {mount_destination: /anon}\n",
		  JOB("", ",\"mounts\":[{\"type\":\"volume\",\"source\":\"data\",\"target\":\"/"
			  "data\"},{\"source\":\"DIR/sub\","
			  "\"target\":\"/sub\"},{\"type\":\"volume\",\"target\":\"/anon\"}]") },
		{ HEAD "nodes: {n1: {allocations: [web], ports: [{public: 8080, private: 80, allocation: web}, {private: 81}]}}\n",
		  JOB(",\"ports\":[{\"host\":8080,\"inside\":80},{\"inside\":81}]", "") },
		{ "nodes: {n1: {ports: [{public: 8080, private: 80}], allocations: [web], redundancy: 2, failure_recovery: "
		  "one_for_one}}\n"
		  "edges: [{S: n1, T: n2, rtt: 50, bw: 100}]\n" HEAD,
		  JOB(",\"ports\":[{\"host\":8080,\"inside\":80}]",
		      "") " ignored, for this is one machine: edges, nodes.redundancy, "
			  "nodes.failure_recovery." },
		{ HEAD "nodes: {n1: {allocations: [web], redundancy: 0, failure_recovery: stay_down}}\nedges: []\n", JOB("", "") },
		{ "version: V1\nbase: &b {executor: containerd, execution: &x {image: i}}\nexec: {more: [*x]}\nport: &p {public: "
		  "1, private: 2}\n"
		  "allocations: {web: *b}\nnodes: {n: {allocations: [web], ports: [*p]}}\nexec2: {sub: [&u 1]}\n"
		  "#\n",
		  NULL }, /* exec has no anchor of its own */
		{ "version: V1\nbase: &b {executor: containerd, execution: &x {image: i}}\nport: &p {public: 1, private: 2}\n"
		  "allocations: {web: *b, db: {<<: *b, depends_on: [web]}, c: {<<: *b, execution: {<<: *x, cmd: [ls]}, depends_on: "
		  "db}}\n"
		  "nodes: {n: {allocations: [web, db, c], ports: [{<<: *p, allocation: web}]}}\n",
		  "[{\"name\":\"e-web\",\"tasks\":[{\"image\":\"i\"}],\"network\":\"nunet-bridge\",\"ports\":[{\"host\":1,"
		  "\"inside\":2}]},"
		  "{\"name\":\"e-db\",\"tasks\":[{\"image\":\"i\"}],\"network\":\"nunet-bridge\",\"depends_on\":[{\"name\":\"e-"
		  "web\"}]},"
		  "{\"name\":\"e-c\",\"tasks\":[{\"image\":\"i\",\"args\":[\"ls\"]}],\"network\":\"nunet-bridge\",\"depends_on\":[{"
		  "\"name\":\"e-db\"}"
		  "]}]" },
	};

	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(jobset_freep) struct jobset *s = NULL;
		_cleanup_free_ char *got = NULL;
		struct err err = ERR_INIT;
		int r = read_text(rows[i].text, &s, &err);

		if (!rows[i].shown) {
			assert_int_equal(r, -ERR_INVALID);
			continue;
		}
		if (r < 0)
			fail_msg("%s: %s", rows[i].text, err.msg);
		got = shown(s);
		wrong += differs(got, rows[i].shown);
		assert_string_equal(s->name, "e");
		assert_string_equal(s->containerd_ns, "nunet");
		assert_int_equal(jobset_check(s, &err), 0);
	}
	assert_int_equal(wrong, 0);
}

static void bad_files(void **state)
{
	static const struct {
		const char *text, *msg, *hint;
	} rows[] = {
		{ "[]", "f:1:1: an ensemble is a map", "" },
		{ "a: b\na", "f:2:2: could not find expected ':' while scanning a simple key that begins in line 2", "" },
		{ "services: {web: {image: i}}", "f:1:1: a Compose file is no job file of davit's",
		  "it reads Nomad jobs, NuNet ensembles and JSON (docs/jobs.md)" },
		{ "# a pod\napiVersion: v1\nkind: Pod", "f:2:1: a manifest of Kubernetes' is no job file of davit's",
		  "it reads Nomad jobs, NuNet ensembles and JSON (docs/jobs.md)" },
		{ "version: V2", "f:1:10: version \"V2\": V1 is what davit reads", "" },
		{ "version: V1", "f:1:1: no allocations", "" },
		{ "allocations: {web: {executor: containerd, execution: {image: i}}}", "f:1:1: no version: is it an ensemble?",
		  "version: \"V1\"" },
		{ "version: V1\nallocations: {}", "f:2:14: allocations is a map of 1 to 4096", "" },
		{ "version: V1\nallocations: [a]", "f:2:14: allocations is a map of 1 to 4096", "" },
		{ "version: V1\nalocations: {}", "f:2:1: unknown key \"alocations\" of an ensemble",
		  "did you mean \"allocations\"?" },
		{ "version: V1\nallocations: {'a b': {}}", "f:2:15: job name \"e-a b\": not a valid name",
		  "use letters and digits, with single . _ or - between them, at most 63 characters" },
		{ "version: V1\nallocations: {a: {}}", "f:2:15: allocation a: no executor", "executor: containerd" },
		{ "version: V1\nallocations: {a: x}", "f:2:18: allocation a: an allocation is a map", "" },
		{ "version: V1\nallocations: {a: {executor: containerd}}", "f:2:15: allocation a: no image", "" },
		{ "version: V1\nallocations: {a: {executor: docker}}",
		  "f:2:29: allocation a: executor \"docker\": davit runs containerd only", "" },
		{ "version: V1\nallocations: {a: {execution: {type: firecracker}}}",
		  "f:2:37: allocation a: execution: execution.type \"firecracker\": davit runs containerd only", "" },
		{ HEAD "    imag: x\n", "f:6:5: allocation web: unknown key \"imag\" of an allocation", "" },
		{ HEAD "    executer: x\n", "f:6:5: allocation web: unknown key \"executer\" of an allocation",
		  "did you mean \"executor\"?" },
		{ HEAD "    type: job\n", "f:6:11: allocation web: type is one of task, service, not \"job\"", "" },
		{ HEAD "    resources: [x]\n", "f:6:16: allocation web: resources: a resources is a map", "" },
		{ HEAD "    resources: {cpu: {core: 1}}\n", "f:6:23: allocation web: resources: cpu: unknown key \"core\" of a cpu",
		  "did you mean \"cores\"?" },
		{ HEAD "    resources: {cpu: {cores: many}}\n",
		  "f:6:30: allocation web: resources: cpu: key \"cores\": wants a number", "" },
		{ HEAD "    resources: {cpu: {cores: -1}}\n", "f:6:30: allocation web: resources: cpu: cores -1: out of range",
		  "0 to 1048576" },
		{ HEAD "    resources: {ram: {size: '1'}}\n",
		  "f:6:29: allocation web: resources: ram: ram.size wants a number of GiB, or one with its unit as 512MiB", "" },
		{ HEAD "    resources: {ram: {size: .inf}}\n",
		  "f:6:29: allocation web: resources: ram: ram.size .inf: a number of GiB", "" },
		{ HEAD "    resources: {ram: {size: 0.001}}\n",
		  "f:6:29: allocation web: resources: ram: ram.size 1073742: out of range", "6291456 to 1152921504606846976" },
		{ HEAD "    resources: {ram: {size: 5XB}}\n",
		  "f:6:29: allocation web: resources: ram: invalid ram.size \"5XB\": not a size",
		  "a number and a unit of b, k, m, g, t or p: 512m, 1.5g, 1GiB" },
		{ HEAD "    resources: {gpus: [{vendor: acme}]}\n",
		  "f:6:24: allocation web: resources: a gpu's vendor is one of nvidia, amd, intel, not \"acme\"", "" },
		{ HEAD "    resources: {gpus: [x=y]}\n",
		  "f:6:24: allocation web: resources: invalid CDI device \"x=y\": not VENDOR/CLASS=NAME",
		  "such as nvidia.com/gpu=0" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, cmd: {a: b}}}}",
		  "f:2:68: allocation a: execution: key \"cmd\": wants a list of at most 65536 texts", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, cmd: [a, [b]]}}}",
		  "f:2:72: allocation a: execution: key \"cmd\": wants a list of texts", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, cmd: [a], args: [b]}}}",
		  "f:2:63: allocation a: execution: cmd and args are two names of one key: leave out one", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, params: {image: j}}}}",
		  "f:2:72: allocation a: execution: image stands beside params too: leave out one", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {cmd: [a], params: {image: j, args: [b]}}}}",
		  "f:2:82: allocation a: execution: args stands beside params too: leave out one", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, environment: [A]}}}",
		  "f:2:77: allocation a: execution: invalid environment variable \"A\": not NAME=VALUE", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, environment: {A: [b]}}}}",
		  "f:2:80: allocation a: execution: A wants text", "" },
		{ "version: V1\nallocations: {a: {executor: containerd, execution: {image: i, working_directory: x}}}",
		  "f:2:82: allocation a: execution: invalid working folder \"x\": not an absolute path", "" },
		{ HEAD "    dns_name: a\n    dnsname: b\n",
		  "f:6:5: allocation web: dns_name and dnsname are two names of one key: leave out one", "" },
		{ HEAD "    dns_name: '-'\n",
		  "f:6:15: allocation web: invalid hostname \"-\": letters, digits, \".\" and \"-\" are allowed", "" },
		{ HEAD "    keys: [{type: gpg}]\n", "f:6:19: allocation web: keys: a key's type is one of ssh, not \"gpg\"", "" },
		{ HEAD "    keys: [{type: ssh, dest: /x}]\n", "f:6:12: allocation web: keys: a key without files", "" },
		{ HEAD "    keys: [{type: ssh, files: id.pub}]\n", "f:6:12: allocation web: keys: a key without dest", "" },
		{ HEAD "    keys: [{files: id.pub, dest: x}]\n",
		  "f:6:12: allocation web: keys: invalid path inside \"x\": not an absolute path", "" },
		{ HEAD "    keys: [{files: nothing.pub, dest: /x}]\n",
		  "f:6:20: allocation web: keys: key DIR/nothing.pub: no such file", "" },
		{ HEAD "    provision: [one.sh, nothing.sh]\n",
		  "f:6:25: allocation web: provision script DIR/nothing.sh: no such file", "" },
		{ HEAD "    provision: [/tmp]\n", "f:6:17: allocation web: provision script /tmp: a folder, not a file", "" },
		{ HEAD "    provision: ['']\n", "f:6:17: allocation web: provision script \"\": no such file", "" },
		{ HEAD "    healthcheck: {type: magic}\n",
		  "f:6:25: allocation web: healthcheck: key \"type\": wants one of \"command\", \"http\", \"tcp\", \"none\"", "" },
		{ HEAD "    healthcheck: {type: command, exec: [a], response: {type: json}}\n",
		  "f:6:62: allocation web: healthcheck: a response's type is one of string, not \"json\"", "" },
		{ HEAD "    healthcheck: {type: command, exec: [a], interval: soon}\n",
		  "f:6:55: allocation web: healthcheck: invalid interval \"soon\": not a time",
		  "seconds, or numbers with a unit of s, m, h or d: 90, 1m30s" },
		{ HEAD "    failure_recovery: always\n",
		  "f:6:23: allocation web: key \"failure_recovery\": wants one of \"stay_down\", \"one_for_one\", \"one_for_all\", "
		  "\"rest_for_one\"",
		  "" },
		{ HEAD "    depends_on: [wep]\n", "f:6:18: allocation web: depends_on: no allocation is called \"wep\"",
		  "did you mean \"web\"?" },
		{ HEAD "    depends_on: [web]\n", "f:6:18: allocation web: depends_on: it depends on itself", "" },
		{ "version: V1\nx: &x {executor: containerd, execution: {image: i}}\nallocations: {a: *x, b: {<<: *x, depends_on: "
		  "[a, a]}}",
		  "f:3:46: allocation b: depends_on: it depends on e-a twice", "" },
		{ HEAD "    volume: {type: glusterfs, name: x, mount_destination: /x}\n",
		  "f:6:20: allocation web: volume: volume of type glusterfs: davit mounts no network file system",
		  "mount it on the host, and use type local with src" },
		{ HEAD "    volume: {type: nfs, mount_destination: /x}\n",
		  "f:6:20: allocation web: volume: a volume's type is one of local, not \"nfs\"", "" },
		{ HEAD "    volume: {name: x}\n", "f:6:13: allocation web: volume: no mount_destination", "" },
		{ HEAD "    volume: {name: x, mount_destination: /x, read_only: 2}\n",
		  "f:6:57: allocation web: volume: read_only wants true or false", "" },
		{ HEAD "    volume: {name: x, mount_destination: x}\n",
		  "f:6:13: allocation web: volume: invalid mount target \"x\": not an absolute path", "" },
		{ HEAD "    volume: [{name: x, mount_destination: /x}, {name: y, mount_destination: /x}]\n",
		  "f:3:3: allocation web: invalid mount target \"/x\": two mounts have it", "" },
		{ "version: V1\nnodes: {n: {allocations: [web]}}\n", "f:2:27: node n: no allocation is called \"web\"", "" },
		{ HEAD "nodes: [n]\n", "f:6:8: nodes is a map", "" },
		{ HEAD "nodes: {n: {allocations: web}}\n", "f:6:26: node n: allocations of a node are a list of names", "" },
		{ HEAD "nodes: {n: {allocations: [wen]}}\n", "f:6:27: node n: no allocation is called \"wen\"",
		  "did you mean \"web\"?" },
		{ HEAD "nodes: {n: {allocations: [web]}, m: {allocations: [web]}}\n",
		  "f:6:52: node m: allocation web has a node already", "" },
		{ HEAD "nodes: {n: {ports: [{public: 1, private: 2}]}}\n",
		  "f:6:21: node n: ports: whose port is it? allocation is missing", "" },
		{ HEAD "nodes: {n: {ports: [{private: 2, allocation: web}]}}\n",
		  "f:6:46: node n: ports: allocation web is not on this node", "" },
		{ HEAD "nodes: {n: {allocations: [web], ports: [{public: 1}]}}\n", "f:6:41: node n: ports: a port without private",
		  "" },
		{ HEAD "nodes: {n: {allocations: [web], ports: [{public: 65536, private: 1}]}}\n",
		  "f:6:50: node n: ports: public wants a whole number from 0 to 65535", "" },
		{ HEAD "nodes: {n: {allocations: [web], ports: [{public: 1, privat: 1}]}}\n",
		  "f:6:53: node n: ports: unknown key \"privat\" of a port", "did you mean \"private\"?" },
		{ HEAD "nodes: {n: {allocations: [web], redundancy: -1}}\n",
		  "f:6:45: node n: redundancy wants a whole number from 0 to 1000", "" },
		{ HEAD "nodes: {n: {failure_recovery: no}}\n",
		  "f:6:31: node n: failure_recovery is one of stay_down, one_for_one, one_for_all, rest_for_one, not \"no\"", "" },
		{ HEAD "edges: {S: a}\n", "f:6:8: edges is a list", "" },
		{ HEAD "subnet: {join: maybe}\n", "f:6:16: subnet: join wants true or false", "" },
	};

	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_(jobset_freep) struct jobset *s = NULL;
		struct err err = ERR_INIT;

		if (read_text(rows[i].text, &s, &err) != -ERR_INVALID)
			fail_msg("%s: %s", rows[i].text, s ? "is taken" : err.msg);
		wrong += differs(err.msg, rows[i].msg) + differs(err.hint, rows[i].hint);
		assert_true(!strncmp(err.msg, "f:", 2));
	}
	assert_int_equal(wrong, 0);
}

/* What the rows of an ensemble's tables fill, by the path of keys. */
static void collect(const struct ensemble_block *b, const char *path, struct strv *out)
{
	for (const struct ensemble_key *k = b->keys; k < b->keys + b->n; k++) {
		_cleanup_free_ char *here = mem_printf("%s%s%s", path, *path ? "." : "", k->key);

		if (k->fills) {
			assert_string_equal(k->fills, here);
			strv_push(out, here);
		}
		if (k->block && strcmp(k->key, "params") != 0)
			collect(k->block, here, out);
	}
}

static void tables_agree(void **state)
{
	_cleanup_strv_ struct strv ours = { 0 }, theirs = { 0 };
	const struct shape *shape;

	(void)state;
	collect(&ensemble_allocation_block, "", &ours);
	collect(&ensemble_execution_block, "execution", &ours);
	for (const struct ensemble_key *k = ensemble_params_block.keys; k < ensemble_params_block.keys + ensemble_params_block.n;
	     k++) {
		assert_true(strv_has(&ours, k->fills));
		assert_ptr_equal(k->call, ensemble_row(&ensemble_execution_block, k->key)->call);
	}
	strv_push(&ours, ensemble_row(&ensemble_node_block, "ports")->fills);
	for (size_t i = 0; shapes_all[i]; i++)
		for (const struct field *f = shapes_all[i]->fields; f < shapes_all[i]->fields + shapes_all[i]->n; f++)
			if (f->ensemble) {
				strv_push(&theirs, f->ensemble);
				assert_ptr_equal(ensemble_field(f->ensemble, &shape), f);
				assert_ptr_equal(shape, shapes_all[i]);
			}
	strv_sort(&ours, 0);
	strv_sort(&theirs, 0);
	for (size_t i = 0; i < ours.n && i < theirs.n; i++)
		assert_string_equal(ours.v[i], theirs.v[i]);
	assert_int_equal(ours.n, theirs.n);
}

RUN_TESTS("ensemble", cmocka_unit_test_setup_teardown(good_files, setup, teardown),
	  cmocka_unit_test_setup_teardown(bad_files, setup, teardown), cmocka_unit_test(tables_agree))
