#include "job-table.h"
#include "check.h"
#include "job-text.h"
#include "jobset.h"

enum { KIB = 1024, MIB = 1024 * KIB, YEAR = 365 * 86400, PIDS_MOST = 1 << 22 /* the kernel's PID_MAX_LIMIT */ };
#define HUGE_SIZE (INT64_C(1) << 60)

#define AT(T, member) .offset = offsetof(struct T, member)
#define COUNTED(T, array, count) .offset = offsetof(struct T, array), .extra = offsetof(struct T, count)
#define SHAPE(T, what, table, ...) \
	{ \
		.noun = what, .size = sizeof(struct T), .fields = table, .n = sizeof table / sizeof *table, __VA_ARGS__ \
	}

const char *const topic_names[TOPICS] = { NULL, "Job", "Process", "Network", "Files", "Limits", "Security", "Restart and health",
					  "Log" };

static const char *const proto_words[] = { "tcp", "udp", "sctp", NULL };
const char *const mount_kind_words[] = { "bind", "volume", "tmpfs", "job", NULL };
static const char *const pull_words[] = { "missing", "always", "never", NULL };
static const char *const log_words[] = { "file", "none", "journald", NULL };
static const char *const life_words[] = { "main", "prestart", "poststart", "poststop", NULL };
static const char *const depend_words[] = { "started", "completed", "healthy", NULL };
static const char *const restart_words[] = { "no", "on-failure", "always", "unless-stopped", NULL };
static const char *const restart_mode_words[] = { "fail", "delay", NULL };
static const char *const health_words[] = { "command", "http", "tcp", "none", NULL };
static const char *const recovery_words[] = { "stay_down", "one_for_one", "one_for_all", "rest_for_one", NULL };

static const struct field port_fields[] = {
	{ "name", FIELD_STR, AT(port, name), .check = check_port_name, .nomad = "network.port",
	  .doc = "Name of the port, by which the environment has it" },
	{ "host_ip", FIELD_STR, AT(port, host_ip), .doc = "Address of the host to listen on; all of them without" },
	{ "host", FIELD_U16, AT(port, host), .doc = "Port of the host; 0 or absent: any free one" },
	{ "host_last", FIELD_U16, AT(port, host_last),
	  .doc = "The first free port from host to this one is taken; 0: host itself" },
	{ "inside", FIELD_U16, AT(port, inside), .doc = "Port inside the job; without it, with a name, the same as on the host" },
	{ "proto", FIELD_ENUM, AT(port, proto), .words = proto_words, .doc = "Protocol" },
};
const struct shape port_shape = SHAPE(port, "port", port_fields, .check = check_port);

static const struct field mount_fields[] = {
	{ "type", FIELD_ENUM, AT(mount, kind), .words = mount_kind_words, .doc = "What is mounted" },
	{ "source", FIELD_STR, AT(mount, source), .doc = "Folder of the host, or the volume's name" },
	{ "target", FIELD_STR, AT(mount, target), .required = true, .doc = "Absolute path inside" },
	{ "read_only", FIELD_BOOL, AT(mount, read_only), .doc = "No writing" },
	{ "options", FIELD_STRV, AT(mount, options), .doc = "Mount options: propagation, size=, mode= ..." },
};
const struct shape mount_shape = SHAPE(mount, "mount", mount_fields, .check = check_mount);

static const struct field ulimit_fields[] = {
	{ "name", FIELD_STR, AT(ulimit, name), .required = true, .doc = "nofile, nproc ..." },
	{ "soft", FIELD_LIMIT, AT(ulimit, soft), .doc = "Limit that holds; -1: unlimited" },
	{ "hard", FIELD_LIMIT, AT(ulimit, hard), .doc = "Limit that the process may raise it to; -1: unlimited" },
};
const struct shape ulimit_shape = SHAPE(ulimit, "ulimit", ulimit_fields, .check = check_ulimit);

static const struct field device_fields[] = {
	{ "host", FIELD_STR, AT(device, host), .required = true, .doc = "Device of the host" },
	{ "inside", FIELD_STR, AT(device, inside), .doc = "Path inside; the same without" },
	{ "access", FIELD_STR, AT(device, access), .doc = "Some of \"rwm\"; all without" },
};
const struct shape device_shape = SHAPE(device, "device", device_fields, .check = check_device);

static const struct field attachment_fields[] = {
	{ "name", FIELD_STR, AT(attachment, name), .required = true, .check = check_network_name, .doc = "The network" },
	{ "ip", FIELD_STRV, AT(attachment, ips), .max = 2, .check = check_ip, .doc = "Address, one of each family" },
	{ "mac", FIELD_STR, AT(attachment, mac), .check = check_mac, .doc = "Hardware address" },
	{ "aliases", FIELD_STRV, AT(attachment, aliases), .check = check_alias, .doc = "Further names on it" },
};
const struct shape attachment_shape = SHAPE(attachment, "network", attachment_fields, .check = check_attachment, .named = true);

static const struct field auth_fields[] = {
	{ "username", FIELD_STR, AT(auth, username), .flag = "creds", .arg = "USER[:PASSWORD]", .topic = TOPIC_JOB,
	  .parse = text_creds, .nomad = "auth.username", .doc = "Who pulls the image; never kept" },
	{ "password", FIELD_STR, AT(auth, password), .nomad = "auth.password", .doc = "The password; never kept" },
	{ "file", FIELD_STR, AT(auth, file), .check = check_auth_file, .flag = "authfile", .arg = "FILE", .offer = "@file",
	  .topic = TOPIC_JOB, .parse = text_path, .nomad = "auth.config",
	  .doc = "Credentials in the form of Docker's config.json" },
};
const struct shape auth_shape = SHAPE(auth, "auth", auth_fields, .check = check_auth);

