//! Work for the processor alone, the same in the guest and in the native function.

use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub struct Work {
    rounds: u64,
}

#[derive(Serialize)]
pub struct Hash {
    hash: u64,
}

/// A hash of as many rounds as are asked for.
pub fn compute(work: &Work) -> Hash {
    let step = |hash: u64, round: u64| (hash ^ round).wrapping_mul(0x0100_0000_01b3).rotate_left(5);
    Hash { hash: (0..work.rounds).fold(0xcbf2_9ce4_8422_2325, step) }
}
