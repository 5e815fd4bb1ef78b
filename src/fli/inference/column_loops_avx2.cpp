#include "fli/inference/column_loops.inl"

namespace taugate {
extern const ColumnLoops column_loops_avx2;
const ColumnLoops column_loops_avx2{"avx2", product, squares};
}  // namespace taugate
