//! Every fault that a guest can have, with what its caller is to see.
//!
//! `tests/faults.md` lists them for readers, and `tidy.rs` compares the two.

use super::{
    Behaviour, Reply,
    behaviour::Size,
    text::{FAULT, Text},
};

/// One fault.
#[derive(Clone)]
pub struct Fault {
    /// As in `tests/faults.md`.
    pub name: &'static str,
    pub guest: FaultyGuest,
    /// An event before, which fails too.
    pub before: Option<Behaviour>,
    /// What the caller gets to see. The message starts so.
    pub error_type: &'static str,
    pub message: &'static str,
    pub instance: Afterwards,
}

#[derive(Clone)]
pub enum FaultyGuest {
    /// The fixture `misbehave`, which does this.
    Misbehave(Behaviour),
    /// One written for this fault.
    Text(Text),
}

/// What becomes of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    Kept,
    Gone,
}

impl Fault {
    /// The event that causes it.
    pub fn event(&self) -> Vec<u8> {
        match &self.guest {
            FaultyGuest::Misbehave(behaviour) => behaviour.clone().into(),
            FaultyGuest::Text(_) => FAULT.into(),
        }
    }

    /// What the fixture `misbehave` does first, where it is the guest.
    pub fn first_behaviour(self) -> Option<Behaviour> {
        match self.guest {
            FaultyGuest::Misbehave(behaviour) => Some(self.before.unwrap_or(behaviour)),
            FaultyGuest::Text(_) => None,
        }
    }

    /// Whether the guest is stopped at its deadline.
    pub fn is_timeout(&self) -> bool {
        self.error_type == "Guest.Timeout"
    }

    /// Fails unless this is what the caller is to see.
    #[track_caller]
    pub fn check(&self, reply: &Reply) {
        let error = reply.error(self.error_type).starts(self.message);
        assert!(error.stack_trace().len() <= 64, "{error:#}");
    }
}

/// All of them.
pub fn all() -> Vec<Fault> {
    [in_handlers(), in_start_up(), traps(), around_traps(), around_handlers(), in_responses(), in_host_calls()].concat()
}

fn misbehave(
    name: &'static str,
    behaviour: Behaviour,
    error_type: &'static str,
    message: &'static str,
    instance: Afterwards,
) -> Fault {
    Fault { name, guest: FaultyGuest::Misbehave(behaviour), before: None, error_type, message, instance }
}

const STOPPED: &str = "the guest was stopped after ";

fn in_handlers() -> Vec<Fault> {
    use Afterwards::{Gone, Kept};
    const UNREACHABLE: &str = "wasm `unreachable` instruction executed";
    const TOO_LARGE: &str =
        "the response has more than 16777216 bytes, where the host stops reading, but Lambda takes at most 6291556";
    vec![
        misbehave("error", Behaviour::Fail, "OrderNotFound", "no such order: `42`", Kept),
        misbehave("error with a stack trace of 100,000 lines", Behaviour::LongStackTrace, "TooDeep", "see below", Kept),
        misbehave("error of 50 MB", Behaviour::ErrorOf(Size::Mb(50)), "Function.ResponseSizeTooLarge", TOO_LARGE, Gone),
        misbehave(
            "response of 7 MB",
            Behaviour::ResponseOf(Size::Mb(7)),
            "Function.ResponseSizeTooLarge",
            "the response has 7000002 bytes, but Lambda takes at most 6291556",
            Kept,
        ),
        misbehave(
            "response of 20 MB",
            Behaviour::ResponseOf(Size::Mb(20)),
            "Function.ResponseSizeTooLarge",
            TOO_LARGE,
            Gone,
        ),
        misbehave("panic", Behaviour::Panic, "Guest.Trap.Unreachable", "out of pickles: ", Gone),
        misbehave("abort", Behaviour::Abort, "Guest.Trap.Unreachable", UNREACHABLE, Gone),
        misbehave("unreachable code", Behaviour::Trap, "Guest.Trap.Unreachable", UNREACHABLE, Gone),
        misbehave(
            "stack overflow in Rust",
            Behaviour::OverflowTheStack,
            "Guest.Trap.MemoryOutOfBounds",
            "out of bounds memory access",
            Gone,
        ),
        misbehave("exit(0)", Behaviour::Exit(0), "Guest.Exit", "exited with status 0\nhint: ", Gone),
        misbehave("exit(1)", Behaviour::Exit(1), "Guest.Exit", "exited with status 1\nhint: ", Gone),
        misbehave(
            "exit with a file open",
            Behaviour::ExitWithAnOpenFile,
            "Guest.Exit",
            "exited with status 1\nhint: ",
            Gone,
        ),
        misbehave("endless loop", Behaviour::Loop, "Guest.Timeout", STOPPED, Gone),
        misbehave("endless wait", Behaviour::Sleep, "Guest.Timeout", STOPPED, Gone),
        misbehave("allocation without end", Behaviour::Allocate, "Guest.OutOfMemory", "memory allocation of ", Gone),
    ]
}

