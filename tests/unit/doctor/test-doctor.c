/* Against trees of files that look like machines of every kind. Programs in them are shell scripts. */
#include "test.h"
#include "doctor.h"
#include "file.h"
#include "mem.h"
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct machine {
	char *root;
	struct core_conf conf;
	char *address;
	struct checks checks;
};

static int setup(void **state)
{
	struct machine *m = mem_new(struct machine);

	m->root = mem_strdup("/tmp/davit-test-doctor-XXXXXX");
	assert_non_null(mkdtemp(m->root));
	m->address = mem_printf("%s/none.sock", m->root);
	m->conf = (struct core_conf){ .ns = "davit", .address = m->address, .run_dir = m->root, .data_dir = m->root };
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	assert_int_equal(file_remove_tree(m->root, NULL), 0);
	checks_done(&m->checks);
	free(m->address);
	free(m->root);
	free(m);
	return 0;
}

static void put(const struct machine *m, const char *path, const char *text, mode_t mode)
{
	_cleanup_free_ char *full = mem_printf("%s%s", m->root, path), *folder = mem_strdup(full);

	*strrchr(folder, '/') = '\0';
	assert_int_equal(file_mkdirs(folder, 0755, NULL), 0);
	assert_int_equal(file_write(full, text, strlen(text), mode, NULL), 0);
}

static void put_program(const struct machine *m, const char *path, const char *prints)
{
	_cleanup_free_ char *text = mem_printf("#!/bin/sh\necho '%s'\n", prints);

	put(m, path, text, 0755);
}

static void put_plugin(const struct machine *m, const char *path)
{
	put(m, path,
	    "#!/bin/sh\n[ \"$CNI_COMMAND\" = VERSION ] && grep -q cniVersion &&\n"
	    "echo '{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.3.0\",\"0.4.0\",\"1.0.0\"]}'\n",
	    0755);
}

static void look(struct machine *m)
{
	checks_done(&m->checks);
	doctor_run(&m->conf, m->root, NULL, &m->checks);
}

/* The line of @row (the one that holds @part, when given): level, and words of text and remedy. */
static void expect(const struct machine *m, const char *row, enum check_level level, const char *part, const char *remedy)
{
	for (size_t i = 0; i < m->checks.n; i++) {
		const struct check *c = &m->checks.v[i];

		if (strcmp(c->name, row) != 0 || !strstr(c->text, part))
			continue;
		if (c->level != level)
			fail_msg("%s: level %d: %s", row, c->level, c->text);
		if (!remedy)
			assert_null(c->remedy);
		else if (!c->remedy || !strstr(c->remedy, remedy))
			fail_msg("%s: remedy %s", row, c->remedy ? c->remedy : "none");
		return;
	}
	for (size_t i = 0; i < m->checks.n; i++)
		if (!strcmp(m->checks.v[i].name, row))
			print_error("%s: %s\n", row, m->checks.v[i].text);
	fail_msg("no line of %s has: %s", row, part);
}

static void finds_nothing_on_a_bare_machine(void **state)
{
	struct machine *m = *state;

	look(m);
	expect(m, "containerd", CHECK_ERROR, m->address, "");
	expect(m, "shims", CHECK_ERROR, "no containerd-shim-runc-v2", "apt-get install containerd");
	expect(m, "engines", CHECK_ERROR, "neither runc nor crun", "apt-get install runc");
	expect(m, "CNI plugins", CHECK_ERROR, "bridge, host-local, portmap, firewall, loopback",
	       "apt-get install containernetworking-plugins");
	expect(m, "networks", CHECK_OK, "made on first use", NULL);
	expect(m, "iptables", CHECK_ERROR, "no program iptables", "apt-get install iptables");
	expect(m, "ip6tables", CHECK_WARNING, "IPv6", "apt-get install iptables");
	expect(m, "IP forwarding", CHECK_WARNING, "cannot be read", NULL);
	expect(m, "bridge netfilter", CHECK_WARNING, "not loaded", "modprobe br_netfilter");
	expect(m, "cgroups", CHECK_ERROR, "none mounted", "mount -t cgroup2");
	expect(m, "confinement", CHECK_WARNING, "neither AppArmor nor SELinux is on", NULL);
	expect(m, "seccomp", CHECK_ERROR, "no filters", "seccomp=unconfined");
	expect(m, "Kata", CHECK_OK, "not installed", NULL);
	expect(m, "gVisor", CHECK_OK, "not installed", NULL);
	expect(m, "containerd configuration", CHECK_OK, "containerd's own defaults", NULL);
}

