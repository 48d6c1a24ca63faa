/* libcni in C: network configuration lists, the chain of plugins, results and their cache.
 * Sources: CNI SPEC 0.1.0 to 1.1; libcni; reference cni.md A. */
#pragma once
#include "child.h"
#include "job.h"
#include "json.h"
#include "loop.h"

struct cni_conf {
	const char *path;      /* ':' list of plugin folders */
	const char *conf_dir;  /* /etc/cni/net.d */
	const char *cache_dir; /* /var/lib/cni */
};
#define CNI_PATH_DEFAULT "/opt/cni/bin:/usr/lib/cni:/usr/libexec/cni"
#define CNI_CONF_DIR "/etc/cni/net.d"
#define CNI_CACHE_DIR "/var/lib/cni"

/* A network: a parsed .conflist, or a .conf/.json upconverted. */
struct cni_net {
	char *name, *version, *file;
	json *list;      /* the whole configuration */
	struct buf text; /* its bytes as read, for the cache */
};
void cni_net_free(struct cni_net *);
DEFINE_CLEANUP(struct cni_net, cni_net_free)
/* By name. -ERR_NOT_FOUND lists the networks found, -ERR_INVALID: the folder, which is not the usual one, is not
 * there. Files that cannot be read are skipped; each adds a line to @notices (may be NULL). */
int cni_net_load(const struct cni_conf *, const char *name, struct cni_net **ret, struct strv *notices, struct err *err);
int cni_net_parse(const char *data, size_t len, const char *file, struct cni_net **ret, struct err *err);
/* Names of all networks in the folder. */
int cni_net_names(const struct cni_conf *, struct strv *out, struct strv *notices, struct err *err);
/* Is it one of those that are made on first use: `davit` (bridge cni-davit0) and `nunet-bridge` (cni-nunet0, for ensembles)? */
bool cni_net_is_default(const char *name);
/* Such a network (bridge, portmap, firewall): its conflist is written when no file has that name yet: for `davit` with a /24 (of
 * 10.89.0.0/16 when there is one) that no route, address or other network of the host uses, for `nunet-bridge` with 10.68.63.0/24.
 */
int cni_net_ensure_default(const struct cni_conf *, const char *name, struct err *err);

struct cni_attach {
	const char *container_id, *netns, *ifname; /* netns "" or NULL in a DEL whose namespace is gone */
	const struct port *ports;
	size_t n_ports;                                    /* capability portMappings */
	const struct strv *dns, *dns_search, *dns_options; /* capability dns; may be NULL */
	const struct strv *ips;                            /* addresses that are asked for; may be NULL */
	const char *mac;                                   /* NULL: any */
	const struct strv *names; /* capability aliases: by which the others on the network find it; may be NULL */
	bool hold_ports;          /* of an ADD: what forwards ports waits for cni_add_go() */
	const char *args;         /* CNI_ARGS or NULL */
	int lock_fd;              /* > 2: plugins are noted in it while they run (noted.h), so that it is known of one that goes on
				     after us. They do not get it themselves: what they leave behind would hold it */
};

struct cni_ip {
	char *address, *gateway;
	int interface;
}; /* address in CIDR form */
struct cni_result {
	struct cni_ip *ips;
	size_t n_ips;
	struct strv nameservers, search, options; /* the result's dns: its domain is the first to be searched */
	char *mac, *bridge;                       /* of the container's interface; the first host bridge; NULL unknown */
	json *raw;
};
void cni_result_done(struct cni_result *);

/* One ADD, DEL or CHECK under way on the loop: its plugins run one after the other, those side by side
 * that do not build on each other (cni-plan.h). */
struct cni_op;
/* -ERR_PRECONDITION when there are ports and no plugin forwards any; -ERR_EXISTS when the attachment is in the cache already. */
int cni_add_begin(struct loop *, const struct cni_conf *, const struct cni_net *, const struct cni_attach *, struct cni_op **ret,
		  struct err *err);
/* The ports of an op that was begun with hold_ports are free now. Before cni_add_end(). */
void cni_add_go(struct cni_op *);
/* Waits and frees the op. When a plugin fails, or gave other addresses than were asked for (-ERR_PRECONDITION), everything that was
 * added is deleted (DEL of the chain, under a deadline of its own) before the error is returned: "network NAME: plugin portmap: its
 * message". Success writes the cache. What such a DEL could not delete is logged and stays in the cache. */
int cni_add_end(struct cni_op *, const struct ctx *, struct cni_result *ret, struct err *err);
/* A failing plugin does not keep the others from deleting; the first error is returned, and the cache entry kept: without the
 * ports as soon as nothing forwards them any more. */
int cni_del_begin(struct loop *, const struct cni_conf *, const struct cni_net *, const struct cni_attach *, struct cni_op **ret,
		  struct err *err);
int cni_del_end(struct cni_op *, const struct ctx *, struct err *err);
int cni_check(struct loop *, const struct cni_conf *, const struct cni_net *, const struct cni_attach *, const struct ctx *,
	      struct err *err);
/* Kills what runs; for an ADD runs the DEL of the chain. NULL is fine. */
void cni_op_abort(struct cni_op *);
DEFINE_CLEANUP(struct cni_op, cni_op_abort)
bool cni_op_ready(const struct cni_op *);

/* DEL of every attachment that the cache knows of @container_id (all networks; their cached configuration is used, so
 * it works after the conflist was removed). */
int cni_del_cached(struct loop *, const struct cni_conf *, const char *container_id, const char *netns, const struct ctx *,
		   struct err *err);
/* Has the cache an attachment of @container_id, of any network? Then something is left to delete. */
bool cni_is_cached(const struct cni_conf *, const char *container_id);
/* And one whose ports are forwarded? */
bool cni_has_ports(const struct cni_conf *, const char *container_id);
/* Names of the networks of its attachments, the first first. */
void cni_cached_networks(const struct cni_conf *, const char *container_id, struct strv *ret);
/* That of its first attachment, whatever the network. -ERR_NOT_FOUND. */
int cni_first_result(const struct cni_conf *, const char *container_id, struct cni_result *ret, struct err *err);
/* The cached result. -ERR_NOT_FOUND. */
int cni_cached_result(const struct cni_conf *, const char *net, const char *container_id, const char *ifname,
		      struct cni_result *ret, struct err *err);

/* In what the cache says of its attachments: the others call it @to instead of @from (capability aliases). */
int cni_cached_rename(const struct cni_conf *, const char *container_id, const char *from, const char *to, struct err *err);

/* Who is on a network: every attachment that the cache has of it, those of other users of CNI too. */
struct cni_member {
	char *network, *container_id, *ifname;
	struct strv names;        /* capability aliases: what the others on the network may call it */
	struct cni_result result; /* empty while its ADD is under way */
};
struct cni_members {
	struct cni_member *v;
	size_t n, cap;
};
void cni_members_done(struct cni_members *);
/* @net NULL: of every network. A damaged file is nobody. */
int cni_members(const struct cni_conf *, const char *net, struct cni_members *ret, struct err *err);
/* The attachments of one container, eth0 first. */
int cni_members_of(const struct cni_conf *, const char *container_id, struct cni_members *ret, struct err *err);
