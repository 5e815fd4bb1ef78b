#pragma once
#include "taugate/core/quiet.h"
