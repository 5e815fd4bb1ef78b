#pragma once
// The kinds of GRU, by name, as every implementation and every model file knows them.

#include <string>

namespace taugate {

/// Where the reset gate acts: on U_n h + c_n (PyTorch, cuDNN, Keras >= 2), or on h before U_n (Cho
/// et al. 2014; QKeras).
enum class GruForm { reset_after, reset_before };

/// The gates' and the candidate's functions.
///   smooth: sigmoid(x) = 1/(1+exp(-x)) and tanh(x)
///   hard:   clip(0.5 x + 0.5, 0, 1) and clip(x, -1, 1)
enum class Activation { smooth, hard };

std::string name_of(GruForm form);
std::string name_of(Activation activation);
GruForm gru_form(const std::string& name);       ///< throws UsageError
Activation activation(const std::string& name);  ///< throws UsageError

}  // namespace taugate
