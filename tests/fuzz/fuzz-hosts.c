#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "hosts.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(hosts_done) struct hosts h = { 0 };

	if (hosts_parse((const char *)data, size, "/dir", "docker.io", &h, NULL) < 0)
		return 0;
	for (size_t i = 0; i < h.n; i++)
		for (size_t k = 0; k < h.v[i].headers.n; k++)
			if (strpbrk(h.v[i].headers.v[k], "\r\n"))
				abort();
	return h.n ? 0 : (abort(), 0); /* the registry itself is always among them */
}
