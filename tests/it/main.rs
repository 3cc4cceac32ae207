//! The host against real parts. `cargo xtask test` installs what these tests need and runs them.

#[path = "../fuzz/targets.rs"]
mod fuzz_targets;
mod support;

// What passes between Lambda and a guest.
mod context;
mod logs;
mod responses;
mod state;

// What goes wrong.
mod adopt;
mod check;
mod choosing;
mod command;
mod conformance;
mod corpus;
mod faults;
mod four_ways;
mod functions;
mod host_panic;
mod http;
mod http_apps;
mod http_languages;
mod http_round_trip;

mod http_streams;
mod init_failures;
mod languages;
mod limits;
mod moved;
mod network;
mod network_aws;
mod network_faults;
mod network_languages;
mod network_sockets;
mod precompiled;
mod programs;
mod python;
mod reports;
mod runtime_api;
mod sigterm;
mod tmp;
mod watchdog;

// Where guests come from, and how they are swapped.
mod deploy;
mod deployed;
mod lies;
mod reload;
mod sources;
mod swap;
mod swap_faults;
mod swap_load;

// Many invocations, one after another and at once.
mod concurrency;
mod endurance;

// Real callers, real emulator, real image.
mod cli;
mod function_urls;
mod image;
mod new;
mod origins;
mod package;
mod peers;
mod rie;
mod serve;
mod url_callers;

// The source itself.
mod structure;
mod tidy;
