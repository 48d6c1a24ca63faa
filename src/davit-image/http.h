/* HTTP requests over libcurl's multi interface, turned by the loop that turns containerd's connection too: transfers,
 * uploads to containerd and unpacking overlap on one thread. */
#pragma once
#include "buf.h"
#include "ctx.h"
#include "loop.h"
#include "strv.h"
#include <stdbool.h>
#include <stdint.h>

struct http;
struct http_reply;

struct http *http_new(struct loop *);
void http_free(struct http *); /* replies must be freed first */
DEFINE_CLEANUP(struct http, http_free)

struct http_tls {
	struct strv ca;   /* files of authorities trusted beside the system's */
	char *cert, *key; /* a client's, or NULL */
	bool skip_verify;
};
struct http_request {
	const char *url;           /* http or https; redirects lead from https to no http */
	const char *accept;        /* or NULL */
	struct strv headers;       /* "Name: value"; these, the authorization and the form go to the URL's own origin only */
	const char *authorization; /* the value of that header, or NULL */
	const char *form;          /* POST of application/x-www-form-urlencoded; NULL: GET */
	/* HEAD; or POST, PUT and PATCH with a body of @length bytes, which http_feed() brings. Where such an answer leads to is
	 * left to whoever asked: the body would be needed once more. NULL: GET, or the form's POST. */
	const char *method, *content_type;
	int64_t length;
	/* What another origin is told, to which a redirect leads: borrowed, or NULL for nothing. */
	const char *(*authorize)(void *arg, const char *url);
	void *authorize_arg;
	const struct http_tls *tls; /* NULL: the system's; must outlive the reply */
	int64_t offset;             /* > 0: only from there on (Range) */
	size_t max;                 /* bytes of body; longer is -ERR_EXHAUSTED. 0: a stream, which pauses when much is untaken */
};
/* Never NULL: what is wrong shows when it is waited for. @req is copied. */
struct http_reply *http_start(struct http *, const struct http_request *);
void http_reply_free(struct http_reply *);
DEFINE_CLEANUP(struct http_reply, http_reply_free)

bool http_ended(const struct http_reply *);
/* Why an ended transfer failed, as one line; 0 when the server's answer is complete, whatever its status. */
int http_result(const struct http_reply *, struct err *err);
/* A failure that may pass by itself. */
bool http_transient(const struct http_reply *);
bool http_no_tls(const struct http_reply *); /* it failed since nothing there speaks TLS */
int http_status(const struct http_reply *);  /* 0 before there is one */
/* The Authorization that the host which answered was asked with; NULL: none. */
const char *http_authorization(const struct http_reply *);
/* The answer came from another origin (scheme, host, port) than was asked, since a redirect led there: its address, else NULL. */
const char *http_elsewhere(const struct http_reply *);
/* Where in the file the body begins, for a request from @asked on: 0 unless the status is 206; -1: its Content-Range is
 * damaged. */
int64_t http_offset(const struct http_reply *, int64_t asked);
const char *http_header(const struct http_reply *, const char *lower); /* by its name in lower case; NULL: none */
struct buf *http_body(struct http_reply *);
/* Hand the bytes over that a stream has brought (@to's own are freed), so that it goes on. Using them may turn the loop,
 * which brings more. */
void http_take(struct http_reply *, struct buf *to);
/* More of the body that is sent; copied. It is asked for while http_unsent() is little. */
void http_feed(struct http_reply *, const void *p, size_t n);
size_t http_unsent(const struct http_reply *); /* bytes of it that wait */
/* Where the question went, redirects included; and what an answer's Location means there: the caller's, NULL when it is missing or
 * no address. */
const char *http_url(const struct http_reply *);
char *http_location(const struct http_reply *);
int http_wait(struct http_reply *, const struct ctx *, struct err *err); /* until it has ended; its result */
