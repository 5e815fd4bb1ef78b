#pragma once
// One GRU over one sequence, forwards and backwards, on one page: the truth that the fast versions
// (gru.h) are tested against. docs/gru.md derives the equations. Everything in double, slowly.
//
// With S and F the activations of gates and candidate, h for h_{t-1}, * element by element:
//   reset_after                                     reset_before
//   r = S(W_r x + b_r + U_r h + c_r)                r = S(W_r x + b_r + U_r h)
//   z = S(W_z x + b_z + U_z h + c_z)                z = S(W_z x + b_z + U_z h)
//   s = U_n h + c_n                                 s = r * h
//   n = F(W_n x + b_n + r * s)                      n = F(W_n x + b_n + U_n s)
//   h_t = n + z * (h - n)                           h_t = n + z * (h - n)

#include <Eigen/Core>

#include "taugate/core/gru_form.h"

namespace taugate {

/// Weights, or the gradients of a loss with respect to them; gates stacked r, z, n.
struct GruReference {
  GruForm form;
  Activation activation;
  Eigen::MatrixXd W, U;  ///< [3H][I], [3H][H]
  Eigen::VectorXd b, c;  ///< [3H], [3H]; c stays 0 for reset_before

  using Array = Eigen::ArrayXd;
  Array S(const Array& a) const {
    if (activation == Activation::hard) return (0.5 * a + 0.5).max(0.0).min(1.0);
    return 1.0 / (1.0 + (-a).exp());
  }
  Array F(const Array& a) const {
    if (activation == Activation::hard) return a.max(-1.0).min(1.0);
    return a.tanh();
  }
  /// Their derivatives, from the value y of the function.
  Array dS(const Array& y) const {
    if (activation == Activation::hard) return 0.5 * (y > 0.0 && y < 1.0).cast<double>();
    return y * (1.0 - y);
  }
  Array dF(const Array& y) const {
    if (activation == Activation::hard) return (y.abs() < 1.0).cast<double>();
    return 1.0 - y * y;
  }

  /// Columns are steps: h_0 .. h_T in h, of steps 1 .. T the rest.
  struct States {
    Eigen::MatrixXd h, r, z, n, s;
  };

  /// x [I][T], h0 [H].
  States forward(const Eigen::MatrixXd& x, const Eigen::VectorXd& h0) const {
    const Eigen::Index H = h0.size(), T = x.cols();
    const Eigen::MatrixXd none(H, T);
    States y{Eigen::MatrixXd(H, T + 1), none, none, none, none};
    y.h.col(0) = h0;
    for (Eigen::Index t = 0; t < T; ++t) {
      const Array h = y.h.col(t), input = W * x.col(t) + b, state = U * h.matrix() + c;
      const Array r = S(input.head(H) + state.head(H));
      const Array z = S(input.segment(H, H) + state.segment(H, H));
      const Array s = form == GruForm::reset_after ? Array(state.tail(H)) : Array(r * h);
      const Array by_state =
          form == GruForm::reset_after ? Array(r * s) : Array(U.bottomRows(H) * s.matrix());
      const Array n = F(input.tail(H) + by_state);
      y.h.col(t + 1) = n + z * (h - n);
      y.r.col(t) = r, y.z.col(t) = z, y.n.col(t) = n, y.s.col(t) = s;
    }
    return y;
  }

  /// dy [H][T], of h_1 .. h_T. Adds to the gradients `sum`, writes dx [I][T], returns that of h_0.
  Eigen::VectorXd backward(const Eigen::MatrixXd& x, const States& y, const Eigen::MatrixXd& dy,
                           GruReference& sum, Eigen::MatrixXd& dx) const {
    const Eigen::Index H = dy.rows();
    Array dh = Array::Zero(H);
    Eigen::VectorXd d(3 * H), e(3 * H);  // of the pre-activations, beside W x + b and U h + c
    for (Eigen::Index t = x.cols(); t-- > 0;) {
      const Array h = y.h.col(t), r = y.r.col(t), z = y.z.col(t), n = y.n.col(t), s = y.s.col(t);
      // g = dy + dh;   d_z = g * (h - n) * S'(z);   d_n = g * (1 - z) * F'(n);   dh = g * z
      const Array g = dy.col(t).array() + dh, dn = g * (1.0 - z) * dF(n);
      dh = g * z;
      // reset_after:  d_s = d_n * r,     d_r = d_n * s * S'(r)
      // reset_before: d_s = U_n' d_n,    d_r = d_s * h * S'(r),    dh += d_s * r
      const Array ds = form == GruForm::reset_after
                           ? Array(dn * r)
                           : Array(U.bottomRows(H).transpose() * dn.matrix());
      const Array dr = (form == GruForm::reset_after ? Array(dn * s) : Array(ds * h)) * dS(r);
      d << dr.matrix(), (g * (h - n) * dS(z)).matrix(), dn.matrix();
      e = d;
      if (form == GruForm::reset_after) {  // d_s goes into U_n h + c_n
        e.tail(H) = ds;
        sum.c += e;
      } else {  // U_n has had its turn
        dh += ds * r;
        e.tail(H).setZero();
        sum.U.bottomRows(H) += dn.matrix() * s.matrix().transpose();
      }
      // dU += e h',  dh += U' e;   dW += d x',  dx = W' d,  db += d
      sum.U += e * h.matrix().transpose();
      dh += (U.transpose() * e).array();
      sum.W += d * x.col(t).transpose();
      sum.b += d;
      dx.col(t) = W.transpose() * d;
    }
    return dh;
  }
};

}  // namespace taugate
