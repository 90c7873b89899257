//! JSON as a tree in which every value knows its place, and no object has a member twice.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::PolicyError;

/// What errors call the document itself.
const DOCUMENT: &str = "policy";

/// A JSON value. Numbers are kept as text: policies compare them as text unless an operator says otherwise.
#[derive(Debug)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// Parses a text. Which of two members of the same name counts would be a guess, so there may not be two.
    pub(crate) fn parse(text: &str) -> Result<Self, PolicyError> {
        serde_json::from_str(text).map_err(|error| PolicyError::Json(error.to_string()))
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node { json: self, place: DOCUMENT.to_owned() }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node<'a> {
    pub(crate) json: &'a Json,
    place: String,
}

impl<'a> Node<'a> {
    /// Makes an error about this value.
    pub(crate) fn refuse(&self, problem: impl Into<String>) -> PolicyError {
        PolicyError::Grammar { place: self.place.clone(), problem: problem.into() }
    }

    pub(crate) fn text(&self) -> Result<&'a str, PolicyError> {
        match self.json {
            Json::Text(text) => Ok(text),
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::List(_) | Json::Object(_) => {
                Err(self.refuse("has to be a string"))
            }
        }
    }

    /// A string, number or boolean as text.
    pub(crate) fn scalar(&self) -> Result<&'a str, PolicyError> {
        match self.json {
            Json::Text(text) | Json::Number(text) => Ok(text),
            Json::Bool(true) => Ok("true"),
            Json::Bool(false) => Ok("false"),
            Json::Null | Json::List(_) | Json::Object(_) => {
                Err(self.refuse("has to be a string, a number or a boolean"))
            }
        }
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> Result<Vec<(&'a str, Node<'a>)>, PolicyError> {
        let Json::Object(members) = self.json else {
            return Err(self.refuse("has to be an object"));
        };
        let place_of = |name: &str| match self.place.as_str() {
            DOCUMENT => name.to_owned(),
            place => format!("{place}.{name}"),
        };
        let node = |(name, json): (&'a String, &'a Json)| {
            (name.as_str(), Node { json, place: place_of(name) })
        };
        Ok(members.iter().map(node).collect())
    }

    /// The elements of a list, or a single value in place of a list. There is at least one: AWS takes an empty list and
    /// then ignores the statement or the condition, which nobody means.
    pub(crate) fn elements(&self) -> Result<Vec<Node<'a>>, PolicyError> {
        let Json::List(list) = self.json else { return Ok(vec![self.clone()]) };
        if list.is_empty() {
            return Err(self.refuse("is an empty list"));
        }
        let node = |(at, json)| Node { json, place: format!("{}[{at}]", self.place) };
        Ok(list.iter().enumerate().map(node).collect())
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(format!("{value:?}")))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((name, value)) = members.next_entry::<String, Json>()? {
            if object.contains_key(&name) {
                return Err(de::Error::custom(format!("{name:?} stands here twice")));
            }
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}
