#include "docker-view.h"
#include "job-table.h"
#include "mem.h"
#include "ref.h"
#include <string.h>

static void put_text(json *o, const char *key, const char *text) { json_put_str(o, key, text ? text : ""); }

/* What is there in another place of the tree is shared, not copied. */
static void view_put_list(json *o, const char *key, json *list)
{
	json_put(o, key, list ? json_object_get(list) : json_new_array());
}

static void put_map(json *o, const char *key, json *map) { json_put(o, key, map ? json_object_get(map) : json_new_object()); }

/* As Docker has it: of a job without checks nothing. */
static json *view_health(json *health)
{
	json *o, *list = json_get_array(health, "log"), *log;

	if (!health)
		return NULL;
	o = json_new_object();
	log = json_new_array();
	put_text(o, "Status", json_get_str(health, "status"));
	json_put_int(o, "FailingStreak", json_get_int(health, "failing_streak", 0));
	for (size_t i = 0; i < json_len(list); i++) {
		json *e = json_new_object();

		put_text(e, "Start", json_get_str(json_at(list, i), "start"));
		put_text(e, "End", json_get_str(json_at(list, i), "end"));
		json_put_int(e, "ExitCode", json_get_int(json_at(list, i), "exit_code", 0));
		put_text(e, "Output", json_get_str(json_at(list, i), "output"));
		json_append(log, e);
	}
	json_put(o, "Log", log);
	return o;
}

static json *view_state(json *state)
{
	const char *status = json_get_str(state, "status");
	json *o = json_new_object();

	put_text(o, "Status", status);
	json_put_bool(o, "Running", status && (!strcmp(status, "running") || !strcmp(status, "paused")));
	json_put_bool(o, "Paused", status && !strcmp(status, "paused"));
	json_put_bool(o, "Restarting", status && !strcmp(status, "restarting"));
	json_put_bool(o, "Dead", false);
	json_put_int(o, "Pid", json_get_int(state, "pid", 0));
	json_put_int(o, "ExitCode", json_get_int(state, "exit_code", 0));
	put_text(o, "Error", NULL);
	put_text(o, "StartedAt", json_get_str(state, "started_at"));
	put_text(o, "FinishedAt", json_get_str(state, "exited_at"));
	json_put(o, "Health", view_health(json_get_object(state, "health")));
	return o;
}

static const char *host_ip_of(json *port)
{
	const char *ip = json_get_str(port, "host_ip");

	return ip ? ip : "0.0.0.0";
}

/* "80/tcp": inside the job. */
static char *view_port_key(json *port)
{
	const char *proto = json_get_str(port, "proto");

	return mem_printf("%d/%s", (int)json_get_int(port, "inside", 0), proto ? proto : "tcp");
}

/* "80" or "80-82/udp", as --expose takes them, without what an image of its own adds: {"80/tcp":{}}. */
static json *view_exposed(json *job)
{
	json *o = json_new_object(), *ports = json_get_array(job, "ports"), *exposed = json_get_array(job, "expose");

	for (size_t i = 0; i < json_len(ports); i++) {
		json *port = json_at(ports, i);
		_cleanup_free_ char *key = view_port_key(port);

		json_put(o, key, json_new_object());
	}
	for (size_t i = 0; i < json_len(exposed); i++) {
		const char *text = json_text(json_at(exposed, i));
		_cleanup_free_ char *key = mem_printf("%s%s", text ? text : "", text && strchr(text, '/') ? "" : "/tcp");

		json_put(o, key, json_new_object());
	}
	return o;
}

/* {"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]} */
static json *view_ports(json *ports)
{
	json *o = json_new_object();

	for (size_t i = 0; i < json_len(ports); i++) {
		json *port = json_at(ports, i), *binding = json_new_object(), *list;
		_cleanup_free_ char *key = view_port_key(port);
		_cleanup_free_ char *host = mem_printf("%d", (int)json_get_int(port, "host", 0));

		put_text(binding, "HostIp", host_ip_of(port));
		put_text(binding, "HostPort", host);
		list = json_get_array(o, key);
		if (!list) {
			list = json_new_array();
			json_put(o, key, list);
		}
		json_append(list, binding);
	}
	return o;
}

