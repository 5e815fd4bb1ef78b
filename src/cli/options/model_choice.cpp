#include "cli/options/model_choice.h"

#include <algorithm>
#include <iostream>

#include "cli/options/program_folder.h"
#include "core/formatted.h"

namespace taugate::cli {

std::filesystem::path models_folder() { return shared_folder("models"); }

bool names_card(const std::string& model) {
  return model == "auto" ||
         (!std::filesystem::exists(model) && model.find_first_of("./") == std::string::npos);
}

std::unique_ptr<TraceModel> model_of_card(const std::string& model, const Measurement& measurement,
                                          InferenceOptions& options) {
  const std::vector<ModelCard> cards = read_model_cards(models_folder());
  const ModelCard* card = model == "auto" ? nullptr : card_named(cards, model);
  if (model != "auto" && !card)
    fail_usage("found the model '", model,
               "', which is neither a file nor a name that taugate models lists");
  if (!card) card = &fitting_card(cards, measurement);
  const RecordedAxis axis(measurement);
  const std::string misfit = axis.misfit(*card);
  require(misfit.empty(), measurement.path.string(), ": found ", axis.described(), "; model ",
          card->name, " wants ", misfit);
  options.whole_counts = card->rise_ns.has_value();
  if (!options.first_gate_ns) options.first_gate_ns = axis.first_gate_ns(*card);
  std::cout << "model: " << card->name << " (" << card->about << "), gate 0 at "
            << formatted("%.4g", *options.first_gate_ns) << " ns\n";
  return load_model_of(*card);
}

}  // namespace taugate::cli
