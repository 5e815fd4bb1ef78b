#pragma once
// Everything that the library offers, in one include.

#include "taugate/core/arena.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/core/tensor.h"
