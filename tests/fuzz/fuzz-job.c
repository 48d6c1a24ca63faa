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
	_cleanup_json_ json *in = NULL, *out = NULL, *twice = NULL;
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };

	if (json_parse((const char *)data, size, &in, NULL) < 0 || job_from_json(in, &job, NULL) < 0)
		return 0;
	out = job_to_json(job);
	assert(job_from_json(out, &again, NULL) >= 0);
	twice = job_to_json(again);
	json_write(out, &a);
	json_write(twice, &b);
	assert(!strcmp(buf_str(&a), buf_str(&b)));
	return 0;
}
