#include "job-flags.h"
#include "clock.h"
#include "docker-flags.h"
#include "interrupt.h"
#include "mem.h"
#include "parse.h"
#include <string.h>

#define AT(f) .at = offsetof(struct job_flags, f)

static struct job *job_of(void *into) { return ((struct job_flags *)into)->job; }
static struct task *task_of(void *into) { return &job_of(into)->tasks[0]; }

static int set(char **field, const char *value)
{
	free(*field);
	*field = mem_strdup(value);
	return 0;
}

/* Setters of text fields and lists, and of the values that parse.h knows. */
#define TEXT(name, field) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		(void)o; \
		(void)err; \
		return set(&(field), v); \
	}
#define PARSED(name, call) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		(void)o; \
		return (call); \
	}
#define PUSHED(name, list) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		(void)o; \
		(void)err; \
		strv_push(&(list), v); \
		return 0; \
	}
#define SWITCH(name, field) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		return opt_to_bool(o, v, &(field), err); \
	}
#define NUMBER(name, field, min, max) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		int64_t n; \
		int r = opt_to_number(o, v, min, max, &n, err); \
		if (r >= 0) \
			(field) = (__typeof__(field))n; \
		return r; \
	}

/* "" is a script's variable that is not set: as though the flag were absent, as Docker has it. */
#define TEXT_OR_NONE(name, field) \
	static int name(const struct opt *o, const char *v, void *into, struct err *err) \
	{ \
		(void)o; \
		(void)err; \
		free(field); \
		(field) = *v ? mem_strdup(v) : NULL; \
		return 0; \
	}

TEXT_OR_NONE(f_name, job_of(into)->name)
TEXT_OR_NONE(f_hostname, job_of(into)->hostname)
TEXT_OR_NONE(f_runtime, job_of(into)->runtime)
TEXT_OR_NONE(f_workdir, task_of(into)->cwd)
TEXT_OR_NONE(f_platform, task_of(into)->platform)
TEXT_OR_NONE(f_cpus_set, task_of(into)->cpuset_cpus)
TEXT_OR_NONE(f_mems_set, task_of(into)->cpuset_mems)
PUSHED(f_cap_add, task_of(into)->cap_add)
PUSHED(f_cap_drop, task_of(into)->cap_drop)
PUSHED(f_group_add, task_of(into)->group_add)
PUSHED(f_dns, job_of(into)->dns)
PUSHED(f_dns_search, job_of(into)->dns_search)
PUSHED(f_dns_option, job_of(into)->dns_options)
SWITCH(f_rm, job_of(into)->remove)
SWITCH(f_interactive, task_of(into)->stdin_open)
SWITCH(f_tty, task_of(into)->tty)
SWITCH(f_read_only, task_of(into)->read_only)
SWITCH(f_privileged, task_of(into)->privileged)
PARSED(f_publish, parse_ports(v, job_of(into), err))
PARSED(f_expose, parse_expose(v, &job_of(into)->expose, err))
SWITCH(f_publish_all, job_of(into)->publish_all)
PARSED(f_volume, parse_volume(v, ((struct job_flags *)into)->cwd, task_of(into), err))
PARSED(f_mount, parse_mount(v, ((struct job_flags *)into)->cwd, task_of(into), err))
PARSED(f_tmpfs, parse_tmpfs(v, task_of(into), err))
PARSED(f_device, parse_device(v, task_of(into), err))
PARSED(f_ulimit, parse_ulimit(v, task_of(into), err))
PARSED(f_sysctl, parse_sysctl(v, task_of(into), err))
PARSED(f_security, parse_security_opt(v, task_of(into), err))
PARSED(f_env, parse_env(v, environ, &task_of(into)->env, err))
PARSED(f_label, parse_label(v, &job_of(into)->labels, err))
PARSED(f_annotation, parse_label(v, &task_of(into)->annotations, err))
PARSED(f_add_host, parse_extra_host(v, job_of(into), err))
PARSED(f_pull, parse_pull(v, &task_of(into)->pull, err))
PARSED(f_cpus, parse_cpus(v, (double)sysconf(_SC_NPROCESSORS_ONLN), &task_of(into)->cpus, err))
NUMBER(f_shares, task_of(into)->cpu_shares, 2, 262144)
NUMBER(f_pids, task_of(into)->pids_limit, -1, INT64_C(4194304))
NUMBER(f_oom, task_of(into)->oom_score_adj, -1000, 1000)
NUMBER(f_stop_timeout, task_of(into)->stop_timeout, 0, 31536000)

