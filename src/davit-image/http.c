#include "http.h"
#include "clock.h"
#include "dict.h"
#include "mem.h"
#include <ctype.h>
#include <curl/curl.h>
#include <inttypes.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <strings.h>

enum {
	CONNECT_S = 10,
	STALL_S = 60,
	REDIRECTS = 10,
	STREAM_MAX = 1 << 20, /* untaken bytes of a stream before it pauses */
	HEADERS_MAX = 64,
	HEADER_MAX = 8192,
	HEAD_MAX = 256 << 10, /* bytes of all headers of an answer */
	REDIRECT_BODY = 64 << 10,
};

struct http {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
};

struct socket {
	struct http *h;
	curl_socket_t fd;
	struct watch *watch;
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
	bool form;
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
};

static bool redirect(struct http_reply *r);

static void http_collect(struct http *h)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_reply *r = NULL;

		if (m->msg != CURLMSG_DONE || curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r) != CURLE_OK)
			continue;
		r->result = m->data.result;
		r->ended = !redirect(r);
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
			watch_free(s->watch);
		free(s);
		(void)curl_multi_assign(h->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = mem_new(struct socket);
		*s = (struct socket){ .h = h, .fd = fd, .watch = loop_watch(h->loop, fd, events, on_ready, s) };
		(void)curl_multi_assign(h->multi, fd, s);
	}
	watch_events(s->watch, events);
	return 0;
}

static void on_tick(void *arg) { act(arg, CURL_SOCKET_TIMEOUT, 0); }

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	timer_set(h->timer, ms < 0 ? 0 : clock_mono() + ms * NSEC_PER_MSEC);
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
	h->timer = loop_timer(l, on_tick, h);
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
	timer_free(h->timer);
	free(h);
}

static bool leads_elsewhere(const struct http_reply *r)
{
	int status = http_status(r);

	return (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) && http_header(r, "location");
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_reply *r = arg;

	n *= size;
	if (leads_elsewhere(r)) { /* what such an answer says is not for us; much of it is not waited for */
		r->passed += n;
		return r->passed > REDIRECT_BODY ? 0 : n;
	}
	if (r->stream && r->body.len >= STREAM_MAX) {
		r->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (!r->stream && n > r->max - r->body.len) {
		r->too_long = true;
		return 0;
	}
	buf_add(&r->body, p, n);
	return n;
}

static void reply_take_header(struct http_reply *r, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n), *end = line + n;
	_cleanup_free_ char *key = NULL, *value = NULL;
	const char *before;

	if (!colon || n > HEADER_MAX || r->got.n >= HEADERS_MAX)
		return;
	key = mem_strndup(line, (size_t)(colon - line));
	for (char *c = key; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	for (colon++; colon < end && (*colon == ' ' || *colon == '\t'); colon++)
		;
	while (end > colon && isspace((unsigned char)end[-1]))
		end--;
	before = dict_get(&r->got, key);
	value = mem_printf("%s%s%.*s", before ? before : "", before ? ", " : "", (int)(end - colon), colon);
	dict_set(&r->got, key, value);
}

static size_t reply_on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_reply *r = arg;

	n *= size;
	r->head += n;
	r->head_too_long = r->head > HEAD_MAX;
	if (r->head_too_long)
		return 0;
	if (n > 5 && strncasecmp(p, "HTTP/", 5) == 0)
		dict_done(&r->got); /* the next answer, after one of 1xx or a redirect */
	else
		reply_take_header(r, p, n);
	return n;
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

/* Of the next question: to the first origin all, to any other what is known of it. */
static void set_headers(struct http_reply *r)
{
	const char *authorization = r->own_authorization;

	if (http_elsewhere(r))
		authorization = r->authorize ? r->authorize(r->authorize_arg, r->url) : NULL;
	free(r->authorization);
	r->authorization = mem_strdup(authorization);
	curl_slist_free_all(TAKE_PTR(r->headers));
	if (r->accept)
		r->headers = curl_slist_append(r->headers, r->accept);
	for (size_t i = 0; i < r->own.n && !http_elsewhere(r); i++)
		r->headers = curl_slist_append(r->headers, r->own.v[i]);
	if (r->authorization) {
		_cleanup_free_ char *line = mem_printf("Authorization: %s", r->authorization);

		r->headers = curl_slist_append(r->headers, line);
	}
	(void)curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
}

/* Seen from where it was said: the caller's; NULL when it is no address. */
static char *location_of(const struct http_reply *r)
{
	CURLU *u = curl_url();
	char *full = NULL, *url = NULL;

	if (!u)
		abort(); /* memory */
	if (curl_url_set(u, CURLUPART_URL, r->url, 0) == CURLUE_OK &&
	    curl_url_set(u, CURLUPART_URL, http_header(r, "location"), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
	    curl_url_get(u, CURLUPART_URL, &full, 0) == CURLUE_OK)
		url = mem_strdup(full);
	curl_free(full);
	curl_url_cleanup(u);
	return url;
}

/* A form holds a secret: it is for whom it was meant. */
static bool may_lead_to(const struct http_reply *r, const char *url)
{
	const char *host, *path;
	bool from_tls, tls;
	size_t n;

	return url && http_split(url, &tls, &host, &n, &path) == 0 && http_split(r->url, &from_tls, &host, &n, &path) == 0 &&
	       (tls || !from_tls) && !r->form;
}

/* An answer that leads on: the next question is on its way when this returns true. */
static bool redirect(struct http_reply *r)
{
	_cleanup_free_ char *url = NULL;

	if ((r->result != CURLE_OK && r->passed <= REDIRECT_BODY) || !leads_elsewhere(r))
		return false;
	url = location_of(r);
	r->not_allowed = !may_lead_to(r, url);
	r->too_many = ++r->redirects > REDIRECTS;
	if (r->not_allowed || r->too_many)
		return false;
	(void)curl_multi_remove_handle(r->h->multi, r->easy);
	free(r->url);
	r->url = TAKE_PTR(url);
	r->passed = 0;
	set_headers(r);
	(void)curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
	(void)curl_multi_add_handle(r->h->multi, r->easy);
	return true;
}

static void set_callbacks(struct http_reply *r)
{
	CURL *e = r->easy;

	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, r);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, r->text);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, r);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, reply_on_header);
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
	set_headers(r);
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
	strv_done(&r->own);
	free(r->asked);
	free(r->url);
	free(r->accept);
	free(r->range);
	free(r->authorization);
	free(r->own_authorization);
	free(r);
}

