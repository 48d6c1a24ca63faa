/* crun before 1.9 gives the standard streams of a process to its user, and where one is /dev/null, that is the host's: who is user
 * 1000 of a container could then take it away from everybody. */
#pragma once

/* Gives it back, after an engine was at work. */
void dev_null_keep(void);
