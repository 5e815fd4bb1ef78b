"""The decay of one pixel, with what its fit expects."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure


class DecayPlot(FigureCanvasQTAgg):
    def __init__(self) -> None:
        super().__init__(Figure(figsize=(4, 3), layout="constrained"))
        self.axes = self.figure.add_subplot()
        self.setMinimumHeight(220)

    def show_pixel(self, decays: xr.DataArray, found: xr.Dataset | None, row: int, column: int) -> None:
        """Counts of a pixel of (Y, X, H); with `found`, of taugate.fit() or infer(), its curve and lifetime."""
        axes = self.axes
        axes.clear()
        counts = decays.values[row, column]
        known = "H" in decays.coords
        times = decays.H.values if known else np.arange(counts.size)
        axes.plot(times, counts, ".", markersize=3, color="0.4", label=f"{counts.sum():.0f} counts")
        title = f"row {row}, column {column}"
        if found is not None:
            pixel = found.isel(Y=row, X=column)
            tau, sigma = float(pixel.tau), float(pixel.sigma)
            if np.isfinite(tau):
                title += f": {tau:.3g}" + (f" ± {sigma:.2g}" if np.isfinite(sigma) else "") + " ns"
            if "expected" in pixel:
                # Gates of the fit may be wider than the bins.
                scale = (times[1] - times[0]) / float(pixel.H[1] - pixel.H[0]) if known else 1.0
                curve = np.where(pixel.expected > 0, pixel.expected, np.nan)
                axes.plot(pixel.H, curve * scale, color="C1", label="fit")
            elif "sfd" in pixel:
                sfd = pixel.sfd if "S" not in pixel.sfd.dims else pixel.sfd.isel(S=0)
                axes.plot(pixel.H, sfd * counts.max(), color="C1", label="decay without the IRF")
        axes.set_yscale("log", nonpositive="mask")
        axes.set_ylim(bottom=0.3)
        axes.set_xlabel("time (ns)" if known else "bin")
        axes.set_ylabel("counts")
        axes.set_title(title, fontsize=9)
        axes.legend(fontsize=8, loc="upper right")
        self.draw_idle()
