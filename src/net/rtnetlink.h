/* Requests to rtnetlink(7) of the network namespace that we are in, each with a limit of 5 s; answers are small or a dump. */
#pragma once
#include "err.h"
#include <linux/rtnetlink.h>
#include <stdint.h>

int rtnetlink_open(struct err *err); /* the caller closes it */
/* @each gets the messages of @type, which the dump that @request asks for is made of. */
int rtnetlink_dump(int fd, const struct nlmsghdr *request, uint16_t type, void (*each)(void *arg, const struct nlmsghdr *),
		   void *arg, struct err *err);
/* For a request with NLM_F_ACK. @what is what it does, for the error; the errno @absent is success: what is to be removed is not
 * there. */
int rtnetlink_do(int fd, const struct nlmsghdr *request, int absent, const char *what, struct err *err);
