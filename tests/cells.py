"""Which cells of a notebook another one needs: so a test can run what it asks about, and not the whole notebook."""
import symtable


def set_and_used(code):
    """The names that a cell's code sets, and those that it, or a function in it, looks for in the notebook."""
    tables = [symtable.symtable(code, "cell", "exec")]
    names = tables[0].get_symbols()
    given = {name.get_name() for name in names if name.is_assigned() or name.is_imported() or name.is_namespace()}
    for table in tables:        # it grows
        tables += table.get_children()
    used = {name.get_name() for table in tables for name in table.get_symbols()
            if name.is_referenced() and (table.get_type() == "module" or name.is_global())}
    return given, used


def read_from(codes, read_first=()):
    """Of each cell the places of those that it reads: for each name that it uses the last cell before it that sets it.

    codes: the code of each cell. A name that a cell sets itself is taken for its own, but those `read_first`.
    """
    names = [set_and_used(code) for code in codes]
    own = [given - set(read_first) for given, _ in names]
    return [{earlier for name in names[place][1] - own[place]
             for earlier in [n for n in range(place) if name in names[n][0]][-1:]} for place in range(len(codes))]


def needed(reads, wanted):
    """The places, in order, of the cells that the `wanted` ones need, and these; `reads` from `read_from`."""
    kept, asked = set(), set(wanted)
    while asked:
        kept.add(place := asked.pop())
        asked |= reads[place] - kept
    return sorted(kept)
