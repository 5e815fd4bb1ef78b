"""Lays out build/site-work for mkdocs (scripts/site.sh SOURCES BUILD).

Documents keep their places, so that links between them stay as they are on a plain git host. What they link to beside
documents gets a page of its own: a source file with its text, a folder with the list of what it holds.
"""

import ast
import json
import re
import shutil
import sys
from pathlib import Path

SOURCES, BUILD = Path(sys.argv[1]), Path(sys.argv[2])
WORK = BUILD / "site-work"
PAGES = WORK / "pages"
ASSETS = {".png", ".svg"}  # shown by the documents themselves
LANGUAGES = {".h": "cpp", ".cpp": "cpp", ".inl": "cpp", ".sv": "systemverilog", ".py": "python", ".sh": "sh", ".js": "js"}
LINK = re.compile(r"(\]\()([^)\s]+)(\))")
SHAPE = re.compile(r"(?:\[[^\]\[\n]*\]){2,}")  # [T][C], which mkdocs would take for a reference
CODE = re.compile(r"(^```.*?^```[ \t]*$|`[^`\n]+`)", flags=re.M | re.S)

documents = [
    path.relative_to(SOURCES)
    for pattern in ("*.md", "docs/**/*.md", "rtl/**/*.md", "examples/**/*.md")
    for path in sorted(SOURCES.glob(pattern))
]
shown: set[Path] = set()  # files and folders that a document links to


def page_of(path: Path) -> Path:
    """Where the page of a document, a file or a folder lies."""
    if (SOURCES / path).is_dir():
        return path / ("README.md" if path / "README.md" in documents else "index.md")
    if path == Path("README.md"):
        return Path("index.md")
    return path if path.suffix == ".md" else path.with_name(path.name + ".md")


def relative(target: Path, page: Path) -> str:
    return "../" * len(page.parent.parts) + target.as_posix()


def rewritten(text: str, document: Path) -> str:
    """The document with its links to files outside of the site turned to their pages."""

    def turn(match: re.Match[str]) -> str:
        link, _, anchor = match[2].partition("#")
        if not link or "://" in link or link.startswith("mailto:"):
            return match[0]
        path = (SOURCES / document.parent / link).resolve().relative_to(SOURCES.resolve())
        if not (SOURCES / path).exists():
            return match[0]  # which mkdocs complains about
        if path.suffix in ASSETS:
            target = path
        else:
            target = page_of(path)
            if target not in documents and path != Path("README.md"):
                shown.add(path)
        return match[1] + relative(target, page_of(document)) + ("#" + anchor if anchor else "") + match[3]

    def outside_code(part: str) -> str:
        shapes = SHAPE.sub(lambda m: re.sub(r"([\[\]])", r"\\\1", m[0]), part)
        return LINK.sub(turn, shapes)

    return "".join(part if CODE.fullmatch(part) else outside_code(part) for part in CODE.split(text))


def write(page: Path, text: str) -> None:
    (PAGES / page).parent.mkdir(parents=True, exist_ok=True)
    (PAGES / page).write_text(text)


def source_page(path: Path) -> str:
    full = SOURCES / path
    if full.is_dir():
        return f"# {path}\n\n" + "".join(f"- `{e.name}{'/' if e.is_dir() else ''}`\n" for e in sorted(full.iterdir()))
    try:
        text = full.read_text()
    except UnicodeDecodeError:
        return f"# {path}\n\nA file of {full.stat().st_size} bytes.\n"
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells)
    return f"# {path}\n\n~~~~~ {LANGUAGES.get(path.suffix, 'text')}\n{text}\n~~~~~\n"


