"""The features of a classifier, made from the columns of a tidy catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skastro.xray import _feature_functions as functions
from skastro.xray._catalogue import CHANDRA_BANDS, MAGNITUDES
from skastro.xray._hardness_ratio import HardnessRatio

# Well below what any catalogue of these units lists.
DEFAULT_FLOORS = {"flux": 1e-18, "rate": 1e-6}
# mas/yr; also far below any distance in pc.
FAINTEST_MOTION = 1e-3
# What is taken as it is.
_PLAIN = ("extent", "fvar")
_RICH = ("extent_err", "fvar_err", "powlaw_gamma", "powlaw_gamma_err")
_COUNTERPART = ("parallax", "parallax_snr", "excess_noise", "excess_noise_sig", "ruwe")
_COUNTERPART_LOG = ("pm", "distance")
# Brightness in all bands: columns that there must be, how they are joined, the name.
_BRIGHTNESS = (
    (("flux_s", "flux_m", "flux_h"), "sum3", "log_flux_total"),
    # Where insignificant fluxes are blank, as with Lin et al., these two never are.
    (("flux_8_min", "flux_8_max"), "mean2", "log_flux_8_mean"),
    (("flux_8",), "sum1", "log_flux_8"),
    (("rate",), "sum1", "log_rate"),
)


def xray_features(
    columns: pd.DataFrame | Iterable[str],
    *,
    detail: str = "rich",
    counterparts: bool = True,
    missing: str = "keep",
    floor: float | Mapping[str, float] | None = None,
) -> ColumnTransformer:
    """Make the transformer from a tidy catalogue to features.

    It is scikit-learn's `ColumnTransformer` of `FunctionTransformer` and
    `HardnessRatio`, with data frames in and out, and can be taken apart and changed.
    Names, positions, quality levels and what tells of a label are never features.

    Parameters
    ----------
    columns : DataFrame or iterable of str
        The catalogue that it is for, or the names of its columns: those of
        `read_4xmm`, `read_lin2024`, `read_csc_training` or `make_xray_sources`.
    detail : {"plain", "rich"}, default="rich"
        "plain" is the logarithm of the brightness (the sum of Chandra's bands, or
        ``rate``, the mean of the least and the highest ``flux_8``, or that itself, the
        first that there is), hardness ratios, variability, extent, and for counterparts
        the magnitudes, neighbouring colours, proper motion and parallax. "rich" adds
        the logarithms of the bands, signal-to-noise ratios, errors, tails of
        probabilities, all colours, ratios of X-rays to light, and with a distance
        luminosity, absolute magnitudes and the speed across the sky (logarithms up to
        a constant).
    counterparts : bool, default=True
        Whether columns of other wavelengths are used, where there are any.
    missing : {"keep", "indicate", "impute", "drop"}, default="keep"
        "keep" leaves NaN, for boosting. "impute" takes medians; "indicate" does, too,
        and adds ``missingindicator_<name>`` for each column of the catalogue that had
        gaps in ``fit``. "drop" uses only columns without any gap in `columns`, which
        must then be the DataFrame. What is missing tells how deep and where a survey
        looked, and so of its labels. Only "drop" is blind to it: trees find a median
        as easily as a flag.
    floor : float or mapping, default=None
        Smallest value whose log10 is taken; smaller, zero and negative ones become it.
        A number is for fluxes (erg/cm2/s, default 1e-18); a mapping may have the keys
        "flux" and "rate" (ct/s, default 1e-6).

    Returns
    -------
    ColumnTransformer
        Not fitted; its features are in float64.

    Raises
    ------
    ValueError
        If there is no column to make a feature of, or a parameter is wrong.

    See Also
    --------
    xray_pipeline : Features and classifier.

    Notes
    -----
    Fluxes of 1e-14 must have their logarithm taken before scaling: the Yeo-Johnson
    transformation is made for numbers near 1, and leaves most sources in a heap.

    Hardness ratios that the catalogue lists (4XMM, Lin et al.) are taken from it. Those
    of Chandra are made from the fluxes here, and so anew from each draw of a
    `skastro.calibration.FeatureErrorEnsemble`, which listed ones are not.

    Examples
    --------
    >>> from skastro.datasets import make_xray_sources
    >>> from skastro.xray import xray_features
    >>> X, y = make_xray_sources(50, random_state=0, return_X_y=True)
    >>> features = xray_features(X, detail="plain")
    >>> list(features.fit_transform(X).columns)[:4]
    ['log_rate', 'hr1_rate', 'hr2_rate', 'hr3_rate']
    """
    for name, value, allowed in (
        ("detail", detail, ("plain", "rich")),
        ("missing", missing, ("keep", "indicate", "impute", "drop")),
    ):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {allowed}, got {value!r}.")
    given: list[Any] = [str(name) for name in columns]
    if missing == "drop":
        if not isinstance(columns, pd.DataFrame):
            raise ValueError(
                'missing="drop" needs the catalogue itself, not its names.'
            )
        given = [name for name in columns if columns[name].notna().all()]
    # The study had count rates, which depend on nobody's idea of a spectrum.
    first = "rate" if detail == "plain" else ""
    steps = _Steps(set(given), _floors(floor), first)
    steps.brightness()
    if detail == "rich":
        steps.bands()
    steps.hardness(errors=detail == "rich")
    steps.variability(tails=detail == "rich")
    steps.plain(_PLAIN + (_RICH if detail == "rich" else ()))
    if counterparts:
        steps.counterparts(rich=detail == "rich")
    if not steps.found:
        raise ValueError(
            "No column to make X-ray features of. Expected names as those of "
            "skastro.xray.read_4xmm (flux_8, rate, hr1_rate ...) or read_csc_training "
            f"(flux_s, flux_m, flux_h ...), got {sorted(map(str, given))[:10]}."
        )
    parts = steps.found
    if missing in ("indicate", "impute"):
        parts = [(name, _filled(part), names) for name, part, names in parts]
    if missing == "indicate":
        used = [c for c in given if any(c in names for _, _, names in steps.found)]
        parts.append(("missing", MissingIndicator(error_on_new=False), used))
    made = ColumnTransformer(parts, verbose_feature_names_out=False)
    return made.set_output(transform="pandas")


def _filled(part: Any) -> Any:
    """Let medians of what a part makes follow it."""
    fill = SimpleImputer(strategy="median", keep_empty_features=True)
    return fill if part == "passthrough" else make_pipeline(part, fill)


def _floors(floor: float | Mapping[str, float] | None) -> dict[str, float]:
    """Check the floors."""
    if floor is None:
        floor = {}
    given = floor if isinstance(floor, Mapping) else {"flux": floor}
    floors = {**DEFAULT_FLOORS, **given}
    numbers: list[Any] = list(floors.values())
    good = all(isinstance(v, Real) and 0 < float(v) < np.inf for v in numbers)
    if set(floors) != set(DEFAULT_FLOORS) or not good:
        raise ValueError(
            "floor must be a positive number (of fluxes), or a mapping of "
            f'"flux" and "rate" to such, got {floor!r}.'
        )
    return floors


class _Steps:
    """Collects the parts of the column transformer, of the columns that there are."""

    def __init__(
        self, given: set[str], floors: Mapping[str, float], first: str
    ) -> None:
        self.given = given
        self.floors = floors
        self.first = first
        self.found: list[tuple[str, Any, list[str]]] = []

    def _have(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if name in self.given]

    def _add(
        self,
        name: str,
        function: Callable[..., Any],
        columns: list[str],
        names: Callable[..., list[str]] | None = None,
        **keywords: Any,
    ) -> None:
        if columns:
            self.found.append(
                (
                    name,
                    FunctionTransformer(
                        function,
                        kw_args=keywords or None,
                        feature_names_out=names or "one-to-one",
                    ),
                    columns,
                )
            )

    def _brightness(self) -> tuple[list[str], str, str]:
        for names, how, label in sorted(
            _BRIGHTNESS, key=lambda one: one[0] != (self.first,)
        ):
            if self.given.issuperset(names):
                return list(names), how, label
        return [], "", ""

    def _floor(self, name: str) -> float:
        return self.floors["rate" if name.startswith("rate") else "flux"]

    def brightness(self) -> None:
        columns, how, label = self._brightness()
        join = functions.log10_of_mean if how == "mean2" else functions.log10_of_sum
        name = partial(_constant_name, name=label)
        if columns:
            floor = self._floor(columns[0])
            self._add("brightness", join, columns, name, floor=floor)

    def bands(self) -> None:
        columns, how, _ = self._brightness()
        single = columns if how == "sum1" else []
        fluxes = self._have(f"flux_{b}" for b in ("1", "2", "3", "4", "5", "8", "9"))
        fluxes += self._have(f"flux_{b}" for b in CHANDRA_BANDS)
        fluxes += self._have(["flux_8_min", "flux_8_max"])
        log = partial(functions.prefixed, prefix="log_")
        for kind, columns in (("flux", fluxes), ("rate", self._have(["rate"]))):
            errors = self._have(f"{c}_err" for c in columns)
            with_errors = [c for c in columns if f"{c}_err" in errors]
            logs = [c for c in columns if c not in single]
            self._add(
                f"log_{kind}", functions.floored_log10, logs, log,
                floor=self.floors[kind],
            )  # fmt: skip
            self._add(
                f"log_{kind}_err", functions.floored_log10, errors, log,
                floor=self.floors[kind],
            )  # fmt: skip
            self._add(
                f"snr_{kind}",
                functions.log10_ratio,
                [*with_errors, *(f"{c}_err" for c in with_errors)],
                partial(functions.prefixed, prefix="log_snr_", keep=len(with_errors)),
            )
        self._add(
            "log_significance",
            functions.floored_log10,
            self._have(["significance"]),
            log,
            floor=1e-3,
        )

    def hardness(self, *, errors: bool) -> None:
        ready = self._have(f"hr{n}_{k}" for k in ("rate", "flux") for n in (1, 2, 3, 4))
        if errors:
            ready += self._have([f"{name}_err" for name in ready])
        if ready:
            self.found.append(("hardness_ratios", "passthrough", ready))
        chandra = [f"flux_{b}" for b in CHANDRA_BANDS]
        if self.given.issuperset(chandra):
            soft, medium, hard = chandra
            known = [f"{c}_err" for c in chandra]
            propagate = errors and self.given.issuperset(known)
            ratios = HardnessRatio(
                bands=[(soft, medium), (medium, hard), (soft, hard)],
                errors="suffix" if propagate else None,
                kind="flux",
                names=["hr_sm_flux", "hr_mh_flux", "hr_sh_flux"],
            )
            used = chandra + (known if propagate else [])
            self.found.append(("hardness_of_fluxes", ratios, used))

    def variability(self, *, tails: bool) -> None:
        varies = self._have(["var_intra_prob", "var_inter_prob"])
        constant = self._have(["chi2_prob"])
        if varies or constant:
            self.found.append(("variability", "passthrough", varies + constant))
        if tails:
            name = partial(functions.prefixed, prefix="tail_")
            self._add("tail_varies", functions.tail, varies, name, upper=True)
            self._add("tail_constant", functions.tail, constant, name, upper=False)

    def plain(self, names: Iterable[str]) -> None:
        columns = self._have(names)
        if columns:
            self.found.append(("as_is", "passthrough", columns))

    def counterparts(self, *, rich: bool) -> None:
        magnitudes = self._have(MAGNITUDES)
        if magnitudes:
            self.found.append(("magnitudes", "passthrough", magnitudes))
        if len(magnitudes) > 1:
            self._add(
                "colours",
                functions.colours if rich else functions.neighbouring_colours,
                magnitudes,
                functions.colour_names if rich else functions.neighbouring_names,
            )
        flux, how, _ = self._brightness()
        if rich and magnitudes and flux:
            self._add(
                "xray_to_light",
                functions.flux_over_magnitude,
                [*flux, *magnitudes],
                partial(functions.prefixed, prefix="log_fx_", keep=-len(magnitudes)),
                floor=self._floor(flux[0]),
                how=how,
            )
        if rich and "distance" in self.given:
            self._at_distance()
        columns = self._have(_COUNTERPART)
        if columns:
            self.found.append(("astrometry", "passthrough", columns))
        self._add(
            "log_astrometry",
            functions.floored_log10,
            self._have(_COUNTERPART_LOG),
            partial(functions.prefixed, prefix="log_"),
            floor=1e-3,
        )

    def _at_distance(self) -> None:
        """Add what a source is like where it is: a star as far as that, or not."""
        flux, how, _ = self._brightness()
        floor = self._floor(flux[0]) if flux else 0.0
        if flux:
            self._add(
                "luminosity",
                functions.log10_luminosity,
                [*flux, "distance"],
                partial(_constant_name, name="log_luminosity"),
                floor=floor,
                how=how,
            )
        magnitudes = self._have(["gmag", "kmag"])
        if magnitudes:
            self._add(
                "absolute_magnitudes",
                functions.absolute_magnitude,
                [*magnitudes, "distance"],
                partial(functions.prefixed, prefix="absolute_", keep=len(magnitudes)),
            )
        if "pm" in self.given:
            self._add(
                "speed",
                functions.log10_product,
                ["pm", "distance"],
                partial(_constant_name, name="log_speed"),
                floor=FAINTEST_MOTION,
            )


def _constant_name(_: Any, names: Any, *, name: str) -> list[str]:
    """Give one name whatever the columns are."""
    return [name]
