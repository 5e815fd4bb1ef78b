// The mean of a million uniform numbers, drawn by all threads: 1/2 within five standard errors.

#include <taugate/taugate.h>

#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  constexpr int kStreams = 100, kDraws = 10000;
  std::vector<double> sums(kStreams);
  taugate::parallel_for(sums.size(), [&](std::size_t stream, int) {
    taugate::Random random(7, stream);
    for (int i = 0; i < kDraws; ++i) sums[stream] += random.uniform();
  });
  double mean = 0.0;
  for (double sum : sums) mean += sum / (1.0 * kStreams * kDraws);

  try {
    taugate::set_thread_count(0);
    return 2;  // an absurd request must throw
  } catch (const taugate::UsageError&) {
  }
  std::printf("mean %.5f\n", mean);
  return std::abs(mean - 0.5) < 5.0 / std::sqrt(12.0 * kStreams * kDraws) ? 0 : 1;
}
