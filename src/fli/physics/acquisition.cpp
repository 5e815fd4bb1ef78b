#include "taugate/fli/physics/acquisition.h"

#include "fli/physics/acquisition_fields.h"

namespace taugate {
namespace {

struct Preset {
  const char* name;
  Acquisition acquisition;
};
constexpr Preset presets[] = {
    {"ss2-70", {70, 0.179, 0.179, 12.53}},
    {"ss3-135", {135, 0.09, 0.09, 12.5}},
    {"iccd-176", {176, 0.04, 0.04, 12.5}},
};

}  // namespace

void validate(const Acquisition& a) {
  check_within("gates", a.gates, 2, 65536);
  check_within("period (ns)", a.period_ns, 1e-3, 1e6);
  check_within("gate step (ns)", a.gate_step_ns, 1e-6, a.period_ns);
  if (a.gate_width_ns != 0.0) check_within("gate width (ns)", a.gate_width_ns, 1e-6, a.period_ns);
  if ((a.gates - 1) * a.gate_step_ns >= a.period_ns)
    fail_usage("gates: found ", a.gates, " gates ", a.gate_step_ns, " ns apart, the last opens at ",
               (a.gates - 1) * a.gate_step_ns, " ns; wanted it within the laser period of ",
               a.period_ns, " ns");
}

Acquisition acquisition_preset(std::string_view name) {
  std::string wanted;
  for (const Preset& preset : presets) {
    if (name == preset.name) return preset.acquisition;
    wanted += (wanted.empty() ? "" : ", ") + std::string(preset.name);
  }
  fail_usage("preset: found \"", name, "\", wanted one of ", wanted);
}

std::vector<std::string> acquisition_preset_names() {
  std::vector<std::string> names;
  for (const Preset& preset : presets) names.emplace_back(preset.name);
  return names;
}

std::string to_json(const Acquisition& acquisition) { return json_fields::write(acquisition); }

Acquisition acquisition_from_json(std::string_view text) {
  Acquisition a{0, 0.0, -1.0, 0.0};
  json_fields::read(text, "acquisition", a);
  if (a.gate_width_ns == -1.0) a.gate_width_ns = a.gate_step_ns;
  validate(a);
  return a;
}

}  // namespace taugate
