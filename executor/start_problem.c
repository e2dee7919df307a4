#include "executor/start_problem.h"

#include <string.h>

/* Nothing that trying again would mend. */
int start_problem_no_shell(const char *image, struct err *e)
{
    return err_set(e, ERR_JOB, 0,
                   "image '%s' has no 'sh' in its PATH, so no script can run in it; choose an image with a shell", image);
}

/* runc says "executable file not found", crun "executable file `sh` not found"; a mount
 * that cannot be made is "no such file" as well, but not the image's fault. */
int start_problem(const char *image, struct err *from, struct err *e)
{
    const char *why = strcasestr(err_text(from), "executable file");

    return why && strcasestr(why, "not found") ? start_problem_no_shell(image, e) : err_move(e, from);
}
