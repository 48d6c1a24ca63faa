#include "runtime-kind.h"
#include "test.h"

static void virtual_machines(void **state)
{
	(void)state;
	assert_true(runtime_is_vm("io.containerd.kata.v2"));
	assert_true(runtime_is_vm("io.containerd.run.kata.v2"));
	assert_true(runtime_is_vm("/opt/kata/bin/containerd-shim-kata-v2"));
	assert_false(runtime_is_vm("io.containerd.runc.v2"));
	assert_false(runtime_is_vm("/opt/kata.v2/containerd-shim-runc-v2"));
	assert_false(runtime_is_vm("v2"));
}

static void kernels_of_their_own(void **state)
{
	(void)state;
	assert_true(runtime_has_kernel("io.containerd.kata.v2"));
	assert_true(runtime_has_kernel("io.containerd.runsc.v1"));
	assert_true(runtime_has_kernel("/usr/local/bin/containerd-shim-runsc-v1"));
	assert_false(runtime_has_kernel("io.containerd.runc.v2"));
	assert_false(runtime_has_kernel("/opt/runsc.v1/containerd-shim-runc-v2"));
	assert_false(runtime_has_kernel(""));
}

RUN_TESTS("runtime-kind", cmocka_unit_test(virtual_machines), cmocka_unit_test(kernels_of_their_own))
