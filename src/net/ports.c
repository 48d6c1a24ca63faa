/* bind(2) knows best whether a port is free: it sees every socket of this network namespace, whoever owns it. Only when it
 * refuses is /proc read, to name the owner. TCP binds with SO_REUSEADDR, since connections of a server that has ended
 * (TIME_WAIT) keep nobody from listening; for UDP that option would share the port with a living owner. */
#include "ports.h"
#include "attr.h"
#include "file.h"
#include "mem.h"
#include <arpa/inet.h>
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { PICK_FIRST = 32768, PICK_LAST = 60999, PROC_NET_MAX = 16 << 20 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t address_len(const union address *a) { return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6; }

static bool address_parse(const char *ip, uint16_t port, union address *a)
{
	*a = (union address){ 0 };
	if (inet_pton(AF_INET, ip, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		return true;
	}
	*a = (union address){ 0 };
	a->v6.sin6_family = AF_INET6;
	a->v6.sin6_port = htons(port);
	return inet_pton(AF_INET6, ip, &a->v6.sin6_addr) == 1;
}

/* 0 or -errno. */
static int try_bind(const struct port *p, const char *ip)
{
	static const int proto[] = { [PORT_TCP] = IPPROTO_TCP, [PORT_UDP] = IPPROTO_UDP, [PORT_SCTP] = IPPROTO_SCTP };
	_cleanup_close_ int fd = -1;
	union address a;
	int on = 1;

	if (!address_parse(ip, p->host, &a))
		return -EINVAL;
	fd = socket(a.any.sa_family, (p->proto == PORT_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, proto[p->proto]);
	if (fd < 0)
		return errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT ? 0 : -errno; /* then nobody listens there */
	if (a.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	if (p->proto != PORT_UDP)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	return bind(fd, &a.any, address_len(&a)) < 0 ? -errno : 0;
}

/* Is @hex, an address as /proc/net writes it (words in the host's byte order), in the way of @want? Any is in the way of any;
 * "" wants any. */
static bool in_the_way(const char *hex, const char *want)
{
	return !*want || !strcmp(hex, want) || strspn(hex, "0") == strlen(hex);
}

/* @p's address as /proc/net writes it; "" for all of them, and for a family that the table has not. */
static void wanted_hex(const struct port *p, bool v6, char ret[33])
{
	uint32_t words[4] = { 0 };
	const size_t n = v6 ? 4 : 1;

	*ret = '\0';
	if (!p->host_ip || inet_pton(v6 ? AF_INET6 : AF_INET, p->host_ip, words) != 1)
		return;
	if (!(words[0] | words[1] | words[2] | words[3]))
		return;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(ret + 8 * i, 9, "%08X", words[i]);
}

/* The inode of a socket in a table of /proc/net that holds @p's port; 0: none. */
static unsigned long find_inode(const char *table, bool v6, const struct port *p)
{
	_cleanup_buf_ struct buf text = { 0 };
	char *save = NULL, want[33];

	if (file_read(table, PROC_NET_MAX, &text, NULL) < 0 || !text.data)
		return 0;
	wanted_hex(p, v6, want);
	for (char *line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned port, state;
		unsigned long inode;
		char ip[33];

		if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu", ip, &port, &state,
			   &inode) != 4)
			continue;
		if (port != p->host || !inode || !in_the_way(ip, want))
			continue;
		if (p->proto == PORT_UDP || state == 0x0a /* TCP_LISTEN */)
			return inode;
	}
	return 0;
}

static bool holds_socket(const char *pid, const char *want)
{
	_cleanup_free_ char *path = mem_printf("/proc/%s/fd", pid);
	_cleanup_(closedirp) DIR *d = opendir(path);
	char link[64];

	for (struct dirent *e; d && (e = readdir(d));) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof link - 1);

		if (n > 0 && (link[n] = '\0', !strcmp(link, want)))
			return true;
	}
	return false;
}

