#include "job-table.h"
#include "check.h"
#include "job-text.h"

enum { KIB = 1024, MIB = 1024 * KIB, YEAR = 365 * 86400, PIDS_MOST = 1 << 22 /* the kernel's PID_MAX_LIMIT */ };
#define HUGE_SIZE (INT64_C(1) << 60)

#define AT(T, member) .offset = offsetof(struct T, member)
#define COUNTED(T, array, count) .offset = offsetof(struct T, array), .extra = offsetof(struct T, count)
#define SHAPE(T, what, table, ...) \
	{ \
		.noun = what, .size = sizeof(struct T), .fields = table, .n = sizeof table / sizeof *table, __VA_ARGS__ \
	}

const char *const topic_names[TOPICS] = { NULL, "Job", "Process", "Network", "Files", "Limits", "Security", "Log" };

static const char *const proto_words[] = { "tcp", "udp", "sctp", NULL };
const char *const mount_kind_words[] = { "bind", "volume", "tmpfs", NULL };
static const char *const pull_words[] = { "missing", "always", "never", NULL };
static const char *const log_words[] = { "file", "none", NULL };

static const struct field port_fields[] = {
	{ "host_ip", FIELD_STR, AT(port, host_ip), .doc = "Address of the host to listen on; all of them without" },
	{ "host", FIELD_U16, AT(port, host), .doc = "Port of the host; 0 or absent: any free one" },
	{ "host_last", FIELD_U16, AT(port, host_last),
	  .doc = "The first free port from host to this one is taken; 0: host itself" },
	{ "inside", FIELD_U16, AT(port, inside), .min = 1, .max = 65535, .required = true, .doc = "Port inside the job" },
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

/* clang-format off */
static const struct field task_fields[] = {
	{ "name", FIELD_STR, AT(task, name), .text = "", .doc = "Name of the task; may be left out when the job has one task" },
	{ "image", FIELD_STR, AT(task, image), .required = true, .nomad = "image", .ensemble = "execution.image",
	  .doc = "Image reference" },
	{ "pull", FIELD_ENUM, AT(task, pull), .words = pull_words, .flag = "pull", .arg = "WHEN", .topic = TOPIC_JOB,
	  .nomad = "force_pull", .doc = "When to pull the image: missing (without), always or never" },
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
	{ "stop_signal", FIELD_STR, AT(task, stop_signal), .check = check_signal, .flag = "stop-signal", .arg = "SIGNAL",
	  .topic = TOPIC_PROCESS, .parse = text_checked, .nomad = "task.kill_signal",
	  .doc = "What stops it; the image's, else TERM" },
	{ "stop_timeout", FIELD_INT, AT(task, stop_timeout), .otherwise = 10, .max = YEAR, .flag = "stop-timeout",
	  .arg = "SECONDS", .topic = TOPIC_PROCESS, .nomad = "task.kill_timeout",
	  .doc = "Time to stop before it is killed (10)" },
	{ "privileged", FIELD_BOOL, AT(task, privileged), .flag = "privileged", .topic = TOPIC_SECURITY, .nomad = "privileged",
	  .docker = "Privileged", .doc = "All of davit's own capabilities, all devices, no seccomp" },
	{ "read_only", FIELD_BOOL, AT(task, read_only), .flag = "read-only", .topic = TOPIC_FILES, .nomad = "readonly_rootfs",
	  .docker = "ReadonlyRootfs", .doc = "Root file system read-only" },
	{ .type = FIELD_STR, .flag = "security-opt", .arg = "OPTION", .topic = TOPIC_SECURITY,
	  .doc = "seccomp=FILE|unconfined, no-new-privileges[=false], apparmor=PROFILE|unconfined, label=disable|KEY:VALUE, "
		 "systempaths=unconfined" },
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
	{ "masked_paths_off", FIELD_STRV, AT(task, masked_paths_off), .check = check_masked_off, .flag = "security-opt",
	  .part = "systempaths", .parse = text_masked_off, .doc = "[\"all\"]: nothing of /proc and /sys is hidden" },
	{ "memory", FIELD_SIZE, AT(task, memory), .min = 6 * MIB, .max = HUGE_SIZE, .flag = "memory", .letter = 'm',
	  .topic = TOPIC_LIMITS, .meant = "mem", .nomad = "resources.memory_max", .ensemble = "resources.ram.size",
	  .docker = "Memory", .doc = "Memory limit, as in 512m" },
	{ "memory_swap", FIELD_SIZE, AT(task, memory_swap), .min = -1, .max = HUGE_SIZE, .flag = "memory-swap",
	  .topic = TOPIC_LIMITS, .nomad = "memory_swap", .docker = "MemorySwap", .doc = "Memory and swap together; -1: no limit" },
	{ "memory_reservation", FIELD_SIZE, AT(task, memory_reservation), .min = 6 * MIB, .max = HUGE_SIZE,
	  .flag = "memory-reservation", .topic = TOPIC_LIMITS, .nomad = "resources.memory",
	  .docker = "MemoryReservation", .doc = "Memory that it keeps when the host is short of it" },
	{ "cpus", FIELD_NUMBER, AT(task, cpus), .max = 1 << 20, .flag = "cpus", .arg = "NUMBER", .topic = TOPIC_LIMITS,
	  .parse = text_cpus, .nomad = "resources.cores", .ensemble = "resources.cpu.cores",
	  .doc = "Processor time, as in 1.5" },
	{ "cpu_shares", FIELD_INT, AT(task, cpu_shares), .min = 2, .max = 262144, .flag = "cpu-shares", .letter = 'c',
	  .topic = TOPIC_LIMITS, .nomad = "resources.cpu", .docker = "CpuShares", .doc = "Weight against other jobs (1024)" },
	{ "cpuset_cpus", FIELD_STR, AT(task, cpuset_cpus), .check = check_cpuset_cpus, .flag = "cpuset-cpus", .arg = "LIST",
	  .topic = TOPIC_LIMITS, .nomad = "cpuset_cpus", .docker = "CpusetCpus", .doc = "Processors, as in 0-2,4" },
	{ "cpuset_mems", FIELD_STR, AT(task, cpuset_mems), .check = check_cpuset_mems, .flag = "cpuset-mems", .arg = "LIST",
	  .topic = TOPIC_LIMITS, .docker = "CpusetMems", .doc = "Memory nodes" },
	{ "pids_limit", FIELD_INT, AT(task, pids_limit), .min = -1, .max = PIDS_MOST, .flag = "pids-limit",
	  .topic = TOPIC_LIMITS, .nomad = "pids_limit", .docker = "PidsLimit", .doc = "Processes; -1: no limit" },
	{ "shm_size", FIELD_SIZE, AT(task, shm_size), .otherwise = 64 * MIB, .min = 1, .max = HUGE_SIZE, .flag = "shm-size",
	  .topic = TOPIC_FILES, .nomad = "shm_size", .docker = "ShmSize", .doc = "Size of /dev/shm (64m)" },
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
	{ "devices", FIELD_ARRAY, COUNTED(task, devices, n_devices), .of = &device_shape, .flag = "device",
	  .arg = "PATH[:PATH[:rwm]]", .offer = "@file", .topic = TOPIC_FILES, .parse = text_device, .nomad = "devices",
	  .doc = "Host device" },
	{ "labels", FIELD_DICT, AT(task, labels), .check = check_label, .nomad = "labels", .doc = "Labels of the container" },
	{ "annotations", FIELD_DICT, AT(task, annotations), .check = check_label, .flag = "annotation", .arg = "K=V",
	  .topic = TOPIC_JOB, .parse = text_label, .docker = "Annotations", .doc = "Annotation of the OCI spec" },
	{ "log", FIELD_ENUM, AT(task, log), .words = log_words, .flag = "log-driver", .arg = "KIND", .topic = TOPIC_LOG,
	  .parse = text_log, .nomad = "logging.driver", .doc = "file or none" },
	{ .type = FIELD_STR, .flag = "log-opt", .arg = "K=V", .topic = TOPIC_LOG,
	  .doc = "max-size=10m, max-file=5" },
	{ "log_max_size", FIELD_SIZE, AT(task, log_max_size), .otherwise = 10 * MIB, .min = 4 * KIB, .max = HUGE_SIZE,
	  .flag = "log-opt", .part = "max-size", .nomad = "logging.options", .doc = "Bytes of one log file" },
	{ "log_max_files", FIELD_INT, AT(task, log_max_files), .otherwise = 5, .min = 1, .max = 1000, .flag = "log-opt",
	  .part = "max-file", .nomad = "logging.options", .doc = "Log files that are kept" },
};

const struct shape task_shape = SHAPE(task, "task", task_fields, .check = check_task, .named = true);

static const struct field job_fields[] = {
	{ "name", FIELD_STR, AT(job, name), .check = check_job_name, .flag = "name", .arg = "NAME", .topic = TOPIC_JOB,
	  .doc = "Name of the job; one is made up without" },
	{ "tasks", FIELD_ARRAY, COUNTED(job, tasks, n_tasks), .of = &task_shape, .required = true, .doc = "What runs" },
	{ "network", FIELD_STR, AT(job, network), .check = check_network, .flag = "network", .also = "net", .arg = "NAME",
	  .offer = "none host davit", .topic = TOPIC_NETWORK, .parse = text_network, .nomad = "network_mode",
	  .doc = "none, host, container:JOB (that of a job), or a CNI network (davit)" },
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
	  .nomad = "dns_servers", .docker = "Dns", .doc = "Name server" },
	{ "dns_search", FIELD_STRV, AT(job, dns_search), .check = check_dns_search, .flag = "dns-search", .arg = "DOMAIN",
	  .topic = TOPIC_NETWORK, .nomad = "dns_search_domains", .docker = "DnsSearch", .doc = "Search domain" },
	{ "dns_options", FIELD_STRV, AT(job, dns_options), .check = check_dns_option, .flag = "dns-option", .also = "dns-opt",
	  .arg = "OPTION", .topic = TOPIC_NETWORK, .nomad = "dns_options", .docker = "DnsOptions",
	  .doc = "Option of resolv.conf" },
	{ "extra_hosts", FIELD_STRV, AT(job, extra_hosts), .check = check_extra_host, .flag = "add-host", .arg = "NAME:IP",
	  .topic = TOPIC_NETWORK, .parse = text_extra_host, .nomad = "extra_hosts",
	  .docker = "ExtraHosts", .doc = "Line of /etc/hosts; host-gateway as IP is the host" },
	{ "runtime", FIELD_STR, AT(job, runtime), .check = check_runtime, .flag = "runtime", .arg = "NAME",
	  .offer = "runc crun runsc kata davit", .topic = TOPIC_JOB, .nomad = "runtime", .ensemble = "execution.runtime",
	  .doc = "runc, crun, runsc, kata, davit, io.containerd.X.vN, or a shim's path" },
	{ "snapshotter", FIELD_STR, AT(job, snapshotter), .check = check_snapshotter, .flag = "snapshotter",
	  .doc = "containerd's snapshotter; the namespace's without" },
	{ "labels", FIELD_DICT, AT(job, labels), .check = check_label, .flag = "label", .letter = 'l', .arg = "K=V",
	  .topic = TOPIC_JOB, .parse = text_label, .nomad = "task.meta", .doc = "Label of the job" },
	{ "remove", FIELD_BOOL, AT(job, remove), .flag = "rm", .topic = TOPIC_JOB, .meant = "remove",
	  .docker = "AutoRemove", .doc = "Remove the job once it has ended" },
};
/* clang-format on */
const struct shape job_shape = SHAPE(job, "job", job_fields, .check = check_job);

/* The enums index the words: keep them in step. */
_Static_assert(PORT_SCTP == 2 && MOUNT_TMPFS == 2 && PULL_NEVER == 2 && JOB_LOG_NONE == 1, "words follow the enums");

const char *port_proto_name(enum port_proto p) { return p <= PORT_SCTP ? proto_words[p] : "?"; }
