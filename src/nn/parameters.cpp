#include "taugate/nn/parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/half.h"
#include "core/hash.h"

namespace taugate {

ParameterRef Parameters::add(std::string name, int rows, int cols) {
  require(rows >= 1 && cols >= 1, "[parameters] '", name, "': found shape [", rows, "][", cols,
          "], wanted at least [1][1]");
  require(!find(name), "[parameters] '", name, "' exists already");
  const ParameterRef at{values_.size(), rows, cols};
  // Every tensor starts on a cache line, and the block is a whole number of them.
  const std::size_t count = static_cast<std::size_t>(rows) * cols;
  Buffer<float> grown(at.offset + (count + kLaneBlock - 1) / kLaneBlock * kLaneBlock);
  std::copy(values_.begin(), values_.end(), grown.begin());
  values_ = std::move(grown);
  entries_.push_back({std::move(name), at});
  return at;
}

Parameters Parameters::clone() const {
  Parameters copy;
  copy.entries_ = entries_;
  copy.values_ = Buffer<float>(values_.size());
  std::copy(values_.begin(), values_.end(), copy.values_.begin());
  return copy;
}

void Parameters::take_from(const Parameters& longer) {
  require(longer.size() >= size(), "[parameters] found ", longer.size(),
          " values, wanted at least ", size());
  std::copy_n(longer.data(), size(), data());
}

std::uint64_t Parameters::hash() const {
  return fnv1a({reinterpret_cast<const char*>(data()), size() * sizeof(float)});
}

const Parameters::Entry* Parameters::find(std::string_view name) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(),
                               [&](const Entry& entry) { return entry.name == name; });
  return it == entries_.end() ? nullptr : &*it;
}

std::size_t Parameters::count() const {
  std::size_t total = 0;
  for (const Entry& entry : entries_)
    total += static_cast<std::size_t>(entry.at.rows) * entry.at.cols;
  return total;
}

void Parameters::fill_uniform(const ParameterRef& at, double limit, std::uint64_t seed,
                              std::uint64_t stream) {
  Random rng(seed, stream);
  const Matrix<float> m = matrix(at);
  for (std::size_t i = 0; i < m.size(); ++i)
    m.data[i] = static_cast<float>(rng.uniform(-limit, limit));
}

void Parameters::fill_orthogonal(const ParameterRef& at, std::uint64_t seed, std::uint64_t stream) {
  require(at.rows <= at.cols, "[parameters] found [", at.rows, "][", at.cols,
          "], wanted rows <= columns");
  Random rng(seed, stream);
  const auto n = static_cast<std::size_t>(at.cols);
  std::vector<double> rows(static_cast<std::size_t>(at.rows) * n);
  for (double& x : rows) x = rng.normal();
  const auto dot = [n](const double* a, const double* b) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += a[i] * b[i];
    return sum;
  };
  for (double* row = rows.data(); row < rows.data() + rows.size(); row += n) {
    for (const double* earlier = rows.data(); earlier < row; earlier += n) {
      const double along = dot(row, earlier);
      for (std::size_t i = 0; i < n; ++i) row[i] -= along * earlier[i];
    }
    const double length = std::sqrt(dot(row, row));
    for (std::size_t i = 0; i < n; ++i) row[i] /= length;
  }
  const Matrix<float> m = matrix(at);
  for (std::size_t i = 0; i < m.size(); ++i) m.data[i] = static_cast<float>(rows[i]);
}

void Parameters::round_to_halves() {
  std::transform(data(), data() + size(), data(), rounded_to_half);
  halves_ = true;
}
bool Parameters::are_halves() const {
  return halves_ &&
         std::all_of(data(), data() + size(), [](float v) { return v == rounded_to_half(v); });
}

}  // namespace taugate
