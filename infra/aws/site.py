"""Publishing the static site: its files and a generated config.json into the site's bucket."""

import json
import mimetypes
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.site.files import CONFIG, LIBRARIES

NOT_KEPT = "no-cache"
"""A browser asks each time whether these have changed: pages and their scripts belong together."""
FRESH = (".html", ".css", ".js", CONFIG)
KEPT = "public, max-age=300"
DELETED_AT_ONCE_MAX = 1000

mimetypes.add_type("text/javascript", ".js")  # what some systems' tables have instead, browsers refuse for modules


def publish(s3: Any, bucket: str, config: Mapping[str, str], files: Mapping[str, Path]) -> list[str]:
    """Put every file into the bucket, then remove what the site no longer has. Gives the keys that are there now."""
    keys = []
    for key, path in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), **headers(key))
        keys.append(key)
    s3.put_object(Bucket=bucket, Key=CONFIG, Body=json.dumps(config).encode(), **headers(CONFIG))
    keys.append(CONFIG)
    _delete(s3, bucket, [{"Key": key} for key in _keys(s3, bucket) if key not in keys])
    return keys


def headers(key: str) -> dict[str, str]:
    """Content type and caching of a file."""
    kind = mimetypes.guess_type(key)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    return {"ContentType": kind, "CacheControl": NOT_KEPT if key.endswith(FRESH) and key not in LIBRARIES else KEPT}


def invalidate(cloudfront: Any, distribution: str) -> None:
    """Make the distribution forget what it has kept of the site; it takes about a minute, which is not waited for."""
    cloudfront.create_invalidation(
        DistributionId=distribution,
        InvalidationBatch={"Paths": {"Quantity": 1, "Items": ["/*"]}, "CallerReference": str(time.time_ns())},
    )


def empty(s3: Any, bucket: str) -> None:
    """Delete everything in a bucket, earlier versions too: only an empty bucket can be deleted."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        versions = page.get("Versions", []) + page.get("DeleteMarkers", [])
        _delete(s3, bucket, [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions])


def _keys(s3: Any, bucket: str) -> list[str]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def _delete(s3: Any, bucket: str, objects: list[dict[str, str]]) -> None:
    for first in range(0, len(objects), DELETED_AT_ONCE_MAX):
        batch = objects[first : first + DELETED_AT_ONCE_MAX]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if errors := answer.get("Errors"):
            raise OSError(f"{bucket}: {errors[0]['Key']} cannot be deleted: {errors[0].get('Message', '')}")
