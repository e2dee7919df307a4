/* base/yaml_problem.h: what libyaml says of a file that it cannot read, in words for who wrote the file. */
#ifndef BASE_YAML_PROBLEM_H
#define BASE_YAML_PROBLEM_H

#include <stddef.h>
#include <yaml.h>

/* A sentence for the parser's error about `text`, the whole of what it reads; the caller's. *at is where to look: the
 * quote that is not closed, and not the end of the file, where libyaml noticed it. */
char *yaml_problem(const yaml_parser_t *parser, const char *text, size_t len, yaml_mark_t *at);

#endif
