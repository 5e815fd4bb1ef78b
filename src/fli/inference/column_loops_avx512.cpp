#include "fli/inference/column_loops.inl"

namespace taugate {
extern const ColumnLoops column_loops_avx512;
const ColumnLoops column_loops_avx512{"avx512", product, squares};
}  // namespace taugate
