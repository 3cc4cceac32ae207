use super::*;

fn settings() -> Settings {
    Settings { handler: "hello".to_owned(), arch: "arm64".to_owned(), memory: 256, timeout: 10 }
}

fn wish() -> Wish {
    Wish {
        name: "hello".to_owned(),
        settings: settings(),
        role: RoleWish::Own { name: "guesthouse-hello".to_owned(), policy: json!({"a": 1}) },
        layer: LayerWish::None,
        code_sha256: "code".to_owned(),
        url: Url::None,
        is_streamed: false,
    }
}

/// What there is after this wish came true.
fn complete(wish: &Wish) -> Seen {
    let (role, seen_role) = match &wish.role {
        RoleWish::Given(arn) => (arn.clone(), None),
        RoleWish::Own { policy, .. } => {
            ("arn:role".to_owned(), Some(RoleSeen { arn: "arn:role".to_owned(), policy: Some(policy.clone()) }))
        }
    };
    let layer = match &wish.layer {
        LayerWish::File { sha256, .. } => Some(LayerSeen { arn: "arn:layer:1".to_owned(), sha256: sha256.clone() }),
        LayerWish::None | LayerWish::Given(_) => None,
    };
    let layers = match &wish.layer {
        LayerWish::None => Vec::new(),
        LayerWish::Given(arn) => vec![arn.clone()],
        LayerWish::File { .. } => vec!["arn:layer:1".to_owned()],
    };
    let function = FunctionSeen {
        settings: wish.settings.clone(),
        version: "$LATEST".to_owned(),
        role,
        layers,
        code_sha256: wish.code_sha256.clone(),
    };
    Seen {
        role: seen_role,
        layer,
        live: Some(FunctionSeen { version: "1".to_owned(), ..function.clone() }),
        function: Some(function),
        url: (wish.url != Url::None).then_some(wish.url),
        is_streamed: wish.is_streamed,
        statements: match wish.url {
            Url::Public => Statement::ALL.map(|statement| statement.id().to_owned()).to_vec(),
            Url::None | Url::Iam => Vec::new(),
        },
    }
}

fn words(seen: &Seen, wish: &Wish) -> Vec<String> {
    plan(seen, wish).iter().map(ToString::to_string).collect()
}

const PUBLISH: &str = "publish a version of the function";
const MOVE: &str = "move the alias live to that version";

#[test]
fn everything_is_created_where_there_is_nothing() {
    let layer = LayerWish::File { name: "host".to_owned(), sha256: "layer".to_owned() };
    let wish = Wish { layer, url: Url::Public, ..wish() };
    assert_eq!(
        words(&Seen::default(), &wish),
        [
            "create the role guesthouse-hello, which Lambda may take",
            "let the role guesthouse-hello do only this: {\"a\":1}",
            "publish a version of the layer host",
            "create the function",
            PUBLISH,
            "create the alias live for that version",
            "create a URL for everybody",
            "let everybody call the URL (statement guesthouse-url)",
            "let everybody call the URL (statement guesthouse-url-invoke)",
        ]
    );
}

#[test]
fn nothing_changes_where_all_is_as_wanted() {
    let file = LayerWish::File { name: "host".to_owned(), sha256: "layer".to_owned() };
    for role in [wish().role, RoleWish::Given("arn:other".to_owned())] {
        for layer in [LayerWish::None, LayerWish::Given("arn:l".to_owned()), file.clone()] {
            for url in [Url::None, Url::Iam, Url::Public] {
                let wish = Wish { role: role.clone(), layer: layer.clone(), url, ..wish() };
                assert_eq!(plan(&complete(&wish), &wish), [], "{wish:?}");
            }
        }
    }
}

#[test]
fn only_what_differs_is_changed_and_published() {
    let with = |change: &dyn Fn(&mut Wish)| {
        let mut changed = wish();
        change(&mut changed);
        words(&complete(&wish()), &changed)
    };
    let code = "update the function's code";
    assert_eq!(with(&|wish| wish.code_sha256 = "new".to_owned()), [code, PUBLISH, MOVE]);
    assert_eq!(with(&|wish| wish.settings.arch = "x86_64".to_owned()), [code, PUBLISH, MOVE]);
    assert_eq!(
        with(&|wish| wish.settings = Settings { memory: 512, timeout: 3, ..settings() }),
        ["update the function: memory 256 -> 512, timeout 10 -> 3", PUBLISH, MOVE]
    );
    assert_eq!(
        with(&|wish| wish.settings.handler = "bye".to_owned()),
        ["update the function: handler hello -> bye", PUBLISH, MOVE]
    );
    assert_eq!(
        with(&|wish| wish.role = RoleWish::Given("arn:other".to_owned())),
        ["update the function: role arn:role -> arn:other", PUBLISH, MOVE]
    );
    assert_eq!(
        with(&|wish| wish.layer = LayerWish::Given("arn:l:2".to_owned())),
        ["update the function: layer none -> arn:l:2", PUBLISH, MOVE]
    );
    let policy = json!({"a": 2});
    assert_eq!(
        with(&|wish| wish.role = RoleWish::Own { name: "r".to_owned(), policy: policy.clone() }),
        ["let the role r do only this: {\"a\":2}"]
    );
}

#[test]
fn a_deploy_that_was_interrupted_is_completed() {
    let wish = Wish { url: Url::Public, ..wish() };
    let mut seen = complete(&wish);
    seen.live.as_mut().unwrap().code_sha256 = "old".to_owned();
    assert_eq!(words(&seen, &wish), [PUBLISH, MOVE]);
    seen = Seen { live: None, ..complete(&wish) };
    assert_eq!(words(&seen, &wish), [PUBLISH, "create the alias live for that version"]);
    seen = complete(&wish);
    seen.statements.pop();
    assert_eq!(words(&seen, &wish), ["let everybody call the URL (statement guesthouse-url-invoke)"]);
}

#[test]
fn nobody_stays_in_when_a_url_is_no_longer_public() {
    let removed = [
        "let not everybody call the URL any more (statement guesthouse-url)",
        "let not everybody call the URL any more (statement guesthouse-url-invoke)",
    ];
    let seen = complete(&Wish { url: Url::Public, ..wish() });
    let change = "change the URL to one for who has the permission";
    for (url, last) in [(Url::None, "delete the URL"), (Url::Iam, change)] {
        assert_eq!(words(&seen, &Wish { url, ..wish() }), [removed[0], removed[1], last]);
    }
}

#[test]
fn another_layer_is_published_and_the_same_one_is_not() {
    let of =
        |sha256: &str| Wish { layer: LayerWish::File { name: "host".to_owned(), sha256: sha256.to_owned() }, ..wish() };
    let seen = complete(&of("a"));
    assert_eq!(words(&seen, &of("a")), [""; 0]);
    assert_eq!(
        words(&seen, &of("b")),
        [
            "publish a version of the layer host",
            "update the function: layer arn:layer:1 -> the new version",
            PUBLISH,
            MOVE
        ]
    );
}

#[test]
fn a_url_is_changed_where_it_has_to_stream() {
    let iam = Wish { url: Url::Iam, ..wish() };
    let streamed = Wish { is_streamed: true, ..iam.clone() };
    let change = "change the URL to one for who has the permission";
    assert_eq!(words(&complete(&iam), &streamed), [change]);
    assert_eq!(words(&complete(&streamed), &iam), [change]);
    assert!(words(&complete(&streamed), &streamed).is_empty());
}
