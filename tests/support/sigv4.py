"""Whether a request bears AWS Signature Version 4, computed anew from Amazon's description of it.

"Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)", Amazon S3 API Reference.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import urllib.parse


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _encoded(text: str, safe: str) -> str:
    return urllib.parse.quote(urllib.parse.unquote(text), safe=safe)


def problem(request, region: str, key_id: str, secret: str) -> str | None:
    """What is wrong with the signature of a request that object_store kept; None when nothing is."""
    given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})",
                         request.header("Authorization") or "")
    if not given:
        return f"no signature: {request.header('Authorization')}"
    date = request.header("x-amz-date") or ""
    scope = f"{date[:8]}/{region}/s3/aws4_request"
    if given[1] != f"{key_id}/{scope}":
        return f"for {given[1]}, not {key_id}/{scope}"
    names = given[2].split(";")
    must = {"host"} | {name.lower() for name, _ in request.headers
                       if name.lower().startswith("x-amz-") or name.lower() == "content-type"}
    if names != sorted(names) or not must <= set(names):
        return f"of {names}, not of all of {sorted(must)} in their order"
    query = "&".join(sorted("=".join((_encoded(key, "-_.~"), _encoded(value, "-_.~"))) for key, _, value in
                            (pair.partition("=") for pair in request.query.split("&") if pair)))
    headers = "".join(f"{name}:{' '.join((request.header(name) or '').split())}\n" for name in names)
    canonical = "\n".join((request.method, _encoded(request.path, "/-_.~"), query, headers, given[2],
                           request.header("x-amz-content-sha256") or ""))
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    wanted = _hmac(key, "\n".join(("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()))).hex()
    return None if wanted == given[3] else f"another one than that of\n{canonical}"
