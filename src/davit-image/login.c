#include "login.h"
#include "buf.h"
#include "json.h"
#include "mem.h"

enum { LOGIN_MAX = 64 << 10 };

void login_done(struct login *l)
{
	credential_done(&l->cred);
	*l = (struct login){ 0 };
}

int login_parse(const char *text, size_t len, struct login *l, struct err *err)
{
	_cleanup_json_ json *j = NULL;
	const char *user, *password;
	int r = json_parse(text, len, &j, err);

	if (r < 0)
		return err_wrap(err, r, "login");
	user = json_get_str(j, "username");
	password = json_get_str(j, "password");
	if (!user || !password)
		return err_set(err, ERR_INVALID, "login: wants {\"username\":...,\"password\":...}");
	credential_done(&l->cred);
	l->cred = (struct credential){ mem_strdup(user), mem_strdup(password), false };
	return 0;
}

int login_read(int fd, struct login *l, struct err *err)
{
	_cleanup_buf_ struct buf text = { 0 };
	char part[4096];
	ssize_t n;

	do {
		n = read(fd, part, sizeof part);
		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "login");
		if (n > 0)
			buf_add(&text, part, (size_t)n);
		if (text.len > LOGIN_MAX)
			return err_set(err, ERR_EXHAUSTED, "login: longer than %d bytes", LOGIN_MAX);
	} while (n);
	return login_parse(buf_str(&text), text.len, l, err);
}
