//! People of a folder: one file per person, `<id>.txt`, whose first line is the display name.

use ecma_plugin_sdk::{prelude::*, tracing};
use std::{fs, path::PathBuf};

#[derive(Config)]
pub struct Settings {
    /// Folder
    /// Where the files of the people are. The host's account needs to write there.
    folder: PathBuf,
    #[config(global, default = false)]
    read_only: bool,
    key: Option<Secret>,
}

pub struct Folder(Settings);

impl Connector for Folder {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<Self> {
        fs::read_dir(&settings.folder)?;
        tracing::info!(folder = ?settings.folder, key = ?settings.key, "Folder opened");
        Ok(Folder(settings))
    }

    fn schema(&mut self) -> Result<Schema> {
        let user = ObjectType::new("user").anchor("id", Text);
        Ok(Schema::new([user.attribute("displayName", Text).required()]))
    }

    fn import(&mut self, _: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        for file in fs::read_dir(&self.0.folder)? {
            let path = file?.path();
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let (user, text) = (Entry::new("user").anchor("id", id), fs::read_to_string(&path)?);
            sink.entry(user.set("displayName", text.lines().next()))?;
        }
        Ok(None)
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        let id = change.id().anchor.first().and_then(Value::as_text).unwrap_or_default();
        if id.is_empty() || !id.chars().all(char::is_alphanumeric) {
            return Err(Error::invalid("id", "is made of letters and digits"));
        }
        let (path, name) = (self.0.folder.join(format!("{id}.txt")), change.text("displayName"));
        match (change, path.exists()) {
            _ if self.0.read_only => return Err(Error::unsupported("the folder is read only")),
            (Change::Add(_), true) => return Err(Error::already_exists("this id is taken")),
            (Change::Add(_), _) => fs::write(path, name.unwrap_or_default())?,
            (_, false) => return Err(Error::not_found("there is no such file")),
            (Change::Delete { .. }, _) => fs::remove_file(path)?,
            _ => name.map_or(Ok(()), |name| fs::write(path, name))?,
        }
        Ok(Exported::done())
    }
}

export_connector!(Folder);
