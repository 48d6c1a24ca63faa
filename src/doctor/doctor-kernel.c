/* Cgroups, seccomp, and what virtual machines and gVisor need. */
#include "doctor-row.h"
#include "apparmor.h"
#include "controllers.h"
#include "kata.h"
#include "mem.h"
#include "selinux.h"
#include <string.h>

static bool in_words(const char *text, const char *word)
{
	_cleanup_strv_ struct strv words = { 0 };

	strv_split(&words, text, " \t\n");
	return strv_has(&words, word);
}

static void say_cgroup(struct doctor *d, const char *version, const struct strv *found, const struct strv *missing)
{
	_cleanup_free_ char *have = strv_join(found, ", "), *lack = strv_join(missing, ", ");
	const bool memory = strv_has(missing, "memory");

	if (missing->n)
		doctor_say(d, CHECK_WARNING, memory ? "add cgroup_enable=memory to the kernel's command line, and reboot" : NULL,
			   "%s, without %s: their limits cannot be set", version, lack);
	else
		doctor_say(d, CHECK_OK, NULL, "%s: %s", version, have);
}

static void look_cgroups(struct doctor *d)
{
	static const char *const wanted[] = { "cpu", "memory", "pids" };
	static const char *const others[] = { "cpuset", "blkio", "io", "hugetlb", "devices", "freezer" };
	const bool v2 = controllers_v2(d->root);
	const bool hybrid = doctor_has(d, "/sys/fs/cgroup/unified/cgroup.controllers");
	_cleanup_strv_ struct strv found = { 0 }, missing = { 0 };

	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		strv_push(controllers_have(d->root, wanted[i]) ? &found : &missing, wanted[i]);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (controllers_have(d->root, others[i]))
			strv_push(&found, others[i]);
	if (v2)
		say_cgroup(d, "version 2", &found, &missing);
	else if (found.n)
		say_cgroup(d, hybrid ? "version 1 (hybrid)" : "version 1", &found, &missing);
	else
		doctor_say(d, CHECK_ERROR, "mount -t cgroup2 none /sys/fs/cgroup", "none mounted at /sys/fs/cgroup");
}

static void look_crun(struct doctor *d)
{
	_cleanup_free_ char *crun = doctor_program(d, "crun");
	struct err err = ERR_INIT;
	size_t at = 0;

	if (!crun || controllers_v2(d->root) || !controllers_have(d->root, "memory"))
		return;
	if (doctor_need(d, "crun", &at, &err) < 0)
		doctor_say(d, CHECK_WARNING, err.hint, "crun starts nothing: %s", err.msg);
	else
		doctor_say(d, CHECK_OK, NULL, "hugetlb is mounted, as crun needs it with cgroup version 1");
}

static void look_seccomp(struct doctor *d)
{
	_cleanup_free_ char *actions = doctor_read(d, "/proc/sys/kernel/seccomp/actions_avail");

	if (actions && in_words(actions, "errno"))
		doctor_say(d, CHECK_OK, NULL, "filters: %s", actions);
	else
		doctor_say(d, CHECK_ERROR, "use a kernel with CONFIG_SECCOMP_FILTER, or run with --security-opt seccomp=unconfined",
			   "this kernel has no filters: the default profile cannot be set");
}

static void look_apparmor(struct doctor *d)
{
	_cleanup_free_ char *parser = apparmor_parser(d->root);
	const int loaded = apparmor_loaded(d->root, APPARMOR_DEFAULT, NULL);

	if (loaded == 1)
		doctor_say(d, CHECK_OK, NULL, "AppArmor: profile " APPARMOR_DEFAULT " is loaded");
	else if (parser)
		doctor_say(d, CHECK_OK, NULL, "AppArmor: the first job loads the profile " APPARMOR_DEFAULT);
	else
		doctor_say(d, CHECK_WARNING, "apt-get install apparmor",
			   "AppArmor is on, but there is no apparmor_parser to load a profile with: jobs run without one");
}

static void look_selinux(struct doctor *d, enum selinux_state state, const struct selinux *policy)
{
	const char *mode = selinux_enforcing(d->root) ? "enforcing" : "permissive: it only logs";

	if (state == SELINUX_ON)
		doctor_say(d, CHECK_OK, NULL, "SELinux, %s: jobs are %s with categories of their own", mode, policy->process);
	else
		doctor_say(d, CHECK_WARNING, "dnf install container-selinux",
			   "SELinux is on (%s), but its policy knows no containers: jobs run without labels of their own", mode);
}

