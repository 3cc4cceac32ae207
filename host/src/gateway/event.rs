//! This module finds an event's fields in one pass, and copies as little of them as it can.
//!
//! A field that decides something is kept as the piece of JSON that it is, and read later, when the kind of event says
//! what it has to be. All other fields are passed over. See docs/decisions/57-events-are-scanned.md.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::unescape::unescaped;
use crate::{
    failure::{ErrorType, Failure},
    text::escaped,
};

/// The fields that become a part of the request, or decide what the event is.
const NAMES: [&str; 34] = [
    "Records",
    "RequestType",
    "ResponseURL",
    "actionGroup",
    "awslogs",
    "body",
    "cookies",
    "deliveryStreamArn",
    "detail-type",
    "eventSource",
    "fieldName",
    "headers",
    "httpMethod",
    "info",
    "invocationSchemaVersion",
    "isBase64Encoded",
    "is_base64_encoded",
    "method",
    "methodArn",
    "multiValueHeaders",
    "multiValueQueryStringParameters",
    "path",
    "queryStringParameters",
    "query_string_parameters",
    "rawPath",
    "rawQueryString",
    "raw_path",
    "records",
    "requestContext",
    "routeArn",
    "tasks",
    "triggerSource",
    "type",
    "version",
];

/// The number of keys that a message names.
const SHOWN_KEYS: usize = 5;
/// Limits a value in a message, in characters.
const SHOWN_CHARS: usize = 200;
/// Limits the values in an object of headers or parameters. No service sends as many.
const VALUES_LIMIT: usize = 16 * 1024;

/// Holds what the host uses of an event. Of a key that came twice, the last counts.
pub struct Event<'a> {
    members: Members<'a, { NAMES.len() }>,
    keys: Vec<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// Reads an event.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        serde_json::from_slice(bytes).map_err(|error| {
            let what = if error.is_data() { "is no JSON object" } else { "is no JSON" };
            invalid(format!("the event {what}")).details(shown(&error.to_string()))
        })
    }

    /// Returns a field, unless there is none or it is `null`.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        debug_assert!(NAMES.contains(&name), "{name} is not kept");
        self.members.get(name)
    }

    /// Returns whether there is such a field and it is not `null`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns a field as this type.
    pub fn read_as<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Failure> {
        self.get(name).map(|raw| read_as(name, raw)).transpose()
    }

    /// Returns the text of the body, if there is one.
    pub fn body(&self) -> Result<Option<Cow<'a, [u8]>>, Failure> {
        let text = self.get("body").map(|raw| unescaped(raw.get())).transpose();
        text.map_err(|reason| invalid("`body` of the event can't be used").details(reason))
    }

    /// Returns the first keys, for messages.
    pub fn shown_keys(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| format!("`{}`", shown(key))).collect();
        keys.join(", ")
    }
}

/// Returns the failure of an event that can't become a request.
pub fn invalid(message: impl Into<String>) -> Failure {
    Failure::new(ErrorType::InvalidEvent, message)
        .hint("this guest exports `wasi:http`, so send it events of a Function URL, API Gateway, an ALB or VPC Lattice")
}

/// Returns a value as messages may have it: escaped and not long.
pub fn shown(value: &str) -> String {
    let cut = value.char_indices().nth(SHOWN_CHARS).map_or(value, |(end, _)| &value[..end]);
    format!("{}{}", escaped(cut), if cut.len() < value.len() { "…" } else { "" })
}

/// Reads a piece of JSON as this type.
pub fn read_as<'a, T: Deserialize<'a>>(name: &str, raw: &'a RawValue) -> Result<T, Failure> {
    serde_json::from_str(raw.get()).map_err(|error| {
        // The place would be counted from the beginning of the field.
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        invalid(format!("`{name}` of the event can't be used")).details(shown(reason))
    })
}

impl<'de> Deserialize<'de> for Event<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Event<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Event<'de>, A::Error> {
                let mut event = Event { members: Members::new(NAMES), keys: Vec::new() };
                while let Some(Text(key)) = map.next_key()? {
                    event.members.read_value(&key, &mut map)?;
                    if event.keys.len() < SHOWN_KEYS {
                        event.keys.push(key);
                    }
                }
                Ok(event)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// Holds the members of an object that have one of `N` names.
