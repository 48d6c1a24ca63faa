#include "sandbox-pod.h"
#include "file.h"
#include "json.h"
#include "mem.h"
#include "mounts.h"
#include "pb.h"
#include "self.h"
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POD "pod"
#define POD_CONFIG_TYPE "runtime.v1.PodSandboxConfig"
enum { SPEC_MAX = 16 << 20, HOST_FILE_MAX = 1 << 20 };

static const char pause_config[] =
	"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"" POD "/root\",\"readonly\":true},"
	"\"process\":{\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"/dev/davit-init\",\"--pause\"],\"cwd\":\"/\","
	"\"env\":[\"PATH=/\"],\"noNewPrivileges\":true,"
	"\"capabilities\":{\"bounding\":[],\"effective\":[],\"permitted\":[]}},"
	"\"mounts\":[{\"destination\":\"/"
	"proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"mode=755\",\"size=64k\"]}],"
	"\"linux\":{\"namespaces\":[{\"type\":\"mount\"}],"
	"\"maskedPaths\":[\"/proc/kcore\",\"/proc/keys\",\"/proc/timer_list\",\"/proc/sched_debug\"],"
	"\"readonlyPaths\":[\"/proc/sys\",\"/proc/irq\",\"/proc/bus\"]}}";

/* what of it containers share: where it is in the pod, and in them */
static const struct {
	const char *file, *at;
} shared[] = {
	{ "resolv.conf", "/etc/resolv.conf" },
	{ "hosts", "/etc/hosts" },
	{ "hostname", "/etc/hostname" },
	{ "shm", "/dev/shm" },
};

int pod_config(const Google__Protobuf__Any *options, struct arena *a, const Sandbox__PodConfig **ret, struct err *err)
{
	const bool ours = options && !strcmp(options->type_url, POD_CONFIG_TYPE);
	const ProtobufCMessage *msg = NULL;
	int r = pb_unpack(&sandbox__pod_config__descriptor, ours ? options->value.data : NULL, ours ? options->value.len : 0, a,
			  &msg, err);

	*ret = (const void *)msg;
	return r < 0 ? err_wrap(err, r, "pod sandbox config") : 0;
}

static Sandbox__NamespaceOption modes_of(const Sandbox__PodConfig *pod)
{
	const Sandbox__SecurityContext *security = pod->linux_config ? pod->linux_config->security_context : NULL;
	const Sandbox__NamespaceOption none = SANDBOX__NAMESPACE_OPTION__INIT;

	return security && security->namespace_options ? *security->namespace_options : none;
}

/* the spec */

static void add_namespace(json *list, const char *type, const char *path)
{
	json *n = json_new_object();

	json_put_str(n, "type", type);
	json_put_str(n, "path", path);
	json_append(list, n);
}

static void put_namespaces(json *linux_, const Sandbox__NamespaceOption *modes, const char *netns)
{
	json *list = json_get_array(linux_, "namespaces");

	if (modes->network != SANDBOX__MODE__NODE) {
		add_namespace(list, "network", *netns ? netns : NULL);
		add_namespace(list, "uts", NULL);
	}
	if (modes->pid != SANDBOX__MODE__NODE)
		add_namespace(list, "pid", NULL);
	if (modes->ipc != SANDBOX__MODE__NODE)
		add_namespace(list, "ipc", NULL);
}

static void put_sysctls(json *linux_, const Sandbox__LinuxConfig *config)
{
	json *all = json_new_object();

	for (size_t i = 0; config && i < config->n_sysctls; i++)
		json_put_str(all, config->sysctls[i]->key, config->sysctls[i]->value);
	json_put(linux_, "sysctl", all);
}

bool pod_by_systemd(const Sandbox__PodConfig *pod)
{
	const char *dot = pod->linux_config ? strrchr(pod->linux_config->cgroup_parent, '.') : NULL;

	return dot && !strcmp(dot, ".slice");
}

