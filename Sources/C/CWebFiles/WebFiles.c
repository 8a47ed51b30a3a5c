#include "CWebFiles.h"

// The compiler notes these files as dependencies, so that a change of one of them is a change of the binary.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const unsigned char playground[] = {
#embed "../../../examples/browser/playground.html"
};

static const unsigned char module[] = {
#embed "../../../examples/browser/voicegateway.js"
};

CWebFile CWebFilesPlayground(void) { return (CWebFile){playground, sizeof playground}; }
CWebFile CWebFilesModule(void) { return (CWebFile){module, sizeof module}; }
