#include "taugate/core/quiet.h"
#include "taugate/nn/layer.h"
