"""What documents and comments refer to is there: files, chapters, functions, RFCs. Needs no gateway."""

import functools
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("Benchmarks", "Fuzz", "Sources", "Tests", "docs", "examples", "scripts")


def tracked_files():
    """The repository's files, those that are not committed yet included."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    ).stdout.decode()
    return sorted({name for name in names.split("\0") if name and (ROOT / name).is_file()})


FILES = tracked_files()
PAGES = [name for name in FILES if name.endswith(".md")]
CODE = [
    name for name in FILES
    if name.endswith((".swift", ".py", ".h", ".sh", ".html", ".js")) or name in ("Makefile", "Package.swift")
    or name.startswith("scripts/")
]


@functools.cache
def text_of(name):
    return (ROOT / name).read_text(errors="replace")


def without_code_blocks(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)


@functools.cache
def anchors(name):
    """The anchors of a page's headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", without_code_blocks(text_of(name)), re.M):
        heading = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        slug = re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-")
        number, unique = 0, slug
        while unique in found:
            number += 1
            unique = f"{slug}-{number}"
        found.add(unique)
    return found


def problem_with(target, anchor):
    """Why a reference to a file, and perhaps a chapter of it, leads nowhere; None if it leads somewhere."""
    if not (ROOT / target).exists():
        return f"there is no {target}"
    if anchor and anchor not in anchors(target):
        return f"{target} has no chapter #{anchor}"
    return None


def comments_of(name):
    """The comments of a file, each with the lines that follow one another joined."""
    if name.endswith((".swift", ".h", ".js", ".html")):
        mark = r"//+"
    elif name.endswith(".py"):
        return re.findall(r'"""(.*?)"""', text_of(name), re.S) + re.findall(r"#(.*)$", text_of(name), re.M)
    else:
        mark = "#"
    comments, current = [], []
    for line in text_of(name).splitlines():
        found = mark[0] in line and re.search(rf"(?:^|\s){mark}(?:\s(.*))?$", line)
        if found:
            current.append(found.group(1) or "")
        elif current:
            comments.append(" ".join(current))
            current = []
    return comments + ([" ".join(current)] if current else [])


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page):
    wrong = []
    text = without_code_blocks(text_of(page))
    for link in re.findall(r"\[[^]]*\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", text)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(path).resolve().relative_to(ROOT) if path else pathlib.Path(page)
        if problem := problem_with(str(target), anchor):
            wrong.append(f"({link}): {problem}")
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_files_and_functions_that_a_page_names_exist(page):
    """`Sources/…/File.swift` is a file, and `name(…)` in the same line of a table or list is a function in it."""
    wrong = []
    for line in without_code_blocks(text_of(page)).splitlines():
        spans = re.findall(r"`([^`]+)`", line)
        paths = [
            span for span in spans
            if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/[\w./+*-]*", span)
            and not span.startswith("Fuzz/Crashes") and "NAME" not in span
        ]
        for path in paths:
            if not any(ROOT.glob(path.rstrip("/"))):
                wrong.append(f"{line.strip()}: there is no {path}")
        swift = [path for path in paths if path.endswith(".swift") and (ROOT / path).is_file()]
        for span in spans if len(swift) == 1 else []:
            if function := re.match(r"(?:\w+\.)?(\w+)\(", span):
                name = function.group(1)
                if not re.search(rf"\b(?:func {name}|{name}(?=[(<:]))", text_of(swift[0])):
                    wrong.append(f"{line.strip()}: {swift[0]} has no {name}")
    assert not wrong


def test_documents_that_comments_cite_exist():
    wrong = []
    for name in CODE:
        for path, anchor in re.findall(r"\b(docs/[\w./-]+\.md)(?:#([\w-]+))?", text_of(name)):
            if problem := problem_with(path, anchor):
                wrong.append(f"{name}: {problem}")
    assert not wrong


