#include "stages/pipeline/report_kind.h"

#include "base/text.h"

#include <string.h>

/* One row a kind. GitLab packs those that it reads itself, and keeps as they are those that a browser is to read. */
static const struct report_kind kinds[] = {
    { "accessibility", "gl-accessibility.json", "raw" },
    { "annotations", "gl-annotations.json", "gzip" },
    { "api_fuzzing", "gl-api-fuzzing-report.json", "raw" },
    { "browser_performance", "browser-performance.json", "raw" },
    { "cluster_image_scanning", "gl-cluster-image-scanning-report.json", "raw" },
    { "cobertura", "cobertura-coverage.xml", "gzip" },
    { "codequality", "gl-code-quality-report.json", "raw" },
    { "container_scanning", "gl-container-scanning-report.json", "raw" },
    { "coverage_fuzzing", "gl-coverage-fuzzing.json", "raw" },
    { "cyclonedx", "gl-sbom.cdx.json", "gzip" },
    { "dast", "gl-dast-report.json", "raw" },
    { "dependency_scanning", "gl-dependency-scanning-report.json", "raw" },
    /* Packed on a server; here it is read by this program, which unpacks nothing of a job's. */
    { REPORT_DOTENV, ".env", "raw" },
    { "jacoco", "jacoco-coverage.xml", "gzip" },
    { "junit", "junit.xml", "gzip" },
    { "license_scanning", "gl-license-scanning-report.json", "raw" },
    { "load_performance", "load-performance.json", "raw" },
    { "lsif", "lsif.json", "zip" },
    { "metrics", "metrics.txt", "gzip" },
    { "performance", "performance.json", "raw" },
    { "repository_xray", "gl-repository-xray.json", "gzip" },
    { "requirements", "requirements.json", "raw" },
    { "requirements_v2", "requirements_v2.json", "raw" },
    { "sast", "gl-sast-report.json", "raw" },
    { "secret_detection", "gl-secret-detection-report.json", "raw" },
    { "terraform", "tfplan.json", "raw" },
};

const struct report_kind *report_kind_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

const char *report_kind_nearest(const char *name)
{
    const char *names[ARRAY_SIZE(kinds) + 2] = { "coverage_report" };

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        names[i + 1] = kinds[i].name;
    return text_nearest(name, names);
}
