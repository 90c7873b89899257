//! SPDX licence expressions, as far as crates use them.

use std::collections::BTreeSet;

/// Whether the expression can be satisfied with allowed licences alone. The old `MIT/Apache-2.0` means OR.
pub(crate) fn is_satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let result = parser.alternatives();
    result && parser.words.is_empty()
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a BTreeSet<String>,
}

impl<'a> Parser<'a> {
    fn alternatives(&mut self) -> bool {
        let mut result = self.conjunction();
        while self.take("OR") {
            // Not short-circuited: the right side must be consumed.
            let right = self.conjunction();
            result |= right;
        }
        result
    }

    fn conjunction(&mut self) -> bool {
        let mut result = self.term();
        while self.take("AND") {
            let right = self.term();
            result &= right;
        }
        result
    }

    fn term(&mut self) -> bool {
        if self.take("(") {
            let result = self.alternatives();
            return self.take(")") && result;
        }
        let Some(license) = self.next() else { return false };
        if self.take("WITH") {
            let Some(exception) = self.next() else { return false };
            return self.allowed.contains(&format!("{license} WITH {exception}"));
        }
        self.allowed.contains(license)
    }

    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.next();
        }
        is_next
    }

    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_judged_by_what_must_be_accepted() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"];
        let allowed: BTreeSet<String> = allowed.map(str::to_owned).into();
        let good = [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-3.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ];
        let bad = ["GPL-3.0", "", "MIT AND GPL-3.0", "(MIT", "MIT Apache-2.0"];
        for expression in good {
            assert!(is_satisfied(expression, &allowed), "{expression}");
        }
        for expression in bad {
            assert!(!is_satisfied(expression, &allowed), "{expression}");
        }
    }
}