static int f_env_file(const struct opt *o, const char *v, void *into, struct err *err)
{
	const struct ctx ctx = interrupt_ctx();

	(void)o;
	return parse_env_file(v, environ, &ctx, &((struct job_flags *)into)->env, err);
}

static int f_label_file(const struct opt *o, const char *v, void *into, struct err *err)
{
	const struct ctx ctx = interrupt_ctx();

	(void)o;
	return parse_label_file(v, &ctx, &((struct job_flags *)into)->labels, err);
}

static int f_network(const struct opt *o, const char *v, void *into, struct err *err)
{
	char **network = &job_of(into)->network;

	if (!*v) /* as TEXT_OR_NONE */
		return 0;
	if (*network && strcmp(*network, v) != 0)
		return err_hint(err, err_set(err, ERR_INVALID, "flag --%s is given twice: a job is on one network", o->name),
				"the plugins of a conflist can give it more interfaces");
	return set(network, v);
}

/* Of at least @least, as a user would write it. */
static int to_size(const char *flag, const char *v, const char *least, int64_t *ret, struct err *err)
{
	int64_t n, min = 0;
	int r = parse_size(flag, v, &n, err);

	if (r < 0)
		return r;
	(void)parse_size(flag, least, &min, NULL);
	if (n < min)
		return err_hint(err, err_set(err, ERR_INVALID, "flag --%s is at least %s, not \"%s\"", flag, least, v),
				v[strspn(v, "0123456789")] ? "512m is 512 MiB, 2g are 2 GiB"
							   : "a bare number is bytes: 512m is 512 MiB, 2g are 2 GiB");
	*ret = n;
	return 0;
}

static int f_memory(const struct opt *o, const char *v, void *into, struct err *err)
{
	if (!strcmp(v, "0")) { /* Docker's word for no limit */
		task_of(into)->memory = 0;
		return 0;
	}
	return to_size(o->name, v, "6m", &task_of(into)->memory, err);
}

static int f_shm(const struct opt *o, const char *v, void *into, struct err *err)
{
	return to_size(o->name, v, "1", &task_of(into)->shm_size, err);
}

static int f_swap(const struct opt *o, const char *v, void *into, struct err *err)
{
	(void)o;
	if (!strcmp(v, "-1")) {
		task_of(into)->memory_swap = -1;
		return 0;
	}
	return parse_size("memory-swap", v, &task_of(into)->memory_swap, err);
}

static int f_user(const struct opt *o, const char *v, void *into, struct err *err)
{
	int r = parse_user(v, err);

	(void)o;
	return r < 0 ? r : set(&task_of(into)->user, v);
}

static int f_stop_signal(const struct opt *o, const char *v, void *into, struct err *err)
{
	int unused, r = *v ? parse_signal(v, &unused, err) : 0;

	(void)o;
	if (!*v) /* as TEXT_OR_NONE */
		return 0;
	return r < 0 ? r : set(&task_of(into)->stop_signal, v);
}

/* "" clears the image's. */
static int f_entrypoint(const struct opt *o, const char *v, void *into, struct err *err)
{
	(void)o;
	(void)err;
	strv_done(&task_of(into)->entrypoint);
	task_of(into)->has_entrypoint = true;
	if (*v)
		strv_push(&task_of(into)->entrypoint, v);
	return 0;
}

