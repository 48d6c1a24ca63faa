#include "runtime-kind.h"
#include <string.h>

static bool ends_in(const char *s, const char *end)
{
	const size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* Or a path of that shim. */
bool runtime_is_vm(const char *type) { return ends_in(type, *type == '/' ? "/containerd-shim-kata-v2" : "kata.v2"); }

bool runtime_has_kernel(const char *type)
{
	return runtime_is_vm(type) || ends_in(type, *type == '/' ? "/containerd-shim-runsc-v1" : "runsc.v1");
}
