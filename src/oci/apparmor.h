/* AppArmor: is it on, which profiles are loaded, and one of our own. Files are looked for below @root ("" for this machine). */
#pragma once
#include "buf.h"
#include "err.h"
#include "job.h"
#include "loop.h"

#define APPARMOR_DEFAULT "davit-default"

enum apparmor_state {
	APPARMOR_OFF,
	APPARMOR_UNSEEN, /* on, but securityfs is not mounted: no profile can be set, as in a container */
	APPARMOR_ON,
};
enum apparmor_state apparmor_state(const char *root);
/* 1 or 0; an error when the list of profiles cannot be read. */
int apparmor_loaded(const char *root, const char *profile, struct err *err);
/* The profile that @t is to have: the one it names, which must be loaded, or APPARMOR_DEFAULT, loaded or not. NULL: none, because
 * it says so, is privileged, or the host has no AppArmor. -ERR_PRECONDITION when what it names is not to be had. Borrowed of @t. */
int apparmor_choose(const char *root, const struct task *t, const char **ret_profile, struct err *err);
/* The text of APPARMOR_DEFAULT, for the parser that is below @root. */
void apparmor_text(const char *root, struct buf *out);
/* Compile and load it, by apparmor_parser; that takes a good part of a second. -ERR_NOT_FOUND: there is no such program. */
int apparmor_load(const char *root, struct loop *, const struct ctx *, struct err *err);
char *apparmor_parser(const char *root); /* its path, or NULL; the caller frees */
