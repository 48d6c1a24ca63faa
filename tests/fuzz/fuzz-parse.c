#include "mem.h"
#include "parse.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char home[] = "HOME=/";
static char *const environment[] = { home, NULL };

/* Every option with the same value; what went into the job must be well-formed. */
static void parse_all(const char *s, struct job *j)
{
	struct task *t = j->tasks;
	int64_t size;
	double cpus;
	int sig;

	(void)parse_ports(s, j, NULL);
	(void)parse_volume(s, "/here", t, NULL);
	(void)parse_mount(s, "/here", t, NULL);
	(void)parse_tmpfs(s, t, NULL);
	(void)parse_device(s, t, NULL);
	(void)parse_ulimit(s, t, NULL);
	(void)parse_env(s, environment, &t->env, NULL);
	(void)parse_label(s, &t->labels, NULL);
	(void)parse_extra_host(s, j, NULL);
	(void)parse_sysctl(s, t, NULL);
	if (parse_size("size", s, &size, NULL) >= 0)
		assert(size >= 0);
	if (parse_cpus(s, &cpus, NULL) >= 0)
		assert(cpus == 0 || cpus >= 0.01);
	if (parse_signal(s, &sig, NULL) >= 0)
		assert(sig > 0 && sig <= 64);
	if (parse_user(s, NULL) >= 0)
		t->user = mem_strdup(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = mem_dup(data, size);
	_cleanup_(job_freep) struct job *j = job_new();
	struct err err = ERR_INIT;

	parse_all(s, j);
	j->tasks[0].image = mem_strdup("i");
	if (job_check(j, &err) < 0) /* what is wrong between the values is not their parsers' fault */
		assert(strstr(err.msg, "two mounts have it") || strstr(err.msg, "not UTF-8"));
	return 0;
}
