/* Texts of a task's and a network's options: paths, modes of namespaces, addresses, names of devices. */
#include "health-url.h"
#include "check.h"
#include "job-table.h"
#include "name.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

static int check_absolute(const char *noun, const char *s, struct err *err)
{
	if (*s != '/' || strpbrk(s, "\n\r"))
		return check_fail(noun, s, "not an absolute path", err);
	return 0;
}

int check_host_path(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_absolute("path of the host", s, err);
}

int check_inside(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_absolute("path inside", s, err);
}

int check_auth_file(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_absolute("file of credentials", s, err);
}

int check_mode(const char *s, const char *unused, struct err *err)
{
	const size_t n = strlen(s);

	(void)unused;
	if (!n || n > 4 || strspn(s, "01234567") != n)
		return check_fail("mode", s, "not three or four octal digits", err);
	return 0;
}

int check_namespace(const char *s, const char *unused, struct err *err)
{
	static const char task[] = "task:";
	int r;

	(void)unused;
	if (!strcmp(s, "host") || !strcmp(s, "private"))
		return 0;
	if (!strncmp(s, task, sizeof task - 1))
		return name_check("task in a namespace's \"task:\"", s + sizeof task - 1, NAME_ID_MAX, err);
	r = check_fail("namespace", s, "neither host nor private nor task:NAME", err);
	return err_hint(err, r, "tasks of one job can share it: \"task:NAME\" in the job's file");
}

static int check_two_modes(const char *noun, const char *s, struct err *err)
{
	if (strcmp(s, "host") != 0 && strcmp(s, "private") != 0)
		return check_fail(noun, s, "neither host nor private", err);
	return 0;
}

int check_userns(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_two_modes("user namespace", s, err);
}

int check_cgroupns(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return check_two_modes("cgroup namespace", s, err);
}

/* A number or "*"; returns what is behind, NULL when there is neither. */
static const char *device_number(const char *s)
{
	const size_t n = strspn(s, "0123456789");

	return *s == '*' ? s + 1 : n && n < 8 ? s + n : NULL;
}

int check_device_rule(const char *s, const char *unused, struct err *err)
{
	const char *p = *s && strchr("abc", *s) && s[1] == ' ' ? device_number(s + 2) : NULL;

	(void)unused;
	p = p && *p == ':' ? device_number(p + 1) : NULL;
	if (p && *p == ' ' && p[1] && strspn(p + 1, "rwm") == strlen(p + 1) && strlen(p + 1) <= 3)
		return 0;
	return err_hint(err, check_fail("device rule", s, "not TYPE MAJOR:MINOR ACCESS", err),
			"such as \"c 1:3 rwm\" or \"b 8:* r\"");
}

/* Letters, digits and @more, beginning and ending with a letter or a digit. */
static bool cdi_word(const char *s, size_t n, const char *more)
{
	if (!n || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(more, s[i]))
			return false;
	return true;
}

int check_cdi(const char *s, const char *unused, struct err *err)
{
	const size_t vendor = strcspn(s, "/"), class = s[vendor] ? strcspn(s + vendor + 1, "=") : 0;
	const char *name = s[vendor] && s[vendor + 1 + class] ? s + vendor + 1 + class + 1 : NULL;

	(void)unused;
	if (name && isalpha((unsigned char)*s) && cdi_word(s, vendor, "_-.") && cdi_word(s + vendor + 1, class, "_-.") &&
	    cdi_word(name, strlen(name), "_-.:"))
		return 0;
	return err_hint(err, check_fail("CDI device", s, "not VENDOR/CLASS=NAME", err), "such as nvidia.com/gpu=0");
}

int check_hugepage(const char *s, const char *unused, struct err *err)
{
	const size_t n = strspn(s, "0123456789");

	(void)unused;
	if (n && n < 8 && *s != '0' && (!strcmp(s + n, "KB") || !strcmp(s + n, "MB") || !strcmp(s + n, "GB")))
		return 0;
	return err_hint(err, check_fail("huge page size", s, "not a number with KB, MB or GB", err), "such as 2MB or 1GB");
}

int check_ip(const char *s, const char *unused, struct err *err)
{
	unsigned char ip[16];

	(void)unused;
	if (inet_pton(AF_INET, s, ip) != 1 && inet_pton(AF_INET6, s, ip) != 1)
		return check_fail("address", s, "not an IP address", err);
	return 0;
}

/* Six pairs of hexadecimal digits; the lowest bit of the first is for groups. */
int check_mac(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	for (size_t i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !isxdigit((unsigned char)s[i]))
			return check_fail("hardware address", s, "not six pairs such as 02:42:ac:11:00:02", err);
	if (s[17])
		return check_fail("hardware address", s, "not six pairs such as 02:42:ac:11:00:02", err);
	if (strchr("13579bdfBDF", s[1]))
		return check_fail("hardware address", s, "a group's address: the first pair is odd", err);
	return strcmp(s, "00:00:00:00:00:00") != 0 ? 0 : check_fail("hardware address", s, "all zeros", err);
}

int check_alias(const char *s, const char *unused, struct err *err) { return check_hostname(s, unused, err); }

int check_network_name(const char *s, const char *unused, struct err *err)
{
	int r = check_network(s, unused, err);

	if (r >= 0 && (network_joins(s) || network_foreign_netns(s) || !strcmp(s, "host") || !strcmp(s, "none")))
		r = check_fail("network", s, "it stands alone, as the job's \"network\"", err);
	return r;
}

int check_port_name(const char *s, const char *unused, struct err *err)
{
	const size_t n = strlen(s);

	(void)unused;
	if (!n || n > 63)
		return check_fail("port's name", s, "1 to 63 characters are allowed", err);
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return check_fail("port's name", s, "letters, digits, \"_\" and \"-\" are allowed", err);
	return 0;
}

int check_containerd_ns(const char *s, const char *unused, struct err *err)
{
	(void)unused;
	return name_check("namespace", s, NAME_ID_MAX, err);
}

/* objects */

int check_ips(const struct strv *ips, struct err *err)
{
	if (ips->n == 2 && !strchr(ips->v[0], ':') == !strchr(ips->v[1], ':'))
		return check_fail("address", ips->v[1], "a network gives one of each family", err);
	return 0;
}

int check_attachment(const void *attachment, struct err *err)
{
	return check_ips(&((const struct attachment *)attachment)->ips, err);
}

int check_auth(const void *auth, struct err *err)
{
	const struct auth *a = auth;

	if (a->file && (a->username || a->password))
		return err_set(err, ERR_INVALID, "a user and a file of credentials: only one of them");
	return a->password && (!a->username || !*a->username) ? err_set(err, ERR_INVALID, "a password without a username") : 0;
}

int check_healthcheck(const void *healthcheck, struct err *err)
{
	const struct healthcheck *h = healthcheck;
	struct health_url unused;

	if ((h->kind == HEALTH_HTTP || h->kind == HEALTH_TCP) && !h->url)
		return err_set(err, ERR_INVALID, "a health check without a url");
	return h->kind == HEALTH_HTTP || h->kind == HEALTH_TCP ? health_url_parse(h->kind, h->url, &unused, err) : 0;
}

int check_rate(const void *rate, struct err *err)
{
	return ((const struct blkio *)rate)->rate > 0 ? 0 : err_set(err, ERR_INVALID, "rate 0: at least 1 a second");
}

int check_weight(const void *weight, struct err *err)
{
	return ((const struct blkio *)weight)->rate > 0 ? 0 : err_set(err, ERR_INVALID, "weight 0: 10 to 1000");
}
