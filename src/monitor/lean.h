/* What a program needs while it only waits. */
#pragma once

/* Gives back free memory, and the pages of our own program: they are the file's, and come back from the page cache, which all
 * monitors share, as they are needed. */
void lean_rest(void);
