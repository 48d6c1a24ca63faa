/* No face takes what another refuses: the same value by flag and by JSON has the same verdict and makes the same job, which
 * reads back from what is written of it, for every row of the tables. */
#include "test.h"
#include "cli.h"
#include "commands.h"
#include "job-flags.h"
#include "job-table.h"
#include "mem.h"

/* What a job is written as. */
static char *written(const struct job *j)
{
	_cleanup_json_ json *out = job_to_json(j);
	struct buf text = { 0 };

	json_write(out, &text);
	return buf_take(&text);
}

static char *by_flags(const struct strv *flags, struct err *err)
{
	_cleanup_strv_ struct strv words = { 0 }, args = { 0 };
	struct globals global = { 0 };
	struct job_flags f;
	char *made;
	int r;

	strv_add(&words, flags);
	strv_push(&words, "img");
	job_flags_init(&f);
	r = command_parse(&cmd_run, &global, strv_argv(&words), 0, &f, &args, err);
	if (r >= 0)
		r = job_flags_args(&f, &args, err);
	if (r >= 0)
		r = job_check(f.job, err);
	made = r >= 0 ? written(f.job) : NULL;
	job_flags_done(&f);
	return made;
}

static char *read_back(const char *text, struct err *err)
{
	_cleanup_(job_freep) struct job *made = NULL;

	return job_read_json("f", text, strlen(text), &made, err) >= 0 ? written(made) : NULL;
}

/* @task and @job are members of the two objects, or "". */
static char *by_json(const char *task, const char *job, struct err *err)
{
	const char *runs = strstr(task, "\"bundle\"") ? "\"args\":[\"img\"]" : "\"image\":\"img\"";
	_cleanup_free_ char *text = mem_printf("{\"tasks\":[{%s%s%s}]%s%s}", runs, *task ? "," : "", task, *job ? "," : "", job);

	return read_back(text, err);
}

static void compare(const struct strv *flags, const char *task, const char *job)
{
	_cleanup_free_ char *line = strv_join(flags, "' '");
	struct err one = ERR_INIT, other = ERR_INIT;
	_cleanup_free_ char *by_flag = by_flags(flags, &one), *json_made = by_json(task, job, &other), *again = NULL;

	if (!by_flag != !json_made)
		fail_msg("'%s' %s%s: by flag \"%s\", by JSON \"%s\"", line, task, job, by_flag ? "taken" : one.msg,
			 by_flag ? other.msg : "taken");
	if (!by_flag)
		return;
	assert_string_equal(by_flag, json_made);
	again = read_back(by_flag, &other);
	assert_string_equal(by_flag, again ? again : other.msg);
}

/* "\n" and the like as JSON has them. */
static char *quoted(const char *s)
{
	struct buf out = { 0 };

	json_quote(&out, s, strlen(s));
	return buf_take(&out);
}

static void compare_value(const struct shape *s, const struct field *f, const char *text, const char *value)
{
	_cleanup_free_ char *flag =
		f->part ? mem_printf("--%s=%s=%s", f->flag, f->part, text) : mem_printf("--%s=%s", f->flag, text);
	_cleanup_free_ char *member = mem_printf("\"%s\":%s", f->key, value);
	_cleanup_strv_ struct strv flags = { 0 };

	strv_push(&flags, flag);
	compare(&flags, s == &task_shape ? member : "", s == &task_shape ? "" : member);
}

/* What a number may just be, and may just not be. */
static void sweep_number(const struct shape *s, const struct field *f)
{
	const int64_t at[] = { f->min, f->max, f->otherwise, 0 };

	for (size_t i = 0; i < sizeof at / sizeof *at; i++)
		for (int64_t n = at[i] - 1; n <= at[i] + 1; n++) {
			_cleanup_free_ char *text = mem_printf("%lld", (long long)n);

			if (f->type != FIELD_SIZE || n >= 0 || n == -1)
				compare_value(s, f, text, text);
		}
}