static void tells_of_the_engine_to_come(void **state)
{
	struct machine *m = *state;

	if (file_exists(CTRD_ADDRESS)) {
		print_message("skipped: a containerd of the system's stands at " CTRD_ADDRESS "\n");
		skip();
	}
	m->conf.address = NULL;
	look(m);
	expect(m, "containerd", CHECK_ERROR, "there is no program containerd", "apt-get install containerd runc");
	put_program(m, "/usr/bin/containerd", "containerd 1.7");
	look(m);
	expect(m, "containerd", CHECK_OK, "davit starts /usr/bin/containerd", NULL);
}

static void finds_programs(void **state)
{
	static const char *const plugins[] = { "bridge", "host-local", "portmap", "firewall", "loopback" };
	struct machine *m = *state;

	put_program(m, "/usr/sbin/runc", "runc version 1.1.5+ds1\nspec: 1.0.2");
	put_program(m, "/usr/bin/crun", "crun version 1.8.1");
	put_program(m, "/usr/local/bin/runsc", "runsc version release-20240101.0");
	put_program(m, "/usr/bin/containerd-shim-runc-v2", "containerd-shim-runc-v2:\n  Version:  1.6.20\n  Revision: x");
	put_program(m, "/usr/local/bin/containerd-shim-wasm-v1", "");
	put_program(m, "/usr/bin/containerd-shim", "");
	put_program(m, "/usr/sbin/iptables", "iptables v1.8.9 (nf_tables)");
	put_program(m, "/usr/sbin/ip6tables", "ip6tables v1.8.9 (nf_tables)");
	put(m, "/usr/bin/youki", "#!/bin/sh\nexit 1\n", 0755);
	for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
		_cleanup_free_ char *path = mem_printf("/usr/lib/cni/%s", plugins[i]);

		put_plugin(m, path);
	}
	look(m);
	expect(m, "shims", CHECK_OK, "containerd-shim-wasm-v1", NULL);
	expect(m, "shims", CHECK_OK, "(runc-v2: 1.6.20)", NULL);
	expect(m, "engines", CHECK_OK, "runc 1.1.5+ds1, /usr/sbin/runc", NULL);
	expect(m, "engines", CHECK_OK, "crun 1.8.1, /usr/bin/crun", NULL);
	expect(m, "engines", CHECK_OK, "runsc 20240101.0", NULL);
	expect(m, "engines", CHECK_WARNING, "youki, /usr/bin/youki: does not tell its version", NULL);
	expect(m, "iptables", CHECK_OK, "iptables v1.8.9 (nf_tables)", NULL);
	expect(m, "ip6tables", CHECK_OK, "ip6tables v1.8.9", NULL);
	expect(m, "CNI plugins", CHECK_OK, "in /usr/lib/cni, CNI 0.3.0 to 1.0.0", NULL);
	expect(m, "gVisor", CHECK_OK, "/usr/local/bin/runsc, as the engine of another shim", NULL);
	put(m, "/usr/lib/cni/portmap", "#!/bin/sh\nexit 1\n", 0755);
	look(m);
	expect(m, "CNI plugins", CHECK_ERROR, "without an answer to VERSION: /usr/lib/cni/portmap", "--reinstall");
	put(m, "/usr/lib/cni/portmap", "no program", 0644);
	look(m);
	expect(m, "CNI plugins", CHECK_ERROR, "missing in " CNI_PATH_DEFAULT ": portmap", "containernetworking-plugins");
}

/* A program that hangs costs a few seconds, not the whole report. */
static void bounds_what_hangs(void **state)
{
	struct machine *m = *state;

	put(m, "/usr/sbin/runc", "#!/bin/sh\nexec sleep 1000\n", 0755);
	look(m);
	expect(m, "engines", CHECK_WARNING, "runc, /usr/sbin/runc: does not tell its version", NULL);
	expect(m, "gVisor", CHECK_OK, "not installed", NULL);
}

static void put_v1(const struct machine *m, const char *controllers)
{
	_cleanup_strv_ struct strv all = { 0 };

	strv_split(&all, controllers, " ");
	for (size_t i = 0; i < all.n; i++) {
		_cleanup_free_ char *path = mem_printf("/sys/fs/cgroup/%s/cgroup.procs", all.v[i]);

		put(m, path, "", 0644);
	}
}