static int f_restart(const struct opt *o, const char *v, void *into, struct err *err)
{
	(void)into;
	if (!strcmp(v, "no") || !*v)
		return 0;
	return err_hint(err, err_set(err, ERR_UNIMPLEMENTED, "flag --%s %s: davit starts nothing again", o->name, v),
			"let systemd do it, with davit run in the foreground, or leave the flag away");
}

static int f_ignored(const struct opt *o, const char *v, void *into, struct err *err)
{
	bool ignored;

	(void)into;
	return opt_to_bool(o, v, &ignored, err);
}

static int f_log_driver(const struct opt *o, const char *v, void *into, struct err *err)
{
	if (!strcmp(v, "none"))
		task_of(into)->log = JOB_LOG_NONE;
	else if (!*v || !strcmp(v, "file") || !strcmp(v, "json-file"))
		task_of(into)->log = JOB_LOG_FILE;
	else
		return err_set(err, ERR_INVALID, "flag --%s is one of file, json-file, none, not \"%s\"", o->name, v);
	return 0;
}

static int f_log_opt(const struct opt *o, const char *v, void *into, struct err *err)
{
	struct opt files = { .name = "log-opt max-file" };

	if (!strncmp(v, "max-size=", 9))
		return to_size("log-opt max-size", v + 9, "4k", &task_of(into)->log_max_size, err);
	if (!strncmp(v, "max-file=", 9))
		return opt_to_number(&files, v + 9, 1, 1000, &task_of(into)->log_max_files, err);
	return err_set(err, ERR_INVALID, "flag --%s is max-size=SIZE or max-file=NUMBER, not \"%s\"", o->name, v);
}

