"""Modules of the standard library that a guest does not have, as far as libraries import them when they start.

Each has the names that libraries look up, and says clearly that it is not there when it is used. `pwd` and `grp` know the
one user there is on Lambda.
"""

import collections
import errno
import os
import sys
import types


def _module(name, functions="", constants=None, error=None, **members):
    module = types.ModuleType(name, "A part of the standard library that guests do not have.")
    module.__dict__.update(constants or {}, **members)
    for function in functions.split():
        setattr(module, function, _refuse(f"{name}.{function}", error))
    return module


def _refuse(what, error):
    def function(*_, **__):
        message = f"`{what}` is not there in a guest of WebAssembly"
        raise error(message) if error else OSError(errno.ENOSYS, message)

    function.__name__ = what.rpartition(".")[2]
    return function


def _class(name):
    def refuse(self, *_, **__):
        raise NotImplementedError(f"`{name}` is not there in a guest of WebAssembly")

    return type(name.rpartition(".")[2], (), {"__init__": refuse})


def install():
    """Puts the modules where imports find them."""
    for module in (_pwd(), _grp(), _fcntl(), _mmap(), _resource(), _termios(), _syslog(), *_compression(), _interpreters()):
        sys.modules[module.__name__] = module
    sys.modules.update({module.__name__: module for module in ctypes()})
    os.getuid = os.geteuid = lambda: _USER.pw_uid
    os.getgid = os.getegid = lambda: _USER.pw_gid
    os.getgroups = lambda: [_USER.pw_gid]


_User = collections.namedtuple("struct_passwd", "pw_name pw_passwd pw_uid pw_gid pw_gecos pw_dir pw_shell")
_USER = _User("sbx_user1051", "x", 993, 990, "", "/home/sbx_user1051", "/sbin/nologin")
_Group = collections.namedtuple("struct_group", "gr_name gr_passwd gr_gid gr_mem")


def _pwd():
    return _module(
        "pwd", struct_passwd=_User, getpwuid=lambda uid: _USER, getpwnam=lambda name: _USER, getpwall=lambda: [_USER]
    )


def _grp():
    group = _Group("sbx_group1051", "x", _USER.pw_gid, [])
    return _module(
        "grp", struct_group=_Group, getgrgid=lambda gid: group, getgrnam=lambda name: group, getgrall=lambda: [group]
    )


def _fcntl():
    constants = {
        "LOCK_SH": 1, "LOCK_EX": 2, "LOCK_NB": 4, "LOCK_UN": 8, "F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3,
        "F_SETFL": 4, "F_GETLK": 5, "F_SETLK": 6, "F_SETLKW": 7, "FD_CLOEXEC": 1,
    }
    # Nobody else is there who could hold a lock.
    free = {"flock": lambda descriptor, operation: None, "lockf": lambda *_: None}
    return _module("fcntl", "fcntl ioctl", constants, **free)


def _mmap():
    constants = {"ACCESS_DEFAULT": 0, "ACCESS_READ": 1, "ACCESS_WRITE": 2, "ACCESS_COPY": 3, "PAGESIZE": 65536}
    constants |= {"ALLOCATIONGRANULARITY": 65536, "MAP_SHARED": 1, "MAP_PRIVATE": 2, "PROT_READ": 1, "PROT_WRITE": 2}
    return _module("mmap", constants=constants, mmap=_class("mmap.mmap"), error=OSError)


def _resource():
    names = "RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE".split()
    constants = {name: number for number, name in enumerate(names)} | {"RLIMIT_AS": 9, "RLIM_INFINITY": -1}
    constants |= {"RUSAGE_SELF": 0, "RUSAGE_CHILDREN": -1, "error": OSError}
    return _module("resource", "getrusage getrlimit setrlimit prlimit", constants)


def _termios():
    names = (
        "TCSANOW TCSADRAIN TCSAFLUSH ECHO ICANON IEXTEN ISIG BRKINT ICRNL INPCK ISTRIP IXON OPOST CSIZE PARENB CS8 VMIN VTIME "
        "IGNBRK IGNPAR PARMRK INLCR IGNCR IXANY IXOFF CSTOPB CREAD HUPCL CLOCAL ECHONL ECHOE ECHOK TOSTOP NOFLSH TIOCGWINSZ"
    )
    constants = {name: number for number, name in enumerate(names.split())} | {"error": OSError}
    return _module("termios", "tcgetattr tcsetattr tcflush tcdrain tcflow", constants)


def _syslog():
    names = "LOG_EMERG LOG_ALERT LOG_CRIT LOG_ERR LOG_WARNING LOG_NOTICE LOG_INFO LOG_DEBUG".split()
    constants = {name: number for number, name in enumerate(names)} | {"LOG_PID": 1, "LOG_USER": 8, "LOG_DAEMON": 24}
    return _module("syslog", "syslog openlog", constants)


