#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "toml-put.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char ours[] = "[p.\"x.y\".r.n]\nk = 1\n[p.\"x.y\".r.n.options]\nB = \"b\"\n";
	_cleanup_strv_ struct strv path = { 0 };
	_cleanup_free_ char *once = NULL, *twice = NULL;

	strv_split(&path, "p|x.y|r|n", "|");
	if (toml_put((const char *)data, size, &path, ours, &once, NULL) <= 0)
		return once ? (abort(), 0) : 0;
	/* What it has written says it. */
	return !strstr(once, ours) || toml_put(once, strlen(once), &path, ours, &twice, NULL) != 0 || twice ? (abort(), 0) : 0;
}
