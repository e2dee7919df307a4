#include "cache/folder.h"

#include "base/memory.h"

char *cache_folder(const char *root, const char *runner, const char *project, bool protected_ref)
{
    return xasprintf("%s/%s/%s%s", root, runner, project, protected_ref ? ".protected" : "");
}
