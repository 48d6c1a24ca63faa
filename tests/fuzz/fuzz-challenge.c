#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "challenge.h"
#include "url.h"
#include "mem.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *s = mem_dup(data, size);
	_cleanup_(challenge_done) struct challenge c = { 0 };
	const char *host, *path;
	size_t n;
	bool tls;

	challenge_parse(s, &c);
	if (c.bearer && !c.realm)
		abort();
	if (c.realm && url_split(c.realm, &tls, &host, &n, &path) == 0)
		(void)url_loopback(host, n);
	return 0;
}
