#include "cli/options/model_choice.h"

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
  const ModelCard& card = chosen_card(cards, model, measurement, options);
  std::cout << "model: " << card.name << " (" << card.about << "), gate 0 at "
            << formatted("%.4g", *options.first_gate_ns) << " ns\n";
  return load_model_of(card);
}

}  // namespace taugate::cli
