//! A panic of the host itself fails the invocation in which it happens, and no other.

use std::{num::NonZeroUsize, sync::Arc, thread};

use guesthouse::{
    capabilities::Capabilities,
    config::{EdgeKind, FunctionInfo},
    digest::Digest,
    edge::{self, Service, Threads},
    engine::Engine,
    laps::Laps,
    observer::{Observer, Stream},
    registry::{INIT_LIMIT, LoadRequest, Looker, Registry},
    source::Source,
    terms::Terms,
};
use serde_json::json;
use tokio::runtime::Builder;

use crate::support::{Event, Fake, guests};

/// A host with a fault in the part that takes over what guests print.
struct Faulty;

impl Observer for Faulty {
    fn line(&self, _: Option<&str>, _: Digest, _: Stream, line: &str) {
        assert!(line != "boom", "a secret of the host");
    }
}

/// A host in this process, with the guest `talk`, until there is no Runtime API any more.
pub fn serve(authority: &str, observer: impl Observer + 'static, concurrency: usize) {
    let executor = Builder::new_current_thread().enable_all().build().unwrap();
    executor.block_on(async {
        let request = LoadRequest {
            handler: "talk".to_owned(),
            source: Source::File(guests::path("talk")),
            terms: Terms::default(),
            capabilities: Capabilities::default(),
            init_limit: INIT_LIMIT,
            is_watched: false,
        };
        let (engine, looker) = (Engine::new().unwrap(), Looker::default());
        let registry = Registry::load(&engine, request, Arc::new(observer), looker, &mut Laps::begin()).await.unwrap();
        let service = Arc::new(Service::new(registry, FunctionInfo::default()));
        let concurrency = NonZeroUsize::new(concurrency).unwrap();
        edge::serve(EdgeKind::Direct, authority, service, concurrency, Threads::Own).await.unwrap_err();
    });
}

#[test]
fn a_panic_of_the_host_in_a_call_of_the_guests_fails_that_invocation_only() {
    for concurrency in [1, 4] {
        let fake = Fake::start();
        let authority = fake.address.clone();
        let host = thread::spawn(move || serve(&authority, Faulty, concurrency));
        let invoke = |line: &str| fake.invoke(Event::new(json!(["out", format!("{line}\n")]).to_string()));
        for _ in 0..3 {
            assert_eq!(invoke("fine").text(), "null");
            let post = invoke("boom");
            assert!(post.subject().ends_with("/error"));
            let error = post.json();
            assert_eq!(error["errorType"], "Host.Internal");
            assert!(!error.to_string().contains("secret") && !error.to_string().contains(".rs"), "{error}");
        }
        assert_eq!(invoke("fine").text(), "null");
        fake.stop();
        host.join().unwrap();
    }
}
