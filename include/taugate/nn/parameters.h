#pragma once
// All parameters of a model in one block, so that a gradient, an optimizer's moments or a
// checkpoint is just another block of the same layout.

#include <string>
#include <string_view>
#include <vector>

#include "taugate/autograd/tape.h"
#include "taugate/core/arena.h"
#include "taugate/core/random.h"

namespace taugate {

class Parameters {
 public:
  struct Entry {
    std::string name;  ///< PyTorch's, e.g. "encoder.0.weight_ih"
    ParameterRef at;
  };

  /// A copy, to which more can be added: what a training needs beside the model's own.
  Parameters clone() const;
  /// Copies from the beginning of `longer`, a clone that has been added to.
  void take_from(const Parameters& longer);

  /// Makes room for a matrix (a bias has one column), zeroed. Adding moves the block.
  ParameterRef add(std::string name, int rows, int cols);

  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t count() const;                           ///< parameters that are there
  std::size_t size() const { return values_.size(); }  ///< length of the block, padding included

  void round_to_halves();   ///< each value to the nearest float of 16 bits
  bool are_halves() const;  ///< whether that was done and still holds

  std::uint64_t hash() const;  ///< tells one set of values from another

  float* data() { return values_.data(); }
  const float* data() const { return values_.data(); }
  /// The entry of that name, or null.
  const Entry* find(std::string_view name) const;
  Matrix<float> matrix(const ParameterRef& at) { return {data() + at.offset, at.rows, at.cols}; }

  /// Uniform numbers in (-limit, limit); `stream` keeps the tensors of one seed apart.
  void fill_uniform(const ParameterRef& at, double limit, std::uint64_t seed, std::uint64_t stream);

  /// Rows of length 1 at right angles to each other (Gram-Schmidt on normal numbers); rows <= cols.
  void fill_orthogonal(const ParameterRef& at, std::uint64_t seed, std::uint64_t stream);

  /// For a tape: these values, with gradients added to `gradients` (size() floats) or nowhere.
  Binding<float> bind(float* gradients = nullptr) const {
    return {const_cast<float*>(data()), gradients};
  }

 private:
  std::vector<Entry> entries_;
  Buffer<float> values_;
  bool halves_ = false;
};

}  // namespace taugate
