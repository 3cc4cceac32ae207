//! Turns wasmtime's error for a guest that stopped into the failure that the caller receives.
//!
//! See docs/decisions/23-refused-memory.md.

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

const CONTRACT_HINT: &str = "the guest's bindings broke the contract: build it with those of its language's SDK";

/// Limits how much a guest may pass to the host with one call, in bytes. This is more than Lambda takes, so that the
/// size of a response somewhat over Lambda's limit can be reported, and little enough for the smallest function.
pub(super) const RESPONSE_READ_LIMIT_BYTES: usize = 16 * 1024 * 1024;

/// Part of wasmtime's message when this limit is exceeded; the error's type is private.
const FUEL_WORDS: &str = "fuel allocated for hostcalls";

/// Describes the call that faulted, apart from its error.
pub(super) struct FaultContext {
    pub(super) last_words: LastWords,
    /// Whether the guest's last request for memory was refused.
    pub(super) memory_refused: bool,
    pub(super) phase: Phase,
}

/// What a guest was called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Starting,
    Handling,
    /// A command is running. If it exits with status 0, its output is the response.
    Running,
}

/// Returns the failure that describes why the guest stopped. The order of the checks matters: exits and traps are
/// recognised by their types, and only an error of no other type can be a broken response.
///
/// `symbols` are the symbols at each of the error's [`offsets`]: more than one where calls were inlined.
pub(super) fn failure(error: &Error, context: &FaultContext, symbols: Vec<Vec<Symbol>>) -> Failure {
    let gave_up = context.memory_refused && gives_up(error, context.phase)
        || error.downcast_ref::<GcHeapOutOfMemory<()>>().is_some();
    let mut failure = if gave_up {
        out_of_memory("the guest was refused memory and gave up")
    } else if let Some(I32Exit(status)) = error.downcast_ref() {
        // If a guest reports no more than failure, as with `exit` of WASI 0.2, the status is 1.
        Failure::new(ErrorType::Exit, format!("exited with status {status}")).hint(match context {
            FaultContext { phase: Phase::Starting | Phase::Handling, .. } => {
                "return a response or an error from the handler instead of exiting"
            }
            FaultContext { last_words: LastWords { has_written: true, .. }, .. } => {
                "see in the log what the guest wrote"
            }
            _ => "write the reason to standard error: the guest wrote nothing",
        })
    } else if let Some(trap) = error.downcast_ref::<Trap>() {
        Failure::new(ErrorType::Trap(kind(*trap)), description(*trap))
    } else if error.downcast_ref::<ThrownException>().is_some() {
        Failure::new(ErrorType::Trap("UncaughtException"), "uncaught exception")
    } else if error.downcast_ref::<Utf8Error>().is_some() {
        Failure::new(ErrorType::InvalidResponse, "the guest's response is not UTF-8").hint(CONTRACT_HINT)
    } else if let Some(ResourceTableError::Full) = error.root_cause().downcast_ref() {
        Failure::new(ErrorType::Trap("HostCall"), "the guest has as many files, streams and timers open as it may")
            .hint("close what is not needed any more")
    } else if error.downcast_ref::<WasmBacktrace>().is_some() {
        Failure::new(ErrorType::Trap("HostCall"), format!("a host call was refused: {}", error.root_cause()))
    } else if error.to_string().contains(FUEL_WORDS) {
        let message = format!(
            "the response has more than {RESPONSE_READ_LIMIT_BYTES} bytes, where the host stops reading, but Lambda takes at most \
             {PAYLOAD_LIMIT_BYTES}"
        );
        Failure::response_too_large(message)
    } else {
        Failure::new(ErrorType::InvalidResponse, format!("the guest broke the contract: {}", error.root_cause()))
            .hint(CONTRACT_HINT)
    };
    let LastWords { last_line, has_written } = &context.last_words;
    if !last_line.is_empty() {
        // The guest's last line comes first, because it helps the developer more than the trap does.
        failure.message = format!("{last_line}: {}", failure.message);
    }
    if *has_written && context.phase == Phase::Starting && failure.hint.is_none() {
        failure = failure.hint("see the guest's own lines in the log");
    }
    if let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() {
        let symbols = symbols.into_iter().chain(std::iter::repeat_with(Vec::new));
        let lines = backtrace.frames().iter().zip(symbols).flat_map(|(frame, symbols)| lines(frame, symbols));
        failure.stack_trace = lines.take(FRAME_LIMIT).collect();
    }
    failure
}

