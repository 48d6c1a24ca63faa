#include "engine-kind.h"
#include <string.h>

enum engine_kind engine_kind(const char *program)
{
	const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;

	if (strstr(name, "crun"))
		return ENGINE_CRUN;
	return strstr(name, "runc") ? ENGINE_RUNC : ENGINE_OTHER;
}
