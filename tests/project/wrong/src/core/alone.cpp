#include "core/loud.h"