bool http_ended(const struct http_reply *r) { return r->ended; }

int http_status(const struct http_reply *r)
{
	long status = 0;

	(void)curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
	return (int)status;
}

const char *http_header(const struct http_reply *r, const char *lower) { return dict_get(&r->got, lower); }

const char *http_authorization(const struct http_reply *r) { return r->authorization; }

const char *http_elsewhere(const struct http_reply *r)
{
	const char *host, *path, *its_host, *its_path;
	size_t n, its_n;
	bool tls, its_tls;

	if (http_split(r->asked, &tls, &host, &n, &path) == 0 && http_split(r->url, &its_tls, &its_host, &its_n, &its_path) == 0 &&
	    tls == its_tls && n == its_n && strncasecmp(host, its_host, n) == 0)
		return NULL;
	return r->url;
}

int64_t http_offset(const struct http_reply *r, int64_t asked)
{
	const char *range = http_header(r, "content-range");
	char *end = NULL;
	int64_t at;

	if (http_status(r) != 206)
		return 0;
	if (!range)
		return asked;
	if (strncasecmp(range, "bytes ", 6) != 0 || !isdigit((unsigned char)range[6]))
		return -1;
	errno = 0;
	at = strtoll(range + 6, &end, 10);
	return errno || *end != '-' ? -1 : at;
}

struct buf *http_body(struct http_reply *r) { return &r->body; }

void http_take(struct http_reply *r, struct buf *to)
{
	buf_done(to);
	*to = TAKE_STRUCT(r->body);
	if (!r->paused)
		return;
	r->paused = false;
	(void)curl_easy_pause(r->easy, CURLPAUSE_CONT);
}

