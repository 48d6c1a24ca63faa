#include "job-table.h"

enum { KIB = 1024, MIB = 1024 * KIB, YEAR = 365 * 86400 };
#define HUGE_SIZE (INT64_C(1) << 60)

#define AT(T, member) .offset = offsetof(struct T, member)
#define COUNTED(T, array, count) .offset = offsetof(struct T, array), .extra = offsetof(struct T, count)
#define SHAPE(T, what, table) \
	{ \
		what, sizeof(struct T), table, sizeof table / sizeof *table \
	}

static const char *const proto_words[] = { "tcp", "udp", "sctp", NULL };
static const char *const mount_words[] = { "bind", "volume", "tmpfs", NULL };
static const char *const pull_words[] = { "missing", "always", "never", NULL };
static const char *const log_words[] = { "file", "none", NULL };

static const struct field port_fields[] = {
	{ "host_ip", FIELD_STR, AT(port, host_ip), .doc = "address of the host to listen on; all of them by default" },
	{ "host", FIELD_U16, AT(port, host), .doc = "port of the host; 0 or absent: any free one" },
	{ "host_last", FIELD_U16, AT(port, host_last),
	  .doc = "the first free port from host to this one is taken; 0: host itself" },
	{ "inside", FIELD_U16, AT(port, inside), .min = 1, .max = 65535, .required = true, .doc = "port inside the job" },
	{ "proto", FIELD_ENUM, AT(port, proto), .words = proto_words, .doc = "protocol" },
};
const struct shape port_shape = SHAPE(port, "port", port_fields);

static const struct field mount_fields[] = {
	{ "type", FIELD_ENUM, AT(mount, kind), .words = mount_words, .doc = "what is mounted" },
	{ "source", FIELD_STR, AT(mount, source), .doc = "folder of the host, or the volume's name" },
	{ "target", FIELD_STR, AT(mount, target), .required = true, .doc = "absolute path inside" },
	{ "read_only", FIELD_BOOL, AT(mount, read_only), .doc = "no writing" },
	{ "options", FIELD_STRV, AT(mount, options), .doc = "mount options: propagation, size=, mode= ..." },
};
const struct shape mount_shape = SHAPE(mount, "mount", mount_fields);

static const struct field ulimit_fields[] = {
	{ "name", FIELD_STR, AT(ulimit, name), .required = true, .doc = "nofile, nproc ..." },
	{ "soft", FIELD_LIMIT, AT(ulimit, soft), .doc = "limit that holds; -1: unlimited" },
	{ "hard", FIELD_LIMIT, AT(ulimit, hard), .doc = "limit that the process may raise it to; -1: unlimited" },
};
static const struct shape ulimit_shape = SHAPE(ulimit, "ulimit", ulimit_fields);

static const struct field device_fields[] = {
	{ "host", FIELD_STR, AT(device, host), .required = true, .doc = "device of the host" },
	{ "inside", FIELD_STR, AT(device, inside), .doc = "path inside; the same by default" },
	{ "access", FIELD_STR, AT(device, access), .doc = "some of \"rwm\"; all by default" },
};
static const struct shape device_shape = SHAPE(device, "device", device_fields);