/* Address and prefix length of the first of @ips of that family; "" and 0: none. */
static void put_address(json *o, json *ips, bool v6, const char *key, const char *prefix_key)
{
	for (size_t i = 0; i < json_len(ips); i++) {
		const char *ip = json_text(json_at(ips, i)), *slash = ip ? strchr(ip, '/') : NULL;
		_cleanup_free_ char *bare = NULL;

		if (!slash || (strchr(ip, ':') != NULL) != v6)
			continue;
		bare = mem_strndup(ip, (size_t)(slash - ip));
		json_put_str(o, key, bare);
		json_put_int(o, prefix_key, (int64_t)strtol(slash + 1, NULL, 10));
		return;
	}
	json_put_str(o, key, "");
	json_put_int(o, prefix_key, 0);
}

static json *view_attachment(json *a)
{
	json *o = json_new_object(), *ips = json_get_array(a, "ips");

	put_address(o, ips, false, "IPAddress", "IPPrefixLen");
	put_address(o, ips, true, "GlobalIPv6Address", "GlobalIPv6PrefixLen");
	put_text(o, "Gateway", json_get_str(a, "gateway"));
	put_text(o, "MacAddress", json_get_str(a, "mac"));
	view_put_list(o, "Aliases", json_get_array(a, "names"));
	return o;
}

/* @attachments are none of a job that does not run. */
static json *view_network(json *network, json *attachments, json *job)
{
	json *o = json_new_object(), *all = json_new_object();
	const char *name = json_get_str(network, "name");
	static const char *const keys[][2] = { { "IPAddress", "ip" }, { "Gateway", "gateway" }, { "MacAddress", "mac" } };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		put_text(o, keys[i][0], json_get_str(network, keys[i][1]));
	json_put_int(o, "IPPrefixLen", json_get_int(network, "prefix", 0));
	put_text(o, "Bridge", json_get_str(network, "bridge"));
	put_text(o, "SandboxKey", json_get_str(network, "netns"));
	json_put(o, "Ports", view_ports(json_get_array(job, "ports")));
	for (size_t i = 0; i < json_len(attachments); i++)
		json_put(all, json_get_str(json_at(attachments, i), "name"), view_attachment(json_at(attachments, i)));
	if (!json_len(attachments))
		json_put(all, name ? name : "none", view_attachment(NULL));
	json_put(o, "Networks", all);
	return o;
}

/* Where the spec mounts from at @target: a volume's own folder, too. */
static const char *view_source_of(json *spec, const char *target)
{
	json *mounts = json_get_array(spec, "mounts");

	for (size_t i = 0; target && i < json_len(mounts); i++) {
		const char *at = json_get_str(json_at(mounts, i), "destination");

		if (at && !strcmp(at, target))
			return json_get_str(json_at(mounts, i), "source");
	}
	return NULL;
}

static json *view_mounts(json *mounts, json *spec)
{
	json *list = json_new_array();

	for (size_t i = 0; i < json_len(mounts); i++) {
		json *m = json_at(mounts, i), *o = json_new_object();
		const char *type = json_get_str(m, "type"), *target = json_get_str(m, "target"),
			   *source = view_source_of(spec, target);
		bool volume = type && !strcmp(type, "volume");

		put_text(o, "Type", type ? type : "bind");
		put_text(o, "Name", volume ? json_get_str(m, "source") : NULL);
		put_text(o, "Source", source ? source : json_get_str(m, "source"));
		put_text(o, "Destination", target);
		put_text(o, "Driver", volume ? "local" : NULL);
		put_text(o, "Mode", json_get_bool(m, "read_only", false) ? "ro" : "");
		json_put_bool(o, "RW", !json_get_bool(m, "read_only", false));
		json_append(list, o);
	}
	return list;
}

