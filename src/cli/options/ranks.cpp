#include "cli/options/ranks.h"

#ifndef TAUGATE_MPI

namespace taugate::cli {

Ranks& ranks() { return Ranks::alone(); }
void require_one_rank(const std::string&) {}
const char* rank_that_fails() { return ""; }
void leave_ranks(int) {}

}  // namespace taugate::cli

#else

#include <mpi.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.h"
#include "cli/options/verbosity.h"
#include "core/interrupt.h"
#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "taugate/simd/arch.h"

namespace taugate::cli {
namespace {

class MpiRanks final : public Ranks {
 public:
  MpiRanks() {
    int threads = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &threads);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    if (rank_ > 0) set_verbosity(Verbosity::quiet);
    share_processors();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }

  void exchange(float* blocks, std::size_t count, std::size_t size) override {
    const Share rows = share(count), columns = share(size);
    const auto part = [&](Share r, Share c) {
      MPI_Datatype type{};
      MPI_Type_vector(number(r.size()), number(c.size()), number(size), MPI_FLOAT, &type);
      MPI_Type_commit(&type);
      return std::pair{blocks + r.begin * size + c.begin, type};
    };
    std::vector<MPI_Request> requests;
    std::vector<MPI_Datatype> types;
    for (int step = 1; step < size_; ++step) {
      const int to = (rank_ + step) % size_, from = (rank_ + size_ - step) % size_;
      const auto [theirs, received] = part(share(count, from), columns);
      const auto [ours, sent] = part(rows, share(size, to));
      MPI_Irecv(theirs, 1, received, from, 0, MPI_COMM_WORLD, &requests.emplace_back());
      MPI_Isend(ours, 1, sent, to, 0, MPI_COMM_WORLD, &requests.emplace_back());
      types.insert(types.end(), {received, sent});
    }
    wait_for(requests);
    for (MPI_Datatype& type : types) MPI_Type_free(&type);
  }

  void gather(float* values, std::size_t count) override { gather(values, count, MPI_FLOAT); }
  void gather(double* values, std::size_t count) override { gather(values, count, MPI_DOUBLE); }

  bool any(bool here) override {
    int flag = here;
    std::vector<MPI_Request> request(1);
    MPI_Iallreduce(MPI_IN_PLACE, &flag, 1, MPI_INT, MPI_LOR, MPI_COMM_WORLD, request.data());
    wait_for(request);
    return flag != 0;
  }

 private:
  /// A launcher that binds ranks to processors has shared them already.
  static void share_processors() {
    MPI_Comm machine{};
    int here = 1;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine);
    MPI_Comm_size(machine, &here);
    MPI_Comm_free(&machine);
    const int threads = thread_count();
    if (!std::getenv("OMP_NUM_THREADS") && threads >= ::sysconf(_SC_NPROCESSORS_ONLN))
      set_thread_count(std::max(1, threads / here));
  }

  /// MPI's own waiting keeps a processor busy, which another rank may need to answer.
  static void wait_for(std::vector<MPI_Request>& requests) {
    constexpr int kBusyLooks = 2000;  // some tenths of a millisecond
    int done = 0;
    for (int look = 0; !done; ++look) {
      if (look > kBusyLooks) std::this_thread::sleep_for(std::chrono::microseconds(50));
      MPI_Testall(number(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    }
  }

  static int number(std::size_t n) { return static_cast<int>(n); }

  template <class T>
  void gather(T* values, std::size_t count, MPI_Datatype type) {
    std::vector<int> sizes, begins;
    for (int r = 0; r < size_; ++r) {
      const Share part = share(count, r);
      sizes.push_back(number(part.size()));
      begins.push_back(number(part.begin));
    }
    std::vector<MPI_Request> request(1);
    MPI_Iallgatherv(MPI_IN_PLACE, 0, type, values, sizes.data(), begins.data(), type,
                    MPI_COMM_WORLD, request.data());
    wait_for(request);
  }

  int rank_ = 0, size_ = 1;
};

/// How many ranks a launcher has started; -1 where it does not say.
int launched() {
  for (const char* size : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (const char* value = std::getenv(size)) return std::atoi(value);
  return std::getenv("PMIX_RANK") || std::getenv("PMI_RANK") ? -1 : 1;
}

std::unique_ptr<MpiRanks> joined;

void require_same_kernels(MpiRanks& all) {
  double name = 0.0;  // as a number: these names have six letters at most
  for (const char letter : simd::active_arch()) name = 256.0 * name + letter;
  std::vector<double> names(static_cast<std::size_t>(all.size()));
  names[static_cast<std::size_t>(all.rank())] = name;
  all.gather(names.data(), names.size());
  for (std::size_t r = 0; r < names.size(); ++r)
    require(names[r] == names[0], "rank ", r,
            ": has other kernels than rank 0, whose sums differ in their last bits; set "
            "TAUGATE_ARCH to what all machines have");
}

}  // namespace

Ranks& ranks() {
  const int wanted = joined ? 1 : launched();
  if (wanted != 1) {
    joined = std::make_unique<MpiRanks>();
    require(wanted < 0 || wanted == joined->size(), "found ", wanted,
            " ranks of the launcher, of which this program's MPI sees ", joined->size(),
            ": it is built with another MPI than the launcher's");
    require_same_kernels(*joined);
  }
  return joined ? *joined : Ranks::alone();
}

void require_one_rank(const std::string& command) {
  if (ranks().size() > 1) fail_usage(command, ": found ", ranks().size(), " ranks, wanted one");
}

const char* rank_that_fails() {
  if (!joined || joined->rank() == 0) return "";
  for (int wait = 0; wait < 100; ++wait) {
    if (interrupted()) return nullptr;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  static const std::string name = concat("rank ", joined->rank(), ": ");
  return name.c_str();
}

void leave_ranks(int code) {
  if (!joined) return;
  if (code == kSuccess || code == kInterrupted)
    MPI_Finalize();
  else
    MPI_Abort(MPI_COMM_WORLD, code);
}

}  // namespace taugate::cli

#endif
