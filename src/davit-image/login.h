/* Who we are at a registry, where a job or a user says so and not Docker's configuration. */
#pragma once
#include "docker-config.h"

struct login {
	struct credential cred; /* for the registry that the image's name has, and for no other host; secret NULL: none */
	const char *file;       /* instead of Docker's configuration; borrowed; NULL: none */
	bool no_file;           /* neither that nor Docker's configuration is looked at */
	const char *helper;     /* docker-credential-HELPER, where the file says nothing of a registry; borrowed; NULL: none */
};
void login_done(struct login *);
/* {"username":...,"password":...} from descriptor @fd, up to its end: so that no command line and no environment has it. */
int login_read(int fd, struct login *, struct err *err);
int login_parse(const char *text, size_t len, struct login *, struct err *err);
