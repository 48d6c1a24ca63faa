#include "mem.h"
#include "template.h"
#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char object[] =
	"{\"Name\":\"web\",\"Count\":3,\"Half\":0.5,\"On\":true,\"Nothing\":null,\"State\":{\"Status\":\"running\",\"Pid\":42},"
	"\"Env\":[\"A=1\",\"B=2\"],\"labels\":{\"a\":\"x\"},\"Mounts\":[{\"Source\":\"/s\"},{\"Source\":\"/t\"}]}";

/* An error has a text that begins as all do, and a template that is taken makes no more than it may. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = mem_dup(data, size);
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_json_ json *j = NULL;
	_cleanup_buf_ struct buf out = { 0 };
	struct err err = ERR_INIT;
	int r = json_parse(object, strlen(object), &j, NULL);

	assert(r >= 0);
	r = template_parse(text, &t, &err);
	if (r >= 0)
		r = template_check(t, j, &err);
	if (r >= 0)
		r = template_run(t, j, &out, &err);
	assert(r >= 0 || !strncmp(err.msg, "template: ", 10));
	assert(out.len <= 2 * TEMPLATE_OUT_MAX);
	return 0;
}
