#include "test.h"
#include "cli.h"
#include "commands.h"
#include "job-flags.h"
#include "mem.h"

static int parse(const char *line, struct job_flags *f, struct err *err)
{
	static struct strv words;
	_cleanup_strv_ struct strv args = { 0 };
	struct globals global = { 0 };
	int r;

	strv_done(&words);
	strv_split(&words, line, " ");
	job_flags_init(f);
	r = command_parse(&cmd_run, &global, strv_argv(&words), 0, f, &args, err);
	if (r >= 0)
		r = command_check_args(&cmd_run, &args, err);
	if (r >= 0)
		r = job_flags_args(f, &args, err);
	return r;
}

/* What each flag makes of the task and of the job, in their own JSON, with quotes that C need not escape. */
static const struct {
	const char *flags, *task, *job;
} flag_rows[] = {
	{ "--name web", "{}", "{'name':'web'}" },
	{ "--rm", "{}", "{'remove':true}" },
	{ "--rm --rm=false", "{}", "{}" },
	{ "--runtime crun", "{}", "{'runtime':'crun'}" },
	{ "--pull never", "{'pull':'never'}", "{}" },
	{ "--platform linux/arm64", "{'platform':'linux/arm64'}", "{}" },
	{ "-l a=b --label c", "{}", "{'labels':{'a':'b','c':''}}" },
	{ "--annotation k=v", "{'annotations':{'k':'v'}}", "{}" },
	{ "-it", "{'tty':true,'stdin_open':true}", "{}" },
	{ "-i=true --tty=false", "{'stdin_open':true}", "{}" },
	{ "-e A=1 --env B=", "{'env':['A=1','B=']}", "{}" },
	{ "-w /w", "{'cwd':'/w'}", "{}" },
	{ "-u 1000:1000", "{'user':'1000:1000'}", "{}" },
	{ "--group-add 7 --group-add wheel", "{'group_add':['7','wheel']}", "{}" },
	{ "--entrypoint sh", "{'entrypoint':['sh']}", "{}" },
	{ "--stop-signal INT", "{'stop_signal':'INT'}", "{}" },
	{ "--stop-timeout 33", "{'stop_timeout':33}", "{}" },
	{ "-p 18080:8080/udp", "{}", "{'ports':[{'host':18080,'inside':8080,'proto':'udp'}]}" },
	{ "-p 127.0.0.1:80:8080", "{}", "{'ports':[{'host_ip':'127.0.0.1','host':80,'inside':8080}]}" },
	{ "-p 80", "{}", "{'ports':[{'inside':80}]}" },
	{ "-p 8000-8001:90-91", "{}", "{'ports':[{'host':8000,'inside':90},{'host':8001,'inside':91}]}" },
	{ "-P --expose 80 --expose 90-92/udp", "{}", "{'expose':['80','90-92/udp'],'publish_all':true}" },
	{ "--network none --network none", "{}", "{'network':'none'}" },
	{ "--network none", "{}", "{'network':'none'}" },
	{ "--net host", "{}", "{'network':'host'}" },
	{ "-h box", "{}", "{'hostname':'box'}" },
	{ "--dns 1.1.1.1", "{}", "{'dns':['1.1.1.1']}" },
	{ "--dns-search d.e", "{}", "{'dns_search':['d.e']}" },
	{ "--dns-option ndots:2", "{}", "{'dns_options':['ndots:2']}" },
	{ "--add-host h:10.0.0.1", "{}", "{'extra_hosts':['h:10.0.0.1']}" },
	{ "-v data:/d:ro", "{'mounts':[{'type':'volume','source':'data','target':'/d','read_only':true}]}", "{}" },
	{ "-v /s:/t", "{'mounts':[{'source':'/s','target':'/t','options':['create-src']}]}", "{}" },
	{ "-v /anonymous", "{'mounts':[{'type':'volume','target':'/anonymous'}]}", "{}" },
	{ "--mount type=bind,source=/s,target=/t,readonly", "{'mounts':[{'source':'/s','target':'/t','read_only':true}]}", "{}" },
	{ "--tmpfs /t:size=1m", "{'mounts':[{'type':'tmpfs','target':'/t','options':['size=1m']}]}", "{}" },
	{ "--read-only", "{'read_only':true}", "{}" },
	{ "--shm-size 1m", "{'shm_size':1048576}", "{}" },
	{ "--device /dev/fuse", "{'devices':[{'host':'/dev/fuse'}]}", "{}" },
	{ "--device /dev/a:/dev/b:r", "{'devices':[{'host':'/dev/a','inside':'/dev/b','access':'r'}]}", "{}" },
	{ "-m 512m", "{'memory':536870912}", "{}" },
	{ "-m 512m --memory-swap -1", "{'memory':536870912,'memory_swap':-1}", "{}" },
	{ "-m 512m --memory-swap 1g", "{'memory':536870912,'memory_swap':1073741824}", "{}" },
	{ "--memory-reservation 32m", "{'memory_reservation':33554432}", "{}" },
	{ "--cpus 0.5", "{'cpus':0.5}", "{}" },
	{ "--cpu-shares 77", "{'cpu_shares':77}", "{}" },
	{ "--cpuset-cpus 0-1", "{'cpuset_cpus':'0-1'}", "{}" },
	{ "--cpuset-mems 0", "{'cpuset_mems':'0'}", "{}" },
	{ "--pids-limit 99", "{'pids_limit':99}", "{}" },
	{ "--pids-limit -1", "{'pids_limit':-1}", "{}" },
	{ "--ulimit nofile=12:34", "{'ulimits':[{'name':'nofile','soft':12,'hard':34}]}", "{}" },
	{ "--ulimit core=-1", "{'ulimits':[{'name':'core','soft':-1,'hard':-1}]}", "{}" },
	{ "--oom-score-adj -55", "{'oom_score_adj':-55}", "{}" },
	{ "--sysctl net.ipv4.ip_forward=1", "{'sysctl':{'net.ipv4.ip_forward':'1'}}", "{}" },
	{ "--cap-add net_admin", "{'cap_add':['net_admin']}", "{}" },
	{ "--cap-drop ALL", "{'cap_drop':['ALL']}", "{}" },
	{ "--privileged", "{'privileged':true}", "{}" },
	{ "--security-opt seccomp=unconfined", "{'seccomp':'unconfined'}", "{}" },
	{ "--security-opt no-new-privileges=false", "{'no_new_privileges':false}", "{}" },
	{ "--security-opt apparmor=mine", "{'apparmor':'mine'}", "{}" },
	{ "--security-opt systempaths=unconfined", "{'masked_paths':[],'readonly_paths':[]}", "{}" },
	{ "--results /srv/a/../r", "{}", "{'results':'/srv/r'}" },
	{ "--log-driver none", "{'log':'none'}", "{}" },
	{ "--log-driver json-file", "{}", "{}" },
	{ "--log-opt max-size=2m", "{'log_max_size':2097152}", "{}" },
	{ "--log-opt max-file=9", "{'log_max_files':9}", "{}" },
	{ "--name a --name b", "{}", "{'name':'b'}" },
	{ "--restart no --disable-content-trust --no-healthcheck=false", "{}", "{}" },
	{ "--restart on-failure:3", "{'restart':{'policy':'on-failure','attempts':3}}", "{}" },
	{ "--no-healthcheck", "{'healthcheck':{'type':'none'}}", "{}" },
	{ "--health-cmd true --health-interval 5s --health-timeout 2s --health-retries 2 --health-start-period 1m",
	  "{'healthcheck':{'exec':['/bin/sh','-c','true'],'interval':5,'timeout':2,'retries':2,'start_period':60}}", "{}" },
	{ "--health-start-interval 2s", "{'healthcheck':{'start_interval':2}}", "{}" },
	{ "--creds u:p", "{'auth':{'username':'u','password':'p'}}", "{}" },
	{ "--authfile /f", "{'auth':{'file':'/f'}}", "{}" },
	{ "--pull-timeout 5m", "{'pull_timeout':300}", "{}" },
	{ "--init", "{'init':true}", "{}" },
	{ "--userns host --pid host --ipc host --uts host --cgroupns private",
	  "{'userns':'host','pid':'host','ipc':'host','uts':'host','cgroupns':'private'}", "{}" },
	{ "--userns private", "{'userns':'private'}", "{}" },
	{ "--security-opt unmask=ALL --security-opt mask=/p:/q", "{'masked_paths':['/p','/q'],'readonly_paths':[]}", "{}" },
	{ "--security-opt unmask=/proc/[!s]*:/sys/*:/none",
	  "{'masked_paths':['/proc/sched_debug','/proc/scsi'],'readonly_paths':['/proc/sys','/proc/sysrq-trigger']}", "{}" },
	{ "--memory-swappiness 0", "{'memory_swappiness':0}", "{}" },
	{ "--cpu-quota 50000 --cpu-period 100000", "{'cpu_quota':50000,'cpu_period':100000}", "{}" },
	{ "--blkio-weight 10 --blkio-weight-device /dev/a:20",
	  "{'blkio_weight':10,'blkio_weight_devices':[{'path':'/dev/a','weight':20}]}", "{}" },
	{ "--device-read-bps /dev/a:1k", "{'device_read_bps':[{'path':'/dev/a','rate':1024}]}", "{}" },
	{ "--device-write-bps /dev/a:1k", "{'device_write_bps':[{'path':'/dev/a','rate':1024}]}", "{}" },
	{ "--device-read-iops /dev/a:7", "{'device_read_iops':[{'path':'/dev/a','rate':7}]}", "{}" },
	{ "--device-write-iops /dev/a:7", "{'device_write_iops':[{'path':'/dev/a','rate':7}]}", "{}" },
	{ "--hugepages 2MB=2m", "{'hugepages':[{'size':'2MB','limit':2097152}]}", "{}" },
	{ "--device a.b/c=d --gpus all", "{'cdi_devices':['a.b/c=d','nvidia.com/gpu=all']}", "{}" },
	{ "--log-opt retention=90s", "{'log_retention':90}", "{}" },
	{ "--network a --net name=b,alias=x --ip 10.0.0.2 --ip6 ::1 --mac-address 02:00:00:00:00:01 --net-alias w", "{}",
	  "{'network':'a','ip':['10.0.0.2','::1'],'mac':'02:00:00:00:00:01','aliases':['w'],"
	  "'networks':[{'name':'b','aliases':['x']}]}" },
	{ "--host-dns", "{}", "{'host_dns':true}" },
	{ "--runtime-option Root=/r", "{}", "{'runtime_options':{'Root':'/r'}}" },
	{ "-c 77", "{'cpu_shares':77}", "{}" },
	{ "--dns-opt ndots:2", "{}", "{'dns_options':['ndots:2']}" },
	{ "--name= --hostname=", "{}", "{}" },
	{ "--entrypoint=", "{'entrypoint':[]}", "{}" },
};

