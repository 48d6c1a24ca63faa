/* Digests, for what a job file hashes, by libmd: OpenSSL, which digests what davit-image fetches, would cost each start. */
#pragma once
#include <stddef.h>

enum { HASH_MAX = 64 };

/* Writes the digest, returns its length. */
size_t hash_md5(const void *data, size_t n, unsigned char out[HASH_MAX]);
size_t hash_sha1(const void *data, size_t n, unsigned char out[HASH_MAX]);
size_t hash_sha256(const void *data, size_t n, unsigned char out[HASH_MAX]);
size_t hash_sha512(const void *data, size_t n, unsigned char out[HASH_MAX]);
