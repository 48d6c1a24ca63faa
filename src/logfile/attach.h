/* Attaching to a running process of davit's (log-uri.h), by a unix socket that whoever reads its output listens on, davit's
 * shim, davit-logger, or a davit in the foreground and its heir (the *shim* below): who attaches gets what the
 * process prints from that moment on, and may write to its input. Nobody who is attached is waited for: one that is slow loses its
 * place, is told how much it has missed and when, and reads on from there; what it missed stands in the log. Input stays open when
 * they leave.
 *
 * The socket is of SOCK_SEQPACKET, root's alone (mode 0600, and the shim looks who it is). Each packet is a byte that says what it
 * is, and what belongs to it; numbers are 64 bits, little-endian. Times are wall-clock ns, as records of the log have them:
 * logfile_read() of pieces with them as since and until gives exactly what came before a moment, or between two.
 *
 * The client speaks first:
 * ATTACH_HELLO  From now on it gets the output. The answer is ATTACH_HELLO with the time of now: all that came before is in the
 * log. ATTACH_INPUT  Bytes for the process. Taken as fast as the process reads them: the client's packets wait meanwhile.
 * ATTACH_CLOSE  The process's input ends.
 * ATTACH_STAY   The owner is about to leave, and the process's input is to stay open. Answered by ATTACH_STAY.
 *
 * The shim:
 * ATTACH_OUT, ATTACH_ERR  Bytes of stdout and stderr.
 * ATTACH_LOST   How many bytes were not sent, from when, until when: they would have come here.
 * The end of the connection is the end of the output. */
#pragma once
#include "err.h"
#include "logfile.h"

enum attach_kind {
	ATTACH_OUT = 'o',
	ATTACH_ERR = 'e',
	ATTACH_LOST = 'l',
	ATTACH_HELLO = 'h',
	ATTACH_INPUT = 'i',
	ATTACH_CLOSE = 'c',
	ATTACH_STAY = 's',
};
enum { ATTACH_PIECE = 16384, ATTACH_PACKET = 1 + ATTACH_PIECE }; /* most bytes of one packet, without and with its first */

struct attach_packet {
	enum attach_kind kind;
	const char *data; /* borrowed */
	size_t len;
	uint64_t lost;        /* ATTACH_LOST */
	int64_t since, until; /* ATTACH_LOST; ATTACH_HELLO of the shim: until */
};
/* False: it is none. */
bool attach_parse(const char *p, size_t n, struct attach_packet *ret);
/* One packet: 0, or -errno; -EAGAIN: there is no room for it now, and nothing was sent. */
int attach_send(int fd, const struct attach_packet *);

/* A listening socket at @path, however long that is, in the place of what stands there: at no moment is there none. */
int attach_listen(const char *path, int *ret_fd, struct err *err);
/* -1: nobody has come, or one who is neither root nor who we are. */
int attach_accept(int listener);
/* Non-blocking, all of them. -ERR_NOT_FOUND and -ERR_UNAVAILABLE: nobody listens there (any more). */
int attach_dial(const char *path, int *ret_fd, struct err *err);
