#include "test.h"
#include "cap.h"
#include "mem.h"
#include "spec.h"
#include <linux/capability.h>

/* A spec of a job with one task; what a case changes, it changes between setup and build. */
struct fixture {
	struct job *job;
	struct task *task;
	struct image_config image;
	struct user user;
	struct spec_in in;
	json *spec;
	struct err err;
};

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	f = (struct fixture){ .job = job_new() };
	f.task = f.job->tasks;
	f.task->image = mem_strdup("redis:7");
	strv_push(&f.image.cmd, "true");
	f.in = (struct spec_in){ .job = f.job,
				 .task = f.task,
				 .image = &f.image,
				 .user = &f.user,
				 .id = "id1",
				 .ns = "davit",
				 .hostname = "box",
				 .bounding = CAP_BIT(41) - 1,
				 .nofile_max = 20000 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_freep(&f.spec);
	image_config_done(&f.image);
	user_done(&f.user);
	job_free(f.job);
	return 0;
}

static int build(void)
{
	_cleanup_buf_ struct buf b = { 0 };
	int r;

	json_freep(&f.spec);
	f.spec = NULL;
	f.err = (struct err)ERR_INIT;
	buf_adds(&b, "kept");
	r = spec_build(&f.in, &b, &f.err);
	assert_memory_equal(b.data, "kept", 4);
	if (r < 0)
		assert_int_equal(b.len, 4); /* nothing is left of a spec that failed */
	else if (json_parse(b.data + 4, b.len - 4, &f.spec, &f.err) < 0)
		fail_msg("%s", f.err.msg);
	return r;
}

static void built(void)
{
	if (build() < 0)
		fail_msg("%s", f.err.msg);
}

static void refused(int code, const char *msg)
{
	assert_int_equal(build(), -code);
	assert_string_equal(f.err.msg, msg);
}

/* "a.b.c" of the spec as text; "-" when it is not there. */
static char *at(const char *path)
{
	_cleanup_strv_ struct strv keys = { 0 };
	_cleanup_buf_ struct buf b = { 0 };
	json *j = f.spec;

	strv_split(&keys, path, "|");
	for (size_t i = 0; i < keys.n; i++)
		j = json_get(j, keys.v[i]);
	if (!j)
		return mem_strdup("-");
	json_write(j, &b);
	return buf_take(&b);
}

static void is(const char *path, const char *want)
{
	_cleanup_free_ char *have = at(path);

	if (strcmp(have, want) != 0)
		fail_msg("%s: %s, not %s", path, have, want);
}

static void holds(const char *path, const char *yes, const char *no)
{
	_cleanup_free_ char *have = at(path);

	if (!strstr(have, yes) || strstr(have, no))
		fail_msg("%s: %s", path, have);
}

static json *mount_at(const char *target)
{
	json *mounts = json_get(f.spec, "mounts"), *found = NULL;

	for (size_t i = 0; i < json_len(mounts); i++)
		if (!strcmp(json_get_str(json_at(mounts, i), "destination"), target)) {
			assert_null(found);
			found = json_at(mounts, i);
		}
	return found;
}

static void usual(void **state)
{
	(void)state;
	built();
	is("ociVersion", "\"1.0.2\"");
	is("root", "{\"path\":\"rootfs\"}");
	is("hostname", "\"box\"");
	is("process|terminal", "-");
	is("process|user", "{\"uid\":0,\"gid\":0}");
	is("process|args", "[\"true\"]");
	is("process|env", "[\"HOME=/\",\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"HOSTNAME=box\"]");
	is("process|cwd", "\"/\"");
	is("process|noNewPrivileges", "true");
	is("process|rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":20000,\"soft\":20000}]");
	is("linux|cgroupsPath", "\"/davit/id1\"");
	is("linux|namespaces", "[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}]");
	is("linux|sysctl", "-");
	is("linux|resources", "{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]}");
	is("linux|seccomp|defaultAction", "\"SCMP_ACT_ERRNO\"");
	is("hooks", "-");
	is("annotations", "-");
	assert_int_equal(json_len(json_get(f.spec, "mounts")), 7);
	f.in.nofile_max = UINT64_MAX;
	built();
	is("process|rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":1048576,\"soft\":1048576}]");
}

static const struct {
	const char *image_entry, *image_cmd, *entry, *args, *joined;
} commands[] = {
	/* NULL: not given */
	{ "", "c d", NULL, "", "c d" }, { "e", "c", NULL, "", "e c" }, { "e", "c", NULL, "x y", "e x y" },
	{ "e", "", NULL, "", "e" },     { "e", "c", "n", "", "n" },    { "e", "c", "n m", "x", "n m x" },
	{ "e", "c", "", "x", "x" },     { "e", "c", "", "", "" },
};