static void tells_cgroups_apart(void **state)
{
	static const char hugetlb[] = "mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb";
	struct machine *m = *state;
	_cleanup_free_ char *v2 = mem_printf("%s/sys/fs/cgroup/cgroup.controllers", m->root);

	put_program(m, "/usr/bin/crun", "crun version 1.8.1");
	put_v1(m, "cpu memory pids blkio");
	look(m);
	expect(m, "cgroups", CHECK_OK, "version 1: cpu, memory, pids, blkio", NULL);
	expect(m, "crun", CHECK_WARNING, "needs the controller hugetlb", hugetlb);
	put(m, "/sys/fs/cgroup/unified/cgroup.controllers", "\n", 0644);
	put_v1(m, "hugetlb");
	look(m);
	expect(m, "cgroups", CHECK_OK, "version 1 (hybrid): cpu, memory, pids, blkio, hugetlb", NULL);
	expect(m, "crun", CHECK_OK, "hugetlb is mounted", NULL);
	put(m, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n", 0644);
	look(m);
	expect(m, "cgroups", CHECK_OK, "version 2: cpu, memory, pids, cpuset, io, hugetlb", NULL);
	put(m, "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io pids\n", 0644); /* as a Raspberry Pi comes */
	look(m);
	expect(m, "cgroups", CHECK_WARNING, "version 2, without memory", "cgroup_enable=memory");
	assert_true(file_exists(v2));
}

static void reads_forwarding(void **state)
{
	static const struct {
		const char *file, *text;
		bool kept;
	} cases[] = {
		{ "/etc/sysctl.conf", "#net.ipv4.ip_forward=1\n", false },
		{ "/etc/sysctl.conf", "net.ipv4.ip_forward=0\n", false },
		{ "/etc/sysctl.conf", "net.ipv4.ip_forward_use_pmtu=1\n", false },
		{ "/etc/sysctl.d/README", "net.ipv4.ip_forward=1\n", false },
		{ "/etc/sysctl.d/x.conf", "# a\n  net/ipv4/ip_forward =  1  \n", true },
		{ "/usr/lib/sysctl.d/x.conf", "-net.ipv4.ip_forward=1", true },
		{ "/etc/sysctl.conf", "a=1\nnet.ipv4.ip_forward = 1\n", true },
	};
	struct machine *m = *state;

	put(m, "/proc/sys/net/ipv4/ip_forward", "0\n", 0644);
	look(m);
	expect(m, "IP forwarding", CHECK_WARNING, "off", "sysctl -w net.ipv4.ip_forward=1");
	put(m, "/proc/sys/net/ipv4/ip_forward", "1\n", 0644);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		_cleanup_free_ char *full = mem_printf("%s%s", m->root, cases[i].file);

		put(m, cases[i].file, cases[i].text, 0644);
		look(m);
		if (cases[i].kept)
			expect(m, "IP forwarding", CHECK_OK, "kept over a reboot", NULL);
		else
			expect(m, "IP forwarding", CHECK_WARNING, "not kept over a reboot", "/etc/sysctl.d/90-davit.conf");
		assert_int_equal(unlink(full), 0);
	}
}

static void reads_the_kernel(void **state)
{
	struct machine *m = *state;

	put(m, "/proc/sys/net/bridge/bridge-nf-call-iptables", "0\n", 0644);
	put(m, "/proc/sys/kernel/seccomp/actions_avail", "kill_process kill_thread trap errno trace log allow\n", 0644);
	look(m);
	expect(m, "bridge netfilter", CHECK_WARNING, "off", "sysctl -w net.bridge.bridge-nf-call-iptables=1");
	expect(m, "seccomp", CHECK_OK, "errno", NULL);
	put(m, "/proc/sys/net/bridge/bridge-nf-call-iptables", "1\n", 0644);
	look(m);
	expect(m, "bridge netfilter", CHECK_OK, "on", NULL);
}

static void looks_for_what_kata_needs(void **state)
{
	struct machine *m = *state;

	put_program(m, "/opt/kata/bin/containerd-shim-kata-v2", "");
	look(m);
	expect(m, "Kata", CHECK_ERROR, "no configuration.toml in", "/etc/kata-containers");
	expect(m, "Kata", CHECK_ERROR, "no /dev/kvm", "modprobe kvm_intel || modprobe kvm_amd");
	expect(m, "Kata", CHECK_ERROR, "no /dev/vhost-vsock", "modprobe vhost_vsock");
	put(m, "/opt/kata/share/defaults/kata-containers/configuration.toml", "", 0644);
	put(m, "/dev/kvm", "", 0644);
	put(m, "/dev/vhost-vsock", "", 0644);
	look(m);
	expect(m, "Kata", CHECK_OK, "/opt/kata/bin/containerd-shim-kata-v2, configured by /opt/kata/share/", NULL);
	expect(m, "Kata", CHECK_OK, "/dev/kvm is there", NULL);
	expect(m, "Kata", CHECK_OK, "/dev/vhost-vsock is there", NULL);
}

