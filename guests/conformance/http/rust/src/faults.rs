//! This module has the faults that a test can ask for.

use std::hint::black_box;

/// Causes the fault that this route names.
pub fn cause(route: &str, code: i32) {
    match route {
        "/trap" => panic!("the guest gives up"),
        "/loop" => endless(),
        "/allocate" => allocate(),
        "/overflow" => {
            black_box(overflow(0));
        }
        _ => std::process::exit(code),
    }
}

pub fn endless() {
    let mut count = 0u64;
    loop {
        count = black_box(count.wrapping_add(1));
    }
}

/// Takes memory until there is none.
fn allocate() {
    let mut all: Vec<Vec<u8>> = Vec::new();
    loop {
        all.push(black_box(vec![1; 1 << 20]));
    }
}

#[expect(unconditional_recursion, reason = "the fault that is asked for")]
fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    overflow(depth + 1) + frame[0]
}
