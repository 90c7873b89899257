//! Texts with wildcards and policy variables.

use std::borrow::Cow;

use crate::request::{Request, Values};

/// Which elements of the policy language a text may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `*` and `?` are wildcards.
    Wildcards,
    /// `${key}`, `${key, 'default'}`, `${*}`, `${?}` and `${$}` are variables and escapes.
    Variables,
    /// Both.
    WildcardsAndVariables,
    /// Neither: all is literal.
    Literal,
}

impl Syntax {
    fn has_wildcards(self) -> bool {
        matches!(self, Self::Wildcards | Self::WildcardsAndVariables)
    }

    fn has_variables(self) -> bool {
        matches!(self, Self::Variables | Self::WildcardsAndVariables)
    }
}

/// How a text is compared with a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// Byte by byte; wildcards stand for anything.
    Exact,
    /// Without the case of ASCII letters.
    IgnoreAsciiCase,
    /// As an ARN: of the first five colons, none is in what a wildcard stands for. The text has these five.
    Arn,
}

/// A text with wildcards and variables, taken apart.
#[derive(Debug)]
pub(crate) struct Pattern {
    pieces: Box<[Piece]>,
}

#[derive(Debug)]
enum Piece {
    Text(Box<str>),
    AnyRun,
    AnyOne,
    Variable(Variable),
}

#[derive(Debug)]
struct Variable {
    /// In lower case.
    key: Box<str>,
    /// As it is written.
    name: Box<str>,
    default: Option<Box<str>>,
}

/// A piece whose variable has its value.
#[derive(Clone, Copy)]
enum Token<'a> {
    Text(&'a str),
    AnyRun,
    AnyOne,
}

/// Colons between the six parts of an ARN.
pub(crate) const ARN_COLONS: usize = 5;

impl Pattern {
    /// Takes a text apart; a mistake is told in words.
    pub(crate) fn parse(text: &str, syntax: Syntax) -> Result<Self, String> {
        let mut pieces = Pieces::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(variable) = rest.strip_prefix("${").filter(|_| syntax.has_variables()) {
                let (inside, after) = variable.split_once('}').ok_or("a variable has no end")?;
                match inside {
                    "*" | "?" | "$" => pieces.text.push_str(inside),
                    _ => pieces.push(Piece::Variable(Variable::parse(inside)?)),
                }
                rest = after;
                continue;
            }
            match first {
                '*' if syntax.has_wildcards() => pieces.push_run(),
                '?' if syntax.has_wildcards() => pieces.push(Piece::AnyOne),
                _ => pieces.text.push(first),
            }
            rest = &rest[first.len_utf8()..];
        }
        Ok(pieces.finish())
    }

    /// The variables without default: the statement applies only to requests that have these keys.
    pub(crate) fn required_keys(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(Variable { key, default: None, .. }) => Some(&**key),
            Piece::Variable(_) | Piece::Text(_) | Piece::AnyRun | Piece::AnyOne => None,
        })
    }

    /// The keys of all variables, as they are written.
    pub(crate) fn key_names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable(variable) => Some(&*variable.name),
            Piece::Text(_) | Piece::AnyRun | Piece::AnyOne => None,
        })
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Variable(_)))
    }

    /// Whether the pattern stands for the whole of `text`. What variables stand for is literal.
    pub(crate) fn matches(
        &self,
        text: &str,
        comparison: Comparison,
        request: &Request<'_>,
    ) -> bool {
        if !self.has_variables() {
            return glob(self.pieces.len(), |at| self.token(at, ""), text, comparison);
        }
        let values = self.variable_values(request);
        glob(self.pieces.len(), |at| self.token(at, &values[at]), text, comparison)
    }

    /// The text that a pattern without wildcards stands for.
    pub(crate) fn text<'a>(&'a self, request: &'a Request<'_>) -> Cow<'a, str> {
        match &*self.pieces {
            [] => Cow::Borrowed(""),
            [Piece::Text(text)] => Cow::Borrowed(text),
            pieces => {
                let values = self.variable_values(request);
                let texts = (0..pieces.len()).map(|at| match self.token(at, &values[at]) {
                    Token::Text(text) => text,
                    Token::AnyRun | Token::AnyOne => "",
                });
                Cow::Owned(texts.collect())
            }
        }
    }

    fn token<'a>(&'a self, at: usize, value: &'a str) -> Token<'a> {
        match &self.pieces[at] {
            Piece::Text(text) => Token::Text(text),
            Piece::Variable(_) => Token::Text(value),
            Piece::AnyRun => Token::AnyRun,
            Piece::AnyOne => Token::AnyOne,
        }
    }

    /// For each piece the value of its variable; nothing for the others.
    fn variable_values<'a>(&'a self, request: &'a Request<'_>) -> Vec<Cow<'a, str>> {
        let value = |piece: &'a Piece| match piece {
            Piece::Variable(variable) => variable.value(request),
            Piece::Text(_) | Piece::AnyRun | Piece::AnyOne => Cow::Borrowed(""),
        };
        self.pieces.iter().map(value).collect()
    }
}