static void looks_for_gvisor(void **state)
{
	struct machine *m = *state;

	put_program(m, "/usr/local/bin/containerd-shim-runsc-v1", "");
	look(m);
	expect(m, "gVisor", CHECK_WARNING, "/usr/local/bin/containerd-shim-runsc-v1 is there, but no program runsc",
	       "install runsc");
	put(m, "/usr/bin/runsc", "#!/bin/sh\nexit 1\n", 0755);
	look(m);
	expect(m, "gVisor", CHECK_OK, "/usr/bin/runsc with /usr/local/bin/containerd-shim-runsc-v1", NULL);
	expect(m, "engines", CHECK_WARNING, "runsc, /usr/bin/runsc: does not tell its version", NULL);
}

static void wants_root(void **state)
{
	struct machine *m = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(seteuid(65534), 0);
	look(m);
	assert_int_equal(seteuid(0), 0);
	expect(m, "root", CHECK_ERROR, "davit needs root, this is user 65534", "sudo davit doctor");
}

/* Root of a container that was not given the rights. */
static void wants_capabilities(void **state)
{
	struct machine *m = *state;
	int status;
	pid_t pid = geteuid() == 0 ? fork() : -1;

	if (pid == 0) {
		(void)prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN, 0, 0, 0);
		look(m);
		_exit(strcmp(m->checks.v[0].name, "root") != 0 || m->checks.v[0].level != CHECK_ERROR ||
		      !strstr(m->checks.v[0].text, "without CAP_SYS_ADMIN"));
	}
	if (pid < 0)
		skip();
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void names_networks(void **state)
{
	struct machine *m = *state;

	put(m, "/etc/cni/net.d/10-a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"blue\",\"plugins\":[{\"type\":\"bridge\"}]}",
	    0644);
	put(m, "/etc/cni/net.d/20-b.conflist", "{", 0644);
	look(m);
	expect(m, "networks", CHECK_OK, "blue", NULL);
	expect(m, "networks", CHECK_WARNING, "20-b.conflist", NULL);
}

/* Each line that is not ok says what mends it, or why nothing does. */
static void survives_the_real_machine(void **state)
{
	struct machine *m = *state;

	doctor_run(&m->conf, "", NULL, &m->checks);
	assert_true(m->checks.n >= 12);
	for (size_t i = 0; i < m->checks.n; i++) {
		assert_non_null(m->checks.v[i].name);
		assert_true(*m->checks.v[i].text);
		assert_null(strchr(m->checks.v[i].text, '\n'));
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
static void confinement(void **state)
{
	struct machine *m = *state;

	put(m, "/sys/module/apparmor/parameters/enabled", "Y\n", 0644);
	look(m);
	expect(m, "confinement", CHECK_WARNING, "securityfs is not mounted", "mount -t securityfs securityfs /sys/kernel/security");
	put(m, "/sys/kernel/security/apparmor/profiles", "other (enforce)\n", 0644);
	look(m);
	expect(m, "confinement", CHECK_WARNING, "there is no apparmor_parser", "apt-get install apparmor");
	put(m, "/usr/sbin/apparmor_parser", "#!/bin/sh\n", 0755);
	look(m);
	expect(m, "confinement", CHECK_OK, "the first job loads the profile davit-default", NULL);
	put(m, "/sys/kernel/security/apparmor/profiles", "other (enforce)\ndavit-default (enforce)\n", 0644);
	look(m);
	expect(m, "confinement", CHECK_OK, "davit-default is loaded", NULL);
	put(m, "/sys/fs/selinux/enforce", "1", 0644);
	look(m);
	expect(m, "confinement", CHECK_WARNING, "SELinux is on (enforcing), but its policy knows no containers",
	       "dnf install container-selinux");
	put(m, "/sys/fs/selinux/enforce", "0", 0644);
	put(m, "/etc/selinux/targeted/contexts/lxc_contexts", "process = \"u:r:container_t:s0\"\nfile = \"u:o:f:s0\"\n", 0644);
	look(m);
	expect(m, "confinement", CHECK_OK, "SELinux, permissive: it only logs: jobs are u:r:container_t:s0", NULL);
}

RUN_TESTS("doctor", T(finds_nothing_on_a_bare_machine), T(tells_of_the_engine_to_come), T(finds_programs), T(bounds_what_hangs),
	  T(tells_cgroups_apart), T(reads_forwarding), T(reads_the_kernel), T(looks_for_what_kata_needs), T(looks_for_gvisor),
	  T(wants_root), T(wants_capabilities), T(names_networks), T(confinement), T(survives_the_real_machine))
