/* What a runtime's type, "io.containerd.X.vN" or the path of a shim, says of how jobs run. By the name alone. */
#pragma once
#include <stdbool.h>

/* In a virtual machine. They end in kata.v2: io.containerd.kata.v2 and the older io.containerd.run.kata.v2. */
bool runtime_is_vm(const char *type);
/* On a kernel of their own, a virtual machine's or gVisor's: their processes are not the host's. */
bool runtime_has_kernel(const char *type);
