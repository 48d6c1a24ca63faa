/* An image from its registry. */
#pragma once
#include "login.h"
#include "session.h"

/* @hosts_dir NULL: /etc/containerd/certs.d. Adds the image to @images, as image_record_put() does. */
int pull_image(struct session *, const char *ref, const struct login *, const char *hosts_dir, json *images, struct err *err);
