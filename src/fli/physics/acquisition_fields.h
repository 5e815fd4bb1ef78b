#pragma once
// For .cpp files only: the JSON fields of an Acquisition.

#include "fli/physics/json_fields.h"
#include "taugate/fli/physics/acquisition.h"

namespace taugate {

template <class Visit, json_fields::Is<Acquisition> A>
void fields(Visit& visit, A& a) {
  visit("gates", a.gates);
  visit("gate_step_ns", a.gate_step_ns);
  visit("gate_width_ns", a.gate_width_ns);
  visit("period_ns", a.period_ns);
}

}  // namespace taugate
