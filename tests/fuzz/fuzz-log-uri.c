/* Any text as a stream's address: what is read, written again, is read as the same. */
#include "log-uri.h"
#include "mem.h"
#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = mem_printf(LOG_URI "%.*s", (int)(size < 40000 ? size : 40000), (const char *)data),
			    *once = NULL, *twice = NULL;
	_cleanup_(log_uri_done) struct log_uri u = { 0 }, again = { 0 };
	struct err err = ERR_INIT;

	if (log_uri_parse(text, &u, &err) < 0) {
		assert(*err.msg);
		return 0;
	}
	once = log_uri_make(&u);
	if (strlen(once) > 32768) /* encoded it may be longer than it was */
		return 0;
	assert(log_uri_parse(once, &again, NULL) == 0);
	twice = log_uri_make(&again);
	assert(!strcmp(once, twice));
	return 0;
}
