#include "cli.h"
#include <fcntl.h>

/* Of 0, 1 and 2 those that we were started without would be the first files that we open, a socket to containerd among
 * them. Input is then at its end, writing fails. */
static int fill_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) /* no O_CLOEXEC: children need them too */
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	(void)argc;
	if (fill_standard_files() < 0)
		return EXIT_DAVIT;
	return cli_main(argv);
}
