/* A network as people ask for it, `davit network create`, and what is told of any: the parts of a CNI configuration list that they
 * know by name. What davit writes says so itself, under the key "davit", where its labels are too. */
#pragma once
#include "dict.h"
#include "subnet.h"

enum network_driver { NETWORK_BRIDGE, NETWORK_MACVLAN, NETWORK_IPVLAN, NETWORK_OTHER };
const char *network_driver_name(enum network_driver);

/* What one address of each job comes from. */
struct network_pool {
	struct subnet subnet;
	struct ip gateway, first, last;
	bool has_gateway, has_range; /* without: the first address; all of the subnet */
};

struct network {
	char *name;
	enum network_driver driver;
	char *type;   /* of the first plugin; set by network_read() */
	char *file;   /* set by network_read() */
	char *bridge; /* of a bridge: its interface */
	char *parent; /* macvlan, ipvlan */
	char *mode;   /* macvlan: bridge, private, vepa, passthru; ipvlan: l2, l3, l3s; NULL: the plugin's own */
	struct network_pool *pools;
	size_t n_pools;
	int mtu;                        /* 0: the plugin's own */
	bool internal;                  /* nothing leads out, nor from the host in */
	bool no_masquerade, no_hairpin; /* of a bridge */
	bool dhcp;                      /* addresses come from a DHCP server, by the plugin dhcp's daemon */
	bool ours;                      /* made by davit: network_create() and network_read() set it */
	struct dict labels;
};
void network_done(struct network *);
struct network_pool *network_add_pool(struct network *, const struct subnet *);
bool network_has_v6(const struct network *);
struct ip network_gateway(const struct network_pool *);
/* Its configuration list. Appended to @out. */
void network_write(const struct network *, struct buf *out);
/* What a list, whoever wrote it, says of these. */
void network_read(const struct cni_net *, struct network *ret);

/* network-make.c */

/* -ERR_INVALID: not a name, or one of the words that --network knows. */
int network_check_name(const char *name, struct err *err);
/* A pool for each of @subnets, with the gateway and the range (a network, too) that lie in it. -ERR_INVALID. */
int network_set_pools(struct network *, const struct strv *subnets, const struct strv *gateways, const struct strv *ranges,
		      struct err *err);
/* Writes its file; a subnet and a bridge's name that it has not are chosen. @v6: with an IPv6 subnet. -ERR_EXISTS: there is one of
 * that name; -ERR_INVALID: a subnet clashes with one of the host's or another network's, its parent is not there, ... */
int network_create(const struct cni_conf *, struct network *, bool v6, struct err *err);
/* Removes its file, its bridge unless something else is at it, and what host-local remembers of it. That no job uses it is the
 * caller's to know. -ERR_NOT_FOUND; -ERR_PRECONDITION: it is not davit's. */
int network_remove(const struct cni_conf *, const char *name, struct err *err);
/* Held while files of networks are made and removed; unlink @ret_path before it is closed. */
int network_lock(const struct cni_conf *, char **ret_path, struct err *err);
