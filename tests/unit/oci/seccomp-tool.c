/* seccomp-tool MACHINE [CAPABILITY...]: the default profile, as a process with these capabilities would get it there. */
#include "cap.h"
#include "seccomp.h"

int main(int argc, char **argv)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t caps = 0, bits;

	if (argc < 2)
		return 2;
	for (int i = 2; i < argc; i++) {
		if (cap_parse(argv[i], &bits, NULL) < 0)
			return 2;
		caps |= bits;
	}
	seccomp_default_of(argv[1], caps, &out);
	return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 1;
}
