#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "taugate/core/error.h"
#include "taugate/core/parallel.h"
#include "testing.h"

using namespace taugate;

namespace {

/// Sets a number of threads for a test.
struct Threads {
  explicit Threads(int count) { set_thread_count(count); }
  ~Threads() { set_thread_count(before); }
  int before = thread_count();
};

/// How often each item is worked on, over many calls; every thread number must be below `threads`.
void check_each_once(std::size_t items, int threads) {
  const Threads setting(threads);
  std::vector<int> visits(items);  // an item belongs to one thread, so plain integers do
  std::atomic<int> out_of_range{0};
  constexpr int calls = 200;
  for (int call = 0; call < calls; ++call)
    parallel_for(items, [&](std::size_t item, int thread) {
      ++visits[item];
      if (thread < 0 || thread >= threads) ++out_of_range;
    });
  for (const int count : visits) REQUIRE(count == calls);
  CHECK(out_of_range == 0);
}

}  // namespace

TEST_CASE("parallel_for: each item exactly once, whatever the number of threads") {
  for (const int threads : {5, 2, 1, 3})
    for (const std::size_t items : {0, 1, 2, 7, 1000}) {
      CAPTURE(threads);
      CAPTURE(items);
      check_each_once(items, threads);
    }
  CHECK_THROWS_AS(set_thread_count(0), UsageError);
}

TEST_CASE("parallel_for: what an item writes is seen by the caller") {
  const Threads setting(4);
  std::vector<std::size_t> squares(300);
  for (std::size_t call = 0; call < 300; ++call) {
    parallel_for(squares.size(), [&](std::size_t i, int) { squares[i] = i * call; });
    std::size_t sum = 0;
    for (const std::size_t s : squares) sum += s;
    REQUIRE(sum == call * 300 * 299 / 2);
  }
}

TEST_CASE("parallel_for: an exception comes back, and the other items are done") {
  for (const int threads : {1, 4}) {
    const Threads setting(threads);
    std::atomic<int> done{0};
    CHECK_THROWS_WITH_AS(parallel_for(100,
                                      [&](std::size_t item, int) {
                                        if (item == 37) throw std::runtime_error("item 37");
                                        ++done;
                                      }),
                         "item 37", std::runtime_error);
    CHECK(done == 99);
    parallel_for(100, [&](std::size_t, int) { ++done; });  // and the next job is not touched by it
    CHECK(done == 199);
  }
}

TEST_CASE("parallel_for: one inside another runs on its thread") {
  const Threads setting(3);
  std::atomic<int> inner{0}, elsewhere{0};
  parallel_for(20, [&](std::size_t, int) {
    const auto here = std::this_thread::get_id();
    parallel_for(10, [&](std::size_t, int thread) {
      ++inner;
      if (thread != 0 || std::this_thread::get_id() != here) ++elsewhere;
    });
  });
  CHECK(inner == 200);
  CHECK(elsewhere == 0);
}

TEST_CASE("parallel_for: callers on several threads of a program do not mix") {
  const Threads setting(3);
  std::vector<std::thread> callers;
  std::vector<long> sums(4);
  for (std::size_t c = 0; c < sums.size(); ++c)
    callers.emplace_back([&sums, c] {
      for (int call = 0; call < 200; ++call) {
        std::atomic<long> sum{0};
        parallel_for(50, [&](std::size_t item, int) { sum += static_cast<long>(item * c); });
        sums[c] += sum;
      }
    });
  for (std::thread& caller : callers) caller.join();
  for (std::size_t c = 0; c < sums.size(); ++c) CHECK(sums[c] == 200 * 1225 * static_cast<long>(c));
}

TEST_CASE("parallel_for: works in a forked process, which has no helpers") {
  const Threads setting(4);
  parallel_for(8, [](std::size_t, int) {});
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    int done = 0;
    parallel_for(8, [&](std::size_t, int) { ++done; });  // all on this thread
    ::_exit(done == 8 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}
