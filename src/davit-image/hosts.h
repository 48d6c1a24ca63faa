/* Which hosts serve a registry's images: containerd's hosts.toml and Docker's certs.d. */
#pragma once
#include "http.h"

struct host {
	char *base;         /* "https://mirror.example:5000/v2": paths are put behind it */
	char *name;         /* "mirror.example:5000", for people and for credentials */
	bool pull, resolve; /* what it may be asked: blobs and digests; tags */
	bool push;          /* what it may be sent */
	bool tls;
	struct http_tls trust;
	struct strv headers;           /* "Name: value" */
	char *authorization;           /* what the last challenge was answered with; NULL: none yet */
	bool login;                    /* it was answered with a credential of the user's */
	bool asked;                    /* the answer did not help */
	bool foreign;                  /* only a redirect leads there */
	const struct http_tls *led_by; /* of a foreign one: what it is trusted by, if it is: the host's that led there */
	bool down;                     /* nobody answered there: the next ones are asked instead */
};
struct hosts {
	struct host *v;
	size_t n, cap;
};
void hosts_done(struct hosts *);
/* The host of address @url; NULL: it is not among them. */
struct host *hosts_find(const struct hosts *, const char *url);
/* The same, and it is added when it is missing, without a look at hosts.toml: NULL when there are too many. */
struct host *hosts_at(struct hosts *, const char *url);
/* The host's requests go to the origin of @url: scheme, name and port. */
bool host_is(const struct host *, const char *url);
/* Who checks no certificates: those of the registry itself, the last host, are taken as they are; @plain: and it has no TLS at all.
 */
void hosts_trust(struct hosts *, bool plain);

#define HOSTS_DIR "/etc/containerd/certs.d"
#define HOSTS_DOCKER_DIR "/etc/docker/certs.d"

/* A hosts.toml in folder @dir for @registry ("docker.io"): mirrors in the file's order, then the registry itself. */
int hosts_parse(const char *text, size_t len, const char *dir, const char *registry, struct hosts *ret, struct err *err);
/* Looks for it below @dir (HOST_PORT_/, HOST:PORT/, _default/), takes a folder of certificates too, as Docker has them;
 * else the registry alone: by http when it is on this machine and has no other port than 443, by https everywhere else. */
int hosts_load(const char *dir, const char *registry, struct hosts *ret, struct err *err);
