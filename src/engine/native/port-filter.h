// A filter on the sockets of a port: packets of others than the allowed senders are dropped, as if nobody listened.
//
// For servers that listen at all addresses and ask nobody for anything. Linux only.
#pragma once
#include "addition.h"

#include <sstream>

#ifdef __linux__
#include <arpa/inet.h>
#include <dirent.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#endif

namespace {

#ifdef __linux__
using Filter = std::vector<sock_filter>;

const sock_filter PASS{BPF_RET | BPF_K, 0, 0, 0xffffffff};
const sock_filter DROP{BPF_RET | BPF_K, 0, 0, 0};

sock_filter load(uint16_t size, uint32_t at) {
  return {static_cast<uint16_t>(BPF_LD | size | BPF_ABS), 0, 0, static_cast<uint32_t>(SKF_NET_OFF) + at};
}

// Skips instructions unless what was loaded is this.
sock_filter unless(uint32_t value, int skip) { return {BPF_JMP | BPF_JEQ | BPF_K, 0, static_cast<uint8_t>(skip), value}; }

// Lets loopback and these senders through: addresses of IPv4 and IPv6, a line each.
Filter onlyFrom(const std::string& allowed) {
  Filter v4{load(BPF_W, 12), {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xff000000}, unless(0x7f000000, 1), PASS, load(BPF_W, 12)};
  Filter v6;
  std::istringstream addresses("::1\n" + allowed);
  for (std::string address; std::getline(addresses, address);) {
    uint32_t words[4];
    if (inet_pton(AF_INET, address.c_str(), words) == 1) {
      v4.insert(v4.end(), {unless(ntohl(words[0]), 1), PASS});
    } else if (inet_pton(AF_INET6, address.c_str(), words) == 1) {
      for (int i = 0; i < 4; i++) v6.insert(v6.end(), {load(BPF_W, 8 + 4 * i), unless(ntohl(words[i]), 7 - 2 * i)});
      v6.push_back(PASS);
    } else {
      throw Failure{"no filter can be made for the address " + address};
    }
  }
  v4.push_back(DROP);
  v6.push_back(DROP);
  // The version is in the upper half of the first byte.
  Filter filter{load(BPF_B, 0), {BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf0}, {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0x40}};
  filter.push_back({BPF_JMP | BPF_JA, 0, 0, static_cast<uint32_t>(v4.size())});
  filter.insert(filter.end(), v4.begin(), v4.end());
  filter.insert(filter.end(), v6.begin(), v6.end());
  return filter;
}

Filter fromNobody() { return {DROP}; }

// Puts it on every socket of this process at the port; those that are accepted later inherit it.
void guard(int32_t port, Filter filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  DIR* folder = opendir("/proc/self/fd");
  int guarded = 0;
  while (const dirent* entry = folder == nullptr ? nullptr : readdir(folder)) {
    const int socket = atoi(entry->d_name);
    sockaddr_in6 address{};
    socklen_t length = sizeof address;
    if (getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0) continue;
    // IPv4 has its port in the same place.
    if (address.sin6_family != AF_INET && address.sin6_family != AF_INET6) continue;
    if (ntohs(address.sin6_port) != port) continue;
    if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) guarded++;
  }
  if (folder != nullptr) closedir(folder);
  if (guarded == 0) throw Failure{"no filter can be put on port " + std::to_string(port)};
}
#else
using Filter = int;
Filter onlyFrom(const std::string&) { return 0; }
Filter fromNobody() { return 0; }
void guard(int32_t, Filter) { throw Failure{"only Linux has filters for ports"}; }
#endif

}  // namespace