static void look_confinement(struct doctor *d)
{
	_cleanup_(selinux_done) struct selinux policy = { 0 };
	enum selinux_state selinux = selinux_open(d->root, &policy);
	enum apparmor_state apparmor = apparmor_state(d->root);

	if (selinux != SELINUX_OFF)
		look_selinux(d, selinux, &policy);
	if (apparmor == APPARMOR_ON)
		look_apparmor(d);
	else if (apparmor == APPARMOR_UNSEEN)
		doctor_say(d, CHECK_WARNING, "mount -t securityfs securityfs /sys/kernel/security",
			   "AppArmor is on, but securityfs is not mounted: jobs run without a profile");
	else if (selinux == SELINUX_OFF)
		doctor_say(d, CHECK_WARNING, NULL,
			   "neither AppArmor nor SELinux is on: jobs are held by namespaces, "
			   "capabilities and seccomp alone");
}

static void look_device(struct doctor *d, const struct kata_device *device)
{
	if (doctor_has(d, device->path))
		doctor_say(d, CHECK_OK, NULL, "%s is there", device->path);
	else
		doctor_say(d, CHECK_ERROR, device->remedy, "no %s: Kata starts nothing (inside a VM: needs nested virtualisation)",
			   device->path);
}

static void look_kata(struct doctor *d)
{
	_cleanup_free_ char *shim = doctor_program(d, "containerd-shim-kata-v2");
	_cleanup_free_ char *config = NULL;
	struct err err = ERR_INIT;

	if (!shim) {
		doctor_say(d, CHECK_OK, NULL, "not installed (no containerd-shim-kata-v2); /dev/kvm is %s",
			   doctor_has(d, "/dev/kvm") ? "there" : "not there, which it would need");
		return;
	}
	if (kata_config(d->root, &config, &err) >= 0)
		doctor_say(d, CHECK_OK, NULL, "%s, configured by %s", doctor_shown(d, shim), config);
	else
		doctor_say(d, CHECK_ERROR, err.hint, "%s: %s", doctor_shown(d, shim), err.msg);
	for (const struct kata_device *device = kata_devices; device->path; device++)
		look_device(d, device);
}

static void look_gvisor(struct doctor *d)
{
	_cleanup_free_ char *runsc = doctor_program(d, "runsc"), *shim = doctor_program(d, "containerd-shim-runsc-v1");

	if (runsc && shim)
		doctor_say(d, CHECK_OK, NULL, "%s with %s", doctor_shown(d, runsc), doctor_shown(d, shim));
	else if (runsc)
		doctor_say(d, CHECK_OK, NULL, "%s, as the engine of another shim", doctor_shown(d, runsc));
	else if (shim)
		doctor_say(d, CHECK_WARNING, "apt-get install runsc", "%s is there, but no program runsc", doctor_shown(d, shim));
	else
		doctor_say(d, CHECK_OK, NULL, "not installed (no runsc)");
}

#define BOOT_UNIT "davit-reconcile.service"

static void look_boot(struct doctor *d)
{
	if (!doctor_has(d, "/run/systemd/system"))
		doctor_say(d, CHECK_OK, NULL,
			   "systemd does not run here: jobs with a restart policy run again after a boot once davit reconcile "
			   "--boot does");
	else if (doctor_has(d, "/etc/systemd/system/multi-user.target.wants/" BOOT_UNIT))
		doctor_say(d, CHECK_OK, NULL, BOOT_UNIT " is enabled: jobs with a restart policy run again after a boot");
	else
		doctor_say(d, CHECK_OK, NULL,
			   BOOT_UNIT
			   " is not enabled: it starts jobs with a restart policy after a boot (systemctl enable " BOOT_UNIT ")");
}

static const struct doctor_row rows[] = {
	{ "cgroups", look_cgroups }, { "crun", look_crun },     { "seccomp", look_seccomp }, { "confinement", look_confinement },
	{ "Kata", look_kata },       { "gVisor", look_gvisor }, { "boot", look_boot },
};
const struct doctor_rows doctor_kernel = { rows, sizeof rows / sizeof *rows };
