#include "lean.h"
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker's: where our program begins, and where its code ends. Neither holds anything that was written to. */
extern const char __executable_start[], etext[];

void lean_rest(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)__executable_start + page - 1) & ~(page - 1),
			to = (uintptr_t)etext & ~(page - 1);

	(void)malloc_trim(0);
	if (from < to)
		(void)madvise((void *)from, to - from, MADV_DONTNEED);
}
