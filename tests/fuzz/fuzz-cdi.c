#include "cdi-file.h"
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is taken has what the rest relies on; what is not says where. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *const file = size && *data == 'y' ? "f.yaml" : "f"; /* the first byte says what the rest is */
	struct cdi_spec spec = { 0 };
	struct err err = ERR_INIT;

	if (size && *data == 'y')
		data++, size--;
	if (cdi_spec_read(file, (const char *)data, size, &spec, &err) < 0) {
		assert(!strncmp(err.msg, file, strlen(file)));
		assert(!spec.kind);
		return 0;
	}
	assert(cdi_kind_valid(spec.kind, strlen(spec.kind)) && spec.n_devices);
	for (size_t i = 0; i < spec.n_devices; i++) {
		assert(cdi_device_valid(spec.devices[i].name));
		for (size_t k = 0; spec.devices[i].edits && k < spec.devices[i].edits->n_nodes; k++)
			assert(spec.devices[i].edits->nodes[k].path[0] == '/');
	}
	cdi_spec_done(&spec);
	return 0;
}
