/* Included first by every cmocka test. */
#pragma once
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define RUN_TESTS(name, ...) \
	int main(void) \
	{ \
		(void)signal(SIGPIPE, SIG_IGN); /* as our programs do (child.h) */ \
		const struct CMUnitTest tests_[] = { __VA_ARGS__ }; \
		return cmocka_run_group_tests_name(name, tests_, NULL, NULL); \
	}