static const struct {
	CURLcode result;
	enum errc code;
	bool transient;
	const char *text, *hint;
} failures[] = {
	{ CURLE_COULDNT_RESOLVE_HOST, ERR_UNAVAILABLE, false, "the host name cannot be resolved",
	  "check the registry's name and /etc/resolv.conf" },
	{ CURLE_COULDNT_RESOLVE_PROXY, ERR_UNAVAILABLE, false, "the proxy's name cannot be resolved", "check https_proxy" },
	{ CURLE_COULDNT_CONNECT, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_OPERATION_TIMEDOUT, ERR_DEADLINE, true, NULL, NULL },
	{ CURLE_PEER_FAILED_VERIFICATION, ERR_PERMISSION, false, NULL,
	  "trust its authority with ca in /etc/containerd/certs.d/HOST/hosts.toml" },
	{ CURLE_SSL_CACERT_BADFILE, ERR_INVALID, false, "a ca file of hosts.toml cannot be read", NULL },
	{ CURLE_SSL_CERTPROBLEM, ERR_INVALID, false, NULL, NULL },
	{ CURLE_SSL_CONNECT_ERROR, ERR_UNAVAILABLE, false, NULL,
	  "a registry without TLS is named http://... in /etc/containerd/certs.d/HOST/hosts.toml" },
	{ CURLE_OUT_OF_MEMORY, ERR_EXHAUSTED, false, /* so says libcurl */
	  "a line of the answer's headers is longer than 100 KiB", NULL },
	{ CURLE_URL_MALFORMAT, ERR_INVALID, false, NULL, NULL },
	{ CURLE_UNSUPPORTED_PROTOCOL, ERR_INVALID, false, NULL, NULL },
	{ CURLE_PARTIAL_FILE, ERR_UNAVAILABLE, true, "the connection ended early", NULL },
	{ CURLE_GOT_NOTHING, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_RECV_ERROR, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_SEND_ERROR, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_HTTP2, ERR_UNAVAILABLE, true, NULL, NULL },
	{ CURLE_HTTP2_STREAM, ERR_UNAVAILABLE, true, NULL, NULL },
};
enum { N_FAILURES = sizeof failures / sizeof *failures };

bool http_transient(const struct http_reply *r)
{
	for (size_t i = 0; i < N_FAILURES; i++)
		if (failures[i].result == r->result)
			return failures[i].transient;
	return false;
}

static const char *failure_text(const struct http_reply *r)
{
	long sys = 0;

	if (r->result == CURLE_COULDNT_CONNECT)
		(void)curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &sys);
	if (sys)
		return strerrordesc_np((int)sys);
	return *r->text ? r->text : curl_easy_strerror(r->result);
}

int http_result(const struct http_reply *r, struct err *err)
{
	const char *text = failure_text(r);

	if (r->too_long)
		return err_set(err, ERR_EXHAUSTED, "the answer is longer than %zu bytes", r->max);
	if (r->head_too_long)
		return err_set(err, ERR_EXHAUSTED, "the answer's headers are longer than %d KiB", HEAD_MAX >> 10);
	if (r->not_allowed)
		return err_set(err, ERR_PERMISSION, "it redirects to an address that is not allowed");
	if (r->too_many)
		return err_set(err, ERR_UNAVAILABLE, "more than %d redirects", REDIRECTS);
	if (r->result == CURLE_OK)
		return 0;
	for (size_t i = 0; i < N_FAILURES; i++) {
		if (failures[i].result != r->result)
			continue;
		(void)err_set(err, failures[i].code, "%s", failures[i].text ? failures[i].text : text);
		return failures[i].hint ? err_hint(err, -(int)failures[i].code, "%s", failures[i].hint) : -(int)failures[i].code;
	}
	return err_set(err, ERR_UNAVAILABLE, "%s", text);
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

void http_escape(struct buf *to, const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x80 && (isalnum((unsigned char)*text) || strchr("-._~", *text)))
			buf_addc(to, *text);
		else
			buf_addf(to, "%%%02X", (unsigned char)*text);
	}
}

int http_split(const char *url, bool *ret_tls, const char **ret_host, size_t *ret_host_len, const char **ret_path)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	const char *host = url + (tls ? 8 : 7);
	size_t n;

	if (!tls && strncmp(url, "http://", 7) != 0)
		return -1;
	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f || *c == '\\')
			return -1;
	n = strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]");
	if (!n || (host[n] && !strchr("/?#", host[n])))
		return -1;
	*ret_tls = tls;
	*ret_host = host;
	*ret_host_len = n;
	*ret_path = host + n;
	return 0;
}

bool http_loopback(const char *host, size_t len)
{
	_cleanup_free_ char *h = mem_strndup(host, len);
	unsigned a, b, c;
	int end = 0;

	if (strncmp(h, "[::1]", 5) == 0)
		return !h[5] || h[5] == ':';
	h[strcspn(h, ":")] = '\0';
	return strcmp(h, "localhost") == 0 ||
	       (sscanf(h, "127.%3u.%3u.%3u%n", &a, &b, &c, &end) == 3 && !h[end] && a < 256 && b < 256 && c < 256);
}
