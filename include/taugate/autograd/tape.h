#pragma once
// Reverse-mode differentiation. A Tape records operations in the order in which they run; that
// order is a topological order, so `backward` is one loop over the records in reverse.
//
// Everything a tape makes (values, gradients, records) lives in an Arena and is gone when the arena
// is rewound: a training step after the first allocates nothing. A tape belongs to one thread; a
// batch is spread over threads by giving each its own slice, tape and gradient block (see
// nn/trainer.h).

#include <new>
#include <type_traits>
#include <utility>

#include "taugate/core/arena.h"

namespace taugate {

/// A value on a tape and the gradient of the loss with respect to it. Both are views into the
/// arena.
template <class S>
struct Var {
  Sequence<S> value;
  Sequence<S> grad;  ///< same shape, or empty where no gradient is wanted

  bool wants_gradient() const { return !grad.empty(); }
  bool empty() const { return value.empty(); }
  int steps() const { return value.steps; }
  int features() const { return value.features; }
  int batch() const { return value.batch; }
};

/// A weight and the gradient that backward adds to (or nothing, where it is frozen).
template <class S>
struct Weight {
  Matrix<S> value;
  Matrix<S> grad;

  bool wants_gradient() const { return !grad.empty(); }
  bool empty() const { return value.empty(); }
};

/// Where a parameter lies in its block, and its shape.
struct ParameterRef {
  std::size_t offset = 0;
  int rows = 0;
  int cols = 0;
};

/// A block of parameters and the equally laid out block that receives their gradients (or null).
template <class S>
struct Binding {
  S* values = nullptr;
  S* gradients = nullptr;
};

template <class S>
class Tape {
 public:
  explicit Tape(Arena& arena, Binding<S> parameters = {})
      : arena_(arena), parameters_(parameters) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// A value that the caller owns, and that outlives the tape.
  Var<S> input(Sequence<S> value, bool wants_gradient = false) {
    return {value, wants_gradient ? zeros_like(value) : Sequence<S>{}};
  }

  /// Room for the result of an operation. Its gradient starts at zero.
  Var<S> result(int steps, int features, int batch, bool wants_gradient) {
    const Sequence<S> value = arena_.template sequence<S>(steps, features, batch);
    return {value, wants_gradient ? zeros_like(value) : Sequence<S>{}};
  }

  Weight<S> weight(const ParameterRef& ref) const {
    require(parameters_.values != nullptr,
            "[tape] a layer needs a tape that is bound to its parameters");
    Weight<S> w{{parameters_.values + ref.offset, ref.rows, ref.cols}, {}};
    if (parameters_.gradients) w.grad = {parameters_.gradients + ref.offset, ref.rows, ref.cols};
    return w;
  }

  /// Remembers how an operation passes gradients from its result to its operands. `backward` is a
  /// closure that captures views by value and adds to gradients, never overwrites them.
  template <class Backward>
  void record(Backward backward) {
    static_assert(std::is_trivially_destructible_v<Backward>, "capture views, not owners");
    auto* kept = new (arena_.allocate<Backward>(1)) Backward(std::move(backward));
    auto* entry = arena_.allocate<Record>(1);
    *entry = {newest_, kept, [](void* closure) { (*static_cast<Backward*>(closure))(); }};
    newest_ = entry;
  }

  /// Fills every gradient with d loss / d value. `loss` is a single number. A tape runs back once.
  void backward(const Var<S>& loss) {
    require(loss.steps() == 1 && loss.features() == 1 && loss.batch() == 1,
            "[backward] found a loss of shape ", shape_of(loss.value), ", wanted a single number");
    require(loss.wants_gradient(), "[backward] the loss depends on nothing that wants a gradient");
    loss.grad.at(0, 0, 0) = S(1);
    for (Record* entry = newest_; entry; entry = entry->previous) entry->call(entry->closure);
    newest_ = nullptr;
  }

  Arena& arena() { return arena_; }

 private:
  struct Record {
    Record* previous;
    void* closure;
    void (*call)(void*);
  };

  Sequence<S> zeros_like(const Sequence<S>& s) {
    return arena_.template zero_sequence<S>(s.steps, s.features, s.batch);
  }

  Arena& arena_;
  Binding<S> parameters_;
  Record* newest_ = nullptr;
};

}  // namespace taugate
