#include "jobfile-form.h"
#include "jobset.h"
#include "mem.h"
#include "tree-json.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error says where it is. What is taken and passes the gate is written as JSON that is read as the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct jobfile_how how = { 0 };
	_cleanup_free_ char *text = mem_strndup((const char *)data, size);
	const struct jobfile_text in = {
		.file = "f", .data = text, .len = strlen(text), .base = "base", .cwd = "/nonexistent", .how = &how
	};
	_cleanup_(jobset_freep) struct jobset *set = NULL, *again = NULL;
	_cleanup_json_ json *out = NULL, *twice = NULL;
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };
	_cleanup_tree_ struct tree tree = { .file = "f" };
	struct err err = ERR_INIT;

	if (nomad_read(&in, &set, &err) < 0) {
		assert(!strncmp(err.msg, "f:", 2));
		return 0;
	}
	if (jobset_check(set, &err) < 0)
		return 0;
	out = jobset_to_json(set);
	json_write(out, &a);
	assert(tree_json(a.data, a.len, &tree, NULL) >= 0);
	assert(jobset_read(&tree, &again, NULL) >= 0);
	twice = jobset_to_json(again);
	json_write(twice, &b);
	assert(!strcmp(buf_str(&a), buf_str(&b)));
	return 0;
}
