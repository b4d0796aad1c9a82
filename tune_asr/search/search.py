"""Fixed facts of one search: folder, plan, metric and fingerprints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tune_asr.record.folder import ResultsFolder
from tune_asr.record.search_events import Warmed
from tune_asr.record.snapshots import write_snapshots
from tune_asr.record.state import SearchState
from tune_asr.scoring.metric import Metric
from tune_asr.search.extent import Asked
from tune_asr.space.plan import Plan


@dataclass(frozen=True, slots=True)
class Search:
    """Facts of a search, fixed while it runs."""

    folder: ResultsFolder
    """Results folder, locked by this process."""
    plan: Plan
    """Search space and base configuration."""
    metric: Metric
    """Error rate that chooses the winner."""
    fingerprints: Mapping[str, str]
    """Hashes of the data, by the attribute of `TrainingData` that must agree on each node; none for custom data."""
    warm: Sequence[Warmed] = ()
    """Scores of an earlier search, to be written before the first plan."""
    asked: Asked = field(default_factory=Asked)
    """Extent that a resume asks for."""

    def snapshot(self, state: SearchState, status: str) -> list[str]:
        """Bring all derived files up to date; see `write_snapshots`."""
        return write_snapshots(
            self.folder,
            state,
            status=status,
            metric=self.metric,
            config=self.plan.base_values(),
            wants=self.plan.space.search,
        )
