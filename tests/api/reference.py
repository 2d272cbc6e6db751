#!/usr/bin/python3
"""The reference of the API in proto/README.md, made from the comments in proto/numalocality/v1. The guide above it is not.

  tests/api/reference.py            checks that the reference is up to date
  tests/api/reference.py --update   writes it
"""

import argparse
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
PROTO = HERE.parents[1] / "proto"
PACKAGE = "numalocality.v1"
API = "numalocality/v1"
REFERENCE = PROTO / "README.md"
UPDATE = "tests/api/reference.py --update"
# Order of reading, not of the alphabet.
FILES = ["placement", "migration", "agent", "workload", "self"]
# Field numbers in descriptor.proto, which the paths of source locations consist of.
FILE_MESSAGE, FILE_ENUM, FILE_SERVICE, MESSAGE_FIELD, ENUM_VALUE, SERVICE_METHOD = 4, 5, 6, 2, 2, 2
sys.path.insert(0, str(HERE.parent))
import npm_packages  # noqa: E402

# What stands above this line in the file is written by hand: the guide.
MARK = f"<!-- Everything below is generated from the comments in {API}/*.proto by {UPDATE}. Do not edit. -->"


class File:
    """One .proto file, with the comments of its elements."""

    def __init__(self, descriptor):
        self.descriptor = descriptor
        self.comments = {tuple(location.get("path", [])): location.get("leadingComments", "")
                         for location in descriptor["sourceCodeInfo"]["location"]}

    def elements(self, key, number, path=(), owner=None):
        """(descriptor, comment, path) of each message, field, ... below `owner`, which is the file itself by default."""
        for index, one in enumerate((owner or self.descriptor).get(key, [])):
            place = (*path, number, index)
            comment = plain(self.comments.get(place, ""))
            if not comment:
                sys.exit(f"{self.descriptor['name']}: '{one['name']}' has no comment: add one above it")
            yield one, comment, place


def plain(comment):
    """The comment without its margin; lines that the file wraps are joined, list items and paragraphs stay apart."""
    lines = []
    for line in comment.splitlines():
        text = line.strip()
        if lines and text and lines[-1] and not text.startswith("* "):
            lines[-1] += f" {text}"
        else:
            lines.append(text)
    return "\n".join(lines).strip()


def split_errors(text):
    """A method's comment: (description, list of errors)."""
    before, _, errors = text.partition("Errors:")
    return before.strip(), errors.strip()


def link(type_name):
    """Markdown of a type: linked to its section, or to protobuf's own."""
    name = type_name.rsplit(".", 1)[1]
    if type_name.startswith(f".{PACKAGE}."):
        return f"[{name}](#{name.lower()})"
    return f"[{name}](https://protobuf.dev/reference/protobuf/google.protobuf/#{name.lower()})"


def scalar(field):
    return link(field["typeName"]) if "typeName" in field else field["type"].removeprefix("TYPE_").lower()


def type_of(message, field):
    for nested in message.get("nestedType", []):
        if nested.get("options", {}).get("mapEntry") and field.get("typeName", "").endswith(f".{message['name']}.{nested['name']}"):
            key, value = nested["field"]
            return f"map of {scalar(key)} to {scalar(value)}"
    if field.get("proto3Optional"):
        return f"optional {scalar(field)}"
    if field["label"] == "LABEL_REPEATED":
        return f"repeated {scalar(field)}"
    return scalar(field)


def table(head, rows):
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("\n", "<br>").replace("|", "\\|") for cell in row) + " |"
    yield ""


def service(file):
    for one, comment, path in file.elements("service", FILE_SERVICE):
        yield from (f"## {one['name']}", "", comment, "")
        for method, about, _ in file.elements("method", SERVICE_METHOD, path, one):
            about, errors = split_errors(about)
            streamed = "stream of " if method.get("serverStreaming") else ""
            yield from (f"### {method['name']}", "",
                        f"{link(method['inputType'])} → {streamed}{link(method['outputType'])}", "", about, "")
            if errors:
                yield from ("Errors:", "", errors, "")


def messages(file):
    for one, comment, path in file.elements("messageType", FILE_MESSAGE):
        yield from (f"### {one['name']}", "", comment, "")
        rows = []
        for field, about, _ in file.elements("field", MESSAGE_FIELD, path, one):
            if "oneofIndex" in field and not field.get("proto3Optional"):
                about = f"One of `{one['oneofDecl'][field['oneofIndex']]['name']}`. {about}"
            rows.append([f"`{field['name']}`", type_of(one, field), about])
        if rows:
            yield from table(["field", "type", "description"], rows)


def enums(file):
    for one, comment, path in file.elements("enumType", FILE_ENUM):
        yield from (f"### {one['name']}", "", comment, "")
        yield from table(["value", "number", "description"],
                         [[f"`{value['name']}`", str(value.get("number", 0)), about]
                          for value, about, _ in file.elements("value", ENUM_VALUE, path, one)])


def reference(files):
    lines = ["", *table(["service", "method", "does"],
                          [[link(f".{PACKAGE}.{one['name']}"), f"[{method['name']}](#{method['name'].lower()})",
                            split_errors(about)[0].partition(". ")[0].removesuffix(".")]
                           for file in files for one, _, path in file.elements("service", FILE_SERVICE)
                           for method, about, _ in file.elements("method", SERVICE_METHOD, path, one)])]
    for file in files:
        lines += service(file)
    for file in files:
        lines += [f"## {pathlib.PurePath(file.descriptor['name']).name}", ""]
        lines += messages(file)
        lines += enums(file)
    return "\n".join(lines).rstrip() + "\n"


def read_files(buf):
    done = subprocess.run([buf, "build", ".", "--path", API, "-o", "-#format=json"], cwd=PROTO, check=True, text=True,
                          stdout=subprocess.PIPE)
    by_name = {one["name"]: File(one) for one in json.loads(done.stdout)["file"] if one.get("package") == PACKAGE}
    wanted = [f"{API}/{name}.proto" for name in FILES]
    if set(wanted) != set(by_name):
        sys.exit(f"{API} has other files than reference.py lists in FILES: {sorted(set(wanted) ^ set(by_name))}")
    return [by_name[name] for name in wanted]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parents[1] / "build/release/npm", metavar="DIR",
                        help="where npm's packages are kept")
    parser.add_argument("--update", action="store_true", help="write the file")
    options = parser.parse_args()
    buf = npm_packages.fetch(HERE, options.build) / "node_modules/@bufbuild/buf-linux-x64/bin/buf"
    written = REFERENCE.read_text(encoding="utf-8")
    guide, mark, _ = written.partition(MARK)
    if not mark:
        sys.exit(f"{REFERENCE} has no line that begins the generated part: {MARK}")
    text = f"{guide}{mark}\n{reference(read_files(buf))}"
    if options.update:
        REFERENCE.write_text(text, encoding="utf-8")
    elif written != text:
        print(f"proto/README.md is out of date with the comments in proto/{API}. Run: {UPDATE}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
