/* Errors of files begin with their place. */
#pragma once
#include "test.h"
#include <string.h>

/* What is behind "f:LINE:COLUMN: ". */
static inline const char *test_after_place(const char *msg)
{
	const char *behind = strstr(msg, ": ");

	assert_memory_equal(msg, "f:", 2);
	assert_non_null(behind);
	return behind + 2;
}
