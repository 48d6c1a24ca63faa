/* containerd.services.events.v1.Events. Not namespaced: filter on namespace. No acknowledgement comes before the first
 * event (reference 0.11): subscribe early, then look at the state. */
#pragma once
#include "ctrd.h"

struct ctrd_event {
	int64_t at;
	char *ns, *topic;
	struct ctrd_any event;
};
void ctrd_event_done(struct ctrd_event *);
/* The fields of the task events we use, decoded from ctrd_event.event: of exec events and exits @id is the exec (or the
 * container itself). -ERR_INVALID when it is no event of a task. */
struct ctrd_task_event {
	char *container_id, *id;
	pid_t pid;
	uint32_t exit_status;
	int64_t exited_at;
};
void ctrd_task_event_done(struct ctrd_task_event *);
int ctrd_event_task(const struct ctrd_event *, struct ctrd_task_event *ret, struct err *err);

/* The same of /containers/... and /images/...: whose event it is, and of a container's update its labels from now on. */
struct ctrd_named_event {
	char *name;
	struct dict labels;
};
void ctrd_named_event_done(struct ctrd_named_event *);
int ctrd_event_named(const struct ctrd_event *, struct ctrd_named_event *ret, struct err *err);

struct ctrd_call *events_subscribe(struct ctrd *, const struct strv *filters, const struct ctx *);
/* The next event: 1, or an error; 0 when the stream ended. The call stays the caller's: ctrd_call_free(). */
int events_next(struct ctrd_call *, const struct ctx *, struct ctrd_event *ret, struct err *err);
/* Would it not wait? */
bool events_ready(const struct ctrd_call *);
