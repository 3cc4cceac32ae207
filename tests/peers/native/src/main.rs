//! Does what the event asks for, of all that may go wrong.

#![expect(clippy::exit, reason = "some handlers do")]

use std::{env, fs, fs::File, hint::black_box, process, thread, time::Duration};

use lambda_runtime::{Error, LambdaEvent, service_fn};

async fn handle(event: LambdaEvent<String>) -> Result<String, Error> {
    if let Some(fault) = event.payload.strip_prefix("start badly: ") {
        fs::write(env::var("START_FILE")?, fault)?;
        process::exit(1);
    }
    fault(&event.payload)
}

fn fault(name: &str) -> Result<String, Error> {
    if let Some(size) = name.strip_prefix("response of ") {
        return Ok("x".repeat(bytes(size)?));
    }
    if let Some(size) = name.strip_prefix("error of ") {
        return Err("x".repeat(bytes(size)?).into());
    }
    match name {
        "err" => return Err("no such order: `42`".into()),
        "long stack trace" => return Err("frame\n".repeat(100_000).into()),
        "panic" => panic!("out of pickles"),
        "abort" => process::abort(),
        "overflow the stack" => return Ok(deeper(black_box(0)).to_string()),
        "exit 0" => process::exit(0),
        "exit 1" => process::exit(1),
        "exit with an open file" => {
            let _open = File::open(env::var("SENTINEL")?)?;
            process::exit(1);
        }
        "loop" => loop {
            black_box(());
        },
        "sleep" => thread::sleep(Duration::from_secs(3600)),
        "allocate" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1_u8; 1024 * 1024]));
            }
        }
        "open 1000000 files" => {
            let path = env::var("SENTINEL")?;
            let open: Vec<File> = (0..1_000_000).map(|_| File::open(&path)).collect::<Result<_, _>>()?;
            return Ok(open.len().to_string());
        }
        "divide by zero" => return Ok((1 / black_box(0_u32)).to_string()),
        "read out of bounds" => {
            #[expect(unsafe_code, reason = "it is to be a fault")]
            // SAFETY: there is none.
            return Ok(unsafe { black_box(8 as *const u8).read_volatile() }.to_string());
        }
        _ => {}
    }
    Ok("rested".to_owned())
}

/// From `7 MB`.
fn bytes(size: &str) -> Result<usize, Error> {
    let megabytes: usize = size.split(' ').next().unwrap_or_default().parse()?;
    Ok(megabytes * 1_000_000)
}

#[inline(never)]
#[allow(unconditional_recursion, reason = "it is to end in a stack overflow")]
fn deeper(depth: u64) -> u64 {
    let kept = black_box([depth; 64]);
    deeper(depth + 1) + kept[0]
}

fn main() -> Result<(), Error> {
    if let Ok(file) = env::var("START_FILE")
        && let Ok(what) = fs::read_to_string(&file)
    {
        fs::remove_file(file)?;
        fault(&what)?;
    }
    let executor = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    executor.block_on(lambda_runtime::run(service_fn(handle)))
}
