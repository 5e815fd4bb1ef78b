#include "fli/io/ome.h"

#include <array>
#include <cmath>
#include <map>
#include <pugixml.hpp>
#include <string>
#include <string_view>

#include "taugate/core/error.h"

namespace taugate {
namespace {

constexpr int kMostPages = 1 << 20;  // of a file, and planes of an image

/// A name without its namespace.
std::string_view local(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const auto colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

/// The first element of that name anywhere below.
pugi::xml_node find(const pugi::xml_node& root, std::string_view name) {
  return root.find_node([&](const pugi::xml_node& node) { return local(node) == name; });
}

int count_of(const pugi::xml_node& root, std::string_view name) {
  struct Walker : pugi::xml_tree_walker {
    std::string_view wanted;
    int found = 0;
    bool for_each(pugi::xml_node& node) override {
      found += local(node) == wanted;
      return true;
    }
  } walker;
  walker.wanted = name;
  pugi::xml_node(root).traverse(walker);
  return walker.found;
}

/// A time unit in ns; 0 for an unknown one.
double in_ns(std::string_view unit) {
  if (unit == "ps") return 1e-3;
  if (unit == "ns") return 1.0;
  if (unit == "us" || unit == "\xC2\xB5s") return 1e3;
  if (unit == "ms") return 1e6;
  if (unit == "s") return 1e9;
  return 0.0;
}

double in_hz(std::string_view unit) {
  if (unit.empty() || unit == "Hz") return 1.0;
  if (unit == "kHz") return 1e3;
  if (unit == "MHz") return 1e6;
  if (unit == "GHz") return 1e9;
  return 0.0;
}

/// How many values a ModuloAlong element has, its End included; 0 where it does not tell.
int steps_of(const pugi::xml_node& modulo, double step) {
  const double end =
      modulo.attribute("End").as_double(0.0) - modulo.attribute("Start").as_double(0.0);
  int labels = 0;
  for (const auto& child : modulo.children()) labels += local(child) == "Label";
  const double steps = std::round(end / (step > 0.0 ? step : 1.0)) + 1.0;
  return labels > 0 ? labels : steps >= 2.0 && steps <= (1 << 20) ? static_cast<int>(steps) : 0;
}

/// The step of a ModuloAlong element, which gives it or lists the values as labels; nothing where it does neither (as tifffile).
std::optional<double> step_ns(const pugi::xml_node& modulo, const std::string& where) {
  const std::string_view unit = modulo.attribute("Unit").as_string("ps");
  double step = modulo.attribute("Step").as_double(0.0);
  if (step == 0.0) {
    std::array<double, 2> labels{};
    std::size_t n = 0;
    for (const auto& child : modulo.children())
      if (local(child) == "Label" && n < 2) labels[n++] = child.text().as_double(0.0);
    if (n == 0) return std::nullopt;
    step = labels[1] - labels[0];
  }
  if (!(step * in_ns(unit) > 0.0 && std::isfinite(step)))
    fail(where, ": OME-XML: gates ", step, " '", unit, "' apart");
  return step * in_ns(unit);
}

std::optional<double> laser_period_ns(const pugi::xml_document& document) {
  if (count_of(document, "Laser") != 1) return std::nullopt;
  const pugi::xml_node laser = find(document, "Laser");
  const double rate = laser.attribute("RepetitionRate").as_double(0.0) *
                      in_hz(laser.attribute("RepetitionRateUnit").as_string(""));
  if (!(rate > 0.0 && std::isfinite(rate))) return std::nullopt;
  return 1e9 / rate;
}

/// A name in the folder of the file that gives it.
void check_name(const std::string& name, const std::string& where) {
  if (name.empty() || name == "." || name == ".." || name.find_first_of("/\\") != name.npos)
    fail(where, ": OME-XML: names the file '", name, "', wanted one in its own folder");
}

/// Where the `n` planes lie, as the TiffData elements tell.
void place_planes(OmeStack& stack, const pugi::xml_node& pixels,
                  const std::array<int, 128>& step_of, int n, const std::string& where) {
  const std::string own = pixels.root().first_child().attribute("UUID").as_string();
  stack.planes.resize(static_cast<std::size_t>(n));
  std::map<std::string, int> files;  // their places in stack.files
  std::int64_t placed = 0;
  for (const auto& data : pixels.children()) {
    if (local(data) != "TiffData") continue;
    const pugi::xml_node uuid = find(data, "UUID");
    std::string name = uuid.attribute("FileName").as_string();
    if (!own.empty() && own == uuid.text().as_string()) name.clear();
    if (!name.empty()) check_name(name, where);
    const auto [known, added] = files.emplace(name, static_cast<int>(files.size()));
    if (added) stack.files.push_back(name);
    std::int64_t first = 0;
    for (const char axis : {'Z', 'C', 'T'})
      first += std::int64_t{data.attribute(concat("First", axis).c_str()).as_int(0)} *
               step_of[static_cast<unsigned char>(axis)];
    const pugi::xml_attribute page = data.attribute("IFD");
    const std::int64_t count = data.attribute("PlaneCount").as_int(page ? 1 : n);
    const int first_page = page.as_int(0);
    if (first_page < 0 || first_page > kMostPages)
      fail(where, ": OME-XML: page ", first_page, ", wanted 0 to ", kMostPages);
    if (first < 0 || count < 0 || first + count > n)
      fail(where, ": OME-XML: planes ", first, " to ", first + count - 1, ", wanted 0 to ", n - 1);
    placed += count;
    if (placed > n) fail(where, ": OME-XML: places ", placed, " planes, wanted ", n);
    for (std::int64_t i = 0; i < count; ++i)
      stack.planes[static_cast<std::size_t>(first + i)] = {known->second,
                                                           first_page + static_cast<int>(i)};
  }
  if (stack.files.empty()) {  // nothing is said: all in this file
    stack.files.emplace_back();
    for (int i = 0; i < n; ++i) stack.planes[static_cast<std::size_t>(i)] = {0, i};
  }
  for (std::size_t i = 0; i < stack.planes.size(); ++i)
    if (stack.planes[i].file < 0) fail(where, ": OME-XML: plane ", i, " of ", n, " is in no file");
}

pugi::xml_document parsed(std::string_view xml, const std::string& where) {
  pugi::xml_document document;
  const pugi::xml_parse_result result = document.load_buffer(xml.data(), xml.size());
  if (!result) fail(where, ": OME-XML: ", result.description(), " at byte ", result.offset);
  return document;
}

}  // namespace

std::optional<std::string> ome_metadata_file(std::string_view xml, const std::string& where) {
  const pugi::xml_document document = parsed(xml, where);
  const pugi::xml_node other = find(document, "BinaryOnly");
  if (!other || find(document, "Pixels")) return std::nullopt;
  std::string name = other.attribute("MetadataFile").as_string();
  check_name(name, where);
  return name;
}

OmeStack parse_ome(std::string_view xml, const std::string& where, int gates_per_frame) {
  const pugi::xml_document document = parsed(xml, where);
  const pugi::xml_node pixels = find(document, "Pixels");
  if (!pixels) fail(where, ": OME-XML without Pixels");
  if (pixels.parent().attribute("Name").as_string() == std::string_view("Phasor mean"))
    fail(where, ": holds phasor coordinates, wanted counts");
  const std::string order = pixels.attribute("DimensionOrder").as_string("XYZCT");
  if (order.size() != 5 || !order.starts_with("XY"))
    fail(where, ": OME-XML: a DimensionOrder '", order.substr(0, 20), "'");

  OmeStack stack;
  char gate_axis = 0;
  int axes = 0;        // besides channels
  int gates_told = 0;  // by an annotation
  int step = 1;
  std::array<int, 128> size{}, step_of{};
  for (const char axis : order.substr(2)) {
    if (std::string_view("ZCT").find(axis) == std::string_view::npos)
      fail(where, ": OME-XML: a DimensionOrder '", order, "'");
    const auto a = static_cast<unsigned char>(axis);
    size[a] = pixels.attribute(concat("Size", axis).c_str()).as_int(1);
    if (size[a] < 1 || size[a] > kMostPages / step)
      fail(where, ": OME-XML: Size", axis, " is ", size[a]);
    step_of[a] = step;
    step *= size[a];
    const pugi::xml_node modulo = find(document, concat("ModuloAlong", axis));
    const std::string_view type = modulo.attribute("Type").as_string("");
    if (type == "lifetime" || type == "Lifetime") {
      gate_axis = axis;
      stack.bin_ns = step_ns(modulo, where);
      gates_told = steps_of(modulo, modulo.attribute("Step").as_double(0.0));
    }
    if (axis != 'C' && size[a] > 1) ++axes;
  }
  // Without an annotation the gates are what there is more than one of.
  bool annotated = gate_axis != 0;
  if (!annotated) gate_axis = size['T'] > 1 ? 'T' : size['Z'] > 1 ? 'Z' : 'C';
  // The user may say what no annotation does.
  if (gates_per_frame != 0) {
    if (annotated || axes == 0)
      fail_usage("--gates-per-frame: does nothing for ", where, ", which ",
                 annotated ? "annotates its gates" : "has neither slices nor times");
    if (size['Z'] > 1) gate_axis = 'Z';
    const int planes = size[static_cast<unsigned char>(gate_axis)];
    const bool divides = axes == 1 && gates_per_frame >= 2 && planes % gates_per_frame == 0;
    if (!divides && gates_per_frame != planes)
      fail_usage("--gates-per-frame: found ", gates_per_frame, ", wanted ",
                 axes == 1 ? "2 or more that divide " : "", planes, ", the Size", gate_axis, " of ",
                 where);
    gates_told = gates_per_frame;
    annotated = true;
  }
  // Times beside annotated gates are frames.
  const bool times = annotated && gate_axis != 'T' && size['T'] > 1;
  const bool other =
      (gate_axis != 'T' && size['T'] > 1 && !times) || (gate_axis != 'Z' && size['Z'] > 1);
  if (axes - times > 1 || other)
    fail(where, ": OME-XML: ", size['Z'], " slices, ", size['C'], " channels, ", size['T'],
         " times; wanted gates along one of these, and nothing else but channels",
         annotated || axes < 2
             ? ""
             : concat(", or --gates-per-frame ", size['Z'], " where the slices are gates"));
  stack.gates = size[static_cast<unsigned char>(gate_axis)];
  stack.gate_step = step_of[static_cast<unsigned char>(gate_axis)];
  // Frames along the axis of the gates, which turn faster.
  if (!times && gates_told > 0 && gates_told < stack.gates && stack.gates % gates_told == 0) {
    // (Along C these are channels.)
    (gate_axis == 'C' ? stack.channels : stack.frames) = stack.gates / gates_told;
    (gate_axis == 'C' ? stack.channel_step : stack.frame_step) = gates_told * stack.gate_step;
    stack.gates = gates_told;
  }
  if (times) {
    stack.frames = size['T'];
    stack.frame_step = step_of['T'];
  }
  if (gate_axis != 'C') {
    stack.channels = size['C'];
    stack.channel_step = step_of['C'];
  }
  place_planes(stack, pixels, step_of, step, where);
  stack.period_ns = laser_period_ns(document);
  return stack;
}

namespace {

/// The last of `n` values that are `step` apart, from 0. tifffile counts ceil((end + step) / step) of them, where rounding may
/// make one more; Bio-Formats and we round to the nearest.
double last_value(double step, int n) {
  double end = step * (n - 1);
  while (std::ceil((end + step) / step) > n) end = std::nextafter(end, 0.0);
  return end;
}

/// What the planes along T are.
void annotate(pugi::xml_node annotations, const OmeImage& image, const std::string& id) {
  pugi::xml_node annotation = annotations.append_child("XMLAnnotation");
  annotation.append_attribute("ID") = id.c_str();
  annotation.append_attribute("Namespace") = "openmicroscopy.org/omero/dimension/modulo";
  pugi::xml_node modulo = annotation.append_child("Value").append_child("Modulo");
  modulo.append_attribute("namespace") = "http://www.openmicroscopy.org/Schemas/Additions/2011-09";
  pugi::xml_node along = modulo.append_child("ModuloAlongT");
  along.append_attribute("Type") = image.harmonics ? "other" : "lifetime";
  if (image.harmonics)
    along.append_attribute("TypeDescription") = "Phasor harmonics";
  else
    along.append_attribute("Unit") = "ns";
  const double step = image.bin_ns.value_or(1.0);
  along.append_attribute("Start") = 0;
  along.append_attribute("Step") = step;
  along.append_attribute("End") = last_value(step, image.planes);
}

}  // namespace

std::string ome_xml(std::span<const OmeImage> images, std::optional<double> period_ns) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node ome = document.append_child("OME");
  ome.append_attribute("xmlns") = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
  if (period_ns) {
    pugi::xml_node instrument = ome.append_child("Instrument");
    instrument.append_attribute("ID") = "Instrument:0";
    pugi::xml_node laser = instrument.append_child("Laser");
    laser.append_attribute("ID") = "LightSource:0";
    laser.append_attribute("RepetitionRate") = 1e3 / *period_ns;
    laser.append_attribute("RepetitionRateUnit") = "MHz";
  }
  pugi::xml_document annotations;
  int page = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const OmeImage& its = images[i];
    pugi::xml_node image = ome.append_child("Image");
    image.append_attribute("ID") = concat("Image:", i).c_str();
    if (!its.name.empty()) image.append_attribute("Name") = its.name.c_str();
    pugi::xml_node pixels = image.append_child("Pixels");
    pixels.append_attribute("ID") = concat("Pixels:", i).c_str();
    pixels.append_attribute("DimensionOrder") = "XYTCZ";
    pixels.append_attribute("Type") = its.type;
    pixels.append_attribute("SizeX") = its.width;
    pixels.append_attribute("SizeY") = its.height;
    pixels.append_attribute("SizeZ") = 1;
    pixels.append_attribute("SizeC") = 1;
    pixels.append_attribute("SizeT") = its.planes;
    pugi::xml_node channel = pixels.append_child("Channel");
    channel.append_attribute("ID") = concat("Channel:", i, ":0").c_str();
    channel.append_attribute("SamplesPerPixel") = 1;
    pugi::xml_node data = pixels.append_child("TiffData");
    data.append_attribute("IFD") = page;
    data.append_attribute("PlaneCount") = its.planes;
    page += its.planes;
    if (!its.bin_ns && !its.harmonics) continue;
    const std::string id = concat("Annotation:", i);
    image.append_child("AnnotationRef").append_attribute("ID") = id.c_str();
    annotate(annotations, its, id);
  }
  if (annotations.first_child()) {
    pugi::xml_node all = ome.append_child("StructuredAnnotations");
    for (const auto& annotation : annotations.children()) all.append_copy(annotation);
  }
  struct Text : pugi::xml_writer {
    std::string text;
    void write(const void* data, std::size_t size) override {
      text.append(static_cast<const char*>(data), size);
    }
  } text;
  document.save(text, "", pugi::format_raw);
  return text.text;
}

}  // namespace taugate
