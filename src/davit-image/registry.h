/* A repository at its registry and mirrors (the OCI distribution specification). Manifests are read whole, blobs are
 * streams. Credentials are looked for when a host asks for them. */
#pragma once
#include "docker-config.h"
#include "hosts.h"
#include "login.h"
#include "ref.h"
#include "session.h"

enum { REGISTRY_TRIES = 4, REGISTRY_ANSWER_MS = 120000 };

struct registry {
	struct session *s;
	struct http *http;
	const struct ref *ref;     /* borrowed */
	const struct login *login; /* borrowed */
	struct hosts hosts;
	struct hosts others; /* that redirects have led to */
	struct docker_config config;
	char *config_path; /* for hints */
	bool config_read;
	struct strv scopes; /* what a token is asked for; none: to pull */
};
/* Where the registry is, and how far it is to be trusted. */
struct registry_way {
	const char *hosts_dir; /* of hosts.toml; NULL: containerd's */
	bool insecure;         /* its certificate may be anybody's, or it may have no TLS */
};

int registry_open(struct registry *, struct session *, const struct ref *, const struct login *, const struct registry_way *,
		  struct err *err);
void registry_done(struct registry *);

/* The manifest of a tag or digest, appended to @ret: from the first host that has it. A digest's is verified.
 * -ERR_NOT_FOUND, -ERR_UNAUTHENTICATED, -ERR_PERMISSION and what http_result() says, each with what mends it. */
int registry_manifest(struct registry *, const char *what, struct buf *ret, struct err *err);
/* A small blob whole, verified. */
int registry_blob(struct registry *, const char *digest, int64_t size, struct buf *ret, struct err *err);

/* One question of the upload's. */
struct registry_ask {
	const char *method, *path; /* behind the repository */
	const char *url; /* instead of that: where the registry has said that it goes on. What is the host's own (its login, its
			    headers) is told to no other one */
	const char *content_type, *range;
	int64_t length; /* of the body, which http_feed() brings */
};
struct http_reply *registry_begin(struct registry *, size_t i, const struct registry_ask *);
/* The first host that takes images; -ERR_PRECONDITION: none does. */
int registry_pushes(struct registry *, size_t *ret_i, struct err *err);
/* The registry answers, and takes the login that is there for it: 1; 0: it wants none. The repository does not matter. */
int registry_ping(struct registry *, struct err *err);

/* A blob as a stream from host @i, from @offset on. */
struct http_reply *registry_stream(struct registry *, size_t i, const char *digest, int64_t offset);
/* What an answer that has a status means: 0 fine (200 or 206; of an upload 201, 202 or 204, too); else an error. *ret_again: asking
 * this host again may help (a credential was found, or it is a passing failure), after *ret_wait_ms. */
int registry_judge(struct registry *, size_t i, struct http_reply *, bool *ret_again, int64_t *ret_wait_ms, struct err *err);