static void joins_commands_as_docker_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		_cleanup_(image_config_done) struct image_config image = { 0 };
		_cleanup_(task_done) struct task t = { 0 };
		_cleanup_strv_ struct strv args = { 0 };
		_cleanup_free_ char *joined = NULL;

		strv_split(&image.entrypoint, commands[i].image_entry, " ");
		strv_split(&image.cmd, commands[i].image_cmd, " ");
		t.has_entrypoint = commands[i].entry != NULL;
		strv_split(&t.entrypoint, commands[i].entry ? commands[i].entry : "", " ");
		strv_split(&t.args, commands[i].args, " ");
		spec_args(&t, &image, &args);
		joined = strv_join(&args, " ");
		assert_string_equal(joined, commands[i].joined);
	}
}

static void clears_an_entrypoint_with_an_empty_one(void **state)
{
	(void)state;
	strv_push(&f.image.entrypoint, "e");
	f.task->has_entrypoint = true;
	strv_push(&f.task->entrypoint, "");
	strv_push(&f.task->args, "x");
	built();
	is("process|args", "[\"x\"]");
}

static void refuses_without_a_command(void **state)
{
	(void)state;
	strv_done(&f.image.cmd);
	refused(ERR_INVALID, "no command: image redis:7 has none");
	assert_string_equal(f.err.hint, "name one behind the image, such as: davit run redis:7 sh");
	strv_push(&f.task->args, ""); /* a command that nobody finds */
	refused(ERR_NOT_FOUND, "command \"\": not found in the image");
	assert_int_equal(f.err.exit_code, 127);
}

static void environment(void **state)
{
	(void)state;
	strv_push(&f.image.env, "PATH=/p");
	strv_push(&f.image.env, "A=image");
	strv_push(&f.image.env, "nonsense");
	strv_push(&f.image.env, "HOSTNAME=image");
	strv_push(&f.task->env, "A=job");
	strv_push(&f.task->env, "A=job2");
	strv_push(&f.task->env, "HOME=/h");
	f.task->tty = true;
	built();
	is("process|env", "[\"PATH=/p\",\"HOSTNAME=image\",\"TERM=xterm\",\"A=job2\",\"HOME=/h\"]");
	strv_push(&f.image.env, "TERM=linux");
	built();
	is("process|env", "[\"PATH=/p\",\"HOSTNAME=image\",\"TERM=linux\",\"A=job2\",\"HOME=/h\"]");
	strv_push(&f.task->env, "TERM=vt100");
	built();
	is("process|env", "[\"PATH=/p\",\"HOSTNAME=image\",\"TERM=vt100\",\"A=job2\",\"HOME=/h\"]");
	strv_setenv(&f.task->env, "HOME="); /* as none: the engines take it so */
	built();
	is("process|env", "[\"HOME=/\",\"PATH=/p\",\"HOSTNAME=image\",\"TERM=vt100\",\"A=job2\"]");
	is("process|terminal", "true");
}

static void refuses_other_bytes_than_utf8(void **state)
{
	(void)state;
	strv_push(&f.task->args, "ok");
	strv_push(&f.task->args, "\xff");
	refused(ERR_INVALID, "argument \"?\": not UTF-8, which the runtime spec is made of");
	strv_done(&f.task->args);
	strv_push(&f.task->env, "A=\xc0\x80");
	refused(ERR_INVALID, "environment variable \"A=??\": not UTF-8, which the runtime spec is made of");
	strv_done(&f.task->env);
	f.task->cwd = mem_strdup("/\xe2\x82");
	refused(ERR_INVALID, "working folder \"/??\": not UTF-8, which the runtime spec is made of");
	f.task->cwd[1] = '\0';
	dict_set(&f.task->annotations, "k", "\xfe");
	built(); /* of words for people the rest is kept */
	is("annotations|k", "\"\xef\xbf\xbd\"");
}