/* "process 812 (nginx)"; NULL when it cannot be seen. The caller frees. */
static char *socket_owner(unsigned long inode)
{
	_cleanup_free_ char *want = mem_printf("socket:[%lu]", inode);
	_cleanup_(closedirp) DIR *d = opendir("/proc");

	for (struct dirent *e; d && (e = readdir(d));) {
		_cleanup_free_ char *path = NULL;
		_cleanup_buf_ struct buf comm = { 0 };

		if (!isdigit((unsigned char)*e->d_name) || !holds_socket(e->d_name, want))
			continue;
		path = mem_printf("/proc/%s/comm", e->d_name);
		(void)file_read(path, 64, &comm, NULL);
		while (comm.len && comm.data[comm.len - 1] == '\n')
			buf_cut(&comm, comm.len - 1);
		return mem_printf("process %s (%s)", e->d_name, comm.len ? comm.data : "?");
	}
	return NULL;
}

static char *port_owner(const struct port *p)
{
	static const char *const tables[][2] = {
		[PORT_TCP] = { "/proc/net/tcp", "/proc/net/tcp6" },
		[PORT_UDP] = { "/proc/net/udp", "/proc/net/udp6" },
	};
	unsigned long inode;

	if (p->proto == PORT_SCTP)
		return NULL;
	inode = find_inode(tables[p->proto][0], false, p);
	if (!inode)
		inode = find_inode(tables[p->proto][1], true, p);
	return inode ? socket_owner(inode) : NULL;
}

static int taken_port(const struct port *p, struct err *err)
{
	_cleanup_free_ char *owner = port_owner(p);

	return err_set(err, ERR_EXISTS, "port %u/%s is used by %s", p->host, port_proto_name(p->proto),
		       owner ? owner : "another process");
}

static int check_address(const struct port *p, const char *ip, struct err *err)
{
	int r = try_bind(p, ip);

	switch (-r) {
	case 0: return 0;
	case EADDRINUSE: return taken_port(p, err);
	case EADDRNOTAVAIL:
		if (!p->host_ip)
			return 0; /* a family that is switched off */
		return err_set(err, ERR_INVALID, "port %u/%s: address %s is not one of this host's", p->host,
			       port_proto_name(p->proto), ip);
	case EACCES: return 0; /* not ours to bind: nothing is known, and who serves it may know better */
	default: return err_sys(err, -r, "port %u/%s: address %s", p->host, port_proto_name(p->proto), ip);
	}
}

int port_check(const struct port *p, struct err *err)
{
	int r;

	if (p->host_ip)
		return check_address(p, p->host_ip, err);
	r = check_address(p, "0.0.0.0", err);
	return r < 0 ? r : check_address(p, "::", err);
}

static bool has(const uint16_t *v, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == port)
			return true;
	return false;
}

static bool is_free(const struct port *p, const uint16_t *taken, size_t n)
{
	if (has(taken, n, p->host) || try_bind(p, p->host_ip ? p->host_ip : "0.0.0.0") == -EADDRINUSE)
		return false;
	return port_check(p, NULL) != -ERR_EXISTS;
}

int port_pick(struct port *p, const uint16_t *taken, size_t n, struct err *err)
{
	const unsigned first = p->host_last ? p->host : PICK_FIRST, last = p->host_last ? p->host_last : PICK_LAST,
		       range = last - first + 1;
	unsigned start = 0;
	struct port try = *p;

	if (!p->host_last)
		(void)!getrandom(&start, sizeof start, 0);
	try.host_last = 0;
	for (unsigned i = 0; i < range; i++) {
		try.host = (uint16_t)(first + (start % range + i) % range);
		if (!is_free(&try, taken, n))
			continue;
		*p = try;
		return 0;
	}
	return err_set(err, ERR_EXHAUSTED, "no free port from %u to %u/%s", first, last, port_proto_name(p->proto));
}
