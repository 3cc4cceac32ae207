//! This guest does what `raw` does, and exports the hook `init` besides: it is made for many requests. With the
//! variable `INIT=trap` or `INIT=fail` in its environment the hook does so.

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

mod bindings {
    wit_bindgen::generate!({
        path: "../../../../wit",
        inline: "package guests:http; world kept { export guesthouse:lambda/lifecycle@0.1.0; }",
        world: "guests:http/kept",
        generate_all,
    });
}

use bindings::{exports::guesthouse::lambda::lifecycle, guesthouse::lambda::types::HandlerError};

struct Guest;
wasip2::http::proxy::export!(Guest);
bindings::export!(Guest with_types_in bindings);

impl wasip2::exports::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        conformance_http::handle(request, out);
    }
}

impl lifecycle::Guest for Guest {
    fn init() -> Result<(), HandlerError> {
        match std::env::var("INIT").as_deref() {
            Ok("trap") => panic!("the guest can't begin"),
            Ok("fail") => Err(HandlerError {
                error_type: "NoBeginning".to_owned(),
                error_message: "the guest does not begin".to_owned(),
                stack_trace: Vec::new(),
            }),
            _ => Ok(()),
        }
    }
}
