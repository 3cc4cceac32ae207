//! From what wasmtime says of a guest that stopped to what the caller gets to see.

use std::str::Utf8Error;

use wasmtime::{
    Error, FrameInfo, GcHeapOutOfMemory, ThrownException, Trap, WasmBacktrace, component::ResourceTableError,
};
use wasmtime_wasi::I32Exit;

use super::{debug_info::Symbol, stdio::LastWords, symbol::demangle};
use crate::{
    failure::{ErrorType, FRAME_LIMIT, Failure},
    invocation::PAYLOAD_LIMIT_BYTES,
};

const ANSWER_HINT: &str = "the guest's bindings broke the contract: build it with those of its language's SDK";

/// How much a guest may hand to the host with one call, in bytes: more than Lambda takes, so that an answer somewhat over
/// that can be told by its size, and little enough for the smallest function.
pub(super) const ANSWER_READ_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// What wasmtime says when that is exceeded; its type is private.
const FUEL_WORDS: &str = "fuel allocated for hostcalls";

/// What else is known of the call that faulted.
pub(super) struct Circumstances {
    pub(super) last_words: LastWords,
    /// The guest's last request for memory was refused.
    pub(super) memory_refused: bool,
    pub(super) doing: Doing,
}

/// What a guest was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Starting,
    Answering,
    /// It is a program, whose exit is an answer if it is a good one.
    Running,
}

/// Says why the guest stopped. The order matters: an exit and a trap are told by their types, and only what carries
/// neither can be a broken answer.
///
/// `symbols` are what is known at each of its [`offsets`]: more than one where calls were inlined.
pub(super) fn failure(error: &Error, circumstances: &Circumstances, symbols: Vec<Vec<Symbol>>) -> Failure {
    let gave_up = circumstances.memory_refused && gives_up(error, circumstances.doing)
        || error.downcast_ref::<GcHeapOutOfMemory<()>>().is_some();
    let mut failure = if gave_up {
        out_of_memory("the guest was refused memory and gave up")
    } else if let Some(I32Exit(status)) = error.downcast_ref() {
        // Where a guest says no more than that it failed, as with `exit` of WASI 0.2, the status is 1.
        Failure::new(ErrorType::Exit, format!("exited with status {status}")).hint(match circumstances {
            Circumstances { doing: Doing::Starting | Doing::Answering, .. } => {
                "return an answer or an error from the handler instead of exiting"
            }
            Circumstances { last_words: LastWords { has_said_something: true, .. }, .. } => {
                "what it wrote is in the log"
            }
            _ => "let it write the reason to standard error: it wrote nothing at all",
        })
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        Failure::new(ErrorType::Trap(kind(*trap)), said(*trap))
    } else if error.downcast_ref::<ThrownException>().is_some() {
        Failure::new(ErrorType::Trap("UncaughtException"), "uncaught exception")
    } else if error.downcast_ref::<Utf8Error>().is_some() {
        Failure::new(ErrorType::InvalidResponse, "the guest's answer is not UTF-8").hint(ANSWER_HINT)
    } else if let Some(ResourceTableError::Full) = error.root_cause().downcast_ref() {
        Failure::new(ErrorType::Trap("HostCall"), "the guest has as many files, streams and timers open as it may")
            .hint("close what is not needed any more")
    } else if error.downcast_ref::<WasmBacktrace>().is_some() {
        Failure::new(ErrorType::Trap("HostCall"), format!("a host call was refused: {}", error.root_cause()))
    } else if error.to_string().contains(FUEL_WORDS) {
        let message = format!(
            "the answer has more than {ANSWER_READ_LIMIT_BYTES} bytes, where the host stops reading, but Lambda takes at most \
             {PAYLOAD_LIMIT_BYTES}"
        );
        Failure::response_too_large(message)
    } else {
        Failure::new(ErrorType::InvalidResponse, format!("the guest broke the contract: {}", error.root_cause()))
            .hint(ANSWER_HINT)
    };
    let LastWords { last_line, has_said_something } = &circumstances.last_words;
    if !last_line.is_empty() {
        // First the words of the guest, which tell its developer most, then what wasm made of them.
        failure.message = format!("{last_line}: {}", failure.message);
    }
    if *has_said_something && circumstances.doing == Doing::Starting && !failure.message.contains("\nhint: ") {
        failure = failure.hint("the guest's own log lines may say more");
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let symbols = symbols.into_iter().chain(std::iter::repeat_with(Vec::new));
        let lines = backtrace.frames().iter().zip(symbols).flat_map(|(frame, symbols)| lines(frame, symbols));
        failure.stack_trace = lines.take(FRAME_LIMIT).collect();
    }
    failure
}

/// Where in the guest's file its innermost frames are. None where there are no frames.
pub(super) fn offsets(error: &Error) -> Vec<usize> {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    frames.iter().take(FRAME_LIMIT).map(|frame| frame.module_offset().unwrap_or(usize::MAX)).collect()
}

pub(super) fn out_of_memory(message: &str) -> Failure {
    Failure::new(ErrorType::OutOfMemory, message).hint("raise the function's memory, or `memory` in the settings")
}

/// Whether this is how a guest ends that can't go on without memory: it aborts, exits with a failure, writes where it was
/// given nothing, or can't even start. Any other fault has a reason of its own.
fn gives_up(error: &Error, doing: Doing) -> bool {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return *code != 0;
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => matches!(trap, Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds | Trap::AllocationTooLarge),
        None => doing == Doing::Starting && error.downcast_ref::<WasmBacktrace>().is_none(),
    }
}

