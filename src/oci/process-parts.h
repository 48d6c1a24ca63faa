/* What the process of a container (process.c) and that of an exec (exec-process.c) have in common. */
#pragma once
#include "emit.h"
#include "spec.h"

/* What is not UTF-8 is refused: -ERR_INVALID, with @noun. */
int process_check_text(const char *noun, const char *, struct err *err);
int process_check_texts(const char *noun, const struct strv *, struct err *err);
/* An empty word is a program that nobody finds: as the engines have it, but not in the words of each. @where it was looked for. */
int process_empty_command(const char *where, struct err *err);
/* HOME is always set, so that no engine looks for it. One that comes from the user's entry is the first variable, where none that
 * was given ever stands: an exec as another user tells them by that (has_own_home), and replaces only this one. An empty one is
 * as none, as the engines have it. */
void process_set_home(struct strv *env, const char *home);
void process_emit_user(const struct user *, struct buf *out);
/* A process that is not root starts as execve(2) would make it: with none but what a set-user-id program may gain. */
void process_emit_caps(uint64_t caps, uid_t uid, struct buf *out);
void process_emit_terminal(struct spec_console, struct buf *out);