/// Returns where in the guest's file its innermost frames are, or nothing if the error has no frames. An unknown offset
/// becomes `usize::MAX`, which is in no module.
pub(super) fn offsets(error: &Error) -> Vec<usize> {
    let frames = error.downcast_ref::<WasmBacktrace>().map_or(&[][..], WasmBacktrace::frames);
    frames.iter().take(FRAME_LIMIT).map(|frame| frame.module_offset().unwrap_or(usize::MAX)).collect()
}

pub(super) fn out_of_memory(message: &str) -> Failure {
    Failure::new(ErrorType::OutOfMemory, message).hint("raise the function's memory, or `memory` in the settings")
}

/// Returns whether the error is one with which guests react to refused memory: an abort, an exit with a failure, an
/// access where nothing was allocated, or a failed start. Any other fault has a reason of its own.
fn gives_up(error: &Error, phase: Phase) -> bool {
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return *code != 0;
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => matches!(trap, Trap::UnreachableCodeReached | Trap::MemoryOutOfBounds | Trap::AllocationTooLarge),
        None => phase == Phase::Starting && error.downcast_ref::<WasmBacktrace>().is_none(),
    }
}

/// Returns wasmtime's description of a trap, without its prefix.
fn description(trap: Trap) -> String {
    let text = trap.to_string();
    text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned()
}

/// Returns the last part of `Guest.Trap.<Kind>`. These names are API, so they are listed here and do not follow
/// wasmtime's names.
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
        // With the host's settings, all other traps are violations of the component model's rules.
        _ => "ComponentModel",
    }
}

/// Returns the lines for one frame, innermost first. There is more than one if the guest's compiler inlined calls.
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

    fn failure(error: &Error, context: &FaultContext) -> Failure {
        super::failure(error, context, Vec::new())
    }

    fn quiet() -> FaultContext {
        FaultContext { last_words: LastWords::default(), memory_refused: false, phase: Phase::Handling }
    }

    #[test]
    fn traps_have_the_names_of_the_page_on_errors() {
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
        let refused = FaultContext { memory_refused: true, ..quiet() };
        assert_eq!(failure(&Trap::UnreachableCodeReached.into(), &refused).error_type, ErrorType::OutOfMemory);
    }

    #[test]
    fn refused_memory_is_blamed_only_for_an_end_that_it_brings_about() {
        let failure =
            |error: Error, phase| failure(&error, &FaultContext { memory_refused: true, phase, ..quiet() }).error_type;
        for error in [Trap::MemoryOutOfBounds.into(), I32Exit(2).into()] {
            assert_eq!(failure(error, Phase::Handling), ErrorType::OutOfMemory);
        }
        assert_eq!(failure(I32Exit(0).into(), Phase::Handling), ErrorType::Exit);
        assert_eq!(
            failure(Trap::IntegerDivisionByZero.into(), Phase::Handling),
            ErrorType::Trap("IntegerDivideByZero")
        );
        let without_a_trap = || Error::msg("the least memory was refused, or the response is out of bounds");
        assert_eq!(failure(without_a_trap(), Phase::Starting), ErrorType::OutOfMemory);
        assert_eq!(failure(without_a_trap(), Phase::Handling), ErrorType::InvalidResponse);
    }

    #[test]
    fn the_last_words_on_standard_error_come_first() {
        let last_words = LastWords { last_line: "no such order".to_owned(), has_written: true };
        let loud = FaultContext { last_words, ..quiet() };
        let message = failure(&Trap::UnreachableCodeReached.into(), &loud).message;
        assert_eq!(message, "no such order: wasm `unreachable` instruction executed");
    }
}