/* What -v says: SOURCE:TARGET[:ro], of folders and volumes that have a name. */
static json *view_binds(json *mounts)
{
	json *list = json_new_array();

	for (size_t i = 0; i < json_len(mounts); i++) {
		json *m = json_at(mounts, i);
		const char *type = json_get_str(m, "type"), *source = json_get_str(m, "source");
		const char *target = json_get_str(m, "target");
		_cleanup_free_ char *text = NULL;

		if (!source || !*source || (type && !strcmp(type, "tmpfs")))
			continue;
		text = mem_printf("%s:%s%s", source, target ? target : "", json_get_bool(m, "read_only", false) ? ":ro" : "");
		json_append(list, json_new_str(text));
	}
	return list;
}

static json *view_config(json *own, json *task, json *spec)
{
	json *o = json_new_object(), *process = json_get_object(spec, "process");

	put_text(o, "Hostname", json_get_str(spec, "hostname"));
	put_text(o, "User", json_get_str(task, "user"));
	put_text(o, "Image", ref_familiar(json_get_str(own, "image") ? json_get_str(own, "image") : ""));
	put_text(o, "WorkingDir", json_get_str(process, "cwd"));
	put_text(o, "StopSignal", json_get_str(task, "stop_signal"));
	view_put_list(o, "Env", json_get_array(process, "env"));
	view_put_list(o, "Cmd", json_get_array(task, "args"));
	view_put_list(o, "Entrypoint", json_get_array(task, "entrypoint"));
	json_put_bool(o, "Tty", json_get_bool(process, "terminal", false));
	json_put_bool(o, "OpenStdin", json_get_bool(task, "stdin_open", false));
	put_map(o, "Labels", json_get_object(json_get_object(own, "job"), "labels"));
	put_text(o, "Domainname", NULL);
	json_put(o, "ExposedPorts", view_exposed(json_get_object(own, "job")));
	return o;
}

static json *view_default(const struct field *f)
{
	if (f->type == FIELD_STR)
		return json_new_str("");
	if (f->type == FIELD_STRV)
		return json_new_array();
	if (f->type == FIELD_DICT)
		return json_new_object();
	return f->type == FIELD_BOOL ? json_object_new_boolean(f->otherwise != 0) : json_object_new_int64(f->otherwise);
}

/* The rows of a table that HostConfig has as they are: as they were given, else the default. */
static void view_rows(json *o, const struct shape *s, json *given)
{
	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		json *v = f->docker ? json_get(given, f->key) : NULL;

		if (v)
			json_put(o, f->docker, json_object_get(v));
		else if (f->docker)
			json_put(o, f->docker, view_default(f));
	}
}

static json *view_host_config(json *own, json *job, json *task)
{
	json *o = json_new_object(), *restart = json_new_object(), *log = json_new_object(), *cpus = json_get(task, "cpus");
	const char *driver = json_get_str(task, "log"), *policy = json_get_str(json_get_object(task, "restart"), "policy");

	put_text(o, "NetworkMode", json_get_str(json_get_object(own, "network"), "name"));
	put_text(o, "Runtime", json_get_str(own, "runtime"));
	json_put(o, "PortBindings", view_ports(json_get_array(job, "ports")));
	json_put_int(o, "NanoCpus", (int64_t)((cpus ? json_object_get_double(cpus) : 0) * 1e9));
	json_put(o, "Binds", view_binds(json_get_array(task, "mounts")));
	view_rows(o, &job_shape, job);
	view_rows(o, &task_shape, task);
	put_text(o, "IpcMode", "private");
	put_text(o, "PidMode", NULL);
	json_put_str(restart, "Name", policy ? policy : "no");
	json_put_int(restart, "MaximumRetryCount", json_get_int(json_get_object(task, "restart"), "attempts", 0));
	json_put(o, "RestartPolicy", restart);
	json_put_str(log, "Type", driver && !strcmp(driver, "none") ? "none" : "json-file");
	json_put(o, "LogConfig", log);
	return o;
}

static json *view_graph_driver(json *own)
{
	json *o = json_new_object();

	put_text(o, "Name", json_get_str(own, "snapshotter"));
	return o;
}

