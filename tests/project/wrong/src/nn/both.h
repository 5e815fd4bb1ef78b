#pragma once
#include "taugate/taugate.h"