/// wasmtime's sentence for a trap, without its prefix.
fn said(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// The last part of `Guest.Trap.<Kind>`. These are API, so they are spelled out and do not follow wasmtime's names.
fn kind(trap: Trap) -> &'static str {
    match trap {
        Trap::StackOverflow => "StackOverflow",
        Trap::MemoryOutOfBounds => "MemoryOutOfBounds",
        Trap::HeapMisaligned => "HeapMisaligned",
        Trap::TableOutOfBounds => "TableOutOfBounds",
        Trap::IndirectCallToNull => "IndirectCallToNull",
        Trap::BadSignature => "BadSignature",
        Trap::IntegerOverflow => "IntegerOverflow",
        Trap::IntegerDivisionByZero => "IntegerDivideByZero",
        Trap::BadConversionToInteger => "BadConversionToInteger",
        Trap::UnreachableCodeReached => "Unreachable",
        Trap::NullReference => "NullReference",
        Trap::ArrayOutOfBounds => "ArrayOutOfBounds",
        Trap::AllocationTooLarge => "AllocationTooLarge",
        Trap::CastFailure => "CastFailure",
        Trap::UncaughtException => "UncaughtException",
        Trap::AtomicWaitNonSharedMemory => "AtomicWaitNonSharedMemory",
        // What is left are breaches of the component model's own rules.
        _ => "ComponentModel",
    }
}

/// The lines for one frame, innermost first: more than one where the guest's compiler inlined calls.
fn lines(frame: &FrameInfo, symbols: Vec<Symbol>) -> Vec<String> {
    let own_name = || match frame.func_name() {
        Some(name) => demangle(name),
        None => format!("function[{}]", frame.func_index()),
    };
    let without_file = |name: String| format!("{name}+{:#x}", frame.func_offset().unwrap_or_default());
    if symbols.is_empty() {
        return vec![without_file(own_name())];
    }
    let line = |Symbol { name, file, line, column }: Symbol| {
        let name = name.map_or_else(own_name, |name| demangle(&name));
        match file {
            Some(file) => place(&name, &file, line, column),
            None => without_file(name),
        }
    };
    symbols.into_iter().map(line).collect()
}

fn place(name: &str, file: &str, line: Option<u32>, column: Option<u32>) -> String {
    let positions = [line, column].into_iter().flatten().map(|position| format!(":{position}"));
    format!("{name} ({file}{})", positions.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(error: &Error, circumstances: &Circumstances) -> Failure {
        super::failure(error, circumstances, Vec::new())
    }

    fn quiet() -> Circumstances {
        Circumstances { last_words: LastWords::default(), memory_refused: false, doing: Doing::Answering }
    }

    #[test]
    fn traps_have_the_names_of_the_readme() {
        for (trap, name) in [
            (Trap::UnreachableCodeReached, "Guest.Trap.Unreachable"),
            (Trap::MemoryOutOfBounds, "Guest.Trap.MemoryOutOfBounds"),
            (Trap::StackOverflow, "Guest.Trap.StackOverflow"),
            (Trap::IntegerDivisionByZero, "Guest.Trap.IntegerDivideByZero"),
            (Trap::CannotEnterComponent, "Guest.Trap.ComponentModel"),
        ] {
            assert_eq!(failure(&trap.into(), &quiet()).error_type.to_string(), name);
        }
    }

    #[test]
    fn a_place_has_as_much_as_is_known() {
        assert_eq!(place("main", "a.rs", Some(3), Some(5)), "main (a.rs:3:5)");
        assert_eq!(place("main", "a.rs", Some(3), None), "main (a.rs:3)");
        assert_eq!(place("main", "a.rs", None, None), "main (a.rs)");
    }

    #[test]
    fn a_trap_after_refused_memory_is_out_of_memory() {
        let refused = Circumstances { memory_refused: true, ..quiet() };
        assert_eq!(failure(&Trap::UnreachableCodeReached.into(), &refused).error_type, ErrorType::OutOfMemory);
    }

    #[test]
    fn refused_memory_is_blamed_only_for_an_end_that_it_brings_about() {
        let failure =
            |error: Error, doing| failure(&error, &Circumstances { memory_refused: true, doing, ..quiet() }).error_type;
        for error in [Trap::MemoryOutOfBounds.into(), I32Exit(2).into()] {
            assert_eq!(failure(error, Doing::Answering), ErrorType::OutOfMemory);
        }
        assert_eq!(failure(I32Exit(0).into(), Doing::Answering), ErrorType::Exit);
        assert_eq!(
            failure(Trap::IntegerDivisionByZero.into(), Doing::Answering),
            ErrorType::Trap("IntegerDivideByZero")
        );
        let without_a_trap = || Error::msg("the least memory was refused, or the answer is out of bounds");
        assert_eq!(failure(without_a_trap(), Doing::Starting), ErrorType::OutOfMemory);
        assert_eq!(failure(without_a_trap(), Doing::Answering), ErrorType::InvalidResponse);
    }

    #[test]
    fn the_last_words_on_standard_error_come_first() {
        let last_words = LastWords { last_line: "no such order".to_owned(), has_said_something: true };
        let loud = Circumstances { last_words, ..quiet() };
        let message = failure(&Trap::UnreachableCodeReached.into(), &loud).message;
        assert_eq!(message, "no such order: wasm `unreachable` instruction executed");
    }
}
