#include "cli.h"
#include "commands.h"
#include "job-flags.h"
#include "mem.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A value that names a file would have the fuzzer read the machine it runs on. */
static bool reads_a_file(const char *word) { return strstr(word, "-file") != NULL; }

/* A job that is taken is one that is written and read again the same. */
static void check(const struct job *job)
{
	_cleanup_(job_freep) struct job *again = NULL;
	_cleanup_json_ json *out = NULL, *twice = NULL;
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;
	int r = job_check(job, &err);

	out = job_to_json(job);
	json_write(out, &a);
	/* one gate: what flags may say, a file may say, and nothing else; what is no UTF-8 is written mended */
	assert((job_read_json("f", a.data, a.len, &again, NULL) >= 0) == (r >= 0) || strstr(err.msg, "not UTF-8"));
	if (r < 0)
		return;
	twice = job_to_json(again);
	json_write(twice, &b);
	assert(!strcmp(buf_str(&a), buf_str(&b)));
}

/* A line of words, one an input line, as the flags of run. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = mem_dup(data, size);
	_cleanup_strv_ struct strv words = { 0 }, args = { 0 };
	struct globals global = { 0 };
	struct job_flags flags;
	struct err err = ERR_INIT;
	int r;

	strv_split(&words, text, "\n");
	for (size_t i = 0; i < words.n; i++)
		if (reads_a_file(words.v[i]))
			return 0;
	job_flags_init(&flags);
	r = command_parse(&cmd_run, &global, strv_argv(&words), 0, &flags, &args, &err);
	assert(r >= 0 || err.msg[0]);
	assert(args.n <= words.n);
	if (r >= 0 && args.n && job_flags_args(&flags, &args, &err) >= 0)
		check(flags.job);
	job_flags_done(&flags);
	return 0;
}
