#include "credentials.h"
#include "mem.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PASSWORD_MAX = 4096, LOOK_MS = 100 };

void credentials_done(struct credentials *c)
{
	free(c->username);
	free(c->password);
	*c = (struct credentials){ 0 };
}

int credentials_parse(const char *flag, const char *text, struct credentials *ret, struct err *err)
{
	const size_t n = strcspn(text, ":");

	if (!n)
		return err_set(err, ERR_INVALID, "flag --%s: not USER[:PASSWORD]", flag);
	credentials_done(ret);
	ret->username = mem_strndup(text, n);
	ret->password = text[n] ? mem_strdup(text + n + 1) : NULL;
	return 0;
}

/* A line, without its end; -ERR_CANCELLED when a signal ends davit meanwhile. */
static int read_line(struct cli *cli, struct buf *out, struct err *err)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;
	char c;

	while (out->len < PASSWORD_MAX) {
		int r = ctx_check(&cli->ctx, err);

		if (r < 0)
			return r;
		if (poll(&p, 1, LOOK_MS) <= 0)
			continue;
		n = read(STDIN_FILENO, &c, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue; /* a signal, which says what it is above */
		if (n != 1 || c == '\n')
			break;
		buf_addc(out, c);
	}
	return 0;
}

int credentials_ask_user(struct cli *cli, char **username, struct err *err)
{
	_cleanup_buf_ struct buf line = { 0 };
	int r;

	(void)!write(STDERR_FILENO, "Username: ", 10);
	r = read_line(cli, &line, err);
	if (r >= 0 && !line.len)
		r = err_set(err, ERR_INVALID, "no user name was given");
	if (r >= 0)
		*username = mem_strdup(buf_str(&line));
	return r < 0 ? r : 0;
}

int credentials_ask(struct cli *cli, const char *username, char **password, struct err *err)
{
	_cleanup_buf_ struct buf line = { 0 };
	struct termios was, quiet;
	int r;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &was) < 0)
		return err_hint(err, err_set(err, ERR_INVALID, "no password for user %s, and no terminal to ask for it", username),
				"--creds USER:PASSWORD, or a file as ~/.docker/config.json by --authfile FILE");
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	if (tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) < 0)
		return err_sys(err, errno, "terminal");
	(void)dprintf(STDERR_FILENO, "Password for %s: ", username);
	r = read_line(cli, &line, err);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	(void)!write(STDERR_FILENO, "\n", 1);
	if (r >= 0 && !line.len)
		r = err_set(err, ERR_INVALID, "no password was given for user %s", username);
	if (r >= 0)
		*password = mem_strdup(buf_str(&line));
	if (line.len)
		explicit_bzero(line.data, line.len);
	return r < 0 ? r : 0;
}
