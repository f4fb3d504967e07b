"""Attacks on files, the network and other processes."""

from __future__ import annotations

from hostile.attack import BUBBLE, FRESH, FRESH_USER, SPACES, TOOLS, Attack, made, said

SECRET = "the-secret-of-the-owner"

FILES = [
    Attack("read the users", "answer = os.read(os.open('/etc/passwd', 0), 5000)", said("root:"), FRESH),
    Attack("read by open()", "answer = open(FOLDER + '/readable').read()", said(SECRET), FRESH),
    Attack("read the owner's file", "answer = open(FOLDER + '/private').read()", said(SECRET), FRESH_USER),
    Attack("list a folder", "answer = os.listdir(FOLDER)", said("readable"), FRESH),
    Attack(
        "see whether a file is there", "os.stat(FOLDER + '/readable')\nanswer = 'it is there'", said("it is"), FRESH
    ),
    Attack("write a file", "open(FOLDER + '/' + NAME, 'w').write('x')", made, FRESH),
    Attack("write where it works", "open('here', 'w').write('x')\nanswer = 'written'", said("written")),
    Attack("make folders", "[os.mkdir(f'{FOLDER}/{NAME}{i}') for i in range(50)]", made, FRESH),
    Attack("delete a file", "os.unlink(FOLDER + '/deletable')", lambda s, f: s.gone("deletable"), FRESH),
    Attack("empty a file", "os.truncate(FOLDER + '/writable', 0)", lambda s, f: s.empty("writable"), FRESH),
    Attack("link to a file", "os.symlink('/etc/passwd', FOLDER + '/' + NAME)", made, FRESH),
    Attack("change rights", "os.chmod(FOLDER + '/readable', 0o777)", lambda s, f: s.loose("readable"), FRESH_USER),
    Attack(
        "fill the disk",
        "for i in range(100):\n    try:\n        f = os.open(f'{FOLDER}/{NAME}{i}', 65)\n"
        "        while True: os.write(f, b'x' * 2**20)\n    except OSError: pass",
        lambda s, f: s.size() > 10_000,
    ),
    Attack(
        "use up the files of the disk",
        "for i in range(500): os.close(os.open(f'{FOLDER}/{NAME}{i}', 65))",
        made,
        FRESH,
    ),
    Attack("shared memory", "os.open('/dev/shm/' + NAME, 66)", lambda s, f: s.shared(s.names[id(f)]), FRESH),
    Attack(
        "a file by ctypes",
        "load('ctypes')\nf = system('open', b'/etc/passwd', 0)\nanswer = os.read(f, 5000)",
        said("root:"),
        FRESH,
    ),
    Attack(
        "through the graph of objects",
        "for c in ().__class__.__base__.__subclasses__():\n    if c.__name__ == '_wrap_close':\n"
        "        c.__init__.__globals__['mkdir'](FOLDER + '/' + NAME)",
        made,
        FRESH,
    ),
]

NETWORK = [
    Attack(
        "connect",
        "socket = load('socket')\ns = socket.create_connection(('127.0.0.1', PORT), 5)\ns.sendall(NAME.encode())",
        lambda s, f: s.heard("connect"),
        FRESH,
    ),
    Attack(
        "send a datagram",
        "socket = load('socket')\ns = socket.socket(2, 2)\ns.sendto(NAME.encode(), ('127.0.0.1', PORT))",
        lambda s, f: s.heard("send a datagram"),
        FRESH,
    ),
    Attack(
        "a socket without a file",
        "socket = load('socket')\ns = socket.socket(1, 1)\ns.connect('\\0@ABSTRACT@')\ns.sendall(NAME.encode())",
        lambda s, f: s.heard("a socket without a file"),
        FRESH,
    ),
    Attack(
        "listen",
        "socket = load('socket')\ns = socket.socket()\ns.bind(('0.0.0.0', 0))\ns.listen()\nanswer = 'all ears'",
        said("all ears"),
        FRESH | BUBBLE | SPACES,  # in a network of its own
    ),
]

PROCESSES = [
    Attack("the owner's environment", "answer = open(f'/proc/{OWNER}/environ').read()", said(SECRET), FRESH_USER),
    Attack("its own environment", "answer = open('/proc/self/environ').read(), os.environ", said(SECRET)),
    Attack("list processes", "answer = [p for p in os.listdir('/proc') if p == str(OWNER)]", said("['"), FRESH),
    Attack("the owner's descriptors", "answer = os.listdir(f'/proc/{OWNER}/fd')", said("['"), FRESH_USER),
    Attack("the server's memory", "answer = 'seen', open(f'/proc/{os.getppid()}/mem', 'rb')", said("seen")),
    Attack(
        "trace the owner",
        "load('ctypes')\nsystem('ptrace', 0x4206, OWNER, 0, 0)\nanswer = 'traced'",
        said("traced"),
        FRESH_USER,
        unsure=True,  # Yama's ptrace_scope
    ),
    Attack(
        "trace the server", "load('ctypes')\nsystem('ptrace', 0x4206, os.getppid(), 0, 0)\nanswer = 'hm'", said("hm")
    ),
    Attack("signal the owner", "os.kill(OWNER, 10)", lambda s, f: s.signals > 0, FRESH_USER),
    Attack("kill a bystander", "os.kill(@BYSTANDER@, 9)", lambda s, f: s.bystander.poll() is not None, FRESH_USER),
    Attack(
        "kill its server",
        "os.kill(os.getppid(), 9)",
        lambda s, f: f.status == "killed",
        FRESH_USER | {"bubblewrap/user"},
    ),
    Attack(
        "slow the owner", "os.setpriority(0, OWNER, os.getpriority(0, OWNER) + 1)", lambda s, f: s.slowed(), FRESH_USER
    ),
    Attack("fork", "answer = 'forked' if os.fork() else ''", said("forked")),
    Attack("fork bomb", "while True:\n    try: os.fork()\n    except OSError: raise", lambda s, f: s.crowded()),
    Attack(
        "thread bomb",
        "import time\nt = load('_thread')\nn = 0\ntry:\n    while n < 100:\n"
        "        t.start_new_thread(time.sleep, (9,))\n        n += 1\nfinally: print('threads', n > 0)",
        said("threads True"),
    ),
    Attack(
        "leave a daemon",
        "import time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        time.sleep(1)\n"
        "        os.mkdir(FOLDER + '/' + NAME)",
        made,
    ),
    Attack("another program", "os.execv('/bin/mkdir', ['mkdir', FOLDER + '/' + NAME])", made, FRESH),
    Attack("start another program", "os.posix_spawn('/bin/mkdir', ['mkdir', FOLDER + '/' + NAME], {})", made),
    Attack("system()", "os.system('mkdir ' + FOLDER + '/' + NAME)", made),
    Attack(
        "a user namespace",
        "load('ctypes')\nsystem('unshare', 0x10000000)\nanswer = 'root of its own'",
        said("root of its own"),
        FRESH | BUBBLE | SPACES,
        unsure=True,
    ),
    Attack("become root", "os.setuid(0)\nanswer = 'root'", said("'root'")),
    Attack(
        "mount", "load('ctypes')\nsystem('mount', b'none', b'/tmp', b'tmpfs', 0, 0)\nanswer = 'there'", said("there")
    ),
    Attack("change the root", "os.chroot(FOLDER)\nanswer = 'changed'", said("changed")),
    Attack("rename the machine", "load('socket').sethostname('x')\nanswer = 'renamed'", said("renamed")),
]


def reaching() -> list[Attack]:
    return [attack._replace(source=TOOLS + attack.source) for attack in (*FILES, *NETWORK, *PROCESSES)]
