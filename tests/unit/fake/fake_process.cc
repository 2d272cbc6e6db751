#include "tests/unit/fake/fake_process.h"

#include <algorithm>
#include <cerrno>

namespace numalocality {

void FakeProcess::AddHole(uint64_t start, int count, const std::string& path) {
  mappings.push_back({{start, start + static_cast<uint64_t>(count) * kFakePage}, path});
  for (const char* hugetlb : {"/anon_hugepage", "/dev/hugepages/"}) {
    if (path.rfind(hugetlb, 0) == 0) mappings.back().file.device = kFakeHugetlb;
  }
  for (const char* shmem : {"/dev/shm/", "/memfd:", "/SYSV", "/dev/zero"}) {
    if (path.rfind(shmem, 0) == 0) mappings.back().file.device = kFakeShm;
  }
}

void FakeProcess::AddPages(uint64_t start, int count, int node, const std::string& path) {
  AddHole(start, count, path);
  const bool is_shmem = path.rfind("/dev/shm/", 0) == 0;
  mappings.back().is_shared = is_shmem;
  for (int i = 0; i < count; ++i) {
    auto folio = std::make_shared<FakeFolio>();
    folio->node = node;
    folio->file = is_shmem;
    pages[start + static_cast<uint64_t>(i) * kFakePage] = std::move(folio);
  }
}

void FakeProcess::AddHugePages(uint64_t start, int count, int node) {
  AddHole(start, count * kFakeHugePages);
  for (int huge = 0; huge < count; ++huge) {
    auto folio = std::make_shared<FakeFolio>();
    folio->node = node;
    folio->pages = kFakeHugePages;
    for (uint64_t i = 0; i < kFakeHugePages; ++i) {
      pages[start + static_cast<uint64_t>(huge) * kFakeHuge + i * kFakePage] = folio;
    }
  }
}

bool FakeProcess::IsMapped(uint64_t address) const {
  return std::any_of(mappings.begin(), mappings.end(), [&](const FakeMapping& mapping) {
    return mapping.range.start <= address && address < mapping.range.end;
  });
}

int FakeProcess::Deny(uint64_t address) const {
  const auto page = pages.find(address);
  if (page == pages.end()) return IsMapped(address) ? -ENOENT : -EFAULT;
  const FakeFolio& folio = *page->second;
  if (folio.swapped) return -ENOENT;
  // follow_page() of Linux 6.1: no_page_table() for huge pages.
  if (folio.hidden) return folio.pages > 1 ? -EFAULT : -ENOENT;
  return folio.zero_page ? -EFAULT : 0;
}

int64_t FakeProcess::PagesOn(int node) const {
  return std::count_if(pages.begin(), pages.end(), [&](const auto& page) {
    return page.second->node == node && !page.second->zero_page && !page.second->swapped;
  });
}

}  // namespace numalocality