def python_page() -> str:
    """mkdocstrings' page of the package: what is Python, and what is compiled where its stubs were built."""
    package = WORK / "python" / "taugate"
    shutil.copytree(SOURCES / "python/src/taugate", package)
    stubs = sorted(BUILD.glob("python/**/_taugate.pyi"))
    if stubs:
        shutil.copy(stubs[-1], package)
    for file in package.glob("*.py*"):
        file.write_text(re.sub(r'""".*?"""', lambda d: SHAPE.sub(r"`\g<0>`", d[0]), file.read_text(), flags=re.S))
    text = "# The Python package's reference\n\n[What it is, with examples](python.md).\n\n"
    for node in ast.parse((package / "__init__.py").read_text()).body:
        if not isinstance(node, ast.ImportFrom) or node.level != 1 or not node.module:
            continue
        names = sorted(alias.name for alias in node.names)
        if any((package / node.module).with_suffix(suffix).exists() for suffix in (".py", ".pyi")):
            text += "".join(f"::: taugate.{node.module}.{name}\n\n" for name in names)
        else:
            text += "Beside these: " + ", ".join(f"`{name}`" for name in names) + "; `help(taugate.Model)` tells more.\n"
    return text


NAV = """
site_name: taugate
site_description: GRUs for fluorescence lifetime imaging
docs_dir: pages
use_directory_urls: false
theme:
  name: material
  font: false
  features: [navigation.tabs, navigation.top, content.code.copy, toc.follow]
  palette:
    - {media: "(prefers-color-scheme: light)", scheme: default, primary: blue grey, toggle: {icon: material/weather-night, name: Dark}}
    - {media: "(prefers-color-scheme: dark)", scheme: slate, primary: blue grey, toggle: {icon: material/weather-sunny, name: Light}}
plugins:
  - search
  - mkdocstrings:
      handlers:
        python:
          paths: [python]
          options: {docstring_style: numpy, show_source: false, show_root_heading: true, show_root_full_path: false,
                    heading_level: 2, separate_signature: true, show_signature_annotations: true, members_order: source, line_length: 88}
markdown_extensions:
  - tables
  - md_in_html
  - pymdownx.superfences
  - pymdownx.highlight
  - pymdownx.tilde: {subscript: false}
  - toc: {permalink: true, slugify: !!python/object/apply:pymdownx.slugs.slugify {kwds: {case: lower}}}
validation:
  nav: {omitted_files: ignore}
  links: {anchors: warn, unrecognized_links: warn, not_found: warn, absolute_links: ignore}
nav:
  - Home: index.md
"""

GROUPS = {
    "Use": ["experiments", "fitting", "models", "lifetime-networks", "photons", "formats", "real-data", "trust", "command-line",
            "browser"],
    "Python": ["python", "python-api", "napari"],
    "Train": ["training", "scale", "simulator", "plate", "quantization", "interchange", "reproduction", "accuracy"],
    "Inside": ["architecture", "gru", "fixed-point", "rtl", "synthesis", "performance"],
}


def title(page: Path) -> str:
    return re.search(r"^# (.*)", (PAGES / page).read_text(), flags=re.M)[1].replace("`", "").replace('"', "'")


def main() -> None:
    shutil.rmtree(WORK, ignore_errors=True)
    for document in documents:
        write(page_of(document), rewritten((SOURCES / document).read_text(), document))
    for path in sorted(shown):
        write(page_of(path), source_page(path))
    shutil.copytree(SOURCES / "docs/images", PAGES / "docs/images")
    write(Path("docs/python-api.md"), python_page())
    nav = NAV
    listed = {name for group in GROUPS.values() for name in group}
    more = [p.stem for p in documents if p.parent == Path("docs") and p.stem not in listed]
    for group, names in {**GROUPS, **({"More": more} if more else {})}.items():
        nav += f"  - {group}:\n"
        for name in names:
            page = Path(f"docs/{name}.md")
            if (PAGES / page).exists():
                nav += f'    - "{title(page)}": {page}\n'
    nav += "  - Contributing: CONTRIBUTING.md\n  - Changes: CHANGELOG.md\n"
    if (BUILD / "web/index.html").exists():
        shutil.copytree(BUILD / "web", PAGES / "browser")
        nav += "  - In your browser: browser/index.html\n"
    (WORK / "mkdocs.yml").write_text(nav)


main()