def _compression():
    """The native parts of `bz2` and `lzma`: with them these modules can be imported, and say what is not there."""
    bz2 = _module("_bz2", BZ2Compressor=_class("bz2.BZ2Compressor"), BZ2Decompressor=_class("bz2.BZ2Decompressor"))
    names = (
        "CHECK_NONE CHECK_CRC32 CHECK_CRC64 CHECK_SHA256 CHECK_ID_MAX CHECK_UNKNOWN FILTER_LZMA1 FILTER_LZMA2 FILTER_DELTA "
        "FILTER_X86 FILTER_IA64 FILTER_ARM FILTER_ARMTHUMB FILTER_SPARC FILTER_POWERPC FORMAT_AUTO FORMAT_XZ FORMAT_ALONE "
        "FORMAT_RAW MF_HC3 MF_HC4 MF_BT2 MF_BT3 MF_BT4 MODE_FAST MODE_NORMAL PRESET_DEFAULT PRESET_EXTREME"
    )
    constants = {name: number for number, name in enumerate(names.split())}
    lzma = _module(
        "_lzma", "is_check_supported _encode_filter_properties _decode_filter_properties", constants,
        LZMACompressor=_class("lzma.LZMACompressor"), LZMADecompressor=_class("lzma.LZMADecompressor"),
        LZMAError=type("LZMAError", (Exception,), {"__module__": "lzma"}),
    )
    return bz2, lzma


def _interpreters():
    """`concurrent.interpreters`: other interpreters in the same process."""
    errors = {
        name: type(name, (Exception,), {})
        for name in (
            "InterpreterError", "InterpreterNotFoundError", "ExecutionFailed", "NotShareableError", "QueueEmpty", "QueueFull",
        )
    }
    return _module(
        "concurrent.interpreters", "create create_queue get_current get_main list_all is_shareable", errors,
        Interpreter=_class("concurrent.interpreters.Interpreter"), Queue=_class("concurrent.interpreters.Queue"),
    )


class _Interpreter:
    def __getattr__(self, name):
        raise OSError(errno.ENOSYS, f"`ctypes.pythonapi.{name}` is not there in a guest of WebAssembly")


def ctypes():
    """`ctypes`: its types are classes without any meaning, and libraries can't be loaded."""
    kinds = (
        "c_bool c_char c_wchar c_byte c_ubyte c_short c_ushort c_int c_uint c_long c_ulong c_longlong c_ulonglong c_size_t "
        "c_ssize_t c_float c_double c_longdouble c_char_p c_wchar_p c_void_p c_int8 c_int16 c_int32 c_int64 c_uint8 "
        "c_uint16 c_uint32 c_uint64 py_object Structure Union Array LittleEndianStructure BigEndianStructure"
    )
    meta = type("_Type", (type,), {"__mul__": lambda self, count: self, "__rmul__": lambda self, count: self})
    types_ = {
        name: meta(name, (), {"__init__": _refuse(f"ctypes.{name}", NotImplementedError), "__module__": "ctypes"})
        for name in kinds.split()
    }
    library = {"__init__": _refuse("ctypes.CDLL", OSError), "__module__": "ctypes"}
    libraries = {name: type(name, (), library) for name in ("CDLL", "PyDLL", "WinDLL", "LibraryLoader")}
    loader = types.SimpleNamespace(LoadLibrary=_refuse("ctypes.cdll.LoadLibrary", OSError))
    module = _module(
        "ctypes", "byref cast sizeof addressof alignment create_string_buffer create_unicode_buffer string_at wstring_at "
        "memmove memset resize get_errno set_errno", {**types_, **libraries}, NotImplementedError,
        ArgumentError=type("ArgumentError", (Exception,), {}), cdll=loader, pydll=loader, pythonapi=_Interpreter(), RTLD_GLOBAL=256,
        RTLD_LOCAL=0, DEFAULT_MODE=0, POINTER=lambda kind: meta("LP", (), {}),
        pointer=_refuse("ctypes.pointer", NotImplementedError),
        CFUNCTYPE=lambda *_, **__: meta("CFunctionType", (), {}),
        PYFUNCTYPE=lambda *_, **__: meta("PyFunctionType", (), {}),
    )
    module.__path__ = []
    util = _module("ctypes.util", find_library=lambda name: None, find_msvcrt=lambda: None)
    wintypes = _module("ctypes.wintypes", constants={name: types_["c_int"] for name in ("DWORD", "HANDLE", "BOOL", "WORD")})
    module.util, module.wintypes = util, wintypes
    return module, util, wintypes
