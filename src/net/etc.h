/* The contents of a container's resolv.conf, hosts and hostname. Appended to @out. */
#pragma once
#include "buf.h"
#include "strv.h"
#include <stdbool.h>

/* What resolv.conf(5) says. A zeroed struct is an empty one. */
struct resolv {
	struct strv servers, search, options;
};
void resolv_parse(struct resolv *, const char *data, size_t len); /* adds to it; other lines are ignored */
void resolv_done(struct resolv *);

/* From @own (the job's), else @net (what the network's result says, may be NULL), else the host's /etc/resolv.conf
 * (@host_file) without loopback and link-local servers; when none is left, systemd-resolved's upstream file, else 8.8.8.8 and
 * 8.8.4.4 as Docker does. Each of the three lists is taken from the first that has one; a search list of "." alone means none.
 * @host_net keeps every server of the host. */
void etc_resolv_conf(struct buf *out, const char *host_file, const struct resolv *own, const struct resolv *net, bool host_net);
/* localhost lines, and extra hosts ("name:ip", "host-gateway" as ip becomes @gateway, or is left out without one). */
void etc_hosts(struct buf *out, const struct strv *extra, const char *gateway);
/* A line of @ip (what follows a slash is left out) with @names, each once; nothing when there is none. */
void etc_hosts_line(struct buf *out, const char *ip, const struct strv *names);
/* A hosts file as it shall be, of what it is: the part that davit keeps current, between two lines of comment, has @lines now; what
 * stands around it is left alone, whoever wrote it. Where the part is not there it comes at the end; without lines it is not. */
void etc_hosts_keep(struct buf *out, const char *is, size_t len, const struct buf *lines);