/// The first event ends the instance, and the start-up of the next one fails.
fn in_start_up() -> Vec<Fault> {
    let start = |name, behaviour: Behaviour, error_type, message| Fault {
        before: Some(behaviour.in_start_up()),
        ..misbehave(name, Behaviour::Rest, error_type, message, Afterwards::Gone)
    };
    vec![
        start("error in start-up", Behaviour::Fail, "OrderNotFound", "no such order: `42`"),
        start("panic in start-up", Behaviour::Panic, "Guest.Trap.Unreachable", "out of pickles: "),
        start("exit in start-up", Behaviour::Exit(0), "Guest.Exit", "exited with status 0"),
        start("endless loop in start-up", Behaviour::Loop, "Guest.Timeout", "the guest's start-up was stopped after "),
        start("endless wait in start-up", Behaviour::Sleep, "Guest.Timeout", "the guest's start-up was stopped"),
        start("allocation without end in start-up", Behaviour::Allocate, "Guest.OutOfMemory", "memory allocation of "),
    ]
}

fn text(name: &'static str, guest: Text, error_type: &'static str, message: &'static str) -> Fault {
    let guest = FaultyGuest::Text(guest);
    Fault { name, guest, before: None, error_type, message, instance: Afterwards::Gone }
}

const fn handle(body: &'static str) -> Text {
    Text { handle: body, ..Text::EMPTY }
}

/// Every kind of trap that the host's WebAssembly has, each by a guest that does just that.
fn traps() -> Vec<Fault> {
    [
        ("unreachable", "Guest.Trap.Unreachable", "wasm `unreachable` instruction executed", "unreachable"),
        (
            "memory out of bounds",
            "Guest.Trap.MemoryOutOfBounds",
            "out of bounds memory access",
            "(i32.load (i32.const 0x7fffffff))",
        ),
        (
            "integer division by zero",
            "Guest.Trap.IntegerDivideByZero",
            "integer divide by zero",
            "(i32.div_u (i32.const 1) (i32.const 0))",
        ),
        (
            "integer overflow",
            "Guest.Trap.IntegerOverflow",
            "integer overflow",
            "(i32.div_s (i32.const 0x80000000) (i32.const -1))",
        ),
        (
            "bad conversion to integer",
            "Guest.Trap.BadConversionToInteger",
            "invalid conversion to integer",
            "(i32.trunc_f32_s (f32.const nan))",
        ),
        ("stack overflow", "Guest.Trap.StackOverflow", "call stack exhausted", "(call $deeper (i32.const 0))"),
        (
            "table out of bounds",
            "Guest.Trap.TableOutOfBounds",
            "undefined element: out of bounds table access",
            "(call_indirect (type $to-number) (i32.const 9))",
        ),
        (
            "indirect call to null",
            "Guest.Trap.IndirectCallToNull",
            "uninitialized element",
            "(call_indirect (type $to-number) (i32.const 1))",
        ),
        (
            "bad signature",
            "Guest.Trap.BadSignature",
            "indirect call type mismatch",
            "(call_indirect (type $to-number) (i32.const 0))",
        ),
        (
            "atomic access that is not aligned",
            "Guest.Trap.HeapMisaligned",
            "unaligned atomic",
            "(i32.atomic.load (i32.const 17))",
        ),
        (
            "wait for another thread",
            "Guest.Trap.AtomicWaitNonSharedMemory",
            "atomic wait on non-shared memory",
            "(memory.atomic.wait32 (i32.const 16) (i32.const 0) (i64.const -1))",
        ),
        ("uncaught exception", "Guest.Trap.UncaughtException", "uncaught exception", "(throw $tag)"),
        ("null reference", "Guest.Trap.NullReference", "null reference", "(struct.get $struct 0 (ref.null $struct))"),
        (
            "array out of bounds",
            "Guest.Trap.ArrayOutOfBounds",
            "out of bounds array access",
            "(array.get $array (array.new_default $array (i32.const 3)) (i32.const 3))",
        ),
        (
            "cast failure",
            "Guest.Trap.CastFailure",
            "cast failure",
            "(i31.get_s (ref.cast (ref i31) (struct.new_default $struct)))",
        ),
        (
            "allocation too large",
            "Guest.Trap.AllocationTooLarge",
            "allocation size too large",
            "(array.len (array.new_default $array (i32.const 0x7fffffff)))",
        ),
        (
            "objects without end",
            "Guest.OutOfMemory",
            "the guest was refused memory and gave up",
            "(local $list (ref null $struct)) (loop $more (local.set $list (struct.new $struct (i32.const 1) (local.get $list))) (br $more)) unreachable",
        ),
    ]
    .map(|(name, error_type, message, body)| {
        let text = Text { module: OF_WEBASSEMBLY_3, ..handle(body) };
        self::text(name, text, error_type, message)
    })
    .to_vec()
}