static void capabilities_follow_the_bounding_set(void **state)
{
	(void)state;
	f.in.bounding &= ~(CAP_BIT(CAP_SYS_ADMIN) | CAP_BIT(CAP_MKNOD));
	strv_push(&f.task->cap_drop, "ALL");
	strv_push(&f.task->cap_add, "kill");
	built();
	is("process|capabilities", "{\"bounding\":[\"CAP_KILL\"],\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\"]}");
	f.user.uid = 5;
	built();
	is("process|capabilities", "{\"bounding\":[\"CAP_KILL\"],\"effective\":[],\"permitted\":[]}");
	strv_push(&f.task->cap_add, "CAP_SYS_ADMIN");
	refused(ERR_PERMISSION, "cap-add: capability CAP_SYS_ADMIN: davit does not have it itself, so it cannot give it");
	strv_done(&f.task->cap_add);
	strv_done(&f.task->cap_drop);
	built(); /* the usual ones that are not there are left out in silence */
	assert_int_equal(json_len(json_get(json_get(json_get(f.spec, "process"), "capabilities"), "bounding")), 13);
	strv_push(&f.task->cap_add, "all");
	strv_push(&f.task->cap_drop, "chown");
	built();
	assert_int_equal(json_len(json_get(json_get(json_get(f.spec, "process"), "capabilities"), "bounding")), 41 - 2 - 1);
	strv_push(&f.task->cap_drop, "chwon");
	refused(ERR_INVALID, "cap-drop: invalid capability \"chwon\": there is no such capability");
}

static void limits_stay_below_our_own(void **state)
{
	struct ulimit *u = task_add_ulimit(f.task);

	(void)state;
	*u = (struct ulimit){ mem_strdup("nofile"), 100, 20001 };
	built(); /* with CAP_SYS_RESOURCE */
	f.in.bounding &= ~CAP_BIT(CAP_SYS_RESOURCE);
	refused(ERR_PERMISSION, "ulimit nofile 20001: above davit's own hard limit of 20000");
	f.task->ulimits[0].hard = UINT64_MAX;
	refused(ERR_PERMISSION, "ulimit nofile unlimited: above davit's own hard limit of 20000");
	u = task_add_ulimit(f.task);
	*u = (struct ulimit){ mem_strdup("nofile"), 5, 6 };
	built(); /* the last one of a name counts */
	is("process|rlimits", "[{\"type\":\"RLIMIT_NOFILE\",\"hard\":6,\"soft\":5}]");
	f.task->oom_score_adj = -1;
	refused(ERR_PERMISSION, "oom-score-adj -1: lowering it takes CAP_SYS_RESOURCE, which davit does not have");
}

static void privileged(void **state)
{
	(void)state;
	f.task->privileged = true;
	f.in.vm = true;
	built();
	is("linux|devices", "-"); /* a guest has none of the host's */
	is("linux|seccomp", "-");
	is("linux|maskedPaths", "-");
	is("linux|readonlyPaths", "-");
	f.in.vm = false;
	built();
	assert_true(json_len(json_get(json_get(f.spec, "linux"), "devices")) > 0);
	is("linux|resources|devices", "[{\"allow\":true,\"access\":\"rwm\"}]");
}

static void network(void **state)
{
	(void)state;
	f.in.netns = "/run/netns/id1";
	f.in.cgroup2 = true;
	dict_set(&f.task->sysctl, "net.ipv4.ip_unprivileged_port_start", "1024");
	built();
	is("linux|namespaces", "[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"},"
			       "{\"type\":\"network\",\"path\":\"/run/netns/id1\"},{\"type\":\"cgroup\"}]");
	is("linux|sysctl", "{\"net.ipv4.ping_group_range\":\"0 2147483647\",\"net.ipv4.ip_unprivileged_port_start\":\"1024\"}");
	f.in.joined = true; /* only what is asked for */
	built();
	is("linux|sysctl", "{\"net.ipv4.ip_unprivileged_port_start\":\"1024\"}");
}

static void mounts_go_by_depth(void **state)
{
	static char nocopy[] = "nocopy", shared[] = "rshared", *options[] = { nocopy, shared, NULL };
	const struct strv given = { options, 2, 0 };
	const struct spec_mount mounts[] = {
		{ "/h/deep", "/a/b/c", true, &given, NULL, true },
		{ "/h/top", "/a", false, NULL, NULL, true },
		{ "/h/hosts", "//etc/./hosts", false, NULL, NULL, true },
	};
	struct mount *t = task_add_mount(f.task);
	json *list;

	(void)state;
	*t = (struct mount){ .kind = MOUNT_TMPFS, .target = mem_strdup("/dev/shm/"), .read_only = true };
	f.in.mounts = mounts;
	f.in.n_mounts = 3;
	f.in.hosts = "/run/davit/hosts";
	f.in.resolv_conf = "/run/davit/resolv.conf";
	built();
	list = json_get(f.spec, "mounts");
	assert_int_equal(json_len(list), 6 + 1 + 4); /* without the usual /dev/shm and our hosts */
	assert_string_equal(json_get_str(json_at(list, 6), "destination"), "/a");
	assert_string_equal(json_get_str(json_at(list, 10), "destination"), "/a/b/c");
	assert_string_equal(json_get_str(mount_at("/etc/hosts"), "source"), "/h/hosts");
	assert_string_equal(json_get_str(mount_at("/etc/resolv.conf"), "source"), "/run/davit/resolv.conf");
	assert_string_equal(json_object_get_string(json_get(mount_at("/a/b/c"), "options")), "[ \"rshared\", \"rbind\", \"ro\" ]");
	assert_string_equal(json_object_get_string(json_get(mount_at("/a"), "options")), "[ \"rbind\", \"rprivate\", \"rw\" ]");
	assert_string_equal(json_object_get_string(json_get(mount_at("/dev/shm"), "options")),
			    "[ \"nosuid\", \"nodev\", \"noexec\", \"ro\" ]");
}

