#include "port-env.h"
#include "mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { VALUE_MAX = INET6_ADDRSTRLEN + 16 };

bool port_env_any(const struct job *j)
{
	for (size_t i = 0; i < j->n_ports; i++)
		if (j->ports[i].name)
			return true;
	return false;
}

/* The address by which the host goes out: a socket is given it without a packet that is sent. */
static void own_address(char out[INET6_ADDRSTRLEN])
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(0xc0000201) /* 192.0.2.1 */ };
	struct sockaddr_in own = { 0 };
	socklen_t len = sizeof own;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const bool known = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
			   getsockname(fd, (struct sockaddr *)&own, &len) == 0;

	if (fd >= 0)
		(void)close(fd);
	if (!known || !inet_ntop(AF_INET, &own.sin_addr, out, INET6_ADDRSTRLEN))
		(void)snprintf(out, INET6_ADDRSTRLEN, "127.0.0.1");
}

static void host_address(const struct port *p, char out[INET6_ADDRSTRLEN])
{
	if (p->host_ip && strcmp(p->host_ip, "0.0.0.0") != 0 && strcmp(p->host_ip, "::") != 0)
		(void)snprintf(out, INET6_ADDRSTRLEN, "%s", p->host_ip);
	else
		own_address(out);
}

static void port_put_number(const struct port *p, bool inside, char out[VALUE_MAX])
{
	(void)snprintf(out, VALUE_MAX, "%u", inside && p->inside ? p->inside : p->host);
}

static void port_put_inside(const struct port *p, char out[VALUE_MAX]) { port_put_number(p, true, out); }
static void port_put_host(const struct port *p, char out[VALUE_MAX]) { port_put_number(p, false, out); }
static void port_put_ip(const struct port *p, char out[VALUE_MAX]) { host_address(p, out); }

static void port_put_address(const struct port *p, char out[VALUE_MAX])
{
	char ip[INET6_ADDRSTRLEN];
	bool v6;

	host_address(p, ip);
	v6 = strchr(ip, ':') != NULL;
	(void)snprintf(out, VALUE_MAX, "%s%s%s:%u", v6 ? "[" : "", ip, v6 ? "]" : "", p->host);
}

static const struct {
	const char *prefix;
	void (*put)(const struct port *, char out[VALUE_MAX]);
} variables[] = {
	{ "NOMAD_PORT_", port_put_inside },       { "NOMAD_ALLOC_PORT_", port_put_inside },
	{ "NOMAD_HOST_PORT_", port_put_host },    { "NOMAD_IP_", port_put_ip },
	{ "NOMAD_HOST_IP_", port_put_ip },        { "NOMAD_ADDR_", port_put_address },
	{ "NOMAD_HOST_ADDR_", port_put_address },
};
enum { N_VARIABLES = sizeof variables / sizeof *variables };

static char name_char(char c) { return isalnum((unsigned char)c) ? c : '_'; }

void port_env(const struct job *j, struct strv *env)
{
	for (size_t i = 0; i < j->n_ports; i++) {
		const struct port *p = &j->ports[i];
		_cleanup_free_ char *label = mem_strdup(p->name);

		for (char *c = label; c && *c; c++)
			*c = name_char(*c);
		for (size_t k = 0; label && k < N_VARIABLES; k++) {
			char value[VALUE_MAX];

			variables[k].put(p, value);
			strv_pushf(env, "%s%s=%s", variables[k].prefix, label, value);
		}
	}
}

static bool is_label(const char *name, const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && name[i] && name_char(name[i]) == name_char(text[i]))
		i++;
	return i == len && !name[i];
}

/* What "${" at @open begins, up to @end: is it a port's variable? */
static bool put_variable(const struct job *j, const char *open, const char *end, struct buf *out)
{
	for (size_t k = 0; k < N_VARIABLES; k++) {
		const size_t len = strlen(variables[k].prefix);
		const char *label = open + 2 + len;

		if (label >= end || strncmp(open + 2, variables[k].prefix, len) != 0)
			continue;
		for (size_t i = 0; i < j->n_ports; i++) {
			char value[VALUE_MAX];

			if (!j->ports[i].name || !is_label(j->ports[i].name, label, (size_t)(end - label)))
				continue;
			variables[k].put(&j->ports[i], value);
			buf_adds(out, value);
			return true;
		}
	}
	return false;
}

void port_env_expand(const struct job *j, const char *text, struct buf *out)
{
	const char *open;

	while ((open = strstr(text, "${"))) {
		const char *end = memchr(open, '}', strnlen(open, 256));

		buf_add(out, text, (size_t)(open - text));
		text = end && put_variable(j, open, end, out) ? end + 1 : open + 2;
		if (text == open + 2)
			buf_add(out, open, 2);
	}
	buf_adds(out, text);
}