/* systemd knows a slice by its own name, which says what it is below. */
static const char *pod_slice(const char *parent)
{
	const char *slash = strrchr(parent, '/');

	return slash ? slash + 1 : parent;
}

static void put_cgroup(json *linux_, const Sandbox__PodConfig *pod, const char *ns, const char *id)
{
	const char *parent = pod->linux_config && *pod->linux_config->cgroup_parent ? pod->linux_config->cgroup_parent : NULL;
	_cleanup_free_ char *path = NULL;

	if (pod_by_systemd(pod))
		path = mem_printf("%s:davit:%s", pod_slice(parent), id);
	else
		path = parent ? mem_printf("%s/%s", parent, id) : mem_printf("/%s/%s", ns, id);
	json_put_str(linux_, "cgroupsPath", path);
}

static json *bind_mount(const char *source, const char *at, bool readonly)
{
	json *m = json_new_object(), *options = json_new_array();

	json_put_str(m, "destination", at);
	json_put_str(m, "type", "bind");
	json_put_str(m, "source", source);
	json_append(options, json_new_str("rbind"));
	json_append(options, json_new_str("rprivate"));
	json_append(options, json_new_str(readonly ? "ro" : "rw"));
	json_put(m, "options", options);
	return m;
}

static int write_spec(const char *bundle, json *spec, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/config.json", bundle);
	_cleanup_buf_ struct buf text = { 0 };

	json_write(spec, &text);
	return file_write(path, text.data, text.len, 0600, err);
}

static int pod_spec(const char *bundle, const char *ns, const char *id, const char *netns, const Sandbox__PodConfig *pod,
		    const char *hostname, struct err *err)
{
	const Sandbox__NamespaceOption modes = modes_of(pod);
	_cleanup_json_ json *spec = NULL;
	_cleanup_free_ char *init = NULL;
	json *linux_;
	int r = self_find("davit-init", &init, err);

	if (r >= 0)
		r = json_parse(pause_config, sizeof pause_config - 1, &spec, err);
	if (r < 0)
		return r;
	linux_ = json_get_object(spec, "linux");
	put_namespaces(linux_, &modes, netns);
	put_sysctls(linux_, pod->linux_config);
	put_cgroup(linux_, pod, ns, id);
	if (modes.network != SANDBOX__MODE__NODE)
		json_put_str(spec, "hostname", hostname);
	json_append(json_get_array(spec, "mounts"), bind_mount(init, "/dev/davit-init", true));
	return write_spec(bundle, spec, err);
}

/* the files */

static void put_resolv_words(struct buf *out, const char *key, char *const *words, size_t n)
{
	if (!n)
		return;
	buf_adds(out, key);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, " %s", words[i]);
	buf_addc(out, '\n');
}

static void resolv_text(const Sandbox__DnsConfig *dns, struct buf *out)
{
	put_resolv_words(out, "search", dns->searches, dns->n_searches);
	for (size_t i = 0; i < dns->n_servers; i++)
		buf_addf(out, "nameserver %s\n", dns->servers[i]);
	put_resolv_words(out, "options", dns->options, dns->n_options);
}

static int put_pod_file(const char *folder, const char *name, const struct buf *text, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/%s", folder, name);

	return file_write(path, text->data, text->len, 0644, err);
}

/* A host that has none has an empty one. */
static void host_text(const char *path, struct buf *out) { (void)file_read(path, HOST_FILE_MAX, out, NULL); }

static int pod_files(const char *folder, const Sandbox__PodConfig *pod, const char *hostname, struct err *err)
{
	_cleanup_buf_ struct buf resolv = { 0 }, hosts = { 0 }, name = { 0 };
	int r;

	if (pod->dns_config)
		resolv_text(pod->dns_config, &resolv);
	if (!resolv.len)
		host_text("/etc/resolv.conf", &resolv);
	host_text("/etc/hosts", &hosts);
	buf_addf(&name, "%s\n", hostname);
	r = put_pod_file(folder, "resolv.conf", &resolv, err);
	if (r >= 0)
		r = put_pod_file(folder, "hosts", &hosts, err);
	return r < 0 ? r : put_pod_file(folder, "hostname", &name, err);
}

