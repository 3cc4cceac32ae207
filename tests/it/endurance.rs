//! Ten thousand invocations in one process.

use crate::support::{Edge, Host};

#[test]
fn memory_does_not_grow_between_the_2000th_and_the_10000th_invocation() {
    for edge in Edge::BOTH {
        let mut host = Host::of("count").edge(edge).start();
        let pid = host.program.pid();
        let mut early = 0;
        for count in 1..=10_000 {
            assert_eq!(host.answer("{}"), count.to_string());
            if count == 2_000 {
                early = host.program.resident_kib();
            }
        }
        let late = host.program.resident_kib();
        assert!(late * 100 <= early * 105, "{edge:?}: {early} KiB became {late} KiB");
        assert!(host.program.is_running() && host.program.pid() == pid);
    }
}
