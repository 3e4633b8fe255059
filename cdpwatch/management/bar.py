"""How far a long command is: a bar on a terminal, a line for each step elsewhere."""

from __future__ import annotations

from django.core.management.base import OutputWrapper

CELLS = 24
CLEAR = "\r\x1b[K"  # back to the start of the line, and empty it


class Bar:
    """Progress of `total` steps, written to `out`."""

    def __init__(self, out: OutputWrapper, total: int) -> None:
        self.out, self.total, self.done = out, total, 0
        self.drawn = out.isatty()

    def begin(self, step: str) -> None:
        """Name the step that is under way."""
        if self.drawn:
            full = CELLS * self.done // self.total
            cells = "#" * full + "." * (CELLS - full)
            self._write(f"{CLEAR}[{cells}] {self.done} of {self.total}  {step}")

    def end(self, said: str) -> None:
        """A step is over, and `said` is what came of it."""
        self.done += 1
        if not self.drawn:
            self._write(f"{said}\n")

    def close(self) -> None:
        """Leave the line to what is written next."""
        if self.drawn:
            self._write(CLEAR)

    def _write(self, text: str) -> None:
        self.out.write(text, style_func=str, ending="")  # it is no error, though on stderr
        self.out.flush()