void docker_view_job(json *own)
{
	json *job = json_get_object(own, "job"), *spec = json_get_object(own, "spec"), *state = json_get_object(own, "state");
	json *task = json_at(json_get_array(job, "tasks"), 0), *words = json_get_array(json_get_object(spec, "process"), "args");
	json *args = json_new_array();

	put_text(own, "Id", json_get_str(own, "id"));
	put_text(own, "Name", json_get_str(own, "name"));
	put_text(own, "Created", json_get_str(state, "created_at"));
	put_text(own, "Path", json_text(json_at(words, 0)));
	for (size_t i = 1; i < json_len(words); i++)
		json_append(args, json_object_get(json_at(words, i)));
	put_text(own, "Image", ref_familiar(json_get_str(own, "image") ? json_get_str(own, "image") : ""));
	put_text(own, "LogPath", json_get_str(own, "log_path"));
	put_text(own, "Driver", json_get_str(own, "snapshotter"));
	put_text(own, "Platform", "linux");
	put_text(own, "ResolvConfPath", view_source_of(spec, "/etc/resolv.conf"));
	put_text(own, "HostnamePath", view_source_of(spec, "/etc/hostname"));
	put_text(own, "HostsPath", view_source_of(spec, "/etc/hosts"));
	put_text(own, "AppArmorProfile", json_get_str(json_get_object(spec, "process"), "apparmorProfile"));
	put_text(own, "ProcessLabel", json_get_str(json_get_object(spec, "process"), "selinuxLabel"));
	put_text(own, "MountLabel", json_get_str(json_get_object(spec, "linux"), "mountLabel"));
	json_put(own, "GraphDriver", view_graph_driver(own));
	json_put_int(own, "RestartCount", json_get_int(own, "restarts", 0));
	json_put(own, "State", view_state(state));
	json_put(own, "Config", view_config(own, task, spec));
	json_put(own, "HostConfig", view_host_config(own, job, task));
	json_put(own, "NetworkSettings", view_network(json_get_object(own, "network"), json_get_array(own, "networks"), job));
	json_put(own, "Mounts", view_mounts(json_get_array(task, "mounts"), spec));
	json_put(own, "Args", args);
}

/* Every field that Docker's has, whether the image says it or not: a template must not fail for an image without labels. */
static json *view_image_config(json *config)
{
	static const char *const texts[] = { "Hostname", "Domainname", "User", "WorkingDir", "StopSignal" };
	static const char *const lists[] = { "Env", "Cmd", "Entrypoint", "Shell" };
	static const char *const maps[] = { "ExposedPorts", "Volumes", "Labels" };
	json *o = json_new_object();

	if (config) {
		json_object_object_foreach(config, key, value)
			if (value)
				json_put(o, key, json_object_get(value));
	}
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!json_get(o, texts[i]))
			json_put_str(o, texts[i], "");
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (!json_get(o, lists[i]))
			json_put(o, lists[i], json_new_array());
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
		if (!json_get(o, maps[i]))
			json_put(o, maps[i], json_new_object());
	return o;
}

void docker_view_image(json *own)
{
	json *config = json_get_object(own, "config"), *tags = json_new_array(), *digests = json_new_array();
	json *rootfs = json_new_object();
	const char *name = json_get_str(own, "name"), *digest = json_get_str(own, "digest");
	_cleanup_free_ char *bare = mem_strdup(ref_familiar(name ? name : ""));
	char *end = strchr(bare, '@');

	json_append(tags, json_new_str(bare));
	end = end ? end : strrchr(bare, ':');
	if (end && !strchr(end, '/'))
		*end = '\0';
	if (digest) {
		_cleanup_free_ char *full = mem_printf("%s@%s", bare, digest);

		json_append(digests, json_new_str(full));
	}
	put_text(own, "Id", json_get_str(own, "configDigest"));
	json_put(own, "RepoTags", tags);
	json_put(own, "RepoDigests", digests);
	put_text(own, "Created", json_get_str(config, "created"));
	put_text(own, "Author", json_get_str(config, "author"));
	put_text(own, "Architecture", json_get_str(config, "architecture"));
	put_text(own, "Variant", json_get_str(config, "variant"));
	put_text(own, "Os", json_get_str(config, "os"));
	json_put_int(own, "Size", json_get_int(own, "size", 0));
	json_put(own, "Config", view_image_config(json_get_object(config, "config")));
	json_put_str(rootfs, "Type", "layers");
	view_put_list(rootfs, "Layers", json_get_array(json_get_object(config, "rootfs"), "diff_ids"));
	json_put(own, "RootFS", rootfs);
}

