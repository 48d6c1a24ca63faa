/* What networks need: CNI plugins, packet filters, forwarding. */
#include "doctor-row.h"
#include "file.h"
#include "mem.h"
#include <string.h>

/* The folders of the ':' list @path, below the root. */
static char *below_root(const struct doctor *d, const char *path)
{
	_cleanup_strv_ struct strv all = { 0 }, full = { 0 };

	strv_split(&all, path, ":");
	for (size_t i = 0; i < all.n; i++)
		strv_pushf(&full, "%s%s", d->root, all.v[i]);
	return strv_join(&full, ":");
}

static void look_plugins(struct doctor *d)
{
	static const char *const needed[] = { "bridge", "host-local", "portmap", "firewall", "loopback" };
	const char *path = d->conf->cni.path ? d->conf->cni.path : CNI_PATH_DEFAULT;
	_cleanup_free_ char *folders = below_root(d, path), *text = NULL;
	_cleanup_strv_ struct strv missing = { 0 }, mute = { 0 }, versions = { 0 };
	_cleanup_free_ char *first = NULL;

	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		_cleanup_free_ char *program = file_find(folders, needed[i]);
		_cleanup_strv_ struct strv spoken = { 0 };

		if (!program)
			strv_push(&missing, needed[i]);
		else if (!doctor_ask_cni(d, program, &spoken))
			strv_push(&mute, doctor_shown(d, program));
		else if (!first) {
			first = mem_strndup(program, (size_t)(strrchr(program, '/') - program));
			strv_add(&versions, &spoken);
		}
	}
	text = strv_join(missing.n ? &missing : &mute, ", ");
	if (missing.n)
		doctor_say(d, CHECK_ERROR, "apt-get install containernetworking-plugins", "missing in %s: %s", path, text);
	else if (mute.n)
		doctor_say(d, CHECK_ERROR, "apt-get install --reinstall containernetworking-plugins",
			   "without an answer to VERSION: %s", text);
	else if (first)
		doctor_say(d, CHECK_OK, NULL, "bridge, host-local, portmap, firewall, loopback in %s, CNI %s to %s",
			   doctor_shown(d, first), versions.v[0], versions.v[versions.n - 1]);
}

static void look_networks(struct doctor *d)
{
	struct cni_conf conf = d->conf->cni;
	_cleanup_free_ char *dir = doctor_path(d, conf.conf_dir ? conf.conf_dir : CNI_CONF_DIR), *text = NULL;
	_cleanup_strv_ struct strv names = { 0 }, notices = { 0 };

	conf.conf_dir = dir;
	if (cni_net_names(&conf, &names, &notices, NULL) < 0 || !names.n)
		doctor_say(d, CHECK_OK, NULL, "none in %s; the default one is made on first use", doctor_shown(d, dir));
	else
		doctor_say(d, CHECK_OK, NULL, "%s", text = strv_join(&names, ", "));
	for (size_t i = 0; i < notices.n; i++)
		doctor_say(d, CHECK_WARNING, NULL, "%s", notices.v[i]);
}

static void look_filter(struct doctor *d, const char *name, enum check_level without, const char *what)
{
	_cleanup_free_ char *program = doctor_program(d, name), *line = NULL;

	if (!program) {
		doctor_say(d, without, "apt-get install iptables",
			   "no program %s: the CNI plugins portmap and firewall need it for %s", name, what);
		return;
	}
	line = doctor_ask(d, program, "--version", NULL);
	doctor_say(d, CHECK_OK, NULL, "%s", line ? line : doctor_shown(d, program));
}

static void look_iptables(struct doctor *d) { look_filter(d, "iptables", CHECK_ERROR, "forwarded ports"); }
static void look_ip6tables(struct doctor *d) { look_filter(d, "ip6tables", CHECK_WARNING, "IPv6"); }

/* "net.ipv4.ip_forward = 1" in any of sysctl's spellings. */
static bool line_sets(const char *line, const char *key)
{
	line += strspn(line, " \t-");
	for (; *key; key++, line++)
		if (*line != *key && !(*key == '.' && *line == '/'))
			return false;
	line += strspn(line, " \t");
	return *line == '=' && line[1 + strspn(line + 1, " \t")] == '1';
}

static bool file_sets(const struct doctor *d, const char *path, const char *key)
{
	_cleanup_free_ char *text = doctor_read(d, path);
	_cleanup_strv_ struct strv lines = { 0 };

	if (text)
		strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++)
		if (line_sets(lines.v[i], key))
			return true;
	return false;
}

static bool kept_over_reboot(const struct doctor *d, const char *key)
{
	static const char *const folders[] = {
		"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d",
	};

	if (file_sets(d, "/etc/sysctl.conf", key))
		return true;
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		_cleanup_free_ char *folder = doctor_path(d, folders[i]);
		_cleanup_(closedirp) DIR *dir = opendir(folder);

		for (struct dirent *e; dir && (e = readdir(dir));) {
			_cleanup_free_ char *path = mem_printf("%s/%s", folders[i], e->d_name);
			const char *dot = strrchr(e->d_name, '.');

			if (dot && !strcmp(dot, ".conf") && file_sets(d, path, key))
				return true;
		}
	}
	return false;
}

static void look_forward(struct doctor *d)
{
	_cleanup_free_ char *value = doctor_read(d, "/proc/sys/net/ipv4/ip_forward");
	const bool kept = kept_over_reboot(d, "net.ipv4.ip_forward");

	if (!value)
		doctor_say(d, CHECK_WARNING, NULL, "/proc/sys/net/ipv4/ip_forward cannot be read");
	else if (strcmp(value, "1") != 0)
		doctor_say(d, CHECK_WARNING, "sysctl -w net.ipv4.ip_forward=1",
			   "off: containers on a bridge reach nothing outside (the bridge plugin turns it on with the first job)");
	else if (!kept)
		doctor_say(d, CHECK_WARNING, "echo net.ipv4.ip_forward=1 > /etc/sysctl.d/90-davit.conf",
			   "on, but not kept over a reboot: no file of sysctl's says so");
	else
		doctor_say(d, CHECK_OK, NULL, "on, and kept over a reboot");
}

static void look_bridge(struct doctor *d)
{
	_cleanup_free_ char *value = doctor_read(d, "/proc/sys/net/bridge/bridge-nf-call-iptables");

	if (value && !strcmp(value, "1"))
		doctor_say(d, CHECK_OK, NULL, "on");
	else
		doctor_say(d, CHECK_WARNING, value ? "sysctl -w net.bridge.bridge-nf-call-iptables=1" : "modprobe br_netfilter",
			   "%s: a container does not reach a port that another one on its bridge has forwarded",
			   value ? "off" : "module br_netfilter is not loaded");
}

static const struct doctor_row rows[] = {
	{ "CNI plugins", look_plugins }, { "networks", look_networks },     { "iptables", look_iptables },
	{ "ip6tables", look_ip6tables }, { "IP forwarding", look_forward }, { "bridge netfilter", look_bridge },
};
const struct doctor_rows doctor_net = { rows, sizeof rows / sizeof *rows };
