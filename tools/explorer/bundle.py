"""Joins the modules of a JavaScript program into one classic script: a page opened from a file may load no modules.

What it understands is what the explorer's modules keep to: `import { a, b as c } from "./x.js"` at the beginning of a line,
and declarations that begin with `export`. Each module becomes a function that runs once and returns what it exports.
"""

import json
import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?(?:function\*?|class|const|let) )(\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def bundle(entry, given=None):
    """The program that begins with the module `entry`, as the text of one script.

    given: what is known only when the explorer is built, {name: {constant: value}}; a module imports it from "build:name".
    Raises ValueError for an import or export of another form, for modules that import each other in a circle, and for a name
    that is imported and not there.
    """
    modules = {}
    _collect(Path(entry).resolve(), given or {}, modules, [])
    numbers = {name: number for number, name in enumerate(modules)}
    parts = [_wrapped(code, imports, numbers, numbers[name], exports)
             for name, (code, imports, exports) in modules.items()]
    return '"use strict";\n(() => {\n' + "\n".join(parts) + "\n})();\n"


def _collect(name, given, modules, above):
    """Adds the module `name`, a path or "build:…", after those that it imports: its code, imports and exports."""
    if name in above:
        raise ValueError(f"modules import each other in a circle: {' → '.join(map(str, [*above, name]))}")
    if name in modules:
        return
    code, imports = (_constants(given, name), []) if isinstance(name, str) else _read(name)
    for _, source in imports:
        _collect(source, given, modules, [*above, name])
    for names, source in imports:
        missing = [one for one, _ in names if one not in modules[source][2]]
        if missing:
            raise ValueError(f"{name} imports {', '.join(missing)} from {source}, which does not export it")
    modules[name] = (_EXPORT.sub(r"\1\2", code), imports, [found[1] for found in _EXPORT.findall(code)])


def _constants(given, name):
    values = given.get(name.removeprefix("build:"))
    if values is None:
        raise ValueError(f"a module imports {name}, which this build does not give; it gives {', '.join(given) or 'nothing'}")
    return "".join(f"export const {key} = {script(value)};\n" for key, value in values.items())


def script(value):
    """A value as JavaScript that may also stand in a <script> element."""
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/").replace("<!--", "\\u003c!--")


def _read(path):
    code, imports = path.read_text(encoding="utf-8"), []
    for names, source in _IMPORT.findall(code):
        pairs = [tuple(pair.split(" as ")) for pair in re.split(r"\s*,\s*", names.strip(" \n,"))]
        imports.append(([(pair[0], pair[-1]) for pair in pairs],
                        source if source.startswith("build:") else (path.parent / source).resolve()))
    code = _IMPORT.sub("", code)
    other = [line for line in _OTHER.findall(code) if not _EXPORT.match(line)]
    if other:
        raise ValueError(f"{path}: the bundler does not understand {other[0]!r}; see {__name__}")
    return code, imports


def _wrapped(code, imports, numbers, number, exports):
    taken = "".join(f"const {{ {', '.join(f'{name}: {local}' for name, local in names)} }} = $m{numbers[source]};\n"
                    for names, source in imports)
    return f"const $m{number} = (() => {{\n{taken}{code}\nreturn {{ {', '.join(exports)} }};\n}})();"