static void sweep_text(const struct shape *s, const struct field *f)
{
	static const char *const words[] = { "a",     "A-b.c_d",     "a b",      "a\nb",        "a\tb",  "/",          "/a",
					     "./a",   "a/b",         "..",       "0",           "-1",    "4294967295", "0-1",
					     "1-0",   "0,1",         "1.1.1.1",  "::1",         "a:b",   "a:b:c",      "a=b",
					     "=",     "=b",          "TERM",     "SIGNOPE",     "9",     "99",         "host",
					     "none",  "container:",  "\xc3\xa9", "container:a", "all",   "disable",    "type:t",
					     "type:", "level:s0:c1", "80/tcp",   "80-81",       "0/udp", "linux",      "a//b",
					     "a/b/c", "a/b/c/d" };
	_cleanup_free_ char *longest = mem_printf("a%0300d", 0), *quote = quoted(longest);
	const bool list = f->type == FIELD_STRV;

	for (size_t i = 0; i <= sizeof words / sizeof *words; i++) {
		const char *word = i < sizeof words / sizeof *words ? words[i] : longest;
		_cleanup_free_ char *q = quoted(word), *value = mem_printf("%s%s%s", list ? "[" : "", q, list ? "]" : "");

		compare_value(s, f, word, value);
	}
}

/* Text forms that differ from the JSON form: each of these has its rows below. */
static bool has_a_form(const struct field *f)
{
	static const char *const forms[] = { "env",
					     "seccomp",
					     "extra_hosts",
					     "ulimits",
					     "mounts",
					     "devices",
					     "ports",
					     "sysctl",
					     "labels",
					     "annotations",
					     "log",
					     "cpus",
					     "bundle",
					     "results",
					     "blkio_weight_devices",
					     "device_read_bps",
					     "device_write_bps",
					     "device_read_iops",
					     "device_write_iops",
					     "hugepages",
					     "runtime_options",
					     "network",
					     "cpu_period" };

	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
		if (!strcmp(f->key, forms[i]))
			return true;
	return false;
}

static size_t sweep(const struct shape *s)
{
	size_t swept = 0;

	for (const struct field *f = s->fields; f < s->fields + s->n; f++) {
		if (!f->key || !f->flag || (!f->topic && !f->part) || has_a_form(f))
			continue;
		swept++;
		if (f->type == FIELD_STR || f->type == FIELD_STRV)
			sweep_text(s, f);
		else if (f->type == FIELD_BOOL || f->type == FIELD_ENUM)
			for (size_t i = 0; f->words && f->words[i]; i++) {
				_cleanup_free_ char *q = quoted(f->words[i]);

				compare_value(s, f, f->words[i], q);
			}
		else if (f->type != FIELD_DICT && f->type != FIELD_ARRAY)
			sweep_number(s, f);
		else
			fail_msg("%s: neither swept nor in the rows", f->key);
	}
	return swept;
}

static void every_row(void **state)
{
	(void)state;
	assert_true(sweep(&task_shape) > 20);
	assert_true(sweep(&job_shape) > 8);
}

