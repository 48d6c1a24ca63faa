#include "jobfile.h"
#include "jobset.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_set(const struct jobset *set, struct buf *out)
{
	_cleanup_json_ json *j = jobset_to_json(set);

	json_write(j, out);
}

/* A set that is taken is written as something that is taken again, and is written the same. Its file's environment files would be
 * read from the disk. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jobfile_how how = { .cwd = "/srv" };
	_cleanup_(jobset_freep) struct jobset *set = NULL, *again = NULL;
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };
	struct err err = ERR_INIT;

	if (memmem(data, size, "env_", 4) || memmem(data, size, "\\u", 2))
		return 0;
	if (jobfile_parse("f.json", (const char *)data, size, &how, NULL, &set, &err) < 0) {
		assert(*err.msg);
		return 0;
	}
	write_set(set, &a);
	assert(jobfile_parse("g.json", a.data, a.len, NULL, NULL, &again, NULL) >= 0);
	write_set(again, &b);
	assert(!strcmp(buf_str(&a), buf_str(&b)));
	return 0;
}
