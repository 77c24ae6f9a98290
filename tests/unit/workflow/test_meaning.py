"""What code says is one text under every version of Python."""

from __future__ import annotations

import ast
import hashlib
from pathlib import Path

import pytest

from bandprobe.workflow.meaning import meaning

# One of each construct whose tree has changed between versions, or has fields that may be empty.
SAMPLE = '''\
"""A module."""
from __future__ import annotations
import os.path as path, sys
from typing import Any

@decorator
@other(1, *args, key=2, **more)
class Sample(Base, metaclass=Meta):
    x: int = 1
    (y): int

    async def wait(self, a, /, b=1, *rest: int, c, d=None, **others) -> None:
        async with a as b, c: pass
        async for x in y: await x
        else: return
        return [x async for x in y if x if not y]

def made(a: int = -1, *, b: str | None = None, **_: Any) -> dict[str, int]:
    global counter
    if (n := len(a)) > 10 and n != 0x1F or not n: yield n
    elif a is None: yield from b
    total = f"{a}" "b" f'{n!r:>{n}}{n=}{{}}' rf"\\d{a:}" f"" "ünïcode \\U0001FAE8"
    empty, text, raw, data, kind = f"", "", r"\\n", b"\\x00a", u"u"
    numbers = 1, 1.5e300, 1e999, 2j, True, None, ..., 10**20, 1_000
    call(*a, lambda x, *y, z=1: x @ y, **{"a": 1, **b}); del a[1:2, ..., ::3], b.c
    {x: y for x, y in z}; {*a, 1}; (x for x in y); a[b] = c.d = e, *f = g
    a += 1; a //= 2; a[b:] = ~a ** -b
    assert a < b <= c in d not in e, "why"
    while True:
        try: continue
        except (OSError, ValueError) as error: raise Wrong from error
        except Exception: break
        else: pass
        finally: nonlocal_ = 1 if a else 2
    try: pass
    except* OSError: pass
    match a:
        case None | True | -1 | "s" | c.d: pass
        case [1, 2, *rest] | [*_]: pass
        case {"k": v, **rest} if v: pass
        case Point(x, y=0) as p: pass
        case _: pass
    def nothing(): return
    def none(): return None
    def blank(): return f""
'''
# Computed once, and the same under Python 3.11, 3.13 and 3.14; that of ast.dump is not.
DIGEST = "ec0a7b1f4f32e251da5c3396f943813c36b31b9e1790594ecd45bb380c528ad6"


def of(code: str) -> str:
    return meaning(ast.parse(code))


def test_the_text_of_known_code_is_known() -> None:
    code = "@d\ndef f(x, y=1):\n  return x[1:] if y else f'{x!r:>3}'\n"
    assert of(code) == (
        "Module(body=[FunctionDef(args=arguments(args=[arg(arg=x,),arg(arg=y,),],"
        "defaults=[Constant(int 1),],),body=[Return(value=IfExp("
        "body=Subscript(slice=Slice(lower=Constant(int 1),),value=Name(id=x,),),"
        "orelse=JoinedStr(values=[FormattedValue(conversion=114,"
        "format_spec=JoinedStr(values=[Constant(str '>3'),],),value=Name(id=x,),),],),"
        "test=Name(id=y,),),),],decorator_list=[Name(id=d,),],name=f,),],)"
    )


def test_the_digest_of_a_sample_is_that_of_every_version() -> None:
    assert hashlib.sha256(of(SAMPLE).encode()).hexdigest() == DIGEST


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a'", 'x  =  u"a"  # a comment'),
        ("f'{x}ab'", "f'{x}' 'a' f'b' f'' ''"),
        ("f'{x:}'", "f'{x}'"),
        ("x: int = 1", "x: (int) = (1)"),
        ("def f(): pass", "def f():  # type: () -> int\n  pass"),
    ],
)
def test_what_says_the_same_is_the_same(one: str, other: str) -> None:
    assert of(one) == of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(): return", "def f(): return None"),
        ("def f(): return f''", "def f(): return"),
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 1", "x = '1'"),
        ("x = None", "x = 'None'"),
        ("x = b'a'", "x = 'a'"),
        ("x = ''", "x = f''"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x:a}'", "f'{x:b}'"),
        ("{**a}", "{None: a}"),
        ("def f(*, a, b=1): pass", "def f(*, a=1, b): pass"),
        ("def f(a, /): pass", "def f(a): pass"),
        ("x[1:]", "x[:1]"),
        ("import a.b", "import a as b"),
        ("from a import b", "from .a import b"),
        ("a < b < c", "a < b and b < c"),
        ("match a:\n  case None: pass", "match a:\n  case True: pass"),
        ("match a:\n  case [*_]: pass", "match a:\n  case [*x]: pass"),
        ("x: int", "(x): int"),
        ("[x for x in y]", "(x for x in y)"),
        ("global a", "nonlocal a"),
        ("a = 'Constant(int 1)'", "a = 1"),
    ],
)
def test_what_says_something_else_is_something_else(one: str, other: str) -> None:
    assert of(one) != of(other)


def test_modules_that_differ_have_texts_that_differ() -> None:
    """As fine as `ast.dump`: no two modules of the package fall together."""
    package = Path(__file__).parents[3] / "bandprobe"
    trees = [ast.parse(path.read_bytes()) for path in package.rglob("*.py")]
    assert len(trees) > 150
    assert len({meaning(tree) for tree in trees}) == len({ast.dump(tree) for tree in trees})


def test_the_tree_is_left_as_it_was() -> None:
    tree = ast.parse(SAMPLE)
    before = ast.dump(tree)
    meaning(tree)
    assert ast.dump(tree) == before
