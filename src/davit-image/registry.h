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
};
int registry_open(struct registry *, struct session *, const struct ref *, const struct login *, const char *hosts_dir,
		  struct err *err);
void registry_done(struct registry *);

/* The manifest of a tag or digest, appended to @ret: from the first host that has it. A digest's is verified.
 * -ERR_NOT_FOUND, -ERR_UNAUTHENTICATED, -ERR_PERMISSION and what http_result() says, each with what mends it. */
int registry_manifest(struct registry *, const char *what, struct buf *ret, struct err *err);
/* A small blob whole, verified. */
int registry_blob(struct registry *, const char *digest, int64_t size, struct buf *ret, struct err *err);

/* A blob as a stream from host @i, from @offset on. */
struct http_reply *registry_stream(struct registry *, size_t i, const char *digest, int64_t offset);
/* What an answer that has a status means: 0 fine (200 or 206); else an error. *ret_again: asking this host again may help
 * (a credential was found, or it is a passing failure), after *ret_wait_ms. */
int registry_judge(struct registry *, size_t i, struct http_reply *, bool *ret_again, int64_t *ret_wait_ms, struct err *err);
