"""The results of a finished study as labelled arrays, for notebooks and scripts of one's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bandprobe.errors import StoreError, unknown_name
from bandprobe.fourier.bands import Bands
from bandprobe.inspection.finished import find_results
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import Study

if TYPE_CHECKING:
    import xarray as xr


def open_study(path: str | Path = ".") -> StudyResults:
    """Open the results of one data set.

    Parameters
    ----------
    path : str or Path
        ``results/DATASET`` of a finished study, or, where it has one data set only, its folder.

    Raises
    ------
    StoreError
        If there are no results, results of several data sets, or the study did not finish.

    Examples
    --------
    After ``make study``:

    >>> from bandprobe import open_study
    >>> results = open_study("results/photos")
    >>> results.layers["efficientnet_lite0"]
    ('blocks.0', 'blocks.1', 'blocks.2', 'blocks.4', 'blocks.6')
    >>> drop = results.summary().top1_drop
    >>> drop.sel(model="efficientnet_lite0", readout="map", mode="remove").dims
    ('layer', 'band')
    """
    found = find_results(Path(path))
    if not found.config:
        raise StoreError(
            f"{found.folder / Path(Paths.CONFIG).name} does not exist",
            expected="the results of a study that has finished",
            hint="run the study to its end, which writes it",
        )
    return StudyResults(found.folder, parse_study(found.config))


@dataclass(frozen=True)
class StudyResults:
    """The results of a finished study for one data set; see `open_study`.

    Attributes
    ----------
    folder : Path
        Where they are stored.
    study : Study
        What was asked for.
    """

    folder: Path
    study: Study

    @property
    def bands(self) -> Bands:
        """The radial bands of the study."""
        return self.study.bands

    @cached_property
    def layers(self) -> dict[str, tuple[str, ...]]:
        """Layers of each model, in the order of a forward pass."""
        return {name: model.layers for name, model in self.study.models.items()}

    def summary(self, table: str = "interventions") -> xr.Dataset:
        """A whole summary: all models, layers, readouts, modes and bands in one data set.

        Parameters
        ----------
        table : str
            `interventions`, `spectra`, `planes`, `transfer`, `probes`, `shapley`, `replicates`.

        Raises
        ------
        StoreError
            If the study has no such summary.
        """
        import xarray as xr

        path = self._path(Paths.SUMMARY, table=table)
        if not path.is_file():
            names = sorted(file.stem for file in path.parent.glob("*.nc"))
            raise StoreError(f"{path.parent}: {unknown_name('summary', table, names)}")
        return xr.load_dataset(path, engine="h5netcdf")

    def outcomes(self, model: str, layer: str, readout: str, mode: str) -> xr.Dataset:
        """Outcomes of every evaluation image, before and after an intervention on each band.

        Raises
        ------
        ConfigError
            If the study has no such model, layer, readout or mode.
        StoreError
            If it has, but no outcomes for all of them together.
        """
        self._check(model, layer)
        names = {"readout": readout, "mode": mode}
        for kind, name in names.items():
            self.study.select(kind, name)
        return self._open(self._path(Paths.OUTCOMES, model=model, layer=layer, **names))

    def spectra(self, model: str, layer: str) -> xr.Dataset:
        """Spectra of the evaluation images at a layer; raises as `outcomes` does."""
        self._check(model, layer)
        return self._open(self._path(Paths.SPECTRA, model=model, layer=layer))

    def maps(self, model: str, layer: str, split: str = "eval") -> xr.DataArray:
        """Feature maps of a layer, (sample, channel, y, x), read when they are used.

        Parameters
        ----------
        model, layer : str
        split : {"train", "eval"}

        Raises
        ------
        ConfigError
            If the study has no such model or layer.
        StoreError
            If there is no such split, or its maps were not kept.
        """
        self._check(model, layer)
        if split not in SPLITS:
            raise StoreError(unknown_name("split", split, SPLITS))
        passname = self.study.models[model].pass_of(layer)
        path = self._path(Paths.FEATURES, model=model, passname=passname, split=split)
        maps = self._open(path)[layer]
        # The layers of a pass whose sizes differ have dimensions of their own: blocks.6.y.
        return maps.rename({dim: str(dim).rpartition(".")[2] for dim in maps.dims})

    def _check(self, model: str, layer: str) -> None:
        self.study.models[self.study.select("model", model)].pass_of(layer)

    def _path(self, pattern: str, **names: str) -> Path:
        root = Path(Paths.CONFIG).parent
        return self.folder / Path(pattern.format(dataset="{dataset}", **names)).relative_to(root)

    def _open(self, path: Path) -> xr.Dataset:
        import xarray as xr

        if not path.is_dir():
            raise StoreError(f"{path} does not exist", expected="a store of the finished study")
        store: xr.Dataset = xr.open_zarr(path)
        return store