/* As Docker has it where kernel and engine can: with what is mounted below, unless that is to stay as it is. */
static void read_only_goes_down(void **state)
{
	static char outer[] = "ro-non-recursive", rro[] = "rro", create[] = "create-src", slave[] = "rslave", shared[] = "shared",
		    *words[] = { outer, create, rro, slave, shared, NULL };
	const struct strv outer_only = { words, 1, 0 }, must = { words + 1, 2, 0 }, is_slave = { words + 3, 1, 0 },
			  is_shared = { words + 4, 1, 0 };
	struct spec_mount mounts[] = {
		{ "/h", "/a", true, NULL, NULL, true },  { "/h", "/b", true, &outer_only, NULL, true },
		{ "/h", "/c", false, NULL, NULL, true }, { "/h", "/e", true, NULL, NULL, false },
		{ "/h", "/d", true, &must, NULL, true },
	};
	static const struct {
		const char *target, *with, *without;
	} want[] = {
		{ "/a", "[ \"rbind\", \"rprivate\", \"ro\", \"rro\" ]", "[ \"rbind\", \"rprivate\", \"ro\" ]" },
		{ "/b", "[ \"rbind\", \"rprivate\", \"ro\" ]", "[ \"rbind\", \"rprivate\", \"ro\" ]" },
		{ "/c", "[ \"rbind\", \"rprivate\", \"rw\" ]", "[ \"rbind\", \"rprivate\", \"rw\" ]" },
		{ "/e", "[ \"rbind\", \"rprivate\", \"ro\" ]", "[ \"rbind\", \"rprivate\", \"ro\" ]" }, /* a file */
	};

	(void)state;
	f.in.mounts = mounts;
	f.in.n_mounts = 4;
	for (int can = 0; can < 2; can++) {
		f.in.recursive_ro = can;
		built();
		for (size_t i = 0; i < 4; i++)
			assert_string_equal(json_object_get_string(json_get(mount_at(want[i].target), "options")),
					    can ? want[i].with : want[i].without);
	}
	f.in.n_mounts = 5;
	built();
	assert_string_equal(json_object_get_string(json_get(mount_at("/d"), "options")), want[0].with);
	f.in.recursive_ro = false;
	refused(ERR_PRECONDITION, "mount /d: this kernel or this runtime cannot make read-only what is mounted below");
	f.in.n_mounts = 4;
	built();
	is("linux|rootfsPropagation", "-");
	mounts[2].options = &is_slave;
	built();
	is("linux|rootfsPropagation", "\"rslave\"");
	mounts[0].options = &is_shared;
	built();
	is("linux|rootfsPropagation", "\"shared\"");
}

static void a_guest_knows_no_copying_up(void **state)
{
	struct mount *t = task_add_mount(f.task);

	(void)state;
	*t = (struct mount){ .kind = MOUNT_TMPFS, .target = mem_strdup("/run") };
	strv_push(&t->options, "tmpcopyup");
	strv_push(&t->options, "mode=0755");
	for (int vm = 0; vm < 2; vm++) {
		f.in.vm = vm;
		built();
		assert_string_equal(json_object_get_string(json_get(mount_at("/run"), "options")),
				    vm ? "[ \"nosuid\", \"nodev\", \"noexec\", \"mode=0755\" ]"
				       : "[ \"nosuid\", \"nodev\", \"noexec\", \"tmpcopyup\", \"mode=0755\" ]");
	}
}

static void cgroup_of_systemd(void **state)
{
	(void)state;
	f.in.systemd = true;
	built();
	is("linux|cgroupsPath", "\"system.slice:davit-davit-:id1\"");
}

