"""The pages that are given out: to programs as resources and tools, to anybody as /llms.txt and /docs/."""

from __future__ import annotations

import posixpath
import re
from functools import cache
from pathlib import Path

import wasmverse
from wasmverse.errors import WasmverseError

PAGES = {
    "strategies": (
        "Strategies",
        "what a strategy is, the rules in short, limits, refusals",
        "strategies/README.md",
    ),
    "rules": ("The rules, to the byte", "what exactly happens in a turn", "docs/rules-detail.md"),
    "abi": ("The interface of modules", "how values travel, what a module may import", "docs/abi.md"),
    "query": ("Asking in SQL", "what can be asked, types, errors", "docs/query.md"),
    "data-dictionary": ("Data dictionary", "every relation and column", "docs/data-dictionary.md"),
    "functions": ("Functions", "any module as a function of SQL", "docs/functions.md"),
    "client": ("The client in Python", "query, watch, command, upload", "docs/client.md"),
    "mcp": ("Tools for programs", "what is served at /mcp", "docs/mcp.md"),
}
"""By name: the title, what it is about, and its file."""

_NAMES = {file: name for name, (_, _, file) in PAGES.items()}
_LINK = re.compile(
    r"^ *```.*?^ *```|`[^`\n]*`|(?<!!)\[((?:`[^`]*`|[^\[\]`])*)\]\(([^()\s]+)\)", re.DOTALL | re.MULTILINE
)
"""Code, which is left as it is, or a link: its text and its target."""

_PACKAGE = Path(wasmverse.__file__).parent
_INSTALLED = {"docs": _PACKAGE / "pages", "strategies": _PACKAGE / "languages" / "strategies"}


@cache
def page(name: str, address: str = "{}.md") -> str:
    """The text of a page, in Markdown; raises WasmverseError where it was not installed.

    ``address`` is that of a page, with ``{}`` for its name: links to pages lead there. Of a link to anything else in the sources,
    which is not served, only its text is left.
    """
    folder, _, file = PAGES[name][2].partition("/")
    for place in (_INSTALLED[folder], _PACKAGE.parents[1] / folder):  # the second is that of a checkout
        try:
            text = (place / file).read_text("utf-8")
        except OSError:
            continue
        return _LINK.sub(lambda link: _served(link, folder, address), text)
    raise WasmverseError(
        f"{folder}/{file} is not installed with this server; it is in the sources of Wasmverse"
    )


def _served(found: re.Match[str], folder: str, address: str) -> str:
    """A link of a page in this folder as it is served."""
    text, target = found.groups()
    if target is None or target.startswith("#") or "://" in target:
        return found[0]
    file, hash_, anchor = target.partition("#")
    name = _NAMES.get(posixpath.normpath(posixpath.join(folder, file)))
    return text if name is None else f"[{text}]({address.format(name)}{hash_}{anchor})"


def llms_text(base_path: str, *, is_mcp_served: bool) -> str:
    """/llms.txt: what this server is, and where to go on, for a program that reads."""
    tools = ""
    if is_mcp_served:
        tools = f"- Tools for programs: the Model Context Protocol at {base_path}/mcp (streamable HTTP)\n"
    pages = "\n".join(
        f"- [{title}]({base_path}/docs/{name}.md): {about}"
        for name, (title, about, _) in PAGES.items()
        if is_mcp_served or name != "mcp"
    )
    return f"""# Wasmverse

> A living universe inside a database. Ships fly in solar systems; once a second a turn is played, in which each ship's strategy,
> a WebAssembly function that anyone may upload, decides its next move. Everything can be asked for in SQL.

{tools}- SQL: POST {base_path}/api/v2/query/rows with {{"sql": "show tables"}}; the answer's header Wasmverse-Turn names its turn
- Upload a strategy: PUT {base_path}/api/v1/strategies/NAME with a WebAssembly module; try it first: POST .../NAME/check

## Docs

{pages}
- [OpenAPI]({base_path}/api/v2/spec): every route
"""
