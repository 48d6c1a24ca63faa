#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include "digest.h"
#include "manifest.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(manifest_done) struct manifest m = { 0 };
	_cleanup_dict_ struct dict labels = { 0 };
	struct platform host;

	if (manifest_parse((const char *)data, size, &m, NULL) < 0)
		return 0;
	for (size_t i = 0; i < m.n; i++)
		if (!digest_valid(m.children[i].digest) || m.children[i].size < 0)
			abort();
	platform_host(&host);
	manifest_gc_labels(&m, m.index ? manifest_choose(&m, &host, NULL) : -1, &labels);
	return 0;
}
