/* Filling a fresh volume with what the image has at its mount point. */
#pragma once
#include "volume.h"

/* Copies the content of folder @target of the image below @image_rootfd into the empty volume, with owners, modes, times,
 * extended attributes and hard links; the volume's own folder gets the owner and mode of @target. Links are never followed
 * out of either tree. A target that the image lacks is nothing to copy. One that was killed or failed half-way is made
 * whole by the next. */
int volume_copy_up(int image_rootfd, const char *target, const struct volume *, struct err *err);