static const struct field restart_fields[] = {
	{ "policy", FIELD_ENUM, AT(restart, policy), .live = true, .words = restart_words, .flag = "restart",
	  .arg = "POLICY[:TIMES]", .topic = TOPIC_LIFE, .parse = text_restart,
	  .doc = "When it is started again: no, on-failure, always, unless-stopped" },
	{ "attempts", FIELD_INT, AT(restart, attempts), .max = 1000000, .nomad = "restart.attempts",
	  .doc = "Starts in an interval; 0: no limit" },
	{ "interval", FIELD_TIME, AT(restart, interval), .max = DURATION_MAX, .nomad = "restart.interval",
	  .doc = "Time in which attempts are counted; 0: all of it" },
	{ "delay", FIELD_TIME, AT(restart, delay), .max = DURATION_MAX, .nomad = "restart.delay",
	  .doc = "Time before it is started again" },
	{ "mode", FIELD_ENUM, AT(restart, mode), .words = restart_mode_words, .nomad = "restart.mode",
	  .doc = "Once the attempts are used up: fail, or delay until the next interval" },
};
const struct shape restart_shape = SHAPE(restart, "restart", restart_fields, );

/* clang-format off */
static const struct field healthcheck_fields[] = {
	{ "type", FIELD_ENUM, AT(healthcheck, kind), .words = health_words, .ensemble = "healthcheck.type",
	  .doc = "What is asked; none: not what the image says either" },
	{ "exec", FIELD_STRV, AT(healthcheck, exec), .flag = "health-cmd", .arg = "COMMAND", .topic = TOPIC_LIFE,
	  .parse = text_health_cmd, .ensemble = "healthcheck.exec", .doc = "Command whose success is health" },
	{ .type = FIELD_BOOL, AT(healthcheck, kind), .flag = "no-healthcheck", .topic = TOPIC_LIFE, .parse = text_no_health,
	  .doc = "No check, not the image's either" },
	{ "url", FIELD_STR, AT(healthcheck, url), .ensemble = "healthcheck.endpoint",
	  .doc = "Of http the URL or path, of tcp [ADDRESS:]PORT" },
	{ "expect", FIELD_STR, AT(healthcheck, expect), .ensemble = "healthcheck.response",
	  .doc = "What the answer is; without it success is enough" },
	{ "interval", FIELD_TIME, AT(healthcheck, interval), .otherwise = 30, .min = 1, .max = DURATION_MAX,
	  .flag = "health-interval", .arg = "TIME", .topic = TOPIC_LIFE, .ensemble = "healthcheck.interval",
	  .doc = "Time between checks (30s)" },
	{ "timeout", FIELD_TIME, AT(healthcheck, timeout), .otherwise = 30, .min = 1, .max = DURATION_MAX,
	  .flag = "health-timeout", .arg = "TIME", .topic = TOPIC_LIFE, .doc = "Time that a check may take (30s)" },
	{ "retries", FIELD_INT, AT(healthcheck, retries), .otherwise = 3, .min = 1, .max = 1000, .flag = "health-retries",
	  .topic = TOPIC_LIFE, .doc = "Failures in a row that mean unhealthy (3)" },
	{ "start_period", FIELD_TIME, AT(healthcheck, start_period), .max = DURATION_MAX, .flag = "health-start-period",
	  .arg = "TIME", .topic = TOPIC_LIFE, .doc = "Time at the start in which failures do not count" },
	{ "start_interval", FIELD_TIME, AT(healthcheck, start_interval), .otherwise = 5, .min = 1, .max = DURATION_MAX,
	  .flag = "health-start-interval", .arg = "TIME", .topic = TOPIC_LIFE,
	  .doc = "Time between checks in it, until one succeeds (5s)" },
};
/* clang-format on */
const struct shape healthcheck_shape = SHAPE(healthcheck, "healthcheck", healthcheck_fields, .check = check_healthcheck);

static const struct field depend_fields[] = {
	{ "name", FIELD_STR, AT(depend, name), .required = true, .doc = "What must be there first" },
	{ "condition", FIELD_ENUM, AT(depend, when), .words = depend_words, .doc = "How far it must have come" },
};
const struct shape depend_shape = SHAPE(depend, "dependency", depend_fields, .named = true);

static const struct field job_file_fields[] = {
	{ "target", FIELD_STR, AT(job_file, target), .required = true, .check = check_inside, .doc = "Absolute path inside" },
	{ "data", FIELD_STR, AT(job_file, data), .doc = "Content" },
	{ "mode", FIELD_STR, AT(job_file, mode), .check = check_mode, .doc = "Permissions in octal; \"0644\" without" },
};
const struct shape job_file_shape = SHAPE(job_file, "file", job_file_fields, );

static const struct field rate_fields[] = {
	{ "path", FIELD_STR, AT(blkio, path), .required = true, .check = check_host_path, .doc = "Block device of the host" },
	{ "rate", FIELD_SIZE, AT(blkio, rate), .min = 1, .max = HUGE_SIZE, .doc = "Bytes, or operations, a second" },
};
const struct shape rate_shape = SHAPE(blkio, "rate", rate_fields, .check = check_rate);

