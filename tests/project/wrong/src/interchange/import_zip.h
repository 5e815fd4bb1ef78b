#pragma once
#include "fli/plot/child.h"
