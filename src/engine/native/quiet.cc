// The addon that tfjs-node loads: it loads the real one beside it while standard error is switched off.
//
// TensorFlow writes a few lines there while it starts, before it looks at TF_CPP_MIN_LOG_LEVEL. A user who asks for
// them (TF_CPP_MIN_LOG_LEVEL=0) gets them. Failures are thrown, not written, so none is lost.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace {

class Quiet {
 public:
  Quiet() {
    const char* level = getenv("TF_CPP_MIN_LOG_LEVEL");
    if (level != nullptr && strcmp(level, "0") == 0) return;
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0) return;
    saved_ = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (saved_ >= 0) dup2(nowhere, STDERR_FILENO);
    close(nowhere);
  }
  ~Quiet() {
    if (saved_ < 0) return;
    dup2(saved_, STDERR_FILENO);
    close(saved_);
  }

 private:
  int saved_ = -1;
};

using Register = napi_value (*)(napi_env, napi_value);
using Add = void (*)(napi_env, napi_value);

}  // namespace

NAPI_MODULE_INIT() {
  const Quiet quiet;
  void* library = dlopen(SCORESTREAM_BINDING, RTLD_LAZY);
  void* function = library == nullptr ? nullptr : dlsym(library, "napi_register_module_v1");
  if (function == nullptr) {
    napi_throw_error(env, nullptr, dlerror());
    return nullptr;
  }
  exports = reinterpret_cast<Register>(function)(env, exports);
  const char* const additions[] = {"scorestream_add_functions", "scorestream_add_values", "scorestream_add_memory",
                                   "scorestream_add_collectives"};
  for (const char* name : additions) {
    void* add = dlsym(library, name);
    if (exports != nullptr && add != nullptr) reinterpret_cast<Add>(add)(env, exports);
  }
  return exports;
}
