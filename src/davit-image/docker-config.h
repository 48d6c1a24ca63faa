/* Docker's client configuration: who we are at which registry (~/.docker/config.json). */
#pragma once
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
/* docker-credential-@helper alone, whatever a configuration says. 1: it knows one; 0: it knows none. */
int docker_config_ask(const char *helper, struct loop *, const char *host, const struct ctx *, struct credential *ret,
		      struct err *err);
/* 1: there is one; 0: none. May start a helper. */
int docker_config_find(const struct docker_config *, struct loop *, const char *host, const struct ctx *, struct credential *ret,
		       struct err *err);