/* A mount on /etc does not hide them; one in their place does; a read-only root takes them along. */
static void own_files_are_seen(void **state)
{
	static const char *const names[] = { "/etc/resolv.conf", "/etc/hosts", "/etc/hostname" };
	const struct spec_mount etc = { "/h/etc", "/etc/.", false, NULL, NULL, true };
	struct mount *t;
	json *list;

	(void)state;
	f.in.mounts = &etc;
	f.in.n_mounts = 1;
	f.in.resolv_conf = f.in.hosts = f.in.hostname_file = "/own";
	built();
	list = json_get(f.spec, "mounts");
	assert_string_equal(json_get_str(json_at(list, 7), "destination"), "/etc");
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(json_get_str(json_at(list, 8 + i), "destination"), names[i]);
		assert_string_equal(json_object_get_string(json_get(mount_at(names[i]), "options")),
				    "[ \"rbind\", \"rprivate\", \"rw\" ]");
	}
	f.task->read_only = true;
	t = task_add_mount(f.task);
	*t = (struct mount){ .kind = MOUNT_TMPFS, .target = mem_strdup("/etc/hostname") };
	built();
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_object_get_string(json_get(mount_at(names[i]), "options")),
				    "[ \"rbind\", \"rprivate\", \"ro\" ]");
	assert_string_equal(json_get_str(mount_at("/etc/hostname"), "type"), "tmpfs");
}

static void devices(void **state)
{
	struct device *d = task_add_device(f.task);

	(void)state;
	*d = (struct device){ mem_strdup("/dev/null"), mem_strdup("/dev/nothing"), mem_strdup("r") };
	built();
	is("linux|resources|devices",
	   "[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"r\"}]");
	assert_string_equal(json_get_str(json_at(json_get(json_get(f.spec, "linux"), "devices"), 0), "path"), "/dev/nothing");
	free(d->host);
	d->host = mem_strdup("/etc/passwd");
	refused(ERR_INVALID, "device /etc/passwd: neither a device nor a folder of devices");
	free(d->host);
	d->host = mem_strdup("/dev/not/there");
	refused(ERR_NOT_FOUND, "device /dev/not/there: No such file or directory");
}

static void resources_of_a_guest(void **state)
{
	(void)state;
	f.in.vm = true; /* the guest has every controller, whatever the host lacks */
	f.task->memory = 64 << 20;
	f.task->memory_swap = -1;
	f.task->memory_reservation = 32 << 20;
	f.task->cpus = 1.5;
	f.task->cpu_shares = 512;
	f.task->cpuset_cpus = mem_strdup("0-1");
	f.task->pids_limit = 7;
	built();
	is("linux|resources|memory", "{\"limit\":67108864,\"reservation\":33554432,\"swap\":-1}");
	is("linux|resources|cpu", "{\"shares\":512,\"quota\":150000,\"period\":100000,\"cpus\":\"0-1\"}");
	is("linux|resources|pids", "{\"limit\":7}");
}

static void profile_and_labels(void **state)
{
	(void)state;
	built();
	assert_null(json_get(json_get(f.spec, "process"), "apparmorProfile"));
	f.in.apparmor = "p";
	built();
	is("process|apparmorProfile", "\"p\"");
	assert_null(json_get(json_get(f.spec, "process"), "selinuxLabel"));
	assert_null(json_get(json_get(f.spec, "linux"), "mountLabel"));
	f.in.selinux_process = "u:r:t:s0:c1,c2";
	f.in.selinux_mount = "u:o:f:s0:c1,c2";
	built();
	is("process|selinuxLabel", "\"u:r:t:s0:c1,c2\"");
	is("linux|mountLabel", "\"u:o:f:s0:c1,c2\"");
}

static int exec(const char *spec, const struct exec_process *x)
{
	_cleanup_buf_ struct buf b = { 0 };
	int r;

	json_freep(&f.spec);
	f.spec = NULL;
	f.err = (struct err)ERR_INIT;
	r = spec_exec_process(spec, strlen(spec), x, &b, &f.err);
	if (r >= 0)
		assert_int_equal(json_parse(b.data, b.len, &f.spec, NULL), 0);
	return r;
}

