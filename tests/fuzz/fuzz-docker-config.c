#include <stddef.h>
#include <stdint.h>
#include "docker-config.h"
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(docker_config_done) struct docker_config d = { 0 };

	(void)docker_config_parse((const char *)data, size, &d, NULL);
	return 0;
}