def test_comments_cite_nothing_that_is_not_in_the_repository():
    """A chapter has a document (`docs/….md#chapter`), and a section an RFC that is named before it."""
    wrong = []
    for name in CODE:
        if name == "Tests/Interop/test_references.py":
            continue
        cites_rfc = False
        for comment in comments_of(name):
            if found := re.search(r"\b[Ss]pec\b(?!\w)|\bchapters? \d[\d.]*", comment):
                wrong.append(f"{name}: \"{found.group()}\" of which document?")
            section = re.search(r"\b[Ss]ections? \d", comment)
            rfc = re.search(r"\bRFC \d", comment)
            if section and not cites_rfc and not (rfc and rfc.start() < section.start()):
                wrong.append(f"{name}: \"{comment[section.start():section.start() + 20]}\" of which RFC?")
            cites_rfc = cites_rfc or rfc is not None
    assert not wrong


def test_standards_that_are_cited_are_listed():
    listed = set()
    for row in re.findall(r"^\| ([\d, ]+) \|", text_of("docs/standards.md"), re.M):
        listed.update(row.replace(" ", "").split(","))
    missing = {
        (number, name)
        for name in CODE + PAGES if name != "docs/standards.md"
        for number in re.findall(r"\bRFC ?(\d+)", text_of(name))
        if number not in listed
    }
    assert not missing, "docs/standards.md lists the RFCs"


UNITS = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "ms": 1, "s": 1000}


def value_in_swift(expression):
    """What a constant's expression comes to; durations in milliseconds. None when it is no plain number."""
    if found := re.fullmatch(r"(?:Duration)?\.(seconds|milliseconds)\((\d+)\)", expression):
        return int(found.group(2)) * (1000 if found.group(1) == "seconds" else 1)
    if re.fullmatch(r"[\d_]+(?: (?:<<|\*) [\d_]+)?", expression):
        left, operator, right = (expression.replace("_", "").split(" ") + ["*", "1"])[:3]
        return int(left) << int(right) if operator == "<<" else int(left) * int(right)
    return None


def test_limits_of_the_threat_model_are_those_of_the_code():
    rows = re.findall(r"^\| [^|]+ \| ([\d ]+?) ?(KiB|MiB|ms|s|) \| `(\w+)\.(\w+)` \|$", text_of("docs/threat-model.md"), re.M)
    assert len(rows) > 30
    sources = [text_of(name) for name in CODE if name.startswith("Sources/") and name.endswith(".swift")]
    wrong = []
    for number, unit, type_name, constant in rows:
        declared = rf"\b(?:struct|class|enum|actor|extension) (?:\w+\.)*{type_name}\b"
        found = {
            value_in_swift(expression.strip())
            for source in sources if constant in source and type_name in source and re.search(declared, source)
            for expression in re.findall(rf"\b(?:let|var) {constant}(?:: \w+)? = (.+)$", source, re.M)
        }
        if int(number.replace(" ", "")) * UNITS[unit] not in found:
            wrong.append(f"{type_name}.{constant}: the page says {number} {unit}, the code {found or 'nothing'}")
    assert not wrong


def test_every_metric_is_documented_and_every_documented_one_exists():
    counted = {
        name for file in CODE if file.startswith("Sources/") and file.endswith(".swift")
        for name in re.findall(r'"(voicegateway_\w+)"', text_of(file))
    }
    assert counted == set(re.findall(r"^\| `(voicegateway_\w+)`", text_of("docs/metrics.md"), re.M))


def test_the_clients_that_were_tried_have_the_versions_and_the_tests_that_the_table_says():
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", text_of("Tests/Interop/requirements.txt"), re.M))
    pins |= dict(re.findall(r"^([\w-]+)==(\S+)$", text_of("Tests/Interop/requirements-alone.txt"), re.M))
    tests = "".join(text_of(name) for name in FILES if re.match(r"Tests/Interop/test_\w+\.py$", name))
    rows = re.findall(r"^\| (.+?) \| ([\d.]+) \| .* \| `(\w+)` \|$", text_of("docs/clients/README.md"), re.M)
    assert len(rows) == text_of("docs/clients/README.md").count("\n| ") - 2
    for client, version, test in rows:
        package = re.match(r"`([\w-]+)`", client)
        assert package is None or pins[package.group(1)] == version, client
        assert re.search(rf"^(async )?def {test}\(", tests, re.M), f"there is no {test}"