static void exec_keeps_what_it_does_not_change(void **state)
{
	static const char spec[] =
		"{\"process\":{\"terminal\":true,\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[7]},\"args\":[\"x\"],\"env\":["
		"\"A=1\",\"B=2\"],"
		"\"cwd\":\"/w\",\"capabilities\":{\"bounding\":[\"CAP_KILL\",\"CAP_UNKNOWN\"],\"effective\":[\"CAP_KILL\"]},"
		"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1}],\"noNewPrivileges\":true}}";
	_cleanup_strv_ struct strv args = { 0 }, env = { 0 };
	char home[] = "/root";
	struct user root = { .home = home };
	struct exec_process x = { .args = &args, .env = &env, .bounding = CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_KILL) };

	(void)state;
	assert_int_equal(exec(spec, &x), -ERR_INVALID);
	assert_string_equal(f.err.msg, "no command");
	strv_push(&args, "");
	assert_int_equal(exec(spec, &x), -ERR_NOT_FOUND);
	assert_string_equal(f.err.msg, "command \"\": not found in the job");
	assert_int_equal(f.err.exit_code, 127);
	strv_done(&args);
	strv_push(&args, "sh");
	strv_push(&env, "B=3");
	assert_int_equal(exec(spec, &x), 0);
	is("", "{\"args\":[\"sh\"],\"env\":[\"A=1\",\"B=3\"],\"cwd\":\"/w\",\"user\":{\"uid\":5,\"gid\":6,\"additionalGids\":[7]},"
	       "\"capabilities\":{\"bounding\":[\"CAP_KILL\"],\"effective\":[],\"permitted\":[]},"
	       "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":1}],\"noNewPrivileges\":true}");
	x = (struct exec_process){
		.args = &args, .user = &root, .cwd = "/tmp", .tty = true, .privileged = true, .bounding = CAP_BIT(CAP_CHOWN)
	};
	assert_int_equal(exec(spec, &x), 0);
	is("terminal", "true");
	is("consoleSize", "-");
	is("env", "[\"HOME=/root\",\"A=1\",\"B=2\",\"TERM=xterm\"]");
	is("cwd", "\"/tmp\"");
	is("user", "{\"uid\":0,\"gid\":0}");
	is("capabilities", "{\"bounding\":[\"CAP_CHOWN\"],\"effective\":[\"CAP_CHOWN\"],\"permitted\":[\"CAP_CHOWN\"]}");
	x.privileged = false; /* the container's were given by who had more than we have */
	assert_int_equal(exec(spec, &x), 0);
	is("capabilities", "{\"bounding\":[],\"effective\":[],\"permitted\":[]}");
	x.console = (struct spec_console){ .rows = 41, .cols = 62 };
	assert_int_equal(exec(spec, &x), 0);
	is("consoleSize", "{\"height\":41,\"width\":62}");
	x.cwd = "tmp";
	assert_int_equal(exec(spec, &x), -ERR_INVALID);
	assert_int_equal(exec("{}", &x), -ERR_INVALID);
	assert_string_equal(f.err.msg, "container's spec: it has no process");
	assert_int_equal(exec("{", &x), -ERR_INVALID);
}

/* As in Docker an exec has the home of its own user, unless the job, its image or the exec says what HOME is. */
static void exec_has_its_user_s_home(void **state)
{
	static const struct {
		const char *env, *given, *want;
	} rows[] = {
		{ "[\"HOME=/own\",\"PATH=/bin\"]", NULL, "[\"HOME=/root\",\"PATH=/bin\"]" },
		{ "[\"PATH=/bin\",\"HOME=/given\"]", NULL, "[\"PATH=/bin\",\"HOME=/given\"]" },
		{ "[\"HOME=/own\"]", "HOME=/e", "[\"HOME=/e\"]" },
		{ "[\"PATH=/bin\",\"HOME=/given\"]", "HOME=/e", "[\"PATH=/bin\",\"HOME=/e\"]" },
		{ "[\"HOME=/own\"]", "HOME=", "[\"HOME=/root\"]" },
		{ "[]", NULL, "[\"HOME=/root\"]" },
	};
	_cleanup_strv_ struct strv args = { 0 };
	char home[] = "/root";
	struct user root = { .home = home };

	(void)state;
	strv_push(&args, "sh");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *spec = mem_printf("{\"process\":{\"user\":{\"uid\":5},\"env\":%s}}", rows[i].env);
		_cleanup_strv_ struct strv env = { 0 };
		struct exec_process x = { .args = &args, .env = &env, .user = &root };

		if (rows[i].given)
			strv_push(&env, rows[i].given);
		assert_int_equal(exec(spec, &x), 0);
		is("env", rows[i].want);
	}
}

