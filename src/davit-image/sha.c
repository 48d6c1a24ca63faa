#include "sha.h"
#include "mem.h"
#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

void sha_init(struct sha *s)
{
	if (!s->md)
		s->md = EVP_MD_CTX_new();
	if (!s->md || EVP_DigestInit_ex(s->md, EVP_sha256(), NULL) != 1)
		abort(); /* memory, as in mem.h: SHA-256 is in every provider */
}

void sha_add(struct sha *s, const void *p, size_t n)
{
	assert(s->md);
	(void)EVP_DigestUpdate(s->md, p, n);
}

void sha_end(struct sha *s, char out[DIGEST_TEXT])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	(void)EVP_DigestFinal_ex(s->md, raw, &n);
	assert(n == 32);
	(void)memcpy(out, "sha256:", 8);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(out + 7 + 2 * i, 3, "%02x", raw[i]);
}

void sha_done(struct sha *s)
{
	EVP_MD_CTX_free(s->md);
	s->md = NULL;
}

const char *sha_of(const void *p, size_t n, char out[DIGEST_TEXT])
{
	_cleanup_sha_ struct sha s = { 0 };

	sha_init(&s);
	sha_add(&s, p, n);
	sha_end(&s, out);
	return out;
}

void sha_chain(const struct strv *diff_ids, struct strv *ret)
{
	for (size_t i = 0; i < diff_ids->n; i++) {
		_cleanup_free_ char *pair = NULL;
		char digest[DIGEST_TEXT];

		if (i == 0) {
			strv_push(ret, diff_ids->v[0]);
			continue;
		}
		pair = mem_printf("%s %s", ret->v[ret->n - 1], diff_ids->v[i]);
		strv_push(ret, sha_of(pair, strlen(pair), digest));
	}
}
