#pragma once
#include "../core/quiet.h"
#include "quiet.h"
#include "taugate/core/gone.h"
#include "fli/plot/child.h"
#include "nn/hidden.h"
