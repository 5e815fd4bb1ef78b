#include "study/paper_figures.h"

#include <algorithm>
#include <sstream>

#include "study/embedded_files.h"
#include "taugate/core/error.h"

namespace taugate {
namespace {

std::vector<PaperFigure> read_figures() {
  std::vector<PaperFigure> figures;
  std::istringstream lines(kPaperTables);
  bool head = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (!head) {
      require(line == "table,model,bits,method,metric,paper,paper_deviation",
              "paper_tables.csv: found the columns ", line);
      head = true;
      continue;
    }
    std::istringstream cells(line);
    const auto cell = [&] {
      std::string text;
      require(static_cast<bool>(std::getline(cells, text, ',')), "paper_tables.csv: found ", line);
      return text;
    };
    PaperFigure f;
    f.table = cell();
    f.model = cell();
    f.bits = std::stoi(cell());
    f.method = cell();
    f.metric = cell();
    f.mean = std::stod(cell());
    f.deviation = std::stod(cell());
    figures.push_back(std::move(f));
  }
  return figures;
}

}  // namespace

const std::vector<PaperFigure>& paper_figures() {
  static const std::vector<PaperFigure> figures = read_figures();
  return figures;
}

const PaperFigure* paper_figure(const std::string& table, const std::string& model, int bits,
                                const std::string& method, const std::string& metric) {
  const auto& all = paper_figures();
  const auto it = std::find_if(all.begin(), all.end(), [&](const PaperFigure& f) {
    return f.table == table && f.model == model && f.bits == bits && f.method == method &&
           f.metric == metric;
  });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace taugate
