#pragma once
#include "taugate/nn/layer.h"
