//! The page of all commands, made of what the parser knows.

use clap::{Arg, Command};
use std::fmt::Write as _;

/// All commands with their options, as Markdown.
pub(super) fn markdown(root: &Command) -> String {
    let mut root = root.clone();
    root.build();
    let mut text = String::from(
        "# Commands\n\nWritten by `cargo xtask reference`. Every command ends with 0 when all is well, 1 when \
         something is wrong or could not be done, 2 when the command itself is wrong, 3 when it needs a \
         running host and there is none. `simulate` ends with 2 when there was nothing to try.\n\nAll of \
         them take:\n\n",
    );
    let shared: Vec<&Arg> = root.get_arguments().filter(|arg| arg.is_global_set()).collect();
    table(&mut text, &shared);
    command(&mut text, &root);
    text
}

fn command(text: &mut String, known: &Command) {
    for sub in known.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help")
    {
        if sub.has_subcommands() {
            command(text, sub);
            continue;
        }
        let name = sub.get_bin_name().unwrap_or(sub.get_name());
        let _ = write!(text, "\n## {name}\n\n");
        let about = sub.get_long_about().or(sub.get_about()).map(ToString::to_string);
        let _ = writeln!(text, "{}", about.unwrap_or_default());
        let usage = sub.clone().render_usage().to_string();
        let _ = write!(text, "\n```text\n{}\n```\n", usage.trim_start_matches("Usage: "));
        let own: Vec<&Arg> =
            sub.get_arguments().filter(|arg| !arg.is_global_set() && !is_help(arg)).collect();
        if !own.is_empty() {
            text.push('\n');
            table(text, &own);
        }
    }
}

fn is_help(arg: &Arg) -> bool {
    arg.is_hide_set() || matches!(arg.get_id().as_str(), "help" | "version")
}

fn table(text: &mut String, args: &[&Arg]) {
    text.push_str("| argument | what |\n|---|---|\n");
    for arg in args {
        let values = arg.get_value_names().unwrap_or_default();
        let values: Vec<String> = values.iter().map(|name| format!("<{name}>")).collect();
        let takes = arg.get_num_args().is_some_and(|count| count.takes_values());
        let called = match arg.get_long() {
            Some(long) if takes => format!("--{long} {}", values.join(" ")),
            Some(long) => format!("--{long}"),
            None => values.join(" "),
        };
        let mut what = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let possible = arg.get_possible_values();
        if takes && !possible.is_empty() {
            let names: Vec<String> =
                possible.iter().map(|value| format!("`{}`", value.get_name())).collect();
            let _ = write!(what, ": {}", names.join(", "));
        }
        if let Some(variable) = arg.get_env() {
            let _ = write!(what, ", or what the variable `{}` says", variable.to_string_lossy());
        }
        let defaults: Vec<_> =
            arg.get_default_values().iter().map(|it| it.to_string_lossy()).collect();
        if takes && !defaults.is_empty() {
            let _ = write!(what, " (default `{}`)", defaults.join(", "));
        }
        let _ = writeln!(text, "| `{}` | {} |", cell(&called), cell(&what));
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
