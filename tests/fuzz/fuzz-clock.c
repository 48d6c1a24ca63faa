/* Times and spans: what is taken as a time is written and read back to the same nanosecond. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include "clock.h"
#include "mem.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = mem_dup(data, size);
	struct err err = ERR_INIT, second = ERR_INIT;
	char text[CLOCK_TEXT];
	int64_t t, again;

	if (clock_parse_span(s, &t, &err) == 0)
		assert(t >= 0);
	err_clear(&err);
	if (clock_parse_epoch(s, &t, &err) == 0)
		assert(t >= 0);
	if (clock_parse(s, &t, &second) == 0)
		assert(clock_parse(clock_rfc3339(t, text), &again, &second) == 0 && again == t);
	return 0;
}
