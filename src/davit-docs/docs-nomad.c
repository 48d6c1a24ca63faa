/* The options of the task driver for Nomad. */
#include "docs.h"
#include "driver-conf.h"
#include "task-conf.h"
#include <string.h>

bool docs_nomad_table(const char *name, struct buf *out)
{
	if (!strcmp(name, "plugin options"))
		driver_conf_table(out);
	else if (!strcmp(name, "task options"))
		task_conf_table(out);
	else
		return false;
	return true;
}