static void init_is_the_first_process(void **state)
{
	(void)state;
	f.in.init = "/opt/davit-init";
	built();
	is("process|args", "[\"true\"]"); /* it is there, and nobody asked for it */
	assert_null(mount_at("/dev/davit-init"));
	f.in.reap = true;
	built();
	is("process|args", "[\"/dev/davit-init\",\"--reap\",\"--\",\"true\"]");
	assert_string_equal(json_get_str(mount_at("/dev/davit-init"), "source"), "/opt/davit-init");
	strv_push(&f.in.scripts, "/a");
	strv_push(&f.in.scripts, "/b");
	f.in.reap = false;
	built();
	is("process|args", "[\"/dev/davit-init\",\"--script\",\"/a\",\"--script\",\"/b\",\"--\",\"true\"]");
	*task_add_mount(f.task) = (struct mount){ .kind = MOUNT_TMPFS, .target = mem_strdup("/dev/") };
	built();
	assert_null(mount_at("/dev/davit-init"));
	assert_non_null(mount_at("/run/davit-init"));
	strv_done(&f.in.scripts);
	f.task->has_entrypoint = true;
	f.in.reap = true;
	assert_int_equal(build(), -ERR_INVALID); /* no command is none, whoever would run it */
}

static bool has_namespace(const char *type, const char *path)
{
	json *all = json_get(json_get(f.spec, "linux"), "namespaces");

	for (size_t i = 0; i < json_len(all); i++)
		if (!strcmp(json_get_str(json_at(all, i), "type"), type)) {
			const char *its = json_get_str(json_at(all, i), "path");

			return path ? its && !strcmp(its, path) : !its;
		}
	return false;
}

static void namespaces(void **state)
{
	char **const modes[] = { &f.task->pid, &f.task->ipc, &f.task->uts };
	static const char *const types[] = { "pid", "ipc", "uts" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		built();
		assert_true(has_namespace(types[i], NULL));
		*modes[i] = mem_strdup("host");
		built();
		assert_false(has_namespace(types[i], NULL));
	}
	is("hostname", "-"); /* of uts host */
	assert_string_equal(json_get_str(mount_at("/dev/mqueue"), "type"), "mqueue");
	free(f.task->pid);
	f.task->pid = mem_strdup("task:a");
	f.in.paths.pid = "/proc/7/ns/pid";
	built();
	assert_true(has_namespace("pid", "/proc/7/ns/pid"));
	assert_false(has_namespace("cgroup", NULL));
	f.task->cgroupns = mem_strdup("private");
	built();
	assert_true(has_namespace("cgroup", NULL));
	f.in.cgroup2 = true;
	memcpy(f.task->cgroupns, "host\0", 5);
	built();
	assert_false(has_namespace("cgroup", NULL));
}

static void user_namespace(void **state)
{
	const struct spec_mount binds[] = {
		{ .source = "/srv", .target = "/s" },
		{ .source = "/one", .target = "/o", .options = &(struct strv){ .v = (char *[]){ (char[]){ "bind" } }, .n = 1 } }
	};
	_cleanup_strv_ struct strv sources = { 0 };
	const struct spec_map map = { .ids = { 1000000, 2000000, 65536 }, .dir = "/run/map", .sources = &sources };

	(void)state;
	f.in.mounts = binds;
	f.in.n_mounts = 2;
	f.in.netns = "/n";
	f.in.hosts = "/files/hosts";
	f.in.map = &map;
	*task_add_device(f.task) = (struct device){ .host = mem_strdup("/dev/null"), .inside = mem_strdup("/dev/none") };
	*task_add_device(f.task) = (struct device){ .host = mem_strdup("/dev/zero") };
	built();
	assert_true(has_namespace("user", "/run/map/userns"));
	is("linux|uidMappings", "[{\"containerID\":0,\"hostID\":1000000,\"size\":65536}]");
	is("linux|gidMappings", "[{\"containerID\":0,\"hostID\":2000000,\"size\":65536}]");
	is("linux|sysctl|net.ipv4.ping_group_range", "\"0 65535\"");
	assert_string_equal(json_get_str(mount_at("/dev/none"), "source"),
			    "/dev/null"); /* no device can be made, and its owner is the host's */
	assert_null(mount_at("/dev/zero"));
	assert_int_equal(json_len(json_get(json_get(f.spec, "linux"), "devices")), 1);
	assert_int_equal(sources.n, 3);
	assert_string_equal(sources.v[0], "r/srv");
	assert_string_equal(sources.v[1], "b/one");
	assert_string_equal(sources.v[2], "r/files/hosts");
	assert_string_equal(json_get_str(mount_at("/s"), "source"), "/run/map/0");
	assert_string_equal(json_get_str(mount_at("/etc/hosts"), "source"), "/run/map/2");
	is("annotations|davit.mapped.1", "\"b/one\"");
}