static char *quoted(json *j)
{
	struct buf text = { 0 };

	json_write(j, &text);
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == '"')
			text.data[i] = '\'';
	return buf_take(&text);
}

static void check_row(const char *flags, const char *want_task, const char *want_job)
{
	_cleanup_free_ char *line = mem_printf("%s img cmd --rm", flags), *task = NULL, *rest = NULL;
	_cleanup_json_ json *j = NULL;
	struct job_flags f;
	struct err err = ERR_INIT;
	json *t;

	if (parse(line, &f, &err) < 0 || job_check(f.job, &err) < 0)
		fail_msg("%s: %s", line, err.msg);
	assert_string_equal(f.job->tasks[0].image, "img");
	assert_int_equal(f.job->tasks[0].args.n, 2); /* --rm behind the image is the command's */
	j = job_to_json(f.job);
	t = json_at(json_get_array(j, "tasks"), 0);
	json_object_object_del(t, "image");
	json_object_object_del(t, "args");
	task = quoted(t);
	json_object_object_del(j, "tasks");
	rest = quoted(j);
	if (strcmp(task, want_task) != 0 || strcmp(rest, want_job) != 0)
		fail_msg("%s: %s %s", flags, task, rest);
	job_flags_done(&f);
}

static void fills_the_job(void **state)
{
	(void)state;
	check_row("", "{}", "{}");
	for (size_t i = 0; i < sizeof flag_rows / sizeof *flag_rows; i++)
		check_row(flag_rows[i].flags, flag_rows[i].task, flag_rows[i].job);
}

