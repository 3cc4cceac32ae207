//! Guests written as text, for what no compiler would make.

/// What a guest written as text does with an event that is not `"rest"`. To `"rest"` it responds as the fixture
/// `misbehave` does: with `{"instance", "count"}`, after a while.
#[derive(Default, Clone, Copy)]
pub struct Text {
    /// The body of the function, which leaves the address of its result: 0 for a response or 1 for an error, then the
    /// text's address and length. If this is empty, the response is the one to `"rest"`.
    pub handle: &'static str,
    /// What comes before memory is handed out to the host. Parameter 3 is how much.
    pub realloc: &'static str,
    /// What comes after the host has read a response to an event that is not `"rest"`.
    pub post_return: &'static str,
    /// Imports and functions of the component.
    pub imports: &'static str,
    /// Imports and functions of the module in it.
    pub module: &'static str,
    /// What the module is instantiated with.
    pub with: &'static str,
    /// How its texts are encoded, if not in UTF-8.
    pub encoding: &'static str,
}

/// An event of this many bytes, to be told from everything else that a guest makes room for.
pub const FAULT: &str = "\"ffffffffffffffffffffffffffffffffffffffff\"";

impl Text {
    /// What a constant is made from.
    pub const EMPTY: Self =
        Self { handle: "", realloc: "", post_return: "", imports: "", module: "", with: "", encoding: "" };

    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let handle = if self.handle.is_empty() { "(call $response)" } else { self.handle };
        let text = GUEST
            .replace("HANDLE", handle)
            .replace("REALLOC", self.realloc)
            .replace("POST_RETURN", self.post_return)
            .replace("IMPORTS", self.imports)
            .replace("MODULE", self.module)
            .replace("WITH", self.with)
            .replace("ENCODING", self.encoding);
        super::guests::from_text(&text)
    }
}

/// Memory is 128 KiB. What is below 1 KiB is the guest's own.
const GUEST: &str = r#"(component
  (import "guesthouse:lambda/types@0.1.0" (instance $types
    (type $identity (record (field "identity-id" string) (field "identity-pool-id" string)))
    (export "cognito-identity" (type $cognito-identity (eq $identity)))
    (type $the-context (record
      (field "request-id" string) (field "function-name" string) (field "function-version" string)
      (field "invoked-function-arn" string) (field "memory-limit-mib" u32) (field "log-group-name" string)
      (field "log-stream-name" string) (field "deadline-ms" u64) (field "trace-id" (option string))
      (field "client-context" (option string)) (field "identity" (option $cognito-identity))
      (field "tenant-id" (option string))))
    (export "context" (type (eq $the-context)))
    (type $error (record
      (field "error-type" string) (field "error-message" string) (field "stack-trace" (list string))))
    (export "handler-error" (type (eq $error)))))
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  IMPORTS
  (core func $random-number (canon lower (func $random "get-random-u64")))
  (core module $code
    (import "host" "random-number" (func $random-number (result i64)))
    MODULE
    (memory (export "memory") 2)
    (table $table 2 2 funcref)
    (elem (i32.const 0) $takes-nothing)
    (type $to-number (func (result i32)))
    (global $free (mut i32) (i32.const 1024))
    (global $instance (mut i64) (i64.const 0))
    (global $count (mut i32) (i32.const 0))
    (global $faulting (mut i32) (i32.const 0))
    (global $spun (mut i32) (i32.const 0))
    (data (i32.const 32) "{\"instance\":\"0000000000000000\",\"count\": 0}")
    (data (i32.const 96) "0123456789abcdef")
    (func $takes-nothing)
    (func $deeper (param i32) (result i32)
      (i32.add (call $deeper (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
    ;; Writes the instance and the count into the response.
    (func $response (result i32)
      (local $digit i32)
      (local $rest i64)
      (if (i64.eqz (global.get $instance)) (then (global.set $instance (call $random-number))))
      (local.set $rest (global.get $instance))
      (loop $next
        (i32.store8 (i32.add (i32.const 45) (local.get $digit))
          (i32.load8_u (i32.add (i32.const 96) (i32.wrap_i64 (i64.and (local.get $rest) (i64.const 15))))))
        (local.set $rest (i64.shr_u (local.get $rest) (i64.const 4)))
        (br_if $next (i32.lt_u (local.tee $digit (i32.add (local.get $digit) (i32.const 1))) (i32.const 16))))
      (global.set $count (i32.add (global.get $count) (i32.const 1)))
      ;; Two digits: a space stands for a first one of zero, which JSON does not allow.
      (i32.store8 (i32.const 71) (select
        (i32.add (i32.const 48) (i32.div_u (global.get $count) (i32.const 10)))
        (i32.const 32)
        (i32.ge_u (global.get $count) (i32.const 10))))
      (i32.store8 (i32.const 72) (i32.add (i32.const 48) (i32.rem_u (global.get $count) (i32.const 10))))
      (i32.store (i32.const 16) (i32.const 0))
      (i32.store (i32.const 20) (i32.const 32))
      (i32.store (i32.const 24) (i32.const 42))
      (i32.const 16))
    (func $take-a-while
      (local $left i32)
      (local.set $left (i32.const 20000000))
      (loop $spin
        (global.set $spun (i32.add (global.get $spun) (local.get $left)))
        (br_if $spin (local.tee $left (i32.sub (local.get $left) (i32.const 1))))))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      REALLOC
      (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
      (global.set $free (i32.add (local.get $at) (local.get 3)))
      (local.get $at))
    (func (export "clean-up") (param i32) (if (global.get $faulting) (then POST_RETURN)))
    (func $fault (result i32) HANDLE)
    (func (export "handle") (param $arguments i32) (result i32)
      ;; The event's length: `"rest"` has six bytes.
      (if (result i32) (i32.eq (i32.load (i32.add (local.get $arguments) (i32.const 4))) (i32.const 6))
        (then (call $take-a-while) (call $response))
        (else (global.set $faulting (i32.const 1)) (call $fault)))))
  (core instance $host (export "random-number" (func $random-number)))
  (core instance $code (instantiate $code (with "host" (instance $host)) WITH))
  (alias export $types "context" (type $context))
  (alias export $types "handler-error" (type $handler-error))
  (func $handle (param "event" string) (param "context" $context) (result (result string (error $handler-error)))
    (canon lift (core func $code "handle")
      (memory (core memory $code "memory")) (realloc (core func $code "realloc")) (post-return (core func $code "clean-up"))
      ENCODING))
  (instance $handler (export "handle" (func $handle)))
  (export "guesthouse:lambda/handler@0.1.0" (instance $handler)))"#;
