//! What it costs that guests can be stopped: `cargo bench --bench epochs`.
//!
//! The same loop runs without epochs, with epochs that never tick, and with the tick of `engine/epoch.rs`, each in
//! turn, so that a busy machine hits them alike.

use std::{
    thread,
    time::{Duration, Instant},
};

use wasmtime::{Config, Engine, Instance, Module, Store};

const ROUNDS: usize = 41;

/// As in `engine/epoch.rs`.
const TICK: Duration = Duration::from_millis(5);

/// A hash over 64 KiB of memory, again and again: a loop with as little in it as a loop of real work has.
const GUEST: &str = r#"(module
  (memory 1)
  (func (export "work") (param $times i32) (result i32)
    (local $at i32) (local $hash i32)
    (loop $again
      (local.set $at (i32.const 0))
      (loop $next
        (local.set $hash (i32.mul (i32.xor (local.get $hash) (i32.load8_u (local.get $at))) (i32.const 16777619)))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 65536))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $hash)))"#;

struct Contestant {
    name: &'static str,
    engine: Engine,
    took: Vec<Duration>,
}

impl Contestant {
    fn new(name: &'static str, epochs: bool) -> Self {
        let engine = Engine::new(Config::new().epoch_interruption(epochs)).expect("an engine");
        Self { name, engine, took: Vec::new() }
    }

    fn run(&mut self) {
        let bytes = wat::parse_str(GUEST).expect("text that is a module");
        let module = Module::new(&self.engine, bytes).expect("a module");
        let mut store = Store::new(&self.engine, ());
        store.epoch_deadline_async_yield_and_update(1);
        let executor = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an executor");
        let took = executor.block_on(async {
            let instance = Instance::new_async(&mut store, &module, &[]).await.expect("an instance");
            let work = instance.get_typed_func::<i32, i32>(&mut store, "work").expect("a function");
            // As the host calls it: under a timer.
            let begun = Instant::now();
            let called = tokio::time::timeout(Duration::from_secs(60), work.call_async(&mut store, 500));
            called.await.expect("it ends").expect("it does not trap");
            begun.elapsed()
        });
        self.took.push(took);
    }

    fn median(&self) -> f64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64()
    }
}

fn main() {
    let mut contestants = [
        Contestant::new("without epochs", false),
        Contestant::new("epochs that never tick", true),
        Contestant::new("epochs that tick every 5 ms", true),
    ];
    let ticking = contestants[2].engine.weak();
    thread::spawn(move || {
        while let Some(engine) = ticking.upgrade() {
            engine.increment_epoch();
            drop(engine);
            thread::sleep(TICK);
        }
    });
    for _ in 0..ROUNDS {
        contestants.iter_mut().for_each(Contestant::run);
    }
    println!("{ROUNDS} rounds, medians\n\n| loop | time | / without |\n| --- | ---: | ---: |");
    let base = contestants[0].median();
    for contestant in &contestants {
        println!("| {} | {:.2} ms | {:.3} |", contestant.name, contestant.median() * 1e3, contestant.median() / base);
    }
}
