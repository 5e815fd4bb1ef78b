#pragma once
#include "../core/quiet.h"
#include "core/quiet.h"
#include "taugate/core/gone.h"
#include "taugate/fli/child.h"