static const struct field weight_fields[] = {
	{ "path", FIELD_STR, AT(blkio, path), .required = true, .check = check_host_path, .doc = "Block device of the host" },
	{ "weight", FIELD_INT, AT(blkio, rate), .min = 10, .max = 1000, .doc = "10 to 1000" },
};
const struct shape weight_shape = SHAPE(blkio, "weight", weight_fields, .check = check_weight);

static const struct field hugepages_fields[] = {
	{ "size", FIELD_STR, AT(hugepages, size), .required = true, .check = check_hugepage, .doc = "Of one page: 2MB, 1GB" },
	{ "limit", FIELD_SIZE, AT(hugepages, limit), .max = HUGE_SIZE, .doc = "Bytes of such pages" },
};
const struct shape hugepages_shape = SHAPE(hugepages, "hugepages", hugepages_fields, );

#define RATES(key, member, name, what) \
	{ \
		key, FIELD_ARRAY, COUNTED(task, member, n_##member), .of = &rate_shape, .flag = name, .arg = "DEVICE:RATE", \
								     .topic = TOPIC_LIMITS, .parse = text_rate, .doc = what \
	}

/* clang-format off */
static const struct field task_fields[] = {
	{ "name", FIELD_STR, AT(task, name), .text = "", .doc = "Name of the task; may be left out when the job has one task" },
	{ "image", FIELD_STR, AT(task, image), .nomad = "image", .ensemble = "execution.image",
	  .doc = "Image reference; required, unless there is a bundle" },
	{ "bundle", FIELD_STR, AT(task, bundle), .check = check_host_path, .flag = "bundle", .arg = "DIR", .offer = "@file",
	  .topic = TOPIC_JOB, .parse = text_path, .doc = "Folder with a config.json to run instead of an image" },
	{ "pull", FIELD_ENUM, AT(task, pull), .words = pull_words, .flag = "pull", .arg = "WHEN", .topic = TOPIC_JOB,
	  .nomad = "force_pull", .doc = "When to pull the image: missing (without), always or never" },
	{ "pull_timeout", FIELD_TIME, AT(task, pull_timeout), .max = DURATION_MAX, .flag = "pull-timeout", .arg = "TIME",
	  .topic = TOPIC_JOB, .nomad = "image_pull_timeout", .doc = "Time that pulling may take; no limit without" },
	{ "auth", FIELD_OBJECT, AT(task, auth), .of = &auth_shape, .nomad = "auth", .doc = "Credentials of the registry" },
	{ "platform", FIELD_STR, AT(task, platform), .check = check_platform, .flag = "platform", .arg = "OS/ARCH",
	  .topic = TOPIC_JOB, .doc = "Platform of the image; the host's without" },
	{ "entrypoint", FIELD_STRV, AT(task, entrypoint), .extra = offsetof(struct task, has_entrypoint),
	  .flag = "entrypoint", .arg = "PROGRAM", .topic = TOPIC_PROCESS, .parse = text_entrypoint, .nomad = "entrypoint",
	  .ensemble = "execution.entrypoint", .doc = "Instead of the image's entrypoint; \"\" clears it" },
	{ "args", FIELD_STRV, AT(task, args), .nomad = "args", .ensemble = "execution.cmd",
	  .doc = "The command; the image's without" },
	{ "env", FIELD_STRV, AT(task, env), .check = check_env, .flag = "env", .letter = 'e', .arg = "K=V",
	  .topic = TOPIC_PROCESS, .parse = text_env, .nomad = "task.env", .ensemble = "execution.environment",
	  .doc = "Environment variable; K alone takes ours" },
	{ "env_files", FIELD_STRV, AT(task, env_files), .doc = "Files of K=V lines, relative to the job's file" },
	{ "cwd", FIELD_STR, AT(task, cwd), .check = check_cwd, .flag = "workdir", .letter = 'w', .arg = "DIR",
	  .topic = TOPIC_PROCESS, .meant = "cwd directory", .nomad = "cwd", .ensemble = "execution.working_directory",
	  .doc = "Working folder in the container" },
	{ "user", FIELD_STR, AT(task, user), .check = check_user, .flag = "user", .letter = 'u', .arg = "USER[:GROUP]",
	  .topic = TOPIC_PROCESS, .parse = text_checked, .nomad = "task.user", .doc = "Names of the image, or numbers" },
	{ "group_add", FIELD_STRV, AT(task, group_add), .check = check_group, .flag = "group-add", .arg = "GROUP",
	  .topic = TOPIC_PROCESS, .nomad = "group_add", .docker = "GroupAdd", .doc = "Further group of the process" },
	{ "tty", FIELD_BOOL, AT(task, tty), .flag = "tty", .letter = 't', .topic = TOPIC_PROCESS, .meant = "terminal",
	  .nomad = "tty", .doc = "Give the process a terminal" },
	{ "stdin_open", FIELD_BOOL, AT(task, stdin_open), .flag = "interactive", .letter = 'i', .topic = TOPIC_PROCESS,
	  .meant = "stdin", .nomad = "interactive", .doc = "Keep standard input open" },
	{ "init", FIELD_BOOL, AT(task, init), .flag = "init", .topic = TOPIC_PROCESS, .nomad = "init", .docker = "Init",
	  .doc = "A small init as process 1, which reaps and hands signals on" },
	{ "provision", FIELD_STRV, AT(task, provision), .check = check_host_path, .ensemble = "provision",
	  .doc = "Scripts of the host that are run in order, inside, before the command" },
	{ "stop_signal", FIELD_STR, AT(task, stop_signal), .check = check_signal, .flag = "stop-signal", .arg = "SIGNAL",
	  .topic = TOPIC_PROCESS, .parse = text_checked, .nomad = "task.kill_signal",
	  .doc = "What stops it; the image's, else TERM" },
	{ "stop_timeout", FIELD_INT, AT(task, stop_timeout), .otherwise = 10, .max = YEAR, .flag = "stop-timeout",
	  .arg = "SECONDS", .topic = TOPIC_PROCESS, .nomad = "task.kill_timeout",
	  .doc = "Time to stop before it is killed (10)" },
	{ "lifecycle", FIELD_ENUM, AT(task, lifecycle), .words = life_words, .nomad = "lifecycle.hook",
	  .doc = "When it runs in its job" },
	{ "sidecar", FIELD_BOOL, AT(task, sidecar), .nomad = "lifecycle.sidecar",
	  .doc = "It runs beside the main tasks and ends with them" },
	{ "sandbox", FIELD_BOOL, AT(task, sandbox),
	  .doc = "The task that davit adds under a VM runtime for its machine; left out of a job that is given" },
	{ "leader", FIELD_BOOL, AT(task, leader), .nomad = "task.leader", .doc = "When it ends, the other tasks are stopped" },
	{ "depends_on", FIELD_ARRAY, COUNTED(task, depends_on, n_depends_on), .of = &depend_shape,
	  .doc = "Tasks of the job that must be there first" },
	{ "restart", FIELD_OBJECT, AT(task, restart), .of = &restart_shape, .nomad = "restart", .doc = "Starting it again" },
	{ "healthcheck", FIELD_OBJECT, AT(task, healthcheck), .of = &healthcheck_shape, .ensemble = "healthcheck",
	  .doc = "How health is asked" },
	{ "userns", FIELD_STR, AT(task, userns), .check = check_userns, .flag = "userns", .arg = "MODE", .offer = "host private",
	  .topic = TOPIC_SECURITY, .nomad = "userns_mode", .docker = "UsernsMode",
	  .doc = "User namespace: host (without), or private" },
	{ "pid", FIELD_STR, AT(task, pid), .check = check_namespace, .flag = "pid", .arg = "MODE", .offer = "host private",
	  .topic = TOPIC_SECURITY, .nomad = "pid_mode", .docker = "PidMode",
	  .doc = "Process namespace: private (without), host, or task:NAME" },
	{ "ipc", FIELD_STR, AT(task, ipc), .check = check_namespace, .flag = "ipc", .arg = "MODE", .offer = "host private",
	  .topic = TOPIC_SECURITY, .nomad = "ipc_mode", .docker = "IpcMode",
	  .doc = "IPC namespace: private (without), host, or task:NAME" },
	{ "uts", FIELD_STR, AT(task, uts), .check = check_namespace, .flag = "uts", .arg = "MODE", .offer = "host private",
	  .topic = TOPIC_SECURITY, .nomad = "uts_mode", .docker = "UTSMode",
	  .doc = "Namespace of the host name: private (without), host, or task:NAME" },
	{ "cgroupns", FIELD_STR, AT(task, cgroupns), .check = check_cgroupns, .flag = "cgroupns", .arg = "MODE",
	  .offer = "host private", .topic = TOPIC_SECURITY, .nomad = "cgroupns", .docker = "CgroupnsMode",
	  .doc = "Cgroup namespace: private or host; without, private where the kernel has cgroup v2 alone" },
	{ "privileged", FIELD_BOOL, AT(task, privileged), .flag = "privileged", .topic = TOPIC_SECURITY, .nomad = "privileged",
	  .docker = "Privileged", .doc = "All of davit's own capabilities, all devices, no seccomp" },
	{ "read_only", FIELD_BOOL, AT(task, read_only), .flag = "read-only", .topic = TOPIC_FILES, .nomad = "readonly_rootfs",
	  .docker = "ReadonlyRootfs", .doc = "Root file system read-only" },
	{ .type = FIELD_STR, .flag = "security-opt", .arg = "OPTION", .topic = TOPIC_SECURITY,
	  .doc = "seccomp=FILE|unconfined, no-new-privileges[=false], apparmor=PROFILE|unconfined, label=disable|KEY:VALUE, "
		 "systempaths=unconfined, mask=PATH[:PATH], unmask=PATH[:PATH]|ALL" },
	{ "no_new_privileges", FIELD_BOOL, AT(task, no_new_privileges), .otherwise = true, .flag = "security-opt",
	  .part = "no-new-privileges", .doc = "set-user-id programs gain nothing" },
	{ "cap_add", FIELD_STRV, AT(task, cap_add), .flag = "cap-add", .arg = "CAP", .topic = TOPIC_SECURITY,
	  .nomad = "cap_add", .docker = "CapAdd", .doc = "Capability, or ALL" },
	{ "cap_drop", FIELD_STRV, AT(task, cap_drop), .flag = "cap-drop", .arg = "CAP", .topic = TOPIC_SECURITY,
	  .nomad = "cap_drop", .docker = "CapDrop", .doc = "Capability to take away, or ALL" },
	{ "seccomp", FIELD_STR, AT(task, seccomp), .check = check_seccomp, .flag = "security-opt", .part = "seccomp",
	  .parse = text_seccomp, .nomad = "seccomp_profile",
	  .doc = "\"unconfined\" or a profile file; davit's own profile without" },
	{ "apparmor", FIELD_STR, AT(task, apparmor), .check = check_apparmor, .flag = "security-opt", .part = "apparmor",
	  .parse = text_apparmor, .nomad = "apparmor_profile",
	  .doc = "AppArmor profile that is loaded, or \"unconfined\"; davit-default without where the host has AppArmor" },
	{ "selinux", FIELD_STRV, AT(task, selinux), .check = check_selinux, .flag = "security-opt", .part = "label",
	  .parse = text_selinux, .nomad = "selinux_opts",
	  .doc = "SELinux: \"disable\", or \"user:U\", \"role:R\", \"type:T\", \"level:L\", \"filetype:T\" instead of "
		 "what the policy has" },
	{ "masked_paths", FIELD_STRV, AT(task, masked_paths), .extra = offsetof(struct task, has_masked_paths),
	  .check = check_inside, .docker = "MaskedPaths", .doc = "What is hidden, instead of the usual of /proc and /sys" },
	{ "readonly_paths", FIELD_STRV, AT(task, readonly_paths), .extra = offsetof(struct task, has_readonly_paths),
	  .check = check_inside, .docker = "ReadonlyPaths", .doc = "What is read-only, instead of the usual of /proc" },
	{ .type = FIELD_STRV, AT(task, masked_paths), .flag = "security-opt", .part = "systempaths", .parse = text_systempaths,
	  .doc = "unconfined: nothing of /proc and /sys is hidden" },
	{ .type = FIELD_STRV, AT(task, masked_paths), .flag = "security-opt", .part = "mask", .parse = text_mask,
	  .doc = "Paths, with \":\" between them, that are hidden besides" },
	{ .type = FIELD_STRV, AT(task, masked_paths), .flag = "security-opt", .part = "unmask", .parse = text_unmask,
	  .doc = "Paths, or patterns of them, that are neither hidden nor read-only; ALL: none is" },
	{ "memory", FIELD_SIZE, AT(task, memory), .live = true, .min = 6 * MIB, .max = HUGE_SIZE, .flag = "memory", .letter = 'm',
	  .topic = TOPIC_LIMITS, .meant = "mem", .nomad = "resources.memory_max", .ensemble = "resources.ram.size",
	  .docker = "Memory", .doc = "Memory limit, as in 512m" },
	{ "memory_swap", FIELD_SIZE, AT(task, memory_swap), .live = true, .min = -1, .max = HUGE_SIZE, .flag = "memory-swap",
	  .topic = TOPIC_LIMITS, .nomad = "memory_swap", .docker = "MemorySwap", .doc = "Memory and swap together; -1: no limit" },
	{ "memory_reservation", FIELD_SIZE, AT(task, memory_reservation), .live = true, .min = 6 * MIB, .max = HUGE_SIZE,
	  .flag = "memory-reservation", .topic = TOPIC_LIMITS, .nomad = "resources.memory",
	  .docker = "MemoryReservation", .doc = "Memory that it keeps when the host is short of it" },
	{ "memory_swappiness", FIELD_INT32, AT(task, memory_swappiness), .otherwise = -1, .max = 100,
	  .flag = "memory-swappiness", .arg = "PERCENT", .topic = TOPIC_LIMITS, .nomad = "memory_swappiness",
	  .docker = "MemorySwappiness", .doc = "0 to 100: how soon the kernel swaps; cgroup v1 alone has it" },
	{ "cpus", FIELD_NUMBER, AT(task, cpus), .live = true, .max = 1 << 20, .flag = "cpus", .arg = "NUMBER",
	  .topic = TOPIC_LIMITS, .parse = text_cpus, .nomad = "resources.cores", .ensemble = "resources.cpu.cores",
	  .doc = "Processor time, as in 1.5" },
	{ "cpu_shares", FIELD_INT, AT(task, cpu_shares), .live = true, .min = 2, .max = 262144, .flag = "cpu-shares", .letter = 'c',
	  .topic = TOPIC_LIMITS, .nomad = "resources.cpu", .docker = "CpuShares", .doc = "Weight against other jobs (1024)" },
	{ "cpu_quota", FIELD_INT, AT(task, cpu_quota), .live = true, .min = 1000, .max = HUGE_SIZE, .flag = "cpu-quota",
	  .arg = "MICROSECONDS", .topic = TOPIC_LIMITS, .docker = "CpuQuota", .doc = "Processor time in each period" },
	{ "cpu_period", FIELD_INT, AT(task, cpu_period), .live = true, .min = 1000, .max = 1000000, .flag = "cpu-period",
	  .arg = "MICROSECONDS", .topic = TOPIC_LIMITS, .nomad = "cpu_cfs_period", .docker = "CpuPeriod",
	  .doc = "Length of a period (100000)" },
	{ "cpuset_cpus", FIELD_STR, AT(task, cpuset_cpus), .live = true, .check = check_cpuset_cpus, .flag = "cpuset-cpus",
	  .arg = "LIST", .topic = TOPIC_LIMITS, .nomad = "cpuset_cpus", .docker = "CpusetCpus", .doc = "Processors, as in 0-2,4" },
	{ "cpuset_mems", FIELD_STR, AT(task, cpuset_mems), .live = true, .check = check_cpuset_mems, .flag = "cpuset-mems",
	  .arg = "LIST", .topic = TOPIC_LIMITS, .nomad = "cpuset_mems",
	  .docker = "CpusetMems", .doc = "Memory nodes" },
	{ "cgroup", FIELD_STR, AT(task, cgroup), .check = check_cgroup,
	  .doc = "Path of a cgroup that somebody else keeps, the same in each hierarchy, of a job of one task" },
	{ "pids_limit", FIELD_INT, AT(task, pids_limit), .live = true, .min = -1, .max = PIDS_MOST, .flag = "pids-limit",
	  .topic = TOPIC_LIMITS, .nomad = "pids_limit", .docker = "PidsLimit", .doc = "Processes; -1: no limit" },
	{ "blkio_weight", FIELD_INT, AT(task, blkio_weight), .live = true, .min = 10, .max = 1000, .flag = "blkio-weight",
	  .topic = TOPIC_LIMITS, .docker = "BlkioWeight", .doc = "Weight of disk access against other jobs" },
	{ "blkio_weight_devices", FIELD_ARRAY, COUNTED(task, blkio_weights, n_blkio_weights), .of = &weight_shape,
	  .flag = "blkio-weight-device", .arg = "DEVICE:WEIGHT", .topic = TOPIC_LIMITS, .parse = text_weight,
	  .doc = "Weight for one device" },
	RATES("device_read_bps", read_bps, "device-read-bps", "Bytes a second read from a device"),
	RATES("device_write_bps", write_bps, "device-write-bps", "Bytes a second written to a device"),
	RATES("device_read_iops", read_iops, "device-read-iops", "Reads a second from a device"),
	RATES("device_write_iops", write_iops, "device-write-iops", "Writes a second to a device"),
	{ "hugepages", FIELD_ARRAY, COUNTED(task, hugepages, n_hugepages), .of = &hugepages_shape, .flag = "hugepages",
	  .arg = "SIZE=LIMIT", .topic = TOPIC_LIMITS, .parse = text_hugepages, .doc = "Limit of huge pages, as in 2MB=64m" },
	{ "shm_size", FIELD_SIZE, AT(task, shm_size), .otherwise = 64 * MIB, .max = HUGE_SIZE, .flag = "shm-size",
	  .topic = TOPIC_FILES, .nomad = "shm_size", .docker = "ShmSize", .doc = "Size of /dev/shm (64m); 0 is that, too" },
	{ "oom_score_adj", FIELD_INT32, AT(task, oom_score_adj), .min = -1000, .max = 1000, .flag = "oom-score-adj",
	  .topic = TOPIC_LIMITS, .nomad = "oom_score_adj", .docker = "OomScoreAdj",
	  .doc = "-1000 to 1000: how soon it is killed when memory is short" },
	{ "ulimits", FIELD_ARRAY, COUNTED(task, ulimits, n_ulimits), .of = &ulimit_shape, .flag = "ulimit",
	  .arg = "NAME=SOFT[:HARD]", .topic = TOPIC_LIMITS, .parse = text_ulimit, .nomad = "ulimit",
	  .doc = "Resource limit, as in nofile=1024" },
	{ "sysctl", FIELD_DICT, AT(task, sysctl), .check = check_sysctl, .flag = "sysctl", .arg = "K=V", .topic = TOPIC_LIMITS,
	  .parse = text_sysctl, .nomad = "sysctl", .docker = "Sysctls", .doc = "Kernel parameter of its namespaces" },
	{ "mounts", FIELD_ARRAY, COUNTED(task, mounts, n_mounts), .of = &mount_shape, .flag = "volume", .letter = 'v',
	  .arg = "SRC:DIR[:OPTIONS]", .offer = "@file", .topic = TOPIC_FILES, .meant = "bind", .parse = text_volume,
	  .nomad = "mounts", .ensemble = "volume", .doc = "Bind a host path or a named volume; ro for read-only" },
	{ .type = FIELD_ARRAY, COUNTED(task, mounts, n_mounts), .flag = "mount", .arg = "type=T,src=S,dst=D",
	  .topic = TOPIC_FILES, .parse = text_mount, .doc = "The same in Docker's long form" },
	{ .type = FIELD_ARRAY, COUNTED(task, mounts, n_mounts), .flag = "tmpfs", .arg = "DIR[:OPTIONS]", .topic = TOPIC_FILES,
	  .parse = text_tmpfs, .nomad = "tmpfs", .doc = "Memory file system" },
	{ "files", FIELD_ARRAY, COUNTED(task, files, n_files), .of = &job_file_shape, .nomad = "task.template",
	  .ensemble = "keys", .doc = "Small files with their content" },
	{ "devices", FIELD_ARRAY, COUNTED(task, devices, n_devices), .of = &device_shape, .flag = "device",
	  .arg = "PATH[:PATH[:rwm]]", .offer = "@file", .topic = TOPIC_FILES, .parse = text_device, .nomad = "devices",
	  .doc = "Host device, or one of CDI: VENDOR/CLASS=NAME" },
	{ "cdi_devices", FIELD_STRV, AT(task, cdi_devices), .check = check_cdi, .ensemble = "resources.gpus",
	  .doc = "Devices by their names in /etc/cdi and /var/run/cdi" },
	{ .type = FIELD_STRV, AT(task, cdi_devices), .flag = "gpus", .arg = "WHICH", .topic = TOPIC_FILES, .parse = text_gpus,
	  .doc = "all, a number, or device=NAME,NAME: CDI devices of nvidia.com/gpu" },
	{ "device_cgroup_rules", FIELD_STRV, AT(task, device_rules), .check = check_device_rule, .flag = "device-cgroup-rule",
	  .arg = "RULE", .topic = TOPIC_FILES, .docker = "DeviceCgroupRules",
	  .doc = "Device numbers that are allowed: \"c 1:3 rwm\"" },
	{ "labels", FIELD_DICT, AT(task, labels), .check = check_label, .nomad = "labels", .doc = "Labels of the container" },
	{ "annotations", FIELD_DICT, AT(task, annotations), .check = check_label, .flag = "annotation", .arg = "K=V",
	  .topic = TOPIC_JOB, .parse = text_label, .docker = "Annotations", .doc = "Annotation of the OCI spec" },
	{ "log", FIELD_ENUM, AT(task, log), .words = log_words, .flag = "log-driver", .arg = "KIND", .topic = TOPIC_LOG,
	  .parse = text_log, .nomad = "logging.driver", .doc = "file, journald or none" },
	{ .type = FIELD_STR, .flag = "log-opt", .arg = "K=V", .topic = TOPIC_LOG,
	  .doc = "max-size=10m, max-file=5, retention=24h" },
	{ "log_max_size", FIELD_SIZE, AT(task, log_max_size), .otherwise = 10 * MIB, .min = 4 * KIB, .max = HUGE_SIZE,
	  .flag = "log-opt", .part = "max-size", .nomad = "logging.options", .doc = "Bytes of one log file" },
	{ "log_max_files", FIELD_INT, AT(task, log_max_files), .otherwise = 5, .min = 1, .max = 1000, .flag = "log-opt",
	  .part = "max-file", .nomad = "logging.options", .doc = "Log files that are kept" },
	{ "log_retention", FIELD_TIME, AT(task, log_retention), .max = DURATION_MAX, .flag = "log-opt", .part = "retention",
	  .doc = "Time that the log stays when the job has been removed" },
};

const struct shape task_shape = SHAPE(task, "task", task_fields, .check = check_task, .named = true);

static const struct field job_fields[] = {
	{ "name", FIELD_STR, AT(job, name), .check = check_job_name, .flag = "name", .arg = "NAME", .topic = TOPIC_JOB,
	  .doc = "Name of the job; one is made up without" },
	{ "tasks", FIELD_ARRAY, COUNTED(job, tasks, n_tasks), .of = &task_shape, .required = true, .doc = "What runs" },
	{ "network", FIELD_STR, AT(job, network), .check = check_network, .flag = "network", .also = "net", .arg = "NAME",
	  .offer = "none host davit", .topic = TOPIC_NETWORK, .parse = text_network, .nomad = "network_mode",
	  .doc = "none, host, container:JOB (that of a job), ns:PATH (a network namespace that somebody else keeps), or a CNI "
		 "network (davit); several times for several" },
	{ "ip", FIELD_STRV, AT(job, ips), .max = 2, .check = check_ip, .flag = "ip", .also = "ip6", .arg = "ADDRESS",
	  .topic = TOPIC_NETWORK, .nomad = "ipv4_address", .doc = "Address on the network, one of each family" },
	{ "mac", FIELD_STR, AT(job, mac), .check = check_mac, .flag = "mac-address", .arg = "MAC", .topic = TOPIC_NETWORK,
	  .parse = text_checked, .nomad = "mac_address", .doc = "Hardware address on the network" },
	{ "aliases", FIELD_STRV, AT(job, aliases), .check = check_alias, .flag = "network-alias", .also = "net-alias",
	  .arg = "NAME", .topic = TOPIC_NETWORK, .nomad = "network_aliases", .doc = "Further name on the network" },
	{ "networks", FIELD_ARRAY, COUNTED(job, networks, n_networks), .of = &attachment_shape, .doc = "Further networks" },
	{ "ports", FIELD_ARRAY, COUNTED(job, ports, n_ports), .of = &port_shape, .flag = "publish", .letter = 'p',
	  .arg = "[IP:]PORT:PORT[/PROTO]", .topic = TOPIC_NETWORK, .meant = "port ports forward", .parse = text_ports,
	  .nomad = "ports", .ensemble = "nodes.ports", .doc = "Forward a host port (or a range) to one of the container" },
	{ "expose", FIELD_STRV, AT(job, expose), .check = check_expose, .max = JOB_PORTS_MAX, .flag = "expose",
	  .arg = "PORT[/PROTO]", .topic = TOPIC_NETWORK, .parse = text_expose,
	  .doc = "A port (or a range) that the job serves, for --publish-all" },
	{ "publish_all", FIELD_BOOL, AT(job, publish_all), .flag = "publish-all", .letter = 'P', .topic = TOPIC_NETWORK,
	  .docker = "PublishAllPorts", .doc = "Forward a free host port to each port that image and --expose name" },
	{ "hostname", FIELD_STR, AT(job, hostname), .check = check_hostname, .flag = "hostname", .letter = 'h', .arg = "NAME",
	  .topic = TOPIC_NETWORK, .nomad = "hostname", .ensemble = "dns_name",
	  .doc = "Host name in the container; the job's name without" },
	{ "dns", FIELD_STRV, AT(job, dns), .check = check_dns, .flag = "dns", .arg = "IP", .topic = TOPIC_NETWORK,
	  .nomad = "dns_servers", .docker = "Dns", .doc = "Name server; none: the image's own resolv.conf" },
	{ "dns_search", FIELD_STRV, AT(job, dns_search), .check = check_dns_search, .flag = "dns-search", .arg = "DOMAIN",
	  .topic = TOPIC_NETWORK, .nomad = "dns_search_domains", .docker = "DnsSearch", .doc = "Search domain" },
	{ "dns_options", FIELD_STRV, AT(job, dns_options), .check = check_dns_option, .flag = "dns-option", .also = "dns-opt",
	  .arg = "OPTION", .topic = TOPIC_NETWORK, .nomad = "dns_options", .docker = "DnsOptions",
	  .doc = "Option of resolv.conf" },
	{ "host_dns", FIELD_BOOL, AT(job, host_dns), .flag = "host-dns", .topic = TOPIC_NETWORK, .nomad = "host_dns",
	  .doc = "The host's resolv.conf as it stands" },
	{ "extra_hosts", FIELD_STRV, AT(job, extra_hosts), .check = check_extra_host, .flag = "add-host", .arg = "NAME:IP",
	  .topic = TOPIC_NETWORK, .parse = text_extra_host, .nomad = "extra_hosts",
	  .docker = "ExtraHosts", .doc = "Line of /etc/hosts; host-gateway as IP is the host" },
	{ "runtime", FIELD_STR, AT(job, runtime), .check = check_runtime, .flag = "runtime", .arg = "NAME",
	  .offer = "runc crun runsc kata davit", .topic = TOPIC_JOB, .nomad = "runtime", .ensemble = "execution.runtime",
	  .doc = "runc, crun, runsc, kata, davit, io.containerd.X.vN, or a shim's path" },
	{ "runtime_options", FIELD_DICT, AT(job, runtime_options), .check = check_runtime_option, .flag = "runtime-option",
	  .arg = "K=V", .topic = TOPIC_JOB, .parse = text_runtime_option,
	  .doc = "Option of the runtime, such as BinaryName or ConfigPath" },
	{ "snapshotter", FIELD_STR, AT(job, snapshotter), .check = check_snapshotter, .flag = "snapshotter",
	  .nomad = "snapshotter", .doc = "containerd's snapshotter; the namespace's without" },
	{ "labels", FIELD_DICT, AT(job, labels), .check = check_label, .flag = "label", .letter = 'l', .arg = "K=V",
	  .topic = TOPIC_JOB, .parse = text_label, .doc = "Label of the job" },
	{ "remove", FIELD_BOOL, AT(job, remove), .flag = "rm", .topic = TOPIC_JOB, .meant = "remove",
	  .docker = "AutoRemove", .doc = "Remove the job once it has ended" },
	{ "results", FIELD_STR, AT(job, results), .check = check_host_path, .flag = "results", .arg = "DIR", .offer = "@file",
	  .topic = TOPIC_LOG, .parse = text_path,
	  .doc = "Folder that gets all output in stdout.log and stderr.log, of several tasks in a folder for each" },
	{ "depends_on", FIELD_ARRAY, COUNTED(job, depends_on, n_depends_on), .of = &depend_shape, .ensemble = "depends_on",
	  .doc = "Jobs of the set that must be there first" },
	{ "failure_recovery", FIELD_ENUM, AT(job, failure_recovery), .words = recovery_words, .ensemble = "failure_recovery",
	  .doc = "Which jobs of the set start again when this one fails: none, it, all, it and the later ones" },
};
/* clang-format on */
const struct shape job_shape = SHAPE(job, "job", job_fields, .check = check_job, .named = true);

static const struct field jobset_fields[] = {
	{ "name", FIELD_STR, AT(jobset, name), .check = check_job_name, .doc = "Name of the set" },
	{ "namespace", FIELD_STR, AT(jobset, containerd_ns), .check = check_containerd_ns,
	  .doc = "containerd's namespace; --namespace wins" },
	{ "jobs", FIELD_ARRAY, COUNTED(jobset, jobs, n_jobs), .of = &job_shape, .required = true, .doc = "The jobs" },
};
const struct shape jobset_shape = SHAPE(jobset, "set", jobset_fields, .check = check_jobset);

const struct shape *const shapes_all[] = { &jobset_shape,      &job_shape,    &task_shape,       &port_shape, &mount_shape,
					   &ulimit_shape,      &device_shape, &attachment_shape, &auth_shape, &restart_shape,
					   &healthcheck_shape, &depend_shape, &job_file_shape,   &rate_shape, &weight_shape,
					   &hugepages_shape,   NULL };

/* The enums index the words: keep them in step. */
_Static_assert(PORT_SCTP == 2 && MOUNT_JOB == 3 && PULL_NEVER == 2 && JOB_LOG_JOURNALD == 2 && LIFE_POSTSTOP == 3 &&
		       DEPEND_HEALTHY == 2 && RESTART_UNLESS_STOPPED == 3 && RESTART_DELAY == 1 && HEALTH_NONE == 3 &&
		       FAILURE_REST_FOR_ONE == 3,
	       "words follow the enums");

const char *port_proto_name(enum port_proto p) { return p <= PORT_SCTP ? proto_words[p] : "?"; }
