/* What a job has changed becomes a layer over its image, and both a new image. */
#pragma once
#include "session.h"

struct commit_spec {
	const char *name;   /* of the new image */
	const char *base;   /* of the image that the job was made from */
	const char *key;    /* of its snapshot */
	const char *freeze; /* the task that is paused while it is read; NULL: none */
	int freeze_pid;     /* > 0: its first process; freeze-note.h at descriptor FREEZE_FD says that it is we who pause it */
	const char *author, *message;
	struct strv change; /* image-change.h */
};
enum { FREEZE_FD = 3 };
/* Adds the image to the array @images. -ERR_PRECONDITION: the base's name means another image by now. */
int commit_image(struct session *, const struct commit_spec *, json *images, struct err *err);
