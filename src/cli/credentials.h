/* USER[:PASSWORD] for a registry, and the question for a password that was not given. */
#pragma once
#include "cli.h"

struct credentials {
	char *username, *password; /* password NULL: not given */
};
void credentials_done(struct credentials *);
/* -ERR_INVALID: no user. @flag is the flag's name, for the error. */
int credentials_parse(const char *flag, const char *text, struct credentials *ret, struct err *err);
/* Asks for a name on the terminal that standard input is. */
int credentials_ask_user(struct cli *, char **username, struct err *err);
/* Asks for *@password on the terminal that standard input is, without showing what is typed. It may block for as long as a person
 * does; Ctrl-C ends davit. -ERR_INVALID: there is no terminal, or nothing was typed. */
int credentials_ask(struct cli *, const char *username, char **password, struct err *err);