void docker_view_volume(json *own)
{
	put_text(own, "Name", json_get_str(own, "name"));
	put_text(own, "Driver", "local");
	put_text(own, "Scope", "local");
	put_text(own, "Mountpoint", json_get_str(own, "path"));
	put_text(own, "CreatedAt", json_get_str(own, "created_at"));
	put_map(own, "Labels", json_get_object(own, "labels"));
	put_map(own, "Options", NULL);
}

/* {"Subnet":"10.1.0.0/24","Gateway":"10.1.0.1"} of each pool. */
static json *view_ipam(json *own)
{
	json *o = json_new_object(), *list = json_new_array(), *pools = json_get_array(own, "subnets");

	put_text(o, "Driver", json_get_bool(own, "dhcp", false) ? "dhcp" : "default");
	put_map(o, "Options", NULL);
	for (size_t i = 0; i < json_len(pools); i++) {
		json *pool = json_at(pools, i), *one = json_new_object();

		put_text(one, "Subnet", json_get_str(pool, "subnet"));
		put_text(one, "IPRange", json_get_str(pool, "range"));
		put_text(one, "Gateway", json_get_str(pool, "gateway"));
		json_append(list, one);
	}
	json_put(o, "Config", list);
	return o;
}

/* Those that are attached, by id. */
static json *view_containers(json *jobs)
{
	json *o = json_new_object();

	for (size_t i = 0; i < json_len(jobs); i++) {
		json *job = json_at(jobs, i), *one = json_new_object();
		const char *id = json_get_str(job, "id"), *name = json_get_str(job, "name");

		put_text(one, "Name", name ? name : id);
		put_text(one, "EndpointID", NULL);
		put_text(one, "MacAddress", json_get_str(job, "mac"));
		put_text(one, "IPv4Address", json_get_str(job, "ip"));
		put_text(one, "IPv6Address", json_get_str(job, "ip6"));
		json_put(o, id ? id : "", one);
	}
	return o;
}

static json *view_network_options(json *own)
{
	static const char *const keys[][2] = { { "bridge", "com.docker.network.bridge.name" },
					       { "parent", "parent" },
					       { "mode", "mode" } };
	json *o = json_new_object();

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		json_put_str(o, keys[i][1], json_get_str(own, keys[i][0]));
	if (json_get(own, "mtu")) {
		_cleanup_free_ char *mtu = mem_printf("%d", (int)json_get_int(own, "mtu", 0));

		json_put_str(o, "com.docker.network.driver.mtu", mtu);
	}
	return o;
}

void docker_view_network(json *own)
{
	const char *name = json_get_str(own, "name");
	const bool v6 = json_get_bool(own, "ipv6", false);

	put_text(own, "Id", name);
	put_text(own, "ID", name);
	put_text(own, "Name", name);
	put_text(own, "Created", NULL);
	put_text(own, "CreatedAt", NULL);
	put_text(own, "Scope", "local");
	put_text(own, "Driver", json_get_str(own, "driver"));
	json_put_bool(own, "EnableIPv4", true);
	json_put_bool(own, "EnableIPv6", v6);
	put_text(own, "IPv4", "true");
	put_text(own, "IPv6", v6 ? "true" : "false");
	json_put_bool(own, "Internal", json_get_bool(own, "internal", false));
	json_put_bool(own, "Attachable", true);
	json_put_bool(own, "Ingress", false);
	json_put(own, "IPAM", view_ipam(own));
	json_put(own, "Containers", view_containers(json_get_array(own, "jobs")));
	json_put(own, "Options", view_network_options(own));
	put_map(own, "Labels", json_get_object(own, "labels"));
}
