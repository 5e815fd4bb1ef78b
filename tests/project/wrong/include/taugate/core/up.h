// No include guard, and a module that looks up.
#include "taugate/nn/layer.h"
#include "/usr/include/math.h"
#include <taugate/core/quiet.h>