static void cdi_devices(void **state)
{
	char *env[] = { (char[]){ "A=cdi" } }, *groups[] = { (char[]){ "7" } }, *args[] = { (char[]){ "a" } };
	struct cdi_node nodes[] = {
		{ .path = (char[]){ "/dev/x" }, .type = (char[]){ "c" }, .major = 9, .minor = -1, .mode = -1, .uid = -1, .gid = 3 },
		{ .path = (char[]){ "/dev/p" },
		  .type = (char[]){ "p" },
		  .major = -1,
		  .minor = -1,
		  .mode = 0600,
		  .uid = -1,
		  .gid = -1 }
	};
	struct cdi_hook hooks[] = {
		{ .when = (char[]){ "poststop" }, .path = (char[]){ "/p" } },
		{ .when = (char[]){ "prestart" }, .path = (char[]){ "/q" }, .args = { args, 1, 1 }, .timeout = 2 }
	};
	struct cdi_rdt rdt = { .clos = (char[]){ "c" }, .mbm = true };
	struct cdi_net net = { .host = (char[]){ "eth9" } };
	struct cdi_edits cdi = { .env = { env, 1, 1 },
				 .nodes = nodes,
				 .n_nodes = 2,
				 .hooks = hooks,
				 .n_hooks = 2,
				 .groups = { groups, 1, 1 },
				 .rdt = &rdt };

	(void)state;
	f.in.cdi = &cdi;
	f.user.uid = 5;
	strv_push(&f.task->env, "A=task");
	built();
	is("linux|devices", "[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":9,\"minor\":0,\"uid\":5,\"gid\":3},"
			    "{\"path\":\"/dev/p\",\"type\":\"p\",\"fileMode\":384,\"uid\":5}]");
	is("linux|resources|devices", "[{\"allow\":false,\"access\":\"rwm\"},"
				      "{\"allow\":true,\"type\":\"c\",\"major\":9,\"minor\":0,\"access\":\"rwm\"}]");
	is("hooks", "{\"prestart\":[{\"path\":\"/q\",\"args\":[\"a\"],\"timeout\":2}],\"poststop\":[{\"path\":\"/p\"}]}");
	is("linux|intelRdt", "{\"closID\":\"c\",\"enableMBM\":true}");
	is("process|user|additionalGids", "[7]");
	holds("process|env", "A=cdi", "A=task");
	nodes[0].major = -1;
	refused(ERR_NOT_FOUND, "device /dev/x of a CDI file: No such file or directory");
	nodes[0].host = (char[]){ "/etc/passwd" };
	refused(ERR_INVALID, "device /etc/passwd of a CDI file: no character device");
	nodes[0].host = (char[]){ "/dev/null" };
	cdi.nets = &net;
	cdi.n_nets = 1;
	refused(ERR_UNIMPLEMENTED, "network device eth9 of a CDI file: the engines move none into a container");
}

static void device_rules(void **state)
{
	(void)state;
	strv_push(&f.task->device_rules, "c 1:* rw");
	strv_push(&f.task->device_rules, "a *:* m");
	built();
	is("linux|resources|devices",
	   "[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\",\"major\":1,\"access\":\"rw\"},"
	   "{\"allow\":true,\"type\":\"a\",\"access\":\"m\"}]");
	f.task->privileged = true;
	built();
	is("linux|resources|devices", "[{\"allow\":true,\"access\":\"rwm\"}]");
}

static void hidden_paths(void **state)
{
	(void)state;
	built();
	holds("linux|maskedPaths", "/proc/kcore", "*");
	f.task->has_masked_paths = f.task->has_readonly_paths = true;
	strv_push(&f.task->masked_paths, "/a");
	strv_push(&f.task->readonly_paths, "/b");
	f.task->privileged = true;
	built();
	is("linux|maskedPaths", "[\"/a\"]");
	is("linux|readonlyPaths", "[\"/b\"]");
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
RUN_TESTS("spec", CASE(usual), CASE(joins_commands_as_docker_does), CASE(clears_an_entrypoint_with_an_empty_one),
	  CASE(refuses_without_a_command), CASE(environment), CASE(refuses_other_bytes_than_utf8),
	  CASE(capabilities_follow_the_bounding_set), CASE(limits_stay_below_our_own), CASE(privileged), CASE(network),
	  CASE(mounts_go_by_depth), CASE(read_only_goes_down), CASE(a_guest_knows_no_copying_up), CASE(cgroup_of_systemd),
	  CASE(own_files_are_seen), CASE(devices), CASE(resources_of_a_guest), CASE(init_is_the_first_process), CASE(namespaces),
	  CASE(user_namespace), CASE(cdi_devices), CASE(device_rules), CASE(hidden_paths), CASE(profile_and_labels),
	  CASE(exec_keeps_what_it_does_not_change), CASE(exec_has_its_user_s_home))
