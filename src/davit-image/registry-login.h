/* Inside registry: what a host wants before it answers, and where that comes from. */
#pragma once
#include "http.h"
#include "registry.h"

/* Whether a failure is worth another try, and when the server wants that at the earliest. */
struct registry_retry {
	bool again;
	int64_t wait_ms;
};
/* A status that says nothing of what was asked. */
bool registry_passing(int status);
int64_t registry_retry_after(struct http_reply *); /* ms; 0: it does not say */

/* Docker Hub's credentials stand under its own name. */
const char *registry_login_name(const struct host *);
/* -ERR_UNAUTHENTICATED. Registries tell strangers no more than this, so that nobody learns which images there are. */
int registry_refused(const struct registry *, const struct host *, struct err *err);
/* Answer a host's challenge, the header that it came with: its authorization is set, or there is an error. */
int registry_log_in(struct registry *, struct host *, const char *header, struct registry_retry *, struct err *err);
