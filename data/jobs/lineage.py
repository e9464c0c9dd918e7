"""What a picture was made from, and what was made from it."""

from __future__ import annotations

from collections.abc import Sequence

from data.database import Database
from data.jobs.stored import StoredJob, select_jobs

_ANCESTORS = 12


class Lineage:
    """Finds relatives; every method raises StoreError if the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def tree(self, job: StoredJob, limit: int) -> list[StoredJob]:
        """The job and its relatives, at most ``limit``, each after the one it was made from.

        First its ancestors, the nearest 12 as far as they are stored, then what was made from the
        job, then what was made from its ancestors.
        """
        path = await self._ancestors(job)
        found = {each.id: each for each in path}
        for start in ([job.id], [each.id for each in path]):
            await self._descend(start, found, limit)
        return sorted(found.values(), key=lambda each: _depth(each, found))

    async def _ancestors(self, job: StoredJob) -> list[StoredJob]:
        """The job's ancestors, the eldest first, and the job."""
        path = [job]
        while path[0].parent is not None and len(path) <= _ANCESTORS:
            found = await select_jobs(self._database, "id = ?", path[0].parent)
            if not found or found[0].id in {each.id for each in path}:
                break
            path.insert(0, found[0])
        return path

    async def _descend(
        self, parents: Sequence[str], found: dict[str, StoredJob], limit: int
    ) -> None:
        """Add the descendants of ``parents``, generation by generation, the oldest first."""
        while parents and len(found) < limit:
            marks = ", ".join("?" * len(parents))
            children = await select_jobs(
                self._database,
                f"parent IN ({marks}) ORDER BY sequence LIMIT ?",
                *parents,
                2 * limit,
            )
            parents = []
            for child in children:
                if child.id not in found and len(found) < limit:
                    found[child.id] = child
                    parents.append(child.id)


def _depth(job: StoredJob, found: dict[str, StoredJob]) -> int:
    """How many of its ancestors are among ``found``; a circle, which a fault could make, ends."""
    seen = {job.id}
    while job.parent in found and job.parent not in seen:
        job = found[job.parent]
        seen.add(job.id)
    return len(seen) - 1
