#include "job.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A job that is taken is written as something that is taken again, and is written the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(job_freep) struct job *job = NULL, *again = NULL;
	_cleanup_json_ json *out = NULL, *twice = NULL;
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	if (job_read_json("f", (const char *)data, size, &job, &err) < 0) {
		assert(!strncmp(err.msg, "f:", 2));
		return 0;
	}
	assert(job_check(job, NULL) >= 0);
	out = job_to_json(job);
	json_write(out, &a);
	assert(job_read_json("f", a.data, a.len, &again, NULL) >= 0);
	twice = job_to_json(again);
	json_write(twice, &b);
	assert(!strcmp(buf_str(&a), buf_str(&b)));
	return 0;
}
