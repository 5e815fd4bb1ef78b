#pragma once
#include "taugate/core/quiet.h"
#include "fli/plot/child.h"
#include "taugate/fli/plot/map.h"
