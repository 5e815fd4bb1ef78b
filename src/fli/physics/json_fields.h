#pragma once
// For .cpp files only: a struct names its fields once, in a function `fields(visit, object)`, and
// is written to and read from JSON by the same list, so the two cannot drift apart.

#include <cstddef>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>

#include "taugate/core/error.h"
#include "taugate/fli/physics/range.h"

namespace taugate::json_fields {

using Json = nlohmann::ordered_json;

/// An Object is a Struct, const or not: what a `fields` function serves.
template <class Object, class Struct>
concept Is = std::is_same_v<std::remove_const_t<Object>, Struct>;

/// Parses `text`, or throws an Error that names `what`.
inline Json parse(std::string_view text, const char* what) {
  try {
    return Json::parse(text);
  } catch (const Json::exception&) {
    fail(what, ": found text that is not JSON, wanted a JSON object");
  }
}

class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      json_[name] = enum_names(value)[static_cast<std::size_t>(value)];
    } else if constexpr (std::is_same_v<T, Range>) {
      json_[name] = {value.low, value.high};
    } else if constexpr (std::is_class_v<T>) {
      Writer inner;
      fields(inner, value);
      json_[name] = inner.json_;
    } else {
      json_[name] = value;
    }
  }
  /// A field that is left out at its default: texts of before it was there stay what they were.
  template <class T>
  void unless(const char* name, const T& value, const T& otherwise) {
    if (!(value == otherwise)) (*this)(name, value);
  }
  Json& json() { return json_; }

 private:
  Json json_ = Json::object();
};

/// Reads the fields that are present and leaves the others as they are; a name that nobody asked
/// for is an error, since it is most often a misspelling.
class Reader {
 public:
  Reader(const Json& json, std::string where) : json_(json), where_(std::move(where)) {
    require(json.is_object(), where_, ": found ", json.type_name(), ", wanted a JSON object");
  }

  template <class T>
  void operator()(const char* name, T& value) {
    known_.insert(name);
    const auto found = json_.find(name);
    if (found == json_.end()) return;
    const std::string path = where_ + "." + name;
    if constexpr (std::is_enum_v<T>) {
      value = read_enum<T>(*found, path);
    } else if constexpr (std::is_same_v<T, Range>) {
      require(found->is_array() && found->size() == 2 && (*found)[0].is_number() &&
                  (*found)[1].is_number(),
              path, ": found ", found->dump(), ", wanted [low, high]");
      value = {(*found)[0].template get<double>(), (*found)[1].template get<double>()};
    } else if constexpr (std::is_class_v<T>) {
      Reader inner(*found, path);
      fields(inner, value);
      inner.finish();
    } else if constexpr (std::is_same_v<T, bool>) {
      require(found->is_boolean(), path, ": found ", found->dump(), ", wanted true or false");
      value = found->template get<bool>();
    } else if constexpr (std::is_integral_v<T>) {
      require(found->is_number_integer() && found->template get<long long>() >= -2147483647LL &&
                  found->template get<long long>() <= 2147483647LL,
              path, ": found ", found->dump(), ", wanted an integer");
      value = found->template get<T>();
    } else {
      require(found->is_number(), path, ": found ", found->dump(), ", wanted a number");
      value = found->template get<T>();
    }
  }
  template <class T>
  void unless(const char* name, T& value, const T&) {
    (*this)(name, value);
  }
  /// A field that the caller reads itself; nullptr where it is absent.
  const Json* find(const char* name) {
    known_.insert(name);
    const auto found = json_.find(name);
    return found == json_.end() ? nullptr : &*found;
  }
  void finish() const {
    for (const auto& item : json_.items())
      require(known_.count(item.key()) == 1, where_, ": found the unknown field \"", item.key(),
              '"');
  }

 private:
  template <class T>
  static T read_enum(const Json& json, const std::string& path) {
    std::string wanted;
    const auto names = enum_names(T{});
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (json.is_string() && json.get<std::string>() == names[i]) return static_cast<T>(i);
      wanted += (i ? ", " : "") + std::string(names[i]);
    }
    fail(path, ": found ", json.dump(), ", wanted one of ", wanted);
  }

  const Json& json_;
  std::string where_;
  std::set<std::string> known_;
};

template <class T>
std::string write(const T& object) {
  Writer writer;
  fields(writer, object);
  return writer.json().dump();
}

template <class T>
void read(std::string_view text, const char* what, T& object) {
  const Json json = parse(text, what);
  Reader reader(json, what);
  fields(reader, object);
  reader.finish();
}

}  // namespace taugate::json_fields
