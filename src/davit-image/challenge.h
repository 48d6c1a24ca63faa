/* WWW-Authenticate (RFC 7235, and distribution's token authentication). */
#pragma once
#include <stdbool.h>

struct challenge {
	bool basic, bearer;            /* what the server takes */
	char *realm, *service, *scope; /* of bearer; NULL when missing */
};
void challenge_done(struct challenge *);
/* A header's value, which may hold several challenges. What is not understood is skipped. */
void challenge_parse(const char *header, struct challenge *ret);
