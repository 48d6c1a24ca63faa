/* Theory of operation: libcurl says which sockets it waits for and until when; the loop watches them for it. A transfer that ends
 * is noted in its reply, or goes on to where the answer leads. */
#include "http-reply.h"
#include "clock.h"
#include "mem.h"
#include <inttypes.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

/* A registry takes its time over what it was sent. */
enum { CONNECT_S = 10, STALL_S = 60, SENT_STALL_S = 300 };

struct socket {
	struct http *h;
	curl_socket_t fd;
	struct watch watch;
};

static void http_collect(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_reply *r = NULL;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r) != CURLE_OK)
			continue;
		r->result = m->data.result;
		r->ended = !http_reply_redirect(r);
	}
}

static void act(struct http *h, curl_socket_t fd, int mask)
{
	int running;

	(void)curl_multi_socket_action(h->multi, fd, mask, &running);
	http_collect(h);
}

static void on_ready(void *arg, short revents)
{
	struct socket *s = arg; /* may be gone when act() returns */
	int mask = (revents & POLLIN ? CURL_CSELECT_IN : 0) | (revents & POLLOUT ? CURL_CSELECT_OUT : 0) |
		   (revents & (POLLERR | POLLHUP) ? CURL_CSELECT_IN | CURL_CSELECT_OUT : 0);

	act(s->h, s->fd, mask);
}

static int http_on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sockp)
{
	struct http *h = arg;
	struct socket *s = sockp;
	short events = (short)((what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0));

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			watch_done(&s->watch);
		free(s);
		(void)curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = mem_new(struct socket);
		*s = (struct socket){ .h = h, .fd = fd };
		watch_init(&s->watch, h->loop, fd, events, on_ready, s);
		(void)curl_multi_assign(h->multi, fd, s);
	}
	watch_events(&s->watch, events);
	return 0;
}

static void on_tick(void *arg) { act(arg, CURL_SOCKET_TIMEOUT, 0); }

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	timer_set(&h->timer, ms < 0 ? 0 : clock_mono() + ms * NSEC_PER_MSEC);
	return 0;
}

struct http *http_new(struct loop *l)
{
	struct http *h = mem_new(struct http);

	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
	h->loop = l;
	h->multi = curl_multi_init();
	if (!h->multi)
		abort(); /* memory */
	timer_init(&h->timer, l, on_tick, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, http_on_socket);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	(void)curl_multi_cleanup(h->multi);
	timer_done(&h->timer);
	free(h);
}

static CURLcode on_tls(CURL *easy, void *ctx, void *arg)
{
	const struct http_tls *tls = arg;

	(void)easy;
	for (size_t i = 0; i < tls->ca.n; i++)
		if (X509_STORE_load_file(SSL_CTX_get_cert_store(ctx), tls->ca.v[i]) != 1)
			return CURLE_SSL_CACERT_BADFILE;
	return CURLE_OK;
}

static void set_tls(CURL *e, const struct http_tls *tls)
{
	if (!tls)
		return;
	if (tls->ca.n) {
		(void)curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls);
		(void)curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, (void *)(uintptr_t)tls);
	}
	if (tls->cert) {
		(void)curl_easy_setopt(e, CURLOPT_SSLCERT, tls->cert);
		(void)curl_easy_setopt(e, CURLOPT_SSLKEY, tls->key ? tls->key : tls->cert);
	}
	if (tls->skip_verify) {
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
		(void)curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

static void set_callbacks(struct http_reply *r)
{
	CURL *e = r->easy;

	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->text);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, http_reply_on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, http_reply_on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, r);
}

static void set_limits(CURL *e)
{
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "davit/" DAVIT_VERSION);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
}

/* What is sent comes from http_feed(). */
static void set_method(struct http_reply *r, const struct http_request *req)
{
	CURL *e = r->easy;

	if (strcmp(req->method, "HEAD") == 0) {
		(void)curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		return;
	}
	r->sends = strcmp(req->method, "GET") != 0;
	if (!r->sends)
		return;
	r->left = req->length;
	if (req->content_type)
		strv_pushf(&r->own, "Content-Type: %s", req->content_type);
	(void)curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
	(void)curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, req->method);
	(void)curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE, (curl_off_t)req->length);
	(void)curl_easy_setopt(e, CURLOPT_READFUNCTION, http_reply_on_send);
	(void)curl_easy_setopt(e, CURLOPT_READDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, (long)SENT_STALL_S);
}

struct http_reply *http_start(struct http *h, const struct http_request *req)
{
	struct http_reply *r = mem_new(struct http_reply);

	r->h = h;
	r->easy = curl_easy_init();
	if (!r->easy)
		abort(); /* memory */
	r->stream = req->max == 0;
	r->max = req->max;
	r->asked = mem_strdup(req->url);
	r->url = mem_strdup(req->url);
	r->own_authorization = mem_strdup(req->authorization);
	r->accept = req->accept ? mem_printf("Accept: %s", req->accept) : NULL;
	r->form = req->form;
	r->authorize = req->authorize;
	r->authorize_arg = req->authorize_arg;
	strv_add(&r->own, &req->headers);
	set_callbacks(r);
	set_limits(r->easy);
	set_tls(r->easy, req->tls);
	if (req->method)
		set_method(r, req);
	http_reply_set_headers(r);
	(void)curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
	if (req->form)
		(void)curl_easy_setopt(r->easy, CURLOPT_COPYPOSTFIELDS, req->form);
	if (req->offset > 0) { /* libcurl's own resuming takes no answer but the one it asked for */
		r->range = mem_printf("%" PRId64 "-", req->offset);
		(void)curl_easy_setopt(r->easy, CURLOPT_RANGE, r->range);
	}
	(void)curl_multi_add_handle(h->multi, r->easy);
	return r;
}

void http_reply_free(struct http_reply *r)
{
	if (!r)
		return;
	(void)curl_multi_remove_handle(r->h->multi, r->easy);
	curl_easy_cleanup(r->easy);
	curl_slist_free_all(r->headers);
	dict_done(&r->got);
	buf_done(&r->body);
	buf_done(&r->out);
	strv_done(&r->own);
	free(r->asked);
	free(r->url);
	free(r->accept);
	free(r->range);
	free(r->authorization);
	free(r->own_authorization);
	free(r);
}

int http_wait(struct http_reply *r, const struct ctx *ctx, struct err *err)
{
	while (!r->ended) {
		int e = loop_turn(r->h->loop, ctx, err);

		if (e < 0)
			return e;
	}
	return http_result(r, err);
}
