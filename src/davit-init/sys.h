/* System calls without a C library, so that the program is a few kilobytes, needs nothing of the image that it runs in and holds
 * next to no memory for as long as a container lives. Calls give -errno, as the kernel does. Processors without a page here take
 * a static C library. */
#pragma once
#include <errno.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long sys5(long n, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
	return r;
}
/* argc, then argv, a NULL, and the environment stand on the stack */
#define SYS_START(begin) \
	__asm__(".text\n.globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall " #begin "\n\thlt\n")
#elif defined(__aarch64__)
static inline long sys5(long n, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = n;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
}
#define SYS_START(begin) \
	__asm__(".text\n.globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tbl " #begin "\n\tbrk #1\n")
#else
#include <unistd.h>
static inline long sys5(long n, long a, long b, long c, long d, long e)
{
	long r = syscall(n, a, b, c, d, e);

	return r < 0 ? -errno : r;
}
#define SYS_START(begin) \
	int main(int argc, char **argv) \
	{ \
		(void)argc; \
		begin((long *)argv - 1); \
		return 0; \
	}
#endif

#define sys0(n) sys5(n, 0, 0, 0, 0, 0)
#define sys1(n, a) sys5(n, (long)(a), 0, 0, 0, 0)
#define sys2(n, a, b) sys5(n, (long)(a), (long)(b), 0, 0, 0)
#define sys3(n, a, b, c) sys5(n, (long)(a), (long)(b), (long)(c), 0, 0)
#define sys4(n, a, b, c, d) sys5(n, (long)(a), (long)(b), (long)(c), (long)(d), 0)