static const struct field task_fields[] = {
	{ "name", FIELD_STR, AT(task, name), .text = "", .doc = "name of the task; may be left out when the job has one task" },
	{ "image", FIELD_STR, AT(task, image), .required = true, .doc = "image reference" },
	{ "pull", FIELD_ENUM, AT(task, pull), .words = pull_words, .flag = "pull", .doc = "when the image is pulled" },
	{ "platform", FIELD_STR, AT(task, platform), .flag = "platform", .doc = "platform of the image, such as linux/arm64" },
	{ "entrypoint", FIELD_STRV, AT(task, entrypoint), .extra = offsetof(struct task, has_entrypoint), .flag = "entrypoint",
	  .doc = "replaces the image's entrypoint; an empty list clears it" },
	{ "args", FIELD_STRV, AT(task, args), .doc = "the command; the image's by default" },
	{ "env", FIELD_STRV, AT(task, env), .flag = "env", .doc = "environment, NAME=VALUE" },
	{ "cwd", FIELD_STR, AT(task, cwd), .flag = "workdir", .doc = "working folder" },
	{ "user", FIELD_STR, AT(task, user), .flag = "user", .doc = "user[:group], names or numbers" },
	{ "group_add", FIELD_STRV, AT(task, group_add), .flag = "group-add", .doc = "further groups" },
	{ "tty", FIELD_BOOL, AT(task, tty), .flag = "tty", .doc = "a terminal" },
	{ "stdin_open", FIELD_BOOL, AT(task, stdin_open), .flag = "interactive", .doc = "standard input stays open" },
	{ "stop_signal", FIELD_STR, AT(task, stop_signal), .flag = "stop-signal", .doc = "signal that asks it to end" },
	{ "stop_timeout", FIELD_INT, AT(task, stop_timeout), .otherwise = 10, .max = YEAR, .flag = "stop-timeout",
	  .doc = "seconds from that signal to SIGKILL" },
	{ "privileged", FIELD_BOOL, AT(task, privileged), .flag = "privileged",
	  .doc = "every capability and device that the host gives" },
	{ "read_only", FIELD_BOOL, AT(task, read_only), .flag = "read-only", .doc = "the root file system cannot be written" },
	{ "no_new_privileges", FIELD_BOOL, AT(task, no_new_privileges), .otherwise = true, .flag = "security-opt",
	  .doc = "set-user-id programs gain nothing" },
	{ "cap_add", FIELD_STRV, AT(task, cap_add), .flag = "cap-add", .doc = "further capabilities, or ALL" },
	{ "cap_drop", FIELD_STRV, AT(task, cap_drop), .flag = "cap-drop", .doc = "capabilities taken away, or ALL" },
	{ "seccomp", FIELD_STR, AT(task, seccomp), .flag = "security-opt",
	  .doc = "\"unconfined\" or a profile file; davit's own profile by default" },
	{ "apparmor", FIELD_STR, AT(task, apparmor), .flag = "security-opt",
	  .doc = "AppArmor profile that is loaded, or \"unconfined\"; davit-default by default where the host has AppArmor" },
	{ "selinux", FIELD_STRV, AT(task, selinux), .flag = "security-opt",
	  .doc = "SELinux: \"disable\", or \"user:U\", \"role:R\", \"type:T\", \"level:L\", \"filetype:T\" instead of "
		 "what the policy has" },
	{ "masked_paths_off", FIELD_STRV, AT(task, masked_paths_off), .flag = "security-opt",
	  .doc = "[\"all\"]: nothing of /proc and /sys is hidden" },
	{ "memory", FIELD_SIZE, AT(task, memory), .min = 6 * MIB, .max = HUGE_SIZE, .flag = "memory", .doc = "memory limit" },
	{ "memory_swap", FIELD_SIZE, AT(task, memory_swap), .min = -1, .max = HUGE_SIZE, .flag = "memory-swap",
	  .doc = "limit of memory and swap together; -1: unlimited" },
	{ "cpus", FIELD_NUMBER, AT(task, cpus), .max = 1 << 20, .flag = "cpus", .doc = "processors that it may use at most" },
	{ "cpu_shares", FIELD_INT, AT(task, cpu_shares), .min = 2, .max = 262144, .flag = "cpu-shares",
	  .doc = "weight against other tasks" },
	{ "cpuset_cpus", FIELD_STR, AT(task, cpuset_cpus), .flag = "cpuset-cpus", .doc = "processors that it may run on: 0-3,7" },
	{ "cpuset_mems", FIELD_STR, AT(task, cpuset_mems), .flag = "cpuset-mems", .doc = "memory nodes that it may use" },
	{ "pids_limit", FIELD_INT, AT(task, pids_limit), .min = -1, .max = INT32_MAX, .flag = "pids-limit",
	  .doc = "processes and threads at most; -1: unlimited" },
	{ "shm_size", FIELD_SIZE, AT(task, shm_size), .otherwise = 64 * MIB, .min = 1, .max = HUGE_SIZE, .flag = "shm-size",
	  .doc = "size of /dev/shm" },
	{ "oom_score_adj", FIELD_INT32, AT(task, oom_score_adj), .min = -1000, .max = 1000, .flag = "oom-score-adj",
	  .doc = "how soon the kernel kills it when memory is short" },
	{ "ulimits", FIELD_ARRAY, COUNTED(task, ulimits, n_ulimits), .of = &ulimit_shape, .flag = "ulimit",
	  .doc = "resource limits" },
	{ "sysctl", FIELD_DICT, AT(task, sysctl), .flag = "sysctl", .doc = "kernel parameters of its namespaces" },
	{ "mounts", FIELD_ARRAY, COUNTED(task, mounts, n_mounts), .of = &mount_shape, .flag = "volume",
	  .doc = "folders, volumes and tmpfs" },
	{ "devices", FIELD_ARRAY, COUNTED(task, devices, n_devices), .of = &device_shape, .flag = "device",
	  .doc = "devices of the host" },
	{ "labels", FIELD_DICT, AT(task, labels), .flag = "label", .doc = "labels of the container" },
	{ "annotations", FIELD_DICT, AT(task, annotations), .flag = "annotation", .doc = "annotations for the runtime" },
	{ "log", FIELD_ENUM, AT(task, log), .words = log_words, .flag = "log-driver", .doc = "where output goes" },
	{ "log_max_size", FIELD_SIZE, AT(task, log_max_size), .otherwise = 10 * MIB, .min = 4 * KIB, .max = HUGE_SIZE,
	  .flag = "log-opt", .doc = "bytes of one log file" },
	{ "log_max_files", FIELD_INT, AT(task, log_max_files), .otherwise = 5, .min = 1, .max = 1000, .flag = "log-opt",
	  .doc = "log files that are kept" },
};

