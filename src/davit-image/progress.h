/* What people see while an image comes: a bar per layer on a terminal, a line per layer otherwise, or JSON lines for a
 * program. Everything goes to standard error. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum progress_mode { PROGRESS_QUIET, PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_JSON };
enum progress_state { PROGRESS_WAITING, PROGRESS_FETCHING, PROGRESS_PUSHING, PROGRESS_FETCHED, PROGRESS_UNPACKING, PROGRESS_DONE };

/* What a program is told of a layer that is worked on: that often at least, also where nothing of it has changed. */
enum { PROGRESS_TELL_MS = 2000 };

struct progress;
struct progress *progress_new(enum progress_mode);
void progress_free(struct progress *); /* leaves the cursor below what was drawn */
/* What is being done, for a terminal and for a program: in plain mode only layers have lines. */
void progress_say(struct progress *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A layer of @size bytes. Known ones keep what they have. All of these take a NULL progress and unknown digests. */
void progress_add(struct progress *, const char *digest, int64_t size);
void progress_at(struct progress *, const char *digest, int64_t offset);
void progress_state(struct progress *, const char *digest, enum progress_state);
/* For a program only: it is still worked on. */
void progress_repeat(struct progress *, const char *digest);
/* "0", "812 B", "3.4 MB". Returns @out. */
const char *progress_bytes(int64_t n, char out[16]);
