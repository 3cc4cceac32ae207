//! A panic of the host itself fails the invocation in which it happens, and no other.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    sync::{Arc, mpsc::channel},
    thread,
};

use guesthouse::{
    capabilities::Capabilities,
    config::FunctionInfo,
    edge::{self, Service},
    engine::Engine,
    failure::Failure,
    laps::Laps,
    observer::{Line, Observer},
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
    fn line(&self, line: &Line<'_>) {
        assert!(line.text != "boom", "a secret of the host");
    }
}

type Loading = Pin<Box<dyn Future<Output = Result<Arc<Service>, Failure>>>>;

/// What loads one of the fixtures, in this process.
pub fn load(guest: &str, observer: impl Observer + 'static) -> impl FnOnce() -> Loading + Send + 'static {
    let (guest, path) = (guest.to_owned(), guests::path(guest));
    move || {
        Box::pin(async move {
            let request = LoadRequest {
                handler: guest,
                source: Source::File(path),
                terms: Terms::default(),
                capabilities: Capabilities::default(),
                init_limit: INIT_LIMIT,
                is_watched: false,
            };
            let (engine, looker) = (Engine::new().unwrap(), Looker::default());
            let registry = Registry::load(&engine, request, Arc::new(observer), looker, &mut Laps::begin()).await?;
            Ok(Arc::new(Service::new(registry, FunctionInfo::default())))
        })
    }
}

/// A host in this process, with the guest `talk`, until there is no Runtime API any more.
pub fn serve(authority: &str, observer: impl Observer + 'static, concurrency: usize) {
    let (end, ended) = channel();
    let (load, concurrency) = (load("talk", observer), NonZeroUsize::new(concurrency).unwrap());
    let started = edge::start(authority, concurrency, INIT_LIMIT, load, move |ended| end.send(ended).unwrap());
    Builder::new_current_thread().build().unwrap().block_on(started).unwrap();
    ended.recv().unwrap().unwrap_err();
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
