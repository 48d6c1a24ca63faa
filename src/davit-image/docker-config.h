/* Docker's client configuration: who we are at which registry (~/.docker/config.json). */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "dict.h"
#include "err.h"
#include "loop.h"
#include <stdbool.h>
#include <stddef.h>

struct credential {
	char *user, *secret;
	bool identity;
}; /* identity: @secret is an identity token (OAuth2 refresh token) */
void credential_done(struct credential *);

struct docker_config {
	struct credential *v;
	char **hosts; /* of each credential, as normalised */
	size_t n, cap, hosts_cap;
	char *store;         /* docker-credential-STORE for every registry, or NULL */
	struct dict helpers; /* registry: helper */
};
void docker_config_done(struct docker_config *);
int docker_config_parse(const char *text, size_t len, struct docker_config *ret, struct err *err);
/* @path; NULL: $DOCKER_CONFIG/config.json or ~/.docker/config.json, and then a missing file is an empty configuration. @ret_path
 * (the caller's) names it for hints. */
int docker_config_load(const char *path, struct docker_config *ret, char **ret_path, struct err *err);
/* Which of them docker_config_load() reads; the caller's. */
char *docker_config_path(const char *given);
/* "https://index.docker.io/v1/" and "index.docker.io" are Docker Hub, whose name among images is docker.io; of an address its host.
 */
char *docker_config_host(const char *key);
/* The same, as Docker keeps it. */
const char *docker_config_key(const char *host);
/* What docker-credential-@helper does by the name @verb ("get", "store", "erase"). 1: done, and *@answer is what it printed; 0: it
 * knows none of these credentials. */
int docker_config_helper(const char *helper, const char *verb, struct loop *, const char *input, const struct ctx *,
			 struct buf *answer, struct err *err);
/* docker-credential-@helper alone, whatever a configuration says. 1: it knows one; 0: it knows none. */
int docker_config_ask(const char *helper, struct loop *, const char *host, const struct ctx *, struct credential *ret,
		      struct err *err);
/* 1: there is one; 0: none. May start a helper. */
int docker_config_find(const struct docker_config *, struct loop *, const char *host, const struct ctx *, struct credential *ret,
		       struct err *err);
