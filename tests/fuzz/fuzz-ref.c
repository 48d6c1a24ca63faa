#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "mem.h"
#include "platform.h"
#include "ref.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = mem_dup(data, size);
	_cleanup_(ref_done) struct ref ref = { 0 }, again = { 0 };
	struct platform p;

	/* What is taken must mean the same when it is read again, in full and in short. */
	if (ref_parse(s, &ref, NULL) == 0 &&
	    (ref_parse(ref_familiar(ref.name), &again, NULL) < 0 || strcmp(again.name, ref.name) != 0))
		abort();
	if (platform_parse(s, &p, NULL) == 0 && platform_match(&p, &p) != 0)
		abort();
	return 0;
}