pub struct Members<'a, const N: usize> {
    names: [&'static str; N],
    values: [Option<&'a RawValue>; N],
}

impl<'a, const N: usize> Members<'a, N> {
    const fn new(names: [&'static str; N]) -> Self {
        Self { names, values: [None; N] }
    }

    /// Reads the members of these names of an object. Of something else it finds none.
    pub fn of(raw: Option<&'a RawValue>, names: [&'static str; N]) -> Self {
        struct Fields<'a, const N: usize>(Members<'a, N>);
        impl<'de, const N: usize> Visitor<'de> for Fields<'de, N> {
            type Value = Members<'de, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Members<'de, N>, A::Error> {
                while let Some(Text(key)) = map.next_key()? {
                    self.0.read_value(&key, &mut map)?;
                }
                Ok(self.0)
            }
        }
        let found = raw.and_then(|raw| {
            serde_json::Deserializer::from_str(raw.get()).deserialize_map(Fields(Self::new(names))).ok()
        });
        found.unwrap_or_else(|| Self::new(names))
    }

    /// Returns a member, unless there is none or it is `null`.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        let at = self.names.iter().position(|known| *known == name)?;
        self.values[at]
    }

    /// Returns a member if it is a text.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        serde_json::from_str(self.get(name)?.get()).ok().map(|Text(text)| text)
    }

    fn read_value<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match self.names.iter().position(|known| *known == key) {
            Some(at) => self.values[at] = map.next_value()?,
            None => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// A text of an event, which is borrowed where it has no escapes.
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Any)
    }
}

/// The members of an object whose values are texts or lists of texts, in the event's order. A `null` is no value.
pub struct Pairs<'a>(pub Vec<(Cow<'a, str>, Values<'a>)>);

impl<'a> Pairs<'a> {
    /// Returns each name with each of its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let each = self.0.iter().flat_map(|(name, values)| values.as_slice().iter().map(move |value| (name, value)));
        each.map(|(name, value)| (&**name, &**value))
    }

    /// Keeps the last of those that have the same name.
    fn without_repeated(mut self) -> Self {
        let mut seen = HashSet::with_capacity(self.0.len());
        let last: Vec<bool> = self.0.iter().rev().map(|(name, _)| seen.insert(name.as_ref())).collect();
        if last.iter().any(|is_last| !is_last) {
            let mut is_last = last.into_iter().rev();
            self.0.retain(|_| is_last.next().unwrap_or(true));
        }
        self
    }
}

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let (mut pairs, mut count) = (Vec::new(), 0);
                while let Some(Text(name)) = map.next_key()? {
                    let values: Values<'de> =
                        map.next_value().map_err(|error| A::Error::custom(format!("`{}`: {error}", shown(&name))))?;
                    count += values.as_slice().len() + 1;
                    if count > 2 * VALUES_LIMIT {
                        return Err(too_many());
                    }
                    pairs.push((name, values));
                }
                Ok(Pairs(pairs).without_repeated())
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// The values of one name: a text, a list of texts, or `null`.
pub enum Values<'a> {
    /// One value.
    One(Cow<'a, str>),
    /// Any number of values.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Values<'a> {
    /// Returns the values.
    pub fn as_slice(&self) -> &[Cow<'a, str>] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Values<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Values<'de>, E> {
                Ok(Values::One(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Values<'de>, E> {
                Ok(Values::One(Cow::Owned(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Values<'de>, E> {
                Ok(Values::Many(Vec::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Values<'de>, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element::<Option<Text<'de>>>()? {
                    if values.len() == VALUES_LIMIT {
                        return Err(too_many());
                    }
                    values.extend(value.map(|Text(text)| text));
                }
                Ok(Values::Many(values))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

fn too_many<E: serde::de::Error>() -> E {
    E::custom(format!("more than {VALUES_LIMIT} values"))
}

/// Returns the first element of an array.
pub fn first(raw: &RawValue) -> Option<&RawValue> {
    struct First;
    impl<'de> Visitor<'de> for First {
        type Value = Option<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let first = seq.next_element()?;
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok(first)
        }
    }
    serde_json::Deserializer::from_str(raw.get()).deserialize_seq(First).ok()?
}
