//! Counts the lines, words and bytes of its standard input.

fn main() -> std::io::Result<()> {
    let text = std::io::read_to_string(std::io::stdin())?;
    let (lines, words) = (text.lines().count(), text.split_whitespace().count());
    println!(r#"{{"lines":{lines},"words":{words},"bytes":{}}}"#, text.len());
    Ok(())
}
