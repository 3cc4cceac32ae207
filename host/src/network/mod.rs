//! This module decides what a guest reaches of the network: rules, names and addresses, as plain data. It opens no
//! connection.
//!
//! ```text
//! authority ──host──▶ host and port ──rules──▶ grant ──resolved──▶ addresses ──address──▶ the one that is dialled
//! ```

pub mod address;
pub mod host;
pub mod network;
pub mod rules;

#[cfg(test)]
mod tests;
