/* Docker's names for what davit's own JSON says, so that templates written for `docker inspect -f` go on working. Each
 * function adds them to the object beside davit's own, which are all in lower case: none replaces another.
 * docs/from-docker.md lists them. */
#pragma once
#include "json.h"

void docker_view_job(json *);   /* of job_inspect() */
void docker_view_image(json *); /* of image_inspect() */
void docker_view_volume(json *);
void docker_view_network(json *);