/* Quotes that C need not escape. */
static const struct {
	const char *flags, *task, *job;
	bool taken;
} rows[] = {
	{ "-e A=1", "'env':['A=1']", "", true },
	{ "-e =1", "'env':['=1']", "", false },
	{ "--security-opt seccomp=unconfined", "'seccomp':'unconfined'", "", true },
	{ "--security-opt seccomp=no/such", "'seccomp':'no/such'", "", false },
	{ "--security-opt systempaths=unconfined", "'masked_paths':[],'readonly_paths':[]", "", true },
	{ "--security-opt systempaths=some", "'masked_paths':['some']", "", false },
	{ "--bundle /b", "'bundle':'/b'", "", true },
	{ "--bundle /b --env A=B", "'bundle':'/b','env':['A=B']", "", false },
	{ "--bundle /b -h h", "'bundle':'/b'", "'hostname':'h'", false },
	{ "--blkio-weight-device /dev/a:500", "'blkio_weight_devices':[{'path':'/dev/a','weight':500}]", "", true },
	{ "--blkio-weight-device /dev/a:5", "'blkio_weight_devices':[{'path':'/dev/a','weight':5}]", "", false },
	{ "--device-read-bps /dev/a:1m", "'device_read_bps':[{'path':'/dev/a','rate':'1m'}]", "", true },
	{ "--device-write-iops /dev/a:0", "'device_write_iops':[{'path':'/dev/a','rate':0}]", "", false },
	{ "--device-write-iops a:1", "'device_write_iops':[{'path':'a','rate':1}]", "", false },
	{ "--hugepages 2MB=4m", "'hugepages':[{'size':'2MB','limit':'4m'}]", "", true },
	{ "--hugepages 2M=4m", "'hugepages':[{'size':'2M','limit':'4m'}]", "", false },
	{ "--runtime-option Root=/r", "", "'runtime_options':{'Root':'/r'}", true },
	{ "--runtime-option a-b=/r", "", "'runtime_options':{'a-b':'/r'}", false },
	{ "--network a", "", "'network':'a'", true },
	{ "--network name=a,ip=10.0.0.2,alias=x", "", "'network':'a','ip':['10.0.0.2'],'aliases':['x']", true },
	{ "--network a --network b", "", "'network':'a','networks':[{'name':'b'}]", true },
	{ "--network a --network name=b,ip=::1,mac-address=02:00:00:00:00:01", "",
	  "'network':'a','networks':[{'name':'b','ip':['::1'],'mac':'02:00:00:00:00:01'}]", true },
	{ "--network a --network name=b,ip=x", "", "'network':'a','networks':[{'name':'b','ip':['x']}]", false },
	{ "--cpus 1 --cpu-quota 1000", "'cpus':1,'cpu_quota':1000", "", false },
	{ "--restart no", "'restart':{'policy':'no'}", "", true },
	{ "--restart on-failure:3", "'restart':{'policy':'on-failure','attempts':3}", "", true },
	{ "--restart never", "'restart':{'policy':'never'}", "", false },
	{ "--health-cmd true", "'healthcheck':{'exec':['/bin/sh','-c','true']}", "", true },
	{ "--health-interval 5s", "'healthcheck':{'interval':5}", "", true },
	{ "--no-healthcheck", "'healthcheck':{'type':'none'}", "", true },
	{ "--creds u:p", "'auth':{'username':'u','password':'p'}", "", true },
	{ "--creds u:p --authfile /f", "'auth':{'username':'u','password':'p','file':'/f'}", "", false },
	{ "--device a.b/c=d", "'cdi_devices':['a.b/c=d']", "", true },
	{ "--device a.b/c=", "'cdi_devices':['a.b/c=']", "", false },
	{ "--gpus 2", "'cdi_devices':['nvidia.com/gpu=0','nvidia.com/gpu=1']", "", true },
	{ "--log-opt retention=1h", "'log_retention':3600", "", true },
	{ "--pid container:a", "'pid':'container:a'", "", false },
	{ "--add-host a:10.0.0.1", "", "'extra_hosts':['a:10.0.0.1']", true },
	{ "--add-host a:10.0.0", "", "'extra_hosts':['a:10.0.0']", false },
	{ "--add-host a:", "", "'extra_hosts':['a:']", false },
	{ "--add-host a,b:::1", "", "'extra_hosts':['a,b:::1']", false },
	{ "--security-opt apparmor=", "'apparmor':''", "", false },
	{ "--security-opt no-new-privileges=F", "'no_new_privileges':false", "", true },
	{ "--memory-swap -1", "'memory_swap':'-1'", "", true },
	{ "--memory -1", "'memory':'-1'", "", false },
	{ "--memory 9007199254740993", "'memory':9007199254740993", "", true }, /* more than a double tells apart */
	{ "--cpus 0", "'cpus':0", "", true },
	{ "--cpus 0.01", "'cpus':0.01", "", true },
	{ "--cpus 0.009", "'cpus':0.009", "", false },
	{ "--cpus -1", "'cpus':-1", "", false },
	{ "--cpus 1048577", "'cpus':1048577", "", false },
	{ "--results /r", "", "'results':'/r'", true },
	{ "--log-driver none", "'log':'none'", "", true },
	{ "--log-driver syslog", "'log':'syslog'", "", false },
	{ "-l a=b", "", "'labels':{'a':'b'}", true },
	{ "-l =b", "", "'labels':{'':'b'}", false },
	{ "-l davit.x=b", "", "'labels':{'davit.x':'b'}", false },
	{ "--annotation a=b", "'annotations':{'a':'b'}", "", true },
	{ "--annotation =b", "'annotations':{'':'b'}", "", false },
	{ "--annotation containerd.io/x=b", "'annotations':{'containerd.io/x':'b'}", "", false },
	{ "--sysctl net.a=1", "'sysctl':{'net.a':'1'}", "", true },
	{ "--sysctl net.a=", "'sysctl':{'net.a':''}", "", false },
	{ "--sysctl vm.a=1", "'sysctl':{'vm.a':'1'}", "", false },
	{ "--sysctl net.a=1 --network host", "'sysctl':{'net.a':'1'}", "'network':'host'", false },
	{ "-m 64m --memory-swap 64m", "'memory':'64m','memory_swap':'64m'", "", true },
	{ "-m 64m --memory-swap 63m", "'memory':'64m','memory_swap':'63m'", "", false },
	{ "-m 64m --memory-reservation 64m", "'memory':'64m','memory_reservation':'64m'", "", true },
	{ "-m 64m --memory-reservation 65m", "'memory':'64m','memory_reservation':'65m'", "", false },
	{ "--memory-swap 64m", "'memory_swap':'64m'", "", false },

	{ "-v /a:/b", "'mounts':[{'source':'/a','target':'/b','options':['create-src']}]", "", true },
	{ "-v /a:b", "'mounts':[{'source':'/a','target':'b'}]", "", false },
	{ "-v /a:/", "'mounts':[{'source':'/a','target':'/'}]", "", false },
	{ "-v /a:/b -v /c:/b/.", "'mounts':[{'source':'/a','target':'/b'},{'source':'/c','target':'/b/.'}]", "", false },
	{ "-v .a:/b", "'mounts':[{'type':'volume','source':'.a','target':'/b'}]", "", false },
	{ "-v a:/b:nocopy", "'mounts':[{'type':'volume','source':'a','target':'/b','options':['nocopy']}]", "", true },
	{ "-v /a:/b:rslave,z", "'mounts':[{'source':'/a','target':'/b','options':['rslave','z','create-src']}]", "", true },
	{ "-v /a:/b:no-symlinks", "'mounts':[{'source':'/a','target':'/b','options':['no-symlinks']}]", "", true },
	{ "-v a:/b:no-symlinks", "'mounts':[{'type':'volume','source':'a','target':'/b','options':['no-symlinks']}]", "", false },
	{ "-v /a:/b:nosuch", "'mounts':[{'source':'/a','target':'/b','options':['nosuch']}]", "", false },
	{ "-v /a:/b:size=1m", "'mounts':[{'source':'/a','target':'/b','options':['size=1m']}]", "", false },
	{ "-v /a:/b:ro,rro", "'mounts':[{'source':'/a','target':'/b','read_only':true,'options':['rro','create-src']}]", "", true },
	{ "-v /a:/b:rro", "'mounts':[{'source':'/a','target':'/b','options':['rro']}]", "", false },
	{ "--mount type=bind,src=/a,dst=/b,bind-propagation=rshared",
	  "'mounts':[{'source':'/a','target':'/b','options':['rshared']}]", "", true },
	{ "--mount type=bind,src=/a,dst=/b,bind-propagation=runbindable",
	  "'mounts':[{'source':'/a','target':'/b','options':['runbindable']}]", "", false },
	{ "--mount type=bind,dst=/b", "'mounts':[{'target':'/b'}]", "", false },
	{ "--mount type=tmpfs,src=a,dst=/b", "'mounts':[{'type':'tmpfs','source':'a','target':'/b'}]", "", false },
	{ "--mount type=volume", "'mounts':[{'type':'volume'}]", "", false },
	{ "--mount type=npipe,dst=/b", "'mounts':[{'type':'npipe','target':'/b'}]", "", false },
	{ "--tmpfs /b:size=1m,mode=755", "'mounts':[{'type':'tmpfs','target':'/b','options':['size=1m','mode=755']}]", "", true },
	{ "--tmpfs /b:size=", "'mounts':[{'type':'tmpfs','target':'/b','options':['size=']}]", "", false },
	{ "--tmpfs /b:rslave", "'mounts':[{'type':'tmpfs','target':'/b','options':['rslave']}]", "", false },
	{ "--tmpfs b", "'mounts':[{'type':'tmpfs','target':'b'}]", "", false },

	{ "--device /dev/a:/dev/b:rw", "'devices':[{'host':'/dev/a','inside':'/dev/b','access':'rw'}]", "", true },
	{ "--device a", "'devices':[{'host':'a'}]", "", false },
	{ "--device /dev/a:b", "'devices':[{'host':'/dev/a','inside':'b'}]", "", false },
	{ "--device /dev/a:/dev/b:x", "'devices':[{'host':'/dev/a','inside':'/dev/b','access':'x'}]", "", false },

	{ "--ulimit nofile=1:2", "'ulimits':[{'name':'nofile','soft':1,'hard':2}]", "", true },
	{ "--ulimit nofile=-1", "'ulimits':[{'name':'nofile','soft':-1,'hard':-1}]", "", true },
	{ "--ulimit nofile=2:1", "'ulimits':[{'name':'nofile','soft':2,'hard':1}]", "", false },
	{ "--ulimit nofile=-2", "'ulimits':[{'name':'nofile','soft':-2,'hard':-2}]", "", false },
	{ "--ulimit files=1", "'ulimits':[{'name':'files','soft':1,'hard':1}]", "", false },
	{ "--ulimit NOFILE=1", "'ulimits':[{'name':'NOFILE','soft':1,'hard':1}]", "", false },

	{ "-p 80:81", "", "'ports':[{'host':80,'inside':81}]", true },
	{ "-p 80:0", "", "'ports':[{'host':80,'inside':0}]", false },
	{ "-p 65536:80", "", "'ports':[{'host':65536,'inside':80}]", false },
	{ "-p 80:80/icmp", "", "'ports':[{'host':80,'inside':80,'proto':'icmp'}]", false },
	{ "-p 90-89:80", "", "'ports':[{'host':90,'host_last':89,'inside':80}]", false },
	{ "-p localhost:80:80", "", "'ports':[{'host_ip':'localhost','host':80,'inside':80}]", false },
	{ "-p 80:1 -p 80:2", "", "'ports':[{'host':80,'inside':1},{'host':80,'inside':2}]", false },
	{ "-p 80:1 -p 80:2/udp", "", "'ports':[{'host':80,'inside':1},{'host':80,'inside':2,'proto':'udp'}]", true },
	{ "-p [::1]:80:1 -p [0:0::1]:80:2", "",
	  "'ports':[{'host_ip':'::1','host':80,'inside':1},{'host_ip':'0:0::1','host':80,'inside':2}]", false },
	{ "-p 0.0.0.0:80:1 -p [::]:80:2", "",
	  "'ports':[{'host_ip':'0.0.0.0','host':80,'inside':1},{'host_ip':'::','host':80,'inside':2}]", true },
	{ "-p 0.0.0.0:80:1 -p 80:2", "", "'ports':[{'host_ip':'0.0.0.0','host':80,'inside':1},{'host':80,'inside':2}]", false },
	{ "-p 80:80 --network host", "", "'ports':[{'host':80,'inside':80}],'network':'host'", false },
	{ "-P --network none", "", "'publish_all':true,'network':'none'", false },
	{ "-h a --network container:b", "", "'hostname':'a','network':'container:b'", false },
};