/* clang-format off */
#define JOB_OPTS \
	{ "name", .arg = "NAME", .help = "Name of the job; one is made up without", .topic = "Job", .set = f_name }, \
	{ "rm", .help = "Remove the job once it has ended", .set = f_rm, .meant = "remove" }, \
	{ "runtime", .arg = "NAME", .help = "runc, crun, runsc, kata, davit, io.containerd.X.vN, or a shim's path", \
	  .words = "runc crun runsc kata davit", .set = f_runtime }, \
	{ "pull", .arg = "WHEN", .help = "When to pull the image: missing (without), always or never", \
	  .words = "missing always never", .set = f_pull }, \
	{ "platform", .arg = "OS/ARCH", .help = "Platform of the image; the host's without", .set = f_platform }, \
	{ "label", 'l', .arg = "K=V", .help = "Label of the job", .set = f_label }, \
	{ "label-file", .arg = "FILE", .help = "Labels, one a line", .words = COMPLETE_FILE, .set = f_label_file }, \
	{ "annotation", .arg = "K=V", .help = "Annotation of the OCI spec", .set = f_annotation }, \
	{ "cidfile", .arg = "FILE", .help = "Write the container's id to this new file", .words = COMPLETE_FILE, \
	  .set = opt_string, AT(cidfile) }, \
	{ "quiet", 'q', .help = "No progress of a pull", .set = opt_bool, AT(quiet) }, \
	{ "restart", .arg = "no", .help = "When to start it again: davit does not", .words = "no", \
	  .set = f_restart, .hidden = true }, \
	{ "disable-content-trust", .help = "For Docker's users; digests are what is trusted", .set = f_ignored, .hidden = true }, \
	{ "no-healthcheck", .help = "For Docker's users; davit checks none", .set = f_ignored, .hidden = true }, \
	{ "interactive", 'i', .help = "Keep standard input open", .topic = "Process", \
	  .set = f_interactive, .meant = "stdin" }, \
	{ "tty", 't', .help = "Give the process a terminal", .set = f_tty, .meant = "terminal" }, \
	{ "env", 'e', .arg = "K=V", .help = "Environment variable; K alone takes ours", .set = f_env }, \
	{ "env-file", .arg = "FILE", .help = "Environment variables, one a line", .words = COMPLETE_FILE, \
	  .set = f_env_file }, \
	{ "workdir", 'w', .arg = "DIR", .help = "Working folder in the container", \
	  .set = f_workdir, .meant = "cwd directory" }, \
	{ "user", 'u', .arg = "USER[:GROUP]", .help = "Names of the image, or numbers", .set = f_user }, \
	{ "group-add", .arg = "GROUP", .help = "Further group of the process", .set = f_group_add }, \
	{ "entrypoint", .arg = "PROGRAM", .help = "Instead of the image's entrypoint; \"\" clears it", \
	  .set = f_entrypoint }, \
	{ "stop-signal", .arg = "SIGNAL", .help = "What stops it; the image's, else TERM", .set = f_stop_signal }, \
	{ "stop-timeout", .arg = "SECONDS", .help = "Time to stop before it is killed (10)", \
	  .set = f_stop_timeout }, \
	{ "publish", 'p', .arg = "[IP:]PORT:PORT[/PROTO]", .help = "Forward a host port (or a range) to one of the container", \
	  .topic = "Network", .set = f_publish, .meant = "port ports forward" }, \
	{ "publish-all", 'P', .help = "Forward a free host port to each port that image and --expose name", \
	  .set = f_publish_all }, \
	{ "expose", .arg = "PORT[/PROTO]", .help = "A port (or a range) that the job serves, for --publish-all", \
	  .set = f_expose }, \
	{ "network", .also = "net", .arg = "NAME", .help = "none, host, container:JOB (that of a job), or a CNI network (davit)", \
	  .words = "none host davit", .set = f_network }, \
	{ "hostname", 'h', .arg = "NAME", .help = "Host name in the container; the job's name without", \
	  .set = f_hostname }, \
	{ "dns", .arg = "IP", .help = "Name server", .set = f_dns }, \
	{ "dns-search", .arg = "DOMAIN", .help = "Search domain", .set = f_dns_search }, \
	{ "dns-option", .also = "dns-opt", .arg = "OPTION", .help = "Option of resolv.conf", .set = f_dns_option }, \
	{ "add-host", .arg = "NAME:IP", .help = "Line of /etc/hosts; host-gateway as IP is the host", \
	  .set = f_add_host }, \
	{ "volume", 'v', .arg = "SRC:DIR[:OPTIONS]", .help = "Bind a host path or a named volume; ro for read-only", \
	  .topic = "Files", .words = COMPLETE_FILE, .set = f_volume, .meant = "bind" }, \
	{ "mount", .arg = "type=T,src=S,dst=D", .help = "The same in Docker's long form", .set = f_mount }, \
	{ "tmpfs", .arg = "DIR[:OPTIONS]", .help = "Memory file system", .set = f_tmpfs }, \
	{ "read-only", .help = "Root file system read-only", .set = f_read_only }, \
	{ "shm-size", .arg = "SIZE", .help = "Size of /dev/shm (64m)", .set = f_shm }, \
	{ "device", .arg = "PATH[:PATH[:rwm]]", .help = "Host device", .words = COMPLETE_FILE, .set = f_device }, \
	{ "memory", 'm', .arg = "SIZE", .help = "Memory limit, as in 512m", .topic = "Limits", \
	  .set = f_memory, .meant = "mem" }, \
	{ "memory-swap", .arg = "SIZE", .help = "Memory and swap together; -1: no limit", .set = f_swap }, \
	{ "cpus", .arg = "NUMBER", .help = "Processor time, as in 1.5", .set = f_cpus }, \
	{ "cpu-shares", 'c', .arg = "NUMBER", .help = "Weight against other jobs (1024)", .set = f_shares }, \
	{ "cpuset-cpus", .arg = "LIST", .help = "Processors, as in 0-2,4", .set = f_cpus_set }, \
	{ "cpuset-mems", .arg = "LIST", .help = "Memory nodes", .set = f_mems_set }, \
	{ "pids-limit", .arg = "NUMBER", .help = "Processes; -1: no limit", .set = f_pids }, \
	{ "ulimit", .arg = "NAME=SOFT[:HARD]", .help = "Resource limit, as in nofile=1024", .set = f_ulimit }, \
	{ "oom-score-adj", .arg = "NUMBER", .help = "-1000 to 1000", .set = f_oom }, \
	{ "sysctl", .arg = "K=V", .help = "Kernel parameter of its namespaces", .set = f_sysctl }, \
	{ "cap-add", .arg = "CAP", .help = "Capability, or ALL", .topic = "Security", .set = f_cap_add }, \
	{ "cap-drop", .arg = "CAP", .help = "Capability to take away, or ALL", .set = f_cap_drop }, \
	{ "privileged", .help = "All of davit's own capabilities, all devices, no seccomp", .set = f_privileged }, \
	{ "security-opt", .arg = "OPTION", \
	  .help = "seccomp=FILE|unconfined, no-new-privileges[=false], apparmor=PROFILE|unconfined, label=disable|KEY:VALUE, " \
		  "systempaths=unconfined", \
	  .set = f_security }, \
	{ "log-driver", .arg = "KIND", .help = "file or none", .topic = "Log", .words = "file none", \
	  .set = f_log_driver }, \
	{ "log-opt", .arg = "K=V", .help = "max-size=10m, max-file=5", .set = f_log_opt }

