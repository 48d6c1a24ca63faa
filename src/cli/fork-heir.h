/* The command line's heir_fork (run/heir-fork.h): its program has one thread. */
#pragma once
#include "heir-fork.h"

heir_fork fork_heir;