/// Collects pieces, with the text since the last one.
#[derive(Default)]
struct Pieces {
    pieces: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn push(&mut self, piece: Piece) {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(std::mem::take(&mut self.text).into()));
        }
        self.pieces.push(piece);
    }

    /// Several `*` in a row are one.
    fn push_run(&mut self) {
        if !self.text.is_empty() || !matches!(self.pieces.last(), Some(Piece::AnyRun)) {
            self.push(Piece::AnyRun);
        }
    }

    fn finish(mut self) -> Pattern {
        if !self.text.is_empty() {
            self.pieces.push(Piece::Text(self.text.into()));
        }
        Pattern { pieces: self.pieces.into() }
    }
}

impl Variable {
    /// Parses what stands between the braces.
    fn parse(inside: &str) -> Result<Self, String> {
        let (key, default) = match inside.split_once(',') {
            None => (inside, None),
            Some((key, default)) => {
                let quoted = default.trim();
                let text = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                let text = text.ok_or_else(|| {
                    format!("the default of variable ${{{inside}}} is not in single quotes")
                })?;
                (key, Some(text.into()))
            }
        };
        let key = key.trim();
        if !key.contains(':') || key.contains(['$', '{', '\'']) {
            return Err(format!("variable ${{{inside}}} names no key"));
        }
        Ok(Self { key: key.to_lowercase().into(), name: key.into(), default })
    }

    /// Statements whose required keys are missing do not come here.
    fn value<'a>(&'a self, request: &'a Request<'_>) -> Cow<'a, str> {
        match request.values(&self.key) {
            Some(Values::One(value)) => value,
            Some(Values::Many(mut values)) if values.len() == 1 => values.remove(0),
            Some(Values::Many(_)) | None => Cow::Borrowed(self.default.as_deref().unwrap_or("")),
        }
    }
}

/// Compares from the left and, when that fails, lets the last `*` stand for one more character. No earlier `*` has to be
/// tried again, so this takes at most the product of both lengths.
fn glob<'a>(
    count: usize,
    token: impl Fn(usize) -> Token<'a>,
    text: &str,
    comparison: Comparison,
) -> bool {
    let head = match comparison {
        Comparison::Exact | Comparison::IgnoreAsciiCase => 0,
        Comparison::Arn => match arn_head(text) {
            Some(head) => head,
            None => return false,
        },
    };
    let wild = |at: usize| {
        let char = text[at..].chars().next()?;
        (char != ':' || at >= head).then_some(at + char.len_utf8())
    };
    let (mut piece, mut at) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let next = match (piece < count).then(|| token(piece)) {
            None if at == text.len() => return true,
            None => None,
            Some(Token::AnyRun) if piece + 1 == count && comparison != Comparison::Arn => {
                return true;
            }
            Some(Token::AnyRun) => {
                retry = Some((piece + 1, at));
                Some(at)
            }
            Some(Token::AnyOne) => wild(at),
            Some(Token::Text(literal)) => after(text, at, literal, comparison),
        };
        if let Some(next) = next {
            (piece, at) = (piece + 1, next);
            continue;
        }
        let Some((after_run, run_end)) = retry else { return false };
        let Some(run_end) = wild(run_end) else { return false };
        retry = Some((after_run, run_end));
        (piece, at) = (after_run, run_end);
    }
}

/// Where `text` goes on behind `literal`, if that stands at `at`.
fn after(text: &str, at: usize, literal: &str, comparison: Comparison) -> Option<usize> {
    let end = at + literal.len();
    let here = text.as_bytes().get(at..end)?;
    let is_here = match comparison {
        Comparison::Exact | Comparison::Arn => here == literal.as_bytes(),
        Comparison::IgnoreAsciiCase => here.eq_ignore_ascii_case(literal.as_bytes()),
    };
    is_here.then_some(end)
}

/// Where the sixth part of an ARN begins.
fn arn_head(text: &str) -> Option<usize> {
    text.match_indices(':').nth(ARN_COLONS - 1).map(|(at, _)| at + 1)
}
