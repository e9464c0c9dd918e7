"""The place for pictures that an address names."""

from __future__ import annotations

from pathlib import Path

from data.errors import StoreError
from data.pictures.base import Pictures
from data.pictures.folder import FolderPictures


def place_for_pictures(folder: Path, address: str | None) -> Pictures:
    """The data folder ``folder``, or the bucket at ``address``: s3://BUCKET/PREFIX.

    Raises StoreError if the address is not one, or the package for buckets is not installed.
    """
    if address is None:
        return FolderPictures(folder)
    try:
        # Not installed, and not loaded, where pictures are in the folder.
        from data.pictures.bucket import BucketPictures
    except ModuleNotFoundError as error:
        raise StoreError(
            "Pictures in a bucket need the package {package}. Install it: "
            "pip install 'imagine-bot[s3]'",
            package=error.name,
        ) from None
    return BucketPictures(address)
