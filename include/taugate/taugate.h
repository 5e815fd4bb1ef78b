#pragma once
// Everything that taugate::taugate offers, in one include, module by module. No third-party header
// comes with it.

#include "taugate/core/arena.h"
#include "taugate/core/error.h"
#include "taugate/core/file.h"
#include "taugate/core/gru_form.h"
#include "taugate/core/parallel.h"
#include "taugate/core/random.h"
#include "taugate/core/safetensors.h"
#include "taugate/core/tensor.h"

#include "taugate/simd/arch.h"

#include "taugate/autograd/fake_quant.h"
#include "taugate/autograd/gradcheck.h"
#include "taugate/autograd/gru.h"
#include "taugate/autograd/ops.h"
#include "taugate/autograd/tape.h"

#include "taugate/nn/distill.h"
#include "taugate/nn/layers.h"
#include "taugate/nn/model.h"
#include "taugate/nn/model_file.h"
#include "taugate/nn/network.h"
#include "taugate/nn/optimizer.h"
#include "taugate/nn/parameters.h"
#include "taugate/nn/trainer.h"

#include "taugate/quant/integer/arithmetic.h"
#include "taugate/quant/integer/integer_model.h"
#include "taugate/quant/integer/integer_model_file.h"
#include "taugate/quant/integer/integer_step.h"
#include "taugate/quant/integer/qkeras_file.h"
#include "taugate/quant/integer/tables.h"
#include "taugate/quant/integer/weight_grid.h"
#include "taugate/quant/ptq/bit_widths.h"
#include "taugate/quant/ptq/calibrate.h"
#include "taugate/quant/ptq/qkeras.h"
#include "taugate/quant/ptq/quantize.h"
#include "taugate/quant/ptq/weight_only.h"
#include "taugate/quant/qat/qat.h"
#include "taugate/quant/qat/qat_step.h"

#include "taugate/runtime/event_executor.h"
#include "taugate/runtime/executor.h"

#include "taugate/interchange/onnx.h"
#include "taugate/interchange/rtl_export.h"
