/* What is taken is a set of jobs, each of which passes the gate and is the same again when it is written and read. */
#include "json.h"
#include "jobfile-form.h"
#include "jobset.h"
#include "tree-json.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void written(const struct jobset *s, struct buf *out)
{
	_cleanup_json_ json *j = jobset_to_json(s);

	json_write_pretty(j, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jobfile_how how;
	const struct jobfile_text in = {
		.file = "f", .data = (const char *)data, .len = size, .base = "e", .cwd = "/nowhere", .how = &how
	};
	_cleanup_(jobset_freep) struct jobset *s = NULL, *again = NULL;
	_cleanup_tree_ struct tree t = { .file = "f" };
	_cleanup_buf_ struct buf first = { 0 }, second = { 0 };
	struct err err = ERR_INIT;
	int r = ensemble_read(&in, &s, &err);

	assert(r >= 0 || !strncmp(err.msg, "f:", 2));
	if (r < 0)
		return 0;
	assert(s->n_jobs > 0);
	for (size_t i = 0; i < s->n_jobs; i++)
		assert(!strncmp(s->jobs[i].name, "e-", 2) && s->jobs[i].n_tasks == 1 && s->jobs[i].tasks->image);
	if (jobset_check(s, NULL) < 0) /* what is between jobs */
		return 0;
	written(s, &first);
	assert(tree_json(first.data, first.len, &t, &err) >= 0);
	assert(jobset_read(&t, &again, &err) >= 0);
	written(again, &second);
	assert(!strcmp(buf_str(&first), buf_str(&second)));
	return 0;
}
