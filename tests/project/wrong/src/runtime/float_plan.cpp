#include "runtime/plan.h"
#include "taugate/nn/layer.h"
