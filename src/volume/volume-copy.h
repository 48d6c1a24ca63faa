/* Filling a fresh volume with what the image has at its mount point. */
#pragma once
#include "volume.h"

/* Copies the content of folder @target of the image below @image_rootfd into the empty volume, with owners, modes, times,
 * extended attributes and hard links; the volume's own folder gets the owner and mode of @target. Links are never followed
 * out of either tree, whatever jobs that have the volume do meanwhile; what they have put there stays, and they see what
 * comes. A target that the image lacks is nothing to copy. A copy that was killed, interrupted or failed half-way is made
 * whole by the next. Ends with @ctx. */
int volume_copy_up(int image_rootfd, const char *target, const struct volume *, const struct ctx *, struct err *err);