static bool has_a_row(const struct opt *o)
{
	_cleanup_free_ char *name = mem_printf("--%s", o->name), *also = mem_printf("--%s", o->also ? o->also : o->name);
	char letter[] = { '-', o->letter, '\0' };

	for (size_t i = 0; i < sizeof flag_rows / sizeof *flag_rows; i++)
		if (strstr(flag_rows[i].flags, name) || strstr(flag_rows[i].flags, also) ||
		    (o->letter && strstr(flag_rows[i].flags, letter)) || (o->letter == 't' && strstr(flag_rows[i].flags, "-it")))
			return true;
	return false;
}

/* The flags that are the client's own change nothing in the job; every other one has its row above. */
static void every_flag_is_tested(void **state)
{
	static const char
		*const own[] = { "cidfile",           "quiet",       "detach",   "detach-keys", "sig-proxy",
				 "dry-run",           "format",      "timing",   "file",        "var",
				 "var-file",          "host-volume", "env-file", "label-file",  "bundle" /* excludes the image */,
				 "device-cgroup-rule" /* has blanks */ };
	_cleanup_free_ struct opt *opts = run_opts_make();
	size_t clients = 0;

	(void)state;
	for (const struct opt *o = opts; o->name; o++) {
		bool ours = false;

		for (size_t i = 0; i < sizeof own / sizeof *own; i++)
			ours |= strcmp(o->name, own[i]) == 0;
		clients += ours;
		if (!ours && !o->instead && !has_a_row(o))
			fail_msg("--%s has no row", o->name);
	}
	assert_int_equal(clients, sizeof own / sizeof *own);
}

