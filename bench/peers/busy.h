#pragma once
// A process that takes a core, to see who suffers from a neighbour more than its share.

#include <sys/types.h>

namespace peers {

class BusyProcess {
 public:
  BusyProcess();  ///< asleep at first
  ~BusyProcess();
  BusyProcess(const BusyProcess&) = delete;
  BusyProcess& operator=(const BusyProcess&) = delete;

  void wake();
  void sleep();

 private:
  pid_t pid_;
};

}  // namespace peers