/* What davit has not. */
#define ELSEWHERE_OPTS \
	DOCKER_ONLY_FLAGS, PODMAN_ONLY_FLAGS

#define PLAN_OPTS \
	{ "dry-run", .help = "Change nothing, print the steps", .topic = "Seeing", .set = opt_bool, AT(dry_run) }, \
	{ "format", .arg = "FORM", .help = "Of --dry-run: text (the steps), json (the job), spec (the OCI spec)", \
	  .words = "text json spec", .set = opt_word, AT(format) }, \
	{ "timing", .help = "Print the milliseconds of each step", .set = opt_bool, AT(timing) }
/* clang-format on */

const struct opt run_opts_table[] = {
	JOB_OPTS,
	{ "detach", 'd', .help = "In the background; prints the name", .topic = "Foreground", .set = opt_bool, AT(detach),
	  .meant = "background daemon" },
	{ "detach-keys", .arg = "KEYS", .help = "Keys that detach (ctrl-p,ctrl-q)", .set = opt_keys, AT(detach_keys) },
	{ "sig-proxy", .help = "Hand signals on to the process (true)", .set = opt_bool, AT(sig_proxy) },
	PLAN_OPTS,
	ELSEWHERE_OPTS,
	{ 0 },
};

const struct opt create_opts_table[] = { JOB_OPTS, PLAN_OPTS, ELSEWHERE_OPTS, { 0 } };

void job_flags_init(void *flags)
{
	struct job_flags *f = flags;

	*f = (struct job_flags){ .job = job_new(), .sig_proxy = true, .format = "text", .cwd = getcwd(NULL, 0) };
}

void job_flags_done(void *flags)
{
	struct job_flags *f = flags;

	job_free(f->job);
	strv_done(&f->env);
	dict_done(&f->labels);
	free(f->cwd);
}

int job_flags_args(struct job_flags *f, const struct strv *args, struct err *err)
{
	struct task *t = &f->job->tasks[0];

	if (!*args->v[0])
		return err_hint(err, err_set(err, ERR_INVALID, "image \"\": the name is empty"), "is a shell's variable not set?");
	strv_setenvs(&f->env, &t->env);
	strv_done(&t->env);
	strv_add(&t->env, &f->env);
	dict_add(&f->labels, &f->job->labels);
	dict_add(&f->job->labels, &f->labels);
	(void)set(&t->image, args->v[0]);
	for (size_t i = 1; i < args->n; i++)
		strv_push(&t->args, args->v[i]);
	return 0;
}
