//! Licence expressions (SPDX): is one satisfied by a list of allowed licences?

use anyhow::bail;

/// True if the expression can be fulfilled with allowed licences alone. `X WITH Y` must be listed
/// as such; the `/` of old manifests means OR.
pub(crate) fn satisfied(expression: &str, allowed: &dyn Fn(&str) -> bool) -> anyhow::Result<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<_> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, allowed };
    let answer = parser.any()?;
    match parser.words.first() {
        None => Ok(answer),
        Some(rest) => bail!("licence `{expression}` has a stray `{rest}`"),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    allowed: &'a dyn Fn(&str) -> bool,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> anyhow::Result<bool> {
        let mut answer = self.all()?;
        while self.take("OR") {
            answer |= self.all()?;
        }
        Ok(answer)
    }

    fn all(&mut self) -> anyhow::Result<bool> {
        let mut answer = self.one()?;
        while self.take("AND") {
            answer &= self.one()?;
        }
        Ok(answer)
    }

    fn one(&mut self) -> anyhow::Result<bool> {
        if self.take("(") {
            let answer = self.any()?;
            if !self.take(")") {
                bail!("a licence expression lacks a `)`");
            }
            return Ok(answer);
        }
        let name = self.name()?;
        if self.take("WITH") {
            let exception = self.name()?;
            return Ok((self.allowed)(&format!("{name} WITH {exception}")));
        }
        Ok((self.allowed)(name))
    }

    fn name(&mut self) -> anyhow::Result<&'a str> {
        let Some((&name, rest)) = self.words.split_first() else {
            bail!("a licence expression ends too early");
        };
        if ["(", ")", "AND", "OR", "WITH"].contains(&name) {
            bail!("a licence expression has `{name}` where a licence belongs");
        }
        self.words = rest;
        Ok(name)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.words.split_first() {
            Some((first, rest)) if *first == word => {
                self.words = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str) -> Option<bool> {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"];
        satisfied(expression, &|name| allowed.contains(&name)).ok()
    }

    #[test]
    fn or_needs_one_and_and_needs_both() {
        for (expression, expected) in [
            ("MIT", Some(true)),
            ("GPL-3.0", Some(false)),
            ("GPL-3.0 OR MIT", Some(true)),
            ("GPL-3.0 AND MIT", Some(false)),
            ("GPL-3.0/MIT", Some(true)),
            ("MIT OR GPL-3.0 AND GPL-2.0", Some(true)),
            ("(MIT OR GPL-3.0) AND GPL-2.0", Some(false)),
            ("(MIT OR Apache-2.0) AND (MIT OR GPL-2.0)", Some(true)),
            ("Apache-2.0 WITH LLVM-exception", Some(true)),
            ("MIT WITH LLVM-exception", Some(false)),
            ("MIT OR", None),
            ("(MIT", None),
            ("MIT MIT", None),
            ("OR MIT", None),
            ("", None),
        ] {
            assert_eq!(check(expression), expected, "{expression}");
        }
    }
}
