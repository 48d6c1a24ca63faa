/* Any bytes as a packet of who is attached: what is one, sent again, is the same. */
#include "attach.h"
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char room[ATTACH_PACKET + 1];
	struct attach_packet k;
	ssize_t n;
	int pair[2];

	if (!attach_parse((const char *)data, size, &k))
		return 0;
	if (k.kind == ATTACH_LOST || k.kind == ATTACH_HELLO)
		k.len = 0; /* its numbers are what is sent */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return 0;
	assert(attach_send(pair[0], &k) == 0);
	n = recv(pair[1], room, sizeof room, 0);
	assert(n > 0 && (n == (ssize_t)size || (k.kind == ATTACH_HELLO && !k.until)));
	assert(memcmp(room, data, (size_t)n) == 0);
	(void)close(pair[0]);
	(void)close(pair[1]);
	return 0;
}