/// What the traps of exceptions and of garbage collection need.
const OF_WEBASSEMBLY_3: &str =
    "(type $struct (struct (field i32) (field (ref null $struct)))) (type $array (array (mut i32))) (tag $tag)";

/// What is worked on after a trap, outside of every limit on guests.
fn around_traps() -> Vec<Fault> {
    // To read it as one of C++'s takes some seconds and gigabytes.
    const NAMED: Text = Text {
        handle: "(call $_ZStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IE) unreachable",
        module: "(func $_ZStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IStC1IE unreachable)",
        ..Text::EMPTY
    };
    const UNREACHABLE: &str = "wasm `unreachable` instruction executed";
    let debug_info = Text { module: endless_debug_info().leak(), ..handle("unreachable") };
    vec![
        text("trap in a function whose name is a riddle", NAMED, "Guest.Trap.Unreachable", UNREACHABLE),
        text("trap beside debug info that takes gigabytes", debug_info, "Guest.Trap.Unreachable", UNREACHABLE),
    ]
}

/// 2,000 units that share a table of 900,000 files, each of one byte.
fn endless_debug_info() -> String {
    const FILES: u32 = 900_000;
    // A compile unit with a line program, and where its code begins and how long it is.
    let abbreviations = [1, 0x11, 0, 0x10, 0x17, 0x11, 0x01, 0x12, 0x06, 0, 0, 0];
    let unit = [&[21, 0, 0, 0, 5, 0, 1, 4, 0, 0, 0, 0, 1][..], &[0; 8], &[0xff, 0xff, 0xff, 0x7f]].concat();
    let count = [FILES as u8 | 0x80, (FILES >> 7) as u8 | 0x80, (FILES >> 14) as u8];
    // Instructions without operands, and for directories and files a path, which is a number.
    let tables = [&[1, 1, 1, 0xfb, 14, 1, 1, 1, 0x0f, 1, 0, 1, 1, 0x0f][..], &count, &vec![0; FILES as usize]].concat();
    let length = |bytes: usize| u32::try_from(bytes).unwrap().to_le_bytes();
    let lines = [&length(8 + tables.len())[..], &[5, 0, 4, 0], &length(tables.len()), &tables].concat();
    let custom = |name: &str, bytes: &[u8]| {
        let text: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        format!("(@custom \"{name}\" \"{text}\")\n")
    };
    [custom(".debug_abbrev", &abbreviations), custom(".debug_info", &unit.repeat(2_000)), custom(".debug_line", &lines)]
        .concat()
}

/// What the component model lets a guest do besides its handler: give memory for the event, and clean up after the
/// response.
fn around_handlers() -> Vec<Fault> {
    const UNREACHABLE: &str = "wasm `unreachable` instruction executed";
    let realloc = |code| Text { realloc: code, ..Text::default() };
    vec![
        text(
            "trap in realloc",
            realloc("(if (i32.eq (local.get 3) (i32.const 42)) (then unreachable))"),
            "Guest.Trap.Unreachable",
            UNREACHABLE,
        ),
        text(
            "realloc out of bounds",
            realloc("(if (i32.eq (local.get 3) (i32.const 42)) (then (return (i32.const 0x7ffffff0))))"),
            "Guest.InvalidResponse",
            "the guest broke the contract: ",
        ),
        text(
            "endless loop in realloc",
            realloc("(if (i32.eq (local.get 3) (i32.const 42)) (then (loop $on (br $on))))"),
            "Guest.Timeout",
            STOPPED,
        ),
        text(
            "endless loop in post-return",
            Text { post_return: "(loop $on (br $on))", ..Text::default() },
            "Guest.Timeout",
            STOPPED,
        ),
        text(
            "trap in post-return",
            Text { post_return: "unreachable", ..Text::default() },
            "Guest.Trap.Unreachable",
            UNREACHABLE,
        ),
        text(
            "trap while lowering the result",
            handle(
                "(i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 0x7fffffff) (i32.const 32)) (i32.const 16)",
            ),
            "Guest.Trap.MemoryOutOfBounds",
            "out of bounds memory access",
        ),
    ]
}

