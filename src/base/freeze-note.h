/* Whose a freeze is: who freezes a task for a moment notes it, before, in the file whose lock they hold. Whoever finds the task
 * frozen, and the lock free, knows that it was left so; one that a person froze has no note. By the first process of the task: a
 * later life of it is another. */
#pragma once
#include "attr.h"
#include <stdbool.h>
#include <sys/types.h>

/* In place of what was in it. 0, or -errno. */
int freeze_note(int fd, const char *task, pid_t);
void freeze_forget(int fd);
/* Who thaws what is noted holds the note while they look at it and thaw, and so does who takes it away: else a person's freeze
 * would be thawed in between. Beside the lock of the file; those who have one open file between them hold it together. 0, or
 * -errno, without @wait -EAGAIN where somebody holds it. */
int freeze_hold(int fd, bool wait);
void freeze_let_go(int fd);
/* Does the note stand still? */
bool freeze_is_noted(int fd);
/* The same of a file, without its lock; *ret_task is the caller's to free. */
bool freeze_read(const char *path, char **ret_task, pid_t *ret_pid);
