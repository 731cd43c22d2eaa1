"""What a compiler printed, as complaints with their places."""

from __future__ import annotations

from pathlib import Path

from wasmverse.errors import Complaint
from wasmverse.languages.table import Language
from wasmverse.text import printable

_SHOWN = 400
_NO_PLACE = "it failed without saying where"


def complaints_in(output: str, language: Language, source: Path) -> list[Complaint]:
    """Each place that a compiler complains of, in its order; if it names none, what it printed first, for the whole file."""
    found: list[Complaint] = []
    told = ""
    for line in output.splitlines():
        match = language.errors.match(line)
        if match is None:
            heading = language.texts.match(line)
            told = heading["text"] if heading else told
            continue
        place = match.groupdict()
        file = Path(place.get("file") or source.name)
        complaint = Complaint(
            file if file.is_absolute() else source.parent / file,
            int(place["line"]),
            int(place.get("column") or 0),
            printable((place.get("text") or told).strip(), _SHOWN),
        )
        if complaint not in found:
            found.append(complaint)
    if not found:
        said = next((line.strip() for line in output.splitlines() if line.strip()), _NO_PLACE)
        found.append(Complaint(source, 0, 0, printable(said, _SHOWN)))
    return found
