#include "taugate/core/gru_form.h"

#include "taugate/core/error.h"

namespace taugate {

std::string name_of(GruForm form) {
  return form == GruForm::reset_after ? "reset_after" : "reset_before";
}
std::string name_of(Activation activation) {
  return activation == Activation::smooth ? "smooth" : "hard";
}
GruForm gru_form(const std::string& name) {
  for (GruForm form : {GruForm::reset_after, GruForm::reset_before})
    if (name == name_of(form)) return form;
  fail_usage("GRU form: found '", name, "', wanted reset_after or reset_before");
}
Activation activation(const std::string& name) {
  for (Activation kind : {Activation::smooth, Activation::hard})
    if (name == name_of(kind)) return kind;
  fail_usage("activation: found '", name, "', wanted smooth or hard");
}

}  // namespace taugate
