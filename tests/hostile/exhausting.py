"""Attacks on time, memory and output, and tricks on the interpreter and on the sandbox's own talk."""

from __future__ import annotations

from hostile.attack import BUBBLE, FRESH, SPACES, TOOLS, Attack, computing, not_ended_by, said, sleeping

RESOURCES = [
    computing("endless loop", "while True: pass"),
    sleeping("sleep", "import time\ntime.sleep(10**6)"),
    sleeping("sleep in short naps", "import time\nwhile True: time.sleep(0.05)"),
    sleeping("wait for itself", "l = load('_thread').allocate_lock()\nl.acquire()\nl.acquire()"),
    Attack("ten gigabytes", "answer = [0] * (10 * 2**27)", not_ended_by("memory")),
    Attack("memory bit by bit", "a = []\nwhile True: a.append(bytearray(10**5))", not_ended_by("memory")),
    Attack(
        "memory by maps", "m = load('mmap')\na = []\nwhile True: a.append(m.mmap(-1, 10**7))", not_ended_by("error")
    ),
    Attack("a hundred megabytes of output", "for i in range(100): print('x' * 2**20)", not_ended_by("output")),
    Attack("endless output", "while True: os.write(1, b'x' * 9999)", not_ended_by("output")),
    computing("endless errors", "while True: os.write(2, b'x' * 9999)"),
    Attack("endless result", "while True: os.write(3, b'x' * 9999)", not_ended_by("output")),
    Attack("a huge value", "answer = 'x' * 10**7", not_ended_by("output")),
    computing("a huge integer", "answer = 9 ** 9 ** 9", "memory"),
    Attack("a long integer as text", "answer = 10 ** 100000", not_ended_by("error")),
    computing("a slow pattern", "import re\nre.match('(a+)+b', 'a' * 40)"),
    Attack("deep recursion", "def f(n): return f(n + 1)\nf(0)", not_ended_by("error")),
    computing(
        "deeper recursion",
        "load('sys').setrecursionlimit(10**9)\ndef f(): return sorted([1], key=lambda x: f())\nf()",
        *("killed", "memory"),
    ),
    Attack("a deep program", "answer = " + "(" * 5000 + ")" * 5000, not_ended_by("error", "memory")),
    Attack("read what never comes", "input()", not_ended_by("error")),
]

TRICKS = [
    computing(
        "deaf to signals",
        "s = load('_signal')\nfor n in range(1, 65):\n    try: s.signal(n, 1)\n    except (OSError, ValueError): pass\n"
        "while True: pass",
    ),
    computing(
        "signals put off",
        "s = load('_signal')\ntry: s.pthread_sigmask(0, range(1, 65))\nexcept OSError: pass\nwhile True: pass",
    ),
    computing(
        "without the timer",
        "s = load('_signal')\ntry: s.setitimer(2, 0)\nexcept OSError: pass\nwhile True: pass",
    ),
    Attack(
        "more for itself",
        "r = load('resource')\nfor n in range(16):\n    try: r.setrlimit(n, (-1, -1))\n"
        "    except (OSError, ValueError): pass\na = []\nwhile True: a.append(bytearray(10**5))",
        not_ended_by("memory"),
    ),
    Attack("abort", "os.abort()", not_ended_by("killed")),
    Attack("crash", "load('ctypes').string_at(0)", not_ended_by("killed")),
    Attack("end early", "os._exit(0)", not_ended_by("error")),
    computing("end late", "while True:\n    try: raise SystemExit\n    except SystemExit: pass"),
    Attack(
        "patched builtins",
        "b = load('builtins')\nj = load('json')\nb.len = b.str = b.isinstance = b.open = None\n"
        "j.dumps = lambda *a, **k: '{\"value\": \"forged\"}'\nload('os').write = None\nprint = None",
        not_ended_by("ok", "error"),  # of itself alone: the honest programs after it see nothing
    ),
    Attack(
        "patched modules",
        "import math\nmath.floor = math.pi = None\nload('sys').modules.clear()\nload('gc').collect()",
        not_ended_by("ok", "error"),
    ),
    Attack("a result without the nonce", 'os.write(3, b\'{"value": "42"}\')\nos._exit(0)', said("42")),
    Attack(
        "words to all descriptors",
        "for n in range(64):\n    try: os.write(n, b'F' * 60)\n    except OSError: pass",
        said("@"),
    ),
    Attack("the words of its server", "import gc\nfor n in range(3, 64):\n    os.close(n)", not_ended_by("error")),
    Attack(
        "look for other programs",
        "g = load('gc')\nneedle = 'len(' + repr(''.join(['HON', 'EST']))\n"
        "held = (t for o in g.get_objects() for t in g.get_referents(o) if isinstance(t, (str, bytes)))\n"
        "answer = [t for t in held if len(t) > len(needle) and needle in str(t)]",
        lambda scene, found: found.value != "[]",
    ),
    Attack(
        "a value that is a trap",
        "class Trap:\n    def __str__(self): return '\"}{\\0\\ud800' + '\\x1b[2J' * 10\n"
        "    def __reduce__(self): return exit, ()\nanswer = Trap()",
        not_ended_by("ok"),
    ),
    Attack(
        "an exception that is a trap",
        "class Trap(BaseException):\n    def __str__(self): raise SystemExit\n    __name__ = None\nraise Trap",
        not_ended_by("error"),
    ),
    Attack(
        "machine code",
        "m = load('mmap')\nc = load('ctypes')\np = m.mmap(-1, 4096, prot=7)\np.write(b'\\xb8\\x2a\\0\\0\\0\\xc3')\n"
        "a = c.addressof(c.c_char.from_buffer(p))\nanswer = 'ran', c.CFUNCTYPE(c.c_int)(a)()",
        said("'ran', 42"),
        FRESH | BUBBLE | SPACES,
    ),
]


def exhausting() -> list[Attack]:
    return [attack._replace(source=TOOLS + attack.source) for attack in (*RESOURCES, *TRICKS)]
