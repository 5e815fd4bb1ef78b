#pragma once
#include "taugate/core/quiet.h"
#include "nn/network.h"
#include "taugate/nn/layer.h"
