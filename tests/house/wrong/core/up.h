// No include guard, and a floor that looks up.
#include "taugate/nn/layer.h"
#include "/usr/include/math.h"
#include <taugate/core/quiet.h>