static int pod_shm(const char *folder, struct err *err)
{
	_cleanup_free_ char *shm = mem_printf("%s/shm", folder);
	_cleanup_strv_ struct strv options = { 0 };
	char type[] = "tmpfs", source[] = "shm", here[] = "";
	Types__Mount m = TYPES__MOUNT__INIT, *list[] = { &m };
	int r = file_mkdirs(shm, 0755, err);

	strv_split(&options, "nosuid,nodev,noexec,mode=1777,size=65536k", ",");
	m.type = type;
	m.source = source;
	m.target = here;
	m.options = options.v;
	m.n_options = options.n;
	return r < 0 ? r : mounts_make(list, 1, shm, err);
}

static int pod_folder(const char *folder, struct err *err)
{
	static const char *const names[] = { "root/proc", "root/dev" };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof names / sizeof *names; i++) {
		_cleanup_free_ char *path = mem_printf("%s/%s", folder, names[i]);

		r = file_mkdirs(path, 0755, err);
	}
	return r;
}

int pod_make(const char *bundle, const char *ns, const char *id, const char *netns, const Sandbox__PodConfig *pod, struct err *err)
{
	const Sandbox__NamespaceOption modes = modes_of(pod);
	_cleanup_free_ char *folder = mem_printf("%s/" POD, bundle);
	char host[HOST_NAME_MAX + 1] = "";
	const char *hostname = *pod->hostname ? pod->hostname : host;
	int r;

	if (modes.userns_options && modes.userns_options->mode != SANDBOX__MODE__NODE)
		return err_set(err, ERR_UNIMPLEMENTED,
			       "pod sandbox: no user namespace in a sandbox of the shim's: set sandboxer = \"podsandbox\"");
	(void)gethostname(host, sizeof host - 1);
	r = pod_folder(folder, err);
	if (r >= 0)
		r = pod_files(folder, pod, hostname, err);
	if (r >= 0)
		r = pod_spec(bundle, ns, id, netns, pod, hostname, err);
	if (r >= 0 && modes.ipc != SANDBOX__MODE__NODE)
		r = pod_shm(folder, err);
	return r;
}

void pod_drop(const char *bundle)
{
	_cleanup_free_ char *shm = mem_printf("%s/" POD "/shm", bundle);

	if (file_exists(shm))
		(void)mounts_drop(shm, NULL);
}

/* sharing */

static bool has_mount(json *mounts, const char *at)
{
	for (size_t i = 0; i < json_len(mounts); i++) {
		const char *there = json_get_str(json_at(mounts, i), "destination");

		if (there && !strcmp(there, at))
			return true;
	}
	return false;
}

int pod_share(const char *pod_bundle, const char *bundle, struct err *err)
{
	_cleanup_free_ char *path = mem_printf("%s/config.json", bundle);
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_json_ json *spec = NULL;
	int r = file_read(path, SPEC_MAX, &text, err);
	bool readonly;

	if (r >= 0)
		r = json_parse(text.data, text.len, &spec, err);
	if (r < 0)
		return err_wrap(err, r, "%s", path);
	readonly = json_get_bool(json_get_object(spec, "root"), "readonly", false);
	if (!json_get_array(spec, "mounts"))
		json_put(spec, "mounts", json_new_array());
	for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) {
		_cleanup_free_ char *source = mem_printf("%s/" POD "/%s", pod_bundle, shared[i].file);

		if (file_exists(source) && !has_mount(json_get_array(spec, "mounts"), shared[i].at))
			json_append(json_get_array(spec, "mounts"),
				    bind_mount(source, shared[i].at, readonly && strcmp(shared[i].file, "shm")));
	}
	return write_spec(bundle, spec, err);
}