/// Responses that break the contract.
fn in_responses() -> Vec<Fault> {
    const BROKEN: &str = "the guest broke the contract: ";
    vec![
        text(
            "response that is not UTF-8",
            handle("(i32.store8 (i32.const 40) (i32.const 0xff)) (call $response)"),
            "Guest.InvalidResponse",
            "the guest's response is not UTF-8\nhint: ",
        ),
        text(
            "response out of bounds",
            handle("(drop (call $response)) (i32.store (i32.const 20) (i32.const 0x7fffffff)) (i32.const 16)"),
            "Guest.InvalidResponse",
            BROKEN,
        ),
        text(
            "response of 4 GiB",
            handle("(drop (call $response)) (i32.store (i32.const 24) (i32.const -1)) (i32.const 16)"),
            "Guest.InvalidResponse",
            BROKEN,
        ),
        long_in_utf8(
            "response in UTF-16 that is half as long again in UTF-8",
            // 4,000,000 times U+0808.
            "(i32.store (i32.const 24) (i32.const 0x803d0900))",
            "the response has 12000000 bytes, but Lambda takes at most 6291556",
        ),
        long_in_utf8(
            "response in Latin-1 that is twice as long in UTF-8",
            "(memory.fill (i32.const 131072) (i32.const 0xe9) (i32.const 8000000)) (i32.store (i32.const 24) (i32.const 8000000))",
            "the response has 16000000 bytes, but Lambda takes at most 6291556",
        ),
        text("result out of bounds", handle("(i32.const 0x7ffffff0)"), "Guest.InvalidResponse", BROKEN),
        text("result that is not aligned", handle("(i32.const 17)"), "Guest.InvalidResponse", BROKEN),
    ]
}

/// Texts of 8 MB: their length is that of Latin-1, or that of UTF-16 with a bit in front.
fn long_in_utf8(name: &'static str, length: &'static str, message: &'static str) -> Fault {
    let body = format!(
        "(drop (memory.grow (i32.const 124))) (memory.fill (i32.const 131072) (i32.const 8) (i32.const 8000000))
         (i32.store (i32.const 16) (i32.const 0)) (i32.store (i32.const 20) (i32.const 131072)) {length} (i32.const 16)"
    );
    let guest = Text { encoding: "string-encoding=latin1+utf16", ..handle(body.leak()) };
    Fault { instance: Afterwards::Kept, ..text(name, guest, "Function.ResponseSizeTooLarge", message) }
}

/// What WASI refuses by a trap.
fn in_host_calls() -> Vec<Fault> {
    const TIMERS: Text = Text {
        handle: "(loop $more (drop (call $subscribe (i64.const 3600000000000))) (br $more)) unreachable",
        imports: r#"
  (import "wasi:io/poll@0.2.0" (instance $poll (export "pollable" (type (sub resource)))))
  (alias export $poll "pollable" (type $pollable))
  (import "wasi:clocks/monotonic-clock@0.2.0" (instance $clock
    (alias outer 1 $pollable (type $outer))
    (export "pollable" (type $own (eq $outer)))
    (export "subscribe-duration" (func (param "when" u64) (result (own $own))))))
  (core func $subscribe (canon lower (func $clock "subscribe-duration")))
  (core instance $timers (export "subscribe" (func $subscribe)))"#,
        module: r#"(import "timers" "subscribe" (func $subscribe (param i64) (result i32)))"#,
        with: r#"(with "timers" (instance $timers))"#,
        ..Text::EMPTY
    };
    const HANDLES: Text = Text {
        handle: "(loop $more (drop (call $new (i32.const 1))) (br $more)) unreachable",
        imports: r#"
  (type $own (resource (rep i32)))
  (core func $new (canon resource.new $own))
  (core instance $resources (export "new" (func $new)))"#,
        module: r#"(import "resources" "new" (func $new (param i32) (result i32)))"#,
        with: r#"(with "resources" (instance $resources))"#,
        ..Text::EMPTY
    };
    const FULL: &str = "the guest has as many files, streams and timers open as it may\nhint: ";
    vec![
        misbehave(
            "files opened without end",
            Behaviour::OpenFiles(1_000_000),
            "Error",
            "Quota exceeded (os error 19)",
            Afterwards::Kept,
        ),
        text("timers without end", TIMERS, "Guest.Trap.HostCall", FULL),
        text("handles without end", HANDLES, "Guest.Trap.HostCall", "a host call was refused: "),
    ]
}