static void knows_the_client_s_flags(void **state)
{
	static const char line[] = "-dq --cidfile /c --detach-keys ctrl-a,d --sig-proxy=false --dry-run --format spec --timing img";
	struct job_flags f, plain;

	(void)state;
	assert_true(parse("img", &plain, NULL) >= 0);
	assert_false(plain.detach || plain.quiet || plain.dry_run || plain.timing);
	assert_true(plain.sig_proxy);
	assert_string_equal(plain.format, "text");
	job_flags_done(&plain);
	assert_true(parse(line, &f, NULL) >= 0);
	assert_true(f.detach && f.quiet && f.dry_run && f.timing);
	assert_false(f.sig_proxy);
	assert_string_equal(f.cidfile, "/c");
	assert_string_equal(f.detach_keys, "ctrl-a,d");
	assert_string_equal(f.format, "spec");
	job_flags_done(&f);
}

static void refuses_wrong_values(void **state)
{
	static const struct {
		const char *line, *msg;
	} rows[] = {
		{ "-d", "image \"\": the name is empty" },
		{ "-p 80:x img", "invalid port \"80:x\": the port inside is not a number of 1 to 65535" },
		{ "-p 70000:80 img", "invalid port \"70000:80\": the host's port is not a number of 0 to 65535" },
		{ "-p 80:80/icmp img", "invalid port \"80:80/icmp\": the protocol is not tcp, udp or sctp" },
		{ "-p 80-82:80-81 img", "invalid port \"80-82:80-81\": the two ranges differ in length" },
		{ "--network a --net host img", "flag --network is given twice: \"host\" stands alone" },
		{ "--pull soon img", "flag --pull is one of missing, always, never, not \"soon\"" },
		{ "--memory lots img", "invalid memory \"lots\": not a size" },
		{ "-m 1k img", "flag --memory is at least 6m, not \"1k\"" },
		{ "-m -1 img", "invalid memory \"-1\": not a size" },
		{ "--memory-swap -2 img", "invalid memory-swap \"-2\": not a size" },
		{ "--cpus 0.001 img", "invalid cpus \"0.001\": not a number of processors" },
		{ "--cpus many img", "invalid cpus \"many\": not a number of processors" },
		{ "--cpu-shares 1 img", "flag --cpu-shares is a number from 2 to 262144, not \"1\"" },
		{ "--pids-limit x img", "flag --pids-limit is a number from -1 to 4194304, not \"x\"" },
		{ "--pids-limit -2 img", "flag --pids-limit is a number from -1 to 4194304, not \"-2\"" },
		{ "--oom-score-adj 1001 img", "flag --oom-score-adj is a number from -1000 to 1000, not \"1001\"" },
		{ "--stop-signal NOPE img", "invalid signal \"NOPE\": there is no such signal" },
		{ "--stop-timeout -1 img", "flag --stop-timeout is a number from 0 to 31536000, not \"-1\"" },
		{ "--log-driver syslog img", "flag --log-driver is one of file, none, journald, not \"syslog\"" },
		{ "--log-opt tag=x img", "invalid log option \"tag=x\": not one that davit has" },
		{ "--log-opt max-file=0 img", "flag --log-opt max-file is a number from 1 to 1000, not \"0\"" },
		{ "--log-opt max-size=1k img", "flag --log-opt max-size is at least 4k, not \"1k\"" },
		{ "--format yaml img", "flag --format is one of text, json, spec, not \"yaml\"" },
		{ "--ulimit nofile img", "invalid ulimit \"nofile\": not NAME=SOFT[:HARD]" },
		{ "--ulimit nosuch=1 img", "invalid ulimit \"nosuch\": there is no such limit" },
		{ "--ulimit nofile=5:4 img", "invalid ulimit \"nofile\": the soft limit is above the hard limit" },
		{ "--env-file /nonexistent img", "env file: /nonexistent: No such file or directory" },
		{ "--label-file /nonexistent img", "label file: /nonexistent: No such file or directory" },
		{ "-e =x img", "invalid environment variable \"=x\": no name before \"=\"" },
		{ "-l =v img", "invalid label \"\": no name before \"=\"" },
		{ "-v /x:relative img", "invalid mount target \"relative\": not an absolute path" },
		{ "-v /s:/x:zz img", "invalid volume option \"zz\": there is no such option" },
		{ "-v relative/path:/x img", "invalid volume \"relative/path\": neither a volume's name nor a path" },
		{ "--mount type=magic,target=/x img", "invalid mount type \"magic\": there is no such type" },
		{ "--tmpfs relative img", "invalid mount target \"relative\": not an absolute path" },
		{ "--device /dev/a:b:c:d img", "invalid device \"/dev/a:b:c:d\": not HOST[:INSIDE[:rwm]]" },
		{ "-u a:b:c img", "invalid user \"a:b:c\": more than one \":\"" },
		{ "--add-host h img", "invalid extra host \"h\": not NAME:IP" },
		{ "--sysctl x img", "invalid sysctl \"x\": not NAME=VALUE" },
		{ "--security-opt magic img", "invalid security option \"magic\": not one that davit has" },
		{ "--rm=perhaps img", "flag --rm is true or false, not \"perhaps\"" },
		{ "--detach-keys , img", "detach keys \",\": not a sequence of keys" },
		{ "--publsh 80:80 img", "run: unknown flag --publsh: did you mean --publish?" },
		{ "--prot 80:80 img", "run: unknown flag --prot: did you mean --publish?" },
		{ "--shm 1g img", "run: unknown flag --shm: did you mean --shm-size?" },
		{ "--zzz img", "run: unknown flag --zzz" },
		{ "--gpus=some img", "invalid gpus \"some\": not known" },
		{ "--mac-address x img", "invalid hardware address \"x\": not six pairs such as 02:42:ac:11:00:02" },
		{ "-B img", "run: unknown flag -B" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct job_flags f;
		struct err err = ERR_INIT;

		if (parse(rows[i].line, &f, &err) != -ERR_INVALID && err.code != ERR_NOT_FOUND)
			fail_msg("%s: was taken", rows[i].line);
		if (strcmp(err.msg, rows[i].msg) != 0)
			fail_msg("%s: %s", rows[i].line, err.msg);
		job_flags_done(&f);
	}
}

/* As with Docker, -e wins over --env-file on either side of it. */
static void flags_win_over_files(void **state)
{
	char path[] = "/tmp/davit-env.XXXXXX";
	int fd = mkstemp(path);
	_cleanup_free_ char *line = mem_printf("-e A=flag -l B=flag --env-file %s --label-file %s img", path, path);
	struct job_flags f;

	(void)state;
	assert_int_equal(write(fd, "A=file\nB=file\n", 14), 14);
	close(fd);
	assert_true(parse(line, &f, NULL) >= 0);
	unlink(path);
	assert_string_equal(strv_env(&f.job->tasks[0].env, "A"), "flag");
	assert_string_equal(strv_env(&f.job->tasks[0].env, "B"), "file");
	assert_string_equal(dict_get(&f.job->labels, "A"), "file");
	assert_string_equal(dict_get(&f.job->labels, "B"), "flag");
	job_flags_done(&f);
}

RUN_TESTS("job-flags", cmocka_unit_test(fills_the_job), cmocka_unit_test(every_flag_is_tested),
	  cmocka_unit_test(knows_the_client_s_flags), cmocka_unit_test(refuses_wrong_values),
	  cmocka_unit_test(flags_win_over_files))
