/* Every way to a socket that x86-64 has, with families given as numbers: one line each, "WAY FAMILY: errno", 0 where it was made.
 * Statically linked, since it runs in a container. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __x86_64__
int main(void) { return 77; }
#else

enum { I386_SOCKETCALL = 102, I386_SOCKET = 359, CALL_SOCKET = 1, CALL_CONNECT = 3, CALL_SOCKETPAIR = 8, X32 = 0x40000000 };

/* A call as a 32-bit program makes it. */
static long i386(long number, long a, long b, long c)
{
	long r;

	__asm__ volatile("int $0x80" : "=a"(r) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static long native(long number, long a, long b, long c, void *d)
{
	long r = syscall(number, a, b, c, d);

	return r < 0 ? -errno : r;
}

static void say(const char *way, long family, long r) { printf("%s %ld: %ld\n", way, family, r < 0 ? -r : 0); }

static void try_family(long family, unsigned *words)
{
	int type = family == 38 ? SOCK_SEQPACKET : SOCK_STREAM, pair[2];

	say("socket", family, native(SYS_socket, family, type, 0, NULL));
	say("wide", family, native(SYS_socket, family | 1L << 32, type, 0, NULL));
	say("negative", family, native(SYS_socket, family | 1L << 63, type, 0, NULL));
	say("x32", family, native(SYS_socket | X32, family, type, 0, NULL));
	say("pair", family, native(SYS_socketpair, family, type, 0, pair));
	say("wide-pair", family, native(SYS_socketpair, family | 1L << 32, type, 0, pair));
	say("i386", family, i386(I386_SOCKET, family, type, 0));
	words[0] = (unsigned)family;
	words[1] = (unsigned)type;
	words[2] = 0;
	words[3] = (unsigned)(unsigned long)(words + 8);
	say("socketcall", family, i386(I386_SOCKETCALL, CALL_SOCKET, (long)words, 0));
	say("socketcall-pair", family, i386(I386_SOCKETCALL, CALL_SOCKETPAIR, (long)words, 0));
	say("socketcall-connect", family, i386(I386_SOCKETCALL, CALL_CONNECT, (long)words, 0));
}

int main(int argc, char **argv)
{
	unsigned *words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (words == MAP_FAILED)
		return 1;
	for (int i = 1; i < argc; i++)
		try_family(strtol(argv[i], NULL, 10), words);
	return 0;
}
#endif