static void every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		_cleanup_free_ char *task = mem_strdup(rows[i].task), *job = mem_strdup(rows[i].job);
		_cleanup_strv_ struct strv flags = { 0 };
		_cleanup_free_ char *made = NULL;
		struct err err = ERR_INIT;

		for (char *p = task; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		for (char *p = job; *p; p++)
			*p = *p == '\'' ? '"' : *p;
		strv_split(&flags, rows[i].flags, " ");
		made = by_flags(&flags, &err);
		if (!made == rows[i].taken)
			fail_msg("%s: %s", rows[i].flags, err.msg);
		compare(&flags, task, job);
	}
}

/* The flags of a row are Docker's, and each can be said. */
static void every_flag_has_a_form(void **state)
{
	const struct shape *const shapes[] = { &job_shape, &task_shape };

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (const struct field *f = shapes[i]->fields; f < shapes[i]->fields + shapes[i]->n; f++) {
			_cleanup_(job_freep) struct job *job = job_new();
			struct err err = ERR_INIT;

			if (!f->flag || !f->topic)
				continue;
			if (!f->arg && f->type != FIELD_BOOL && f->type != FIELD_SIZE && f->type != FIELD_INT &&
			    f->type != FIELD_INT32)
				fail_msg("--%s: no arg", f->flag);
			(void)field_text(shapes[i], f, "1", i ? (void *)job->tasks : job, &(struct text_in){ 0 }, &err);
			if (err.code == ERR_INTERNAL)
				fail_msg("%s", err.msg);
		}
}

RUN_TESTS("faces", cmocka_unit_test(every_row), cmocka_unit_test(every_form), cmocka_unit_test(every_flag_has_a_form))
