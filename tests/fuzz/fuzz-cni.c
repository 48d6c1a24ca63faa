/* What CNI reads: configurations, results, cache entries; and resolv.conf. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "cni-cache.h"
#include "cni-result.h"
#include "etc.h"
#include "forward.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct cni_net *net = NULL;
	struct cni_entry *entry = NULL;
	struct cni_result result = { 0 };
	struct resolv resolv = { 0 };
	struct buf again = { 0 };
	json *j = NULL;

	if (cni_net_parse(text, size, "f", &net, NULL) == 0) {
		struct cni_net *cached = NULL;

		(void)forward_wanted(net->list);
		/* as the cache gives it back; a single plugin's file that was nested as deep as may be is too deep as a list */
		if (cni_net_parse(buf_str(&net->text), net->text.len, "g", &cached, NULL) == 0)
			assert(!strcmp(net->name, cached->name) && !strcmp(net->version, cached->version));
		cni_net_free(cached);
		cni_net_free(net);
	}
	if (cni_entry_parse(text, size, &entry, NULL) == 0) {
		struct cni_entry *read = NULL;

		cni_entry_write(entry, &again);
		assert(cni_entry_parse(buf_str(&again), again.len, &read, NULL) == 0);
		cni_entry_free(read);
	}
	cni_entry_free(entry);
	buf_done(&again);
	if (json_parse(text, size, &j, NULL) == 0 && cni_result_read(j, "eth0", &result, NULL) == 0)
		cni_result_done(&result);
	json_freep(&j);
	resolv_parse(&resolv, text, size);
	resolv_done(&resolv);
	return 0;
}
