// Memory that processes of one machine share, which Node has no way to map. On Linux only.
//
//   createMemory()           the descriptor of an empty file without a name, which can grow and never shrinks
//   growMemory(fd, bytes)    gives it so many bytes, all of which there is room for; the new ones are 0
//   mapMemory(fd, writable)  an ArrayBuffer of all its bytes; `takeBack` ends it. A file that could shrink is refused:
//                            who looks at bytes that are gone is killed
#include "addition.h"

#ifdef __linux__
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

namespace {

[[noreturn]] void fail(const char* what) { throw Failure{std::string(what) + ": " + std::strerror(errno)}; }

napi_value createMemory(napi_env env, napi_value*) {
  constexpr unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int fd = memfd_create("scorestream", flags | MFD_NOEXEC_SEAL);
  // Before Linux 6.3.
  if (fd < 0 && errno == EINVAL) fd = memfd_create("scorestream", flags);
  if (fd < 0) fail("memfd_create");
  if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0) {
    close(fd);
    fail("F_ADD_SEALS");
  }
  napi_value result;
  check(napi_create_int32(env, fd, &result), "a result");
  return result;
}

napi_value growMemory(napi_env env, napi_value* arguments) {
  const int fd = number(env, arguments[0]);
  int64_t bytes = 0;
  check(napi_get_value_int64(env, arguments[1], &bytes), "a number");
  // Not ftruncate: where there is no room left, that would show when the memory is used, as a signal.
  while (fallocate(fd, 0, 0, bytes) != 0) {
    if (errno != EINTR) fail("fallocate");
  }
  return nullptr;
}

napi_value mapMemory(napi_env env, napi_value* arguments) {
  const int fd = number(env, arguments[0]);
  bool writable = false;
  check(napi_get_value_bool(env, arguments[1], &writable), "a boolean");
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & F_SEAL_SHRINK) == 0) throw Failure{"the file could shrink"};
  struct stat about;
  if (fstat(fd, &about) != 0) fail("fstat");
  const size_t bytes = about.st_size;
  void* data = mmap(nullptr, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) fail("mmap");
  const auto unmap = [](napi_env, void* mapped, void* size) { munmap(mapped, reinterpret_cast<size_t>(size)); };
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(env, data, bytes, unmap, reinterpret_cast<void*>(bytes), &buffer);
  if (status != napi_ok) munmap(data, bytes);
  check(status, "a runtime with buffers of others' memory");
  return buffer;
}

}  // namespace
#endif

// Adds the methods to the binding's exports.
extern "C" __attribute__((visibility("default"))) void scorestream_add_memory(napi_env env, napi_value exports) {
#ifdef __linux__
  addMethods(env, exports, {
      {"createMemory", method<0, createMemory>},
      {"growMemory", method<2, growMemory>},
      {"mapMemory", method<2, mapMemory>},
  });
#endif
}