const struct shape task_shape = SHAPE(task, "task", task_fields);

static const struct field job_fields[] = {
	{ "name", FIELD_STR, AT(job, name), .flag = "name", .doc = "name of the job; one is made when absent" },
	{ "tasks", FIELD_ARRAY, COUNTED(job, tasks, n_tasks), .of = &task_shape, .required = true, .doc = "what runs" },
	{ "network", FIELD_STR, AT(job, network), .flag = "network",
	  .doc = "\"none\", \"host\", \"container:JOB\", or a network's name" },
	{ "ports", FIELD_ARRAY, COUNTED(job, ports, n_ports), .of = &port_shape, .flag = "publish", .doc = "published ports" },
	{ "expose", FIELD_STRV, AT(job, expose), .flag = "expose", .doc = "ports that it serves, beside those of its image" },
	{ "publish_all", FIELD_BOOL, AT(job, publish_all), .flag = "publish-all",
	  .doc = "each of them gets a free port of the host" },
	{ "hostname", FIELD_STR, AT(job, hostname), .flag = "hostname", .doc = "host name; the job's id by default" },
	{ "dns", FIELD_STRV, AT(job, dns), .flag = "dns", .doc = "name servers" },
	{ "dns_search", FIELD_STRV, AT(job, dns_search), .flag = "dns-search", .doc = "domains to search" },
	{ "dns_options", FIELD_STRV, AT(job, dns_options), .flag = "dns-option", .doc = "options of the resolver" },
	{ "extra_hosts", FIELD_STRV, AT(job, extra_hosts), .flag = "add-host", .doc = "lines for /etc/hosts, NAME:IP" },
	{ "runtime", FIELD_STR, AT(job, runtime), .flag = "runtime", .doc = "runtime: a name, a full type, or a shim's path" },
	{ "snapshotter", FIELD_STR, AT(job, snapshotter), .flag = "snapshotter", .doc = "containerd's snapshotter" },
	{ "labels", FIELD_DICT, AT(job, labels), .flag = "label", .doc = "labels of the job" },
	{ "remove", FIELD_BOOL, AT(job, remove), .flag = "rm", .doc = "nothing stays after the exit" },
};
const struct shape job_shape = SHAPE(job, "job", job_fields);

/* The enums index the words: keep them in step. */
_Static_assert(PORT_SCTP == 2 && MOUNT_TMPFS == 2 && PULL_NEVER == 2 && JOB_LOG_NONE == 1, "words follow the enums");

const char *port_proto_name(enum port_proto p) { return p <= PORT_SCTP ? proto_words[p] : "?"; }
