//! This crate has the attribute `main` of `guesthouse-tokio`.

use proc_macro::{Delimiter, Group, Ident, Punct, Spacing, Span, TokenStream, TokenTree};

/// Makes a function out of an `async fn` that starts it as Guesthouse does. What the attribute says about threads does
/// not matter: a guest has one.
#[proc_macro_attribute]
pub fn main(_arguments: TokenStream, function: TokenStream) -> TokenStream {
    let tokens: Vec<TokenTree> = function.clone().into_iter().collect();
    let is =
        |at: usize, word: &str| matches!(tokens.get(at), Some(TokenTree::Ident(ident)) if ident.to_string() == word);
    let Some(at) = (0..tokens.len()).find(|&at| is(at, "fn")) else {
        return error("`#[tokio::main]` belongs to a function");
    };
    if at == 0 || !is(at - 1, "async") {
        return error("`#[tokio::main]` belongs to an `async fn`");
    }
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
        return error("`#[tokio::main]` belongs to a function with a name");
    };
    let Some(TokenTree::Group(parameters)) = tokens.get(at + 2) else {
        return error("`#[tokio::main]` belongs to a function without type parameters");
    };
    if !parameters.stream().is_empty() {
        return error("`#[tokio::main]` belongs to a function without parameters");
    }
    // `fn main() -> R { async fn main() -> R { … } ::tokio::guesthouse::start(main()) }`
    let call = parse("()");
    let start: TokenStream = [
        parse("::tokio::guesthouse::start"),
        group(Delimiter::Parenthesis, [TokenTree::Ident(name.clone()).into(), call.clone()]),
    ]
    .into_iter()
    .collect();
    let returned = tokens[at + 3..].iter().take_while(|token| !is_body(token)).cloned();
    let mut started: Vec<TokenTree> = vec![TokenTree::Ident(Ident::new("fn", Span::call_site()))];
    started.push(TokenTree::Ident(name.clone()));
    started.extend(call);
    started.extend(returned);
    started.extend(group(Delimiter::Brace, [function, start]));
    started.into_iter().collect()
}

fn is_body(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace)
}

fn group(delimiter: Delimiter, content: impl IntoIterator<Item = TokenStream>) -> TokenStream {
    TokenTree::Group(Group::new(delimiter, content.into_iter().collect())).into()
}

fn parse(text: &str) -> TokenStream {
    text.parse().expect("it is Rust")
}

/// Returns what makes the compiler say this.
fn error(message: &str) -> TokenStream {
    let text = format!("compile_error!({message:?})");
    parse(&text).into_iter().chain([TokenTree::Punct(Punct::new(';', Spacing::Alone))]).collect()
}
