//! This guest serves HTTP by nothing but `wasi:http`.

use wasip2::http::types::{IncomingRequest, ResponseOutparam};

struct Guest;
wasip2::http::proxy::export!(Guest);

impl wasip2::exports::http::incoming_handler::Guest for Guest {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        conformance_http::handle(request, out);
    }
}
