//! `doctor`: the home as a whole.

use super::{Asked, Exit, NoHost, client::Client, table};
use ecma_host::app::{self, Finding, Urgency};
use serde_json::json;
use std::io::{self, Write};

pub(super) fn run(asked: &Asked) -> anyhow::Result<Exit> {
    let (settings, problems) = app::settings_so_far(&asked.home)?;
    let client = Client::new(&settings)?;
    let ask = |path: &str| client.get(path).map_err(|error| format!("{error:#}"));
    let runs = match client.get("/v1/health") {
        Err(error) => !error.is::<NoHost>(),
        Ok(_) => true,
    };
    let found = app::examine(&settings, &problems, if runs { Some(&ask) } else { None });
    let is_well = found.iter().all(|finding| finding.urgency != Urgency::Error);
    asked.print(&json!({"well": is_well, "findings": found}), |out| tell(out, &found))?;
    Ok(if is_well { Exit::Well } else { Exit::Wrong })
}

fn tell(out: &mut dyn Write, found: &[Finding]) -> io::Result<()> {
    let mut rows = Vec::new();
    for finding in found {
        let mut lines = finding.what.lines();
        let first = lines.next().unwrap_or_default().to_owned();
        rows.push(vec![finding.urgency.to_string(), finding.at.clone(), first]);
        let more = |text: String| vec![String::new(), String::new(), text];
        rows.extend(lines.map(|line| more(line.to_owned())));
        if !finding.remedy.is_empty() {
            rows.push(more(format!("→ {}", finding.remedy)));
        }
    }
    table::write(out, &["", "AT", "WHAT"], &rows)
}
