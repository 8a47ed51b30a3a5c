// What browsers get from the gateway, in the binary: the files of examples/browser as they are.
#pragma once

typedef struct {
    const unsigned char *bytes;
    long count;
} CWebFile;

/// The page to talk from, HTML in UTF-8.
CWebFile CWebFilesPlayground(void);
/// The module that pages import, JavaScript in UTF-8.
CWebFile CWebFilesModule(void);
