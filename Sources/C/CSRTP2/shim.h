// libc names must belong to one module in debug and release alike, so this line comes first.
#pragma clang module import SwiftGlibc

#include <srtp2/srtp.h>
