/* Inside http: one question and its answer. http.c turns the transfers, http-reply.c knows what an answer is. */
#pragma once
#include "dict.h"
#include "http.h"
#include <curl/curl.h>

struct http {
	struct loop *loop;
	CURLM *multi;
	struct timer timer;
};

struct http_reply {
	struct http *h;
	CURL *easy;
	struct curl_slist *headers;
	char *asked, *url;   /* the first address, and where redirects have led */
	char *authorization; /* what the last one was told */
	struct strv own;     /* headers for the first origin alone */
	char *own_authorization;
	char *accept, *range;
	bool form, sends;
	const char *(*authorize)(void *arg, const char *url);
	void *authorize_arg;
	int redirects;
	bool stream, paused, ended, too_long;
	bool head_too_long, not_allowed, too_many;
	size_t max, head, passed;
	CURLcode result;
	char text[CURL_ERROR_SIZE];
	struct dict got; /* headers of the answer */
	struct buf body;
	struct buf out; /* what is to be sent: from @taken on */
	size_t taken;
	int64_t left; /* bytes of it that libcurl has not asked for */
	bool starved; /* it waits for more */
};

/* For libcurl: what it hands a body and its headers to. */
size_t http_reply_on_body(char *p, size_t size, size_t n, void *arg);
/* And where it gets what is sent. */
size_t http_reply_on_send(char *p, size_t size, size_t n, void *arg);
size_t http_reply_on_header(char *p, size_t size, size_t n, void *arg);
/* What the next question says: to the first origin all, to any other what is known of it. */
void http_reply_set_headers(struct http_reply *);
/* An answer that leads on: the next question is on its way when this returns true. */
bool http_reply_redirect(struct http_reply *);
