//! How the operator writes a call: the name of a procedure, then a line `NAME:DIRECTION:VALUE` for
//! each of its parameters.

use crate::driver::Direction;

/// A procedure and what its parameters are given.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Procedure<V> {
    pub(crate) name: String,
    pub(crate) parameters: Vec<Parameter<V>>,
    /// Whether arguments are told apart by their names.
    pub(crate) is_named: bool,
}

/// A parameter of a procedure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter<V> {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    pub(crate) value: V,
}

/// Reads a call; the error says which line cannot be read.
pub(crate) fn parse(text: &str, is_named: bool) -> Result<Procedure<String>, String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let name = lines.next().ok_or("has no name of a procedure")?.to_owned();
    let parameters = lines.map(parameter).collect::<Result<Vec<_>, _>>()?;
    Ok(Procedure { name, parameters, is_named })
}

fn parameter(line: &str) -> Result<Parameter<String>, String> {
    let wrong = |what| {
        format!(
            "has the line \"{line}\", {what}; it is written as NAME:INPUT:VALUE or NAME:OUTPUT:ATTRIBUTE"
        )
    };
    let mut parts = line.splitn(3, ':').map(str::trim);
    let (name, direction) = (parts.next().unwrap_or_default(), parts.next());
    if name.is_empty() {
        return Err(wrong("which has no name before the first colon"));
    }
    let direction = match direction.map(str::to_ascii_lowercase).as_deref() {
        Some("input" | "in") => Direction::Input,
        Some("output" | "out") => Direction::Output,
        Some("inputoutput" | "inout") => Direction::Both,
        Some(_) => return Err(wrong("whose direction is neither INPUT, OUTPUT nor INPUTOUTPUT")),
        None => return Err(wrong("which has no direction")),
    };
    let value = parts.next().ok_or_else(|| wrong("which has no value"))?.to_owned();
    Ok(Parameter { name: name.to_owned(), direction, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_line_by_line() {
        let text =
            "\n hr.add_person \nLogin:INPUT:login\n@id:Output: id\nat:input:12:30\nx:InOut:\n";
        let call = parse(text, false).unwrap();
        assert_eq!(call.name, "hr.add_person");
        let parameters: Vec<_> = call
            .parameters
            .iter()
            .map(|one| (one.name.as_str(), one.direction, one.value.as_str()))
            .collect();
        assert_eq!(
            parameters,
            [
                ("Login", Direction::Input, "login"),
                ("@id", Direction::Output, "id"),
                ("at", Direction::Input, "12:30"),
                ("x", Direction::Both, ""),
            ]
        );
    }

    #[test]
    fn a_line_that_cannot_be_read_is_said() {
        for (text, expected) in [
            ("", "has no name of a procedure"),
            ("p\nlogin", "which has no direction"),
            ("p\nlogin:INPUT", "which has no value"),
            ("p\n:INPUT:a", "which has no name before the first colon"),
            ("p\nlogin:SIDEWAYS:a", "whose direction is neither INPUT, OUTPUT nor INPUTOUTPUT"),
        ] {
            let error = parse(text, false).unwrap_err();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }
}
